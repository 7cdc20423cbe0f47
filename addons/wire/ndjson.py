"""Framing of streams that send a JSON document per line (NDJSON), as Ollama does.

May import this room only. A line is an ``Event`` like those of ``sse.py``, so that ``EventStream`` takes it. Lines end
with LF or CRLF; blank lines pass. Reassembling the lines' bytes gives the stream.
"""

from __future__ import annotations

from dataclasses import dataclass

from addons.wire.sse import MAX_EVENT, Event, EventSplitter
from addons.wire.types import WireError

_SPACE = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Line(Event):
    """One line, its end included."""

    def with_data(self, data: str) -> bytes:
        """The line with another document; what stands around it stays."""
        start = len(self.raw) - len(self.raw.lstrip(_SPACE))
        end = len(self.raw.rstrip(_SPACE))
        return self.raw[:start] + data.encode("utf-8", "surrogatepass") + self.raw[end:]


class LineSplitter(EventSplitter):
    """Cuts a stream into lines. They do not depend on how the stream was cut."""

    def __init__(self, max_line: int = MAX_EVENT):
        super().__init__(max_line)

    def feed(self, data: bytes) -> list[Event]:
        """The lines that are now complete. Raises WireError ``event_too_long``."""
        if b"\n" not in data:
            self._buffer += data
            lines: list[bytes] = []
        else:
            head, _, rest = data.rpartition(b"\n")
            lines = (bytes(self._buffer) + head).split(b"\n")
            self._buffer = bytearray(rest)
        if max([len(self._buffer), *map(len, lines)]) > self._max:
            raise WireError("event_too_long", "stream", f"A line is longer than {self._max} bytes", 502)
        return [line_of(line + b"\n") for line in lines]

    def rest(self) -> Event | None:
        """What came after the last line end."""
        if not self._buffer:
            return None
        line = line_of(bytes(self._buffer))
        self._buffer.clear()
        return line


def line_of(raw: bytes) -> Line:
    """A line of a stream, its end included or not."""
    text = raw.strip(_SPACE).decode("utf-8", "surrogateescape")
    return Line(raw, "", text or None, True)


def line_bytes(data: str) -> bytes:
    """A new line. ``data`` may not hold line ends."""
    return data.encode("utf-8", "surrogatepass") + b"\n"
