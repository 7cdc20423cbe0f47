"""How one reply of a double is given: how it is cut, and what goes wrong with it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HEADER = "x-double-"
"""A request may set a field for itself: ``x-double-piece: 3``. The value is JSON, or else a plain string."""


@dataclass(frozen=True, slots=True)
class Manner:
    """The defaults are a provider on a good day."""

    piece: int = 5
    """Code points of text, or of tool arguments, in each event of a stream."""
    chunk: int = 0
    """Bytes in each HTTP/1.1 chunk, cut through events and UTF-8 sequences.

    0: an event is a chunk, and JSON is not chunked but has a length.
    """
    wire: int = 0
    """Bytes in each write to the socket; 0: as they come."""
    delay_ms: int = 0
    """Before the first byte of the reply."""
    gap_ms: int = 0
    """Between the events of a stream."""
    say: str | None = None
    """Answer with this text instead of quoting."""
    tool_calls: int | None = None
    """Call this many tools; None: what the prompt says (``call 3 tools``), else one if tools are offered."""
    status: int | None = None
    """Answer with an error of this status, whose message quotes the prompt."""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """More headers of the reply, e.g. ``retry-after``."""
    encoding: str | None = None
    """Content coding, asked for or not: ``gzip``, ``deflate``, ``br``, ``zstd``."""
    content_type: str | None = None
    """A content type that the body does not have."""
    no_length: bool = False
    """Neither length nor chunks: the body ends with the connection."""
    truncate: bool = False
    """JSON ends in the middle, under a length that says that this is all; a stream lacks its last events."""
    hang_up_after: int | None = None
    """Close the connection after this many events (of JSON: in the middle, whatever the number)."""
    broken_after: int | None = None
    """After this many events of a stream, one ``data:`` line that is no JSON; then the stream goes on."""
    error_after: int | None = None
    """After this many events of a stream, the provider's own error event, quoting the prompt; then the end."""
    ascii: bool = False
    r"""Write JSON with ``\\uXXXX`` for all that is not ASCII."""

    def but(self, changes: Mapping[str, Any]) -> Manner:
        """This manner with some fields changed. Raises ValueError that names a field which does not exist."""
        unknown = set(changes) - {field.name for field in dataclasses.fields(self)}
        if unknown:
            raise ValueError(f"a manner has no {', '.join(sorted(unknown))}")
        return dataclasses.replace(self, **changes)


def from_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    """The fields that a request's ``x-double-*`` headers set (names in lower case, ``-`` for ``_``)."""
    found: dict[str, Any] = {}
    for name, value in headers.items():
        if name.startswith(HEADER):
            try:
                found[name.removeprefix(HEADER).replace("-", "_")] = json.loads(value)
            except ValueError:
                found[name.removeprefix(HEADER).replace("-", "_")] = value
    return found
