"""JSON Lines: a JSON document on each line, read and put together again line by line.

May import this room only. Lines end with LF or CRLF, the last one or not; blank lines pass; a byte order mark before
the first line stays. What is wrong in a line is said with the line's number, counted from 1 as editors do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from addons.wire.collect import JsonRequest
from addons.wire.jsondoc import LITERAL, Node
from addons.wire.stored import NOTHING_STORED
from addons.wire.types import ParsedRequest, Segment, Unreadable, WireError

BOM = b"\xef\xbb\xbf"
MAX_LINES = 1_000_000
_LINE = re.compile(rb"[^\n]+")
_SPACE = b" \t\r"
_NO_NODE = Node(LITERAL, None, 0, 0, None, 0, 0)


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank."""

    number: int
    start: int
    """Where its document begins in the file."""
    end: int
    data: bytes = field(repr=False)
    """Without the space around it and without its end."""


def lines(body: bytes) -> Iterator[Line]:
    """The lines of a file that are not blank. Raises WireError ``too_many_lines`` (413)."""
    at = len(BOM) if body.startswith(BOM) else 0
    number, counted = 1, at
    for count, match in enumerate(_LINE.finditer(body, at), 1):
        number += body.count(b"\n", counted, match.start())
        counted = match.start()
        if count > MAX_LINES:
            raise WireError("too_many_lines", f"line {number}", f"The file has more than {MAX_LINES} lines", 413)
        raw = match[0]
        data = raw.strip(_SPACE)
        if data:
            start = match.start() + len(raw) - len(raw.lstrip(_SPACE))
            yield Line(number, start, start + len(data), data)


class LinesRequest:
    """A file of lines, each taken apart. A ``ParsedRequest``; paths begin with ``[number]``."""

    def __init__(self, body: bytes, parts: Sequence[tuple[Line, ParsedRequest]]):
        self.body = body
        self._parts = parts
        segments: list[Segment] = []
        unreadable: list[Unreadable] = []
        joins: list[Sequence[int]] = []
        self._first: list[int] = []
        for line, request in parts:
            below, first = f"[{line.number}]", len(segments)
            self._first.append(first)
            segments += [moved(segment, below) for segment in request.segments]
            unreadable += [moved_part(one, below) for one in request.unreadable]
            joins += [[first + index for index in group] for group in request.joins]
        self.segments: Sequence[Segment] = segments
        self.unreadable: Sequence[Unreadable] = unreadable
        self.joins: Sequence[Sequence[int]] = joins
        self.model = next((request.model for _, request in parts if request.model is not None), None)
        """The first line's that names one."""
        self.stream = False
        self.stored = NOTHING_STORED

    def encode(self, texts: Mapping[int, str], *, model: str | None = None) -> bytes:
        """See ``ParsedRequest.encode``. A file has no model of its own: raises WireError ``not_an_object``."""
        if model is not None:
            raise WireError("not_an_object", "body", "A model can only be named in a JSON object")
        out: list[bytes] = []
        done = 0
        for (line, request), first in zip(self._parts, self._first, strict=True):
            own = {i: texts[first + i] for i in range(len(request.segments)) if first + i in texts}
            if own:
                out += (self.body[done : line.start], request.encode(own))
                done = line.end
        return b"".join(out) + self.body[done:] if out else self.body


def moved(segment: Segment, below: str) -> Segment:
    """The segment with its path below another: ``$.a`` becomes ``BELOW.a``."""
    return Segment(below + segment.path.removeprefix("$"), segment.role, segment.text, segment.place, segment.context)


def moved_part(part: Unreadable, below: str) -> Unreadable:
    """The same for what cannot be read."""
    return replace(part, path=below + part.path.removeprefix("$"))


def parse_lines(body: bytes, parse: Callable[[bytes], ParsedRequest]) -> LinesRequest:
    """Take a file apart, each line by ``parse``. Raises WireError: ``where`` begins with the line's number."""
    parts: list[tuple[Line, ParsedRequest]] = []
    for line in lines(body):
        try:
            request = parse(line.data)
        except WireError as e:
            raise WireError(e.code, f"line {line.number}, {e.where}", _of_line(e.message), e.status) from None
        _slim(request)
        parts.append((line, request))
    return LinesRequest(body, parts)


def _of_line(message: str) -> str:
    return message.replace("The body", "This line of the file", 1).replace("A JSON body", "A line of the file", 1)


def _slim(request: ParsedRequest) -> None:
    """Let go of the parsed nodes: a file of many lines would hold millions, and only texts are written from now on."""
    if isinstance(request, JsonRequest):
        for source in request.sources:
            source.document.root = _NO_NODE
    for inner in getattr(request, "made_of", ()):
        _slim(inner)
