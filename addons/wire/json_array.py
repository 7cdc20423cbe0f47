"""Framing of streams that are one JSON array, sent element by element, as Gemini does without ``alt=sse``.

May import this room only. The splitter looks at brackets, quotes and backslashes alone, so a piece never depends on how
the stream was cut: inside an element, a string, an escape or a UTF-8 character. What is no JSON is found by whoever
parses the element. Elements are ``Event``s like those of ``sse.py``; brackets and commas are events without data whose
``name`` is the character. Reassembling the pieces' bytes gives the stream.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from addons.wire.sse import MAX_EVENT, Event, EventSplitter
from addons.wire.types import WireError

_BETWEEN = re.compile(rb"[ \t\r\n]*+")
_SCALAR_END = re.compile(rb"[ \t\r\n,\]]")
_STRUCTURE = re.compile(rb'["{}\[\]]')
_STRING_STOP = re.compile(rb'["\\]')


@dataclass(frozen=True, slots=True)
class Element(Event):
    """One element of the array, without the comma after it; or the one document that stands in an array's place."""

    def with_data(self, data: str) -> bytes:
        """Another element in its place."""
        return data.encode("utf-8", "surrogatepass")


class ArraySplitter(EventSplitter):
    """Cuts a JSON array into its elements and what stands between them."""

    def __init__(self, max_element: int = MAX_EVENT):
        super().__init__(max_element)
        self._opened = False  # the array's own bracket has been seen, or a document has begun without one
        self._in_array = False
        self._element = False  # the buffer begins with an element
        self._scan = 0  # bytes of the element that have been looked at
        self._depth = 0
        self._string = False

    def feed(self, data: bytes) -> list[Event]:
        """The pieces that are now complete. Raises WireError ``event_too_long``."""
        self._buffer += data
        out: list[Event] = []
        start = 0
        while start < len(self._buffer):
            if not self._element:
                start = self._separator(start, out)
                continue
            end = self._element_end(start)
            if end < 0:
                break
            out.append(_element(bytes(self._buffer[start:end])))
            start, self._element = end, False
        del self._buffer[:start]
        if len(self._buffer) > self._max:
            raise WireError("event_too_long", "stream", f"An element is longer than {self._max} bytes", 502)
        return out

    def rest(self) -> Event | None:
        """An element that was cut short, or a scalar that nothing ended."""
        if not self._buffer:
            return None
        last = _element(bytes(self._buffer))
        self._buffer.clear()
        self._element = False
        return last

    def _separator(self, start: int, out: list[Event]) -> int:
        """One piece between elements; where the next one begins."""
        space = _BETWEEN.match(self._buffer, start)
        if space is not None and space.end() > start:
            out.append(Event(bytes(space[0]), "", None, False))
            return space.end()
        first = bytes(self._buffer[start : start + 1])
        if (first == b"[" and not self._opened) or (self._in_array and first in (b",", b"]")):
            self._opened = True
            self._in_array = first != b"]"
            out.append(Event(first, first.decode("ascii"), None, False))
            return start + 1
        self._opened = self._element = True
        self._scan = self._depth = 0
        self._string = False
        return start

    def _element_end(self, start: int) -> int:
        """Where the element ends; -1 if that is not yet known."""
        buffer = self._buffer
        at = start + self._scan
        if self._scan == 0 and buffer[start] not in b'{["':
            end = _SCALAR_END.search(buffer, start)
            return end.start() if end is not None and end.start() > start else (-1 if end is None else start + 1)
        while at < len(buffer):
            if self._string:
                stop = _STRING_STOP.search(buffer, at)
                if stop is None:
                    at = len(buffer)
                elif stop[0] == b"\\":
                    if stop.end() >= len(buffer):
                        at = stop.start()
                        break
                    at = stop.end() + 1
                else:
                    self._string = False
                    at = stop.end()
                    if self._depth == 0:
                        return at
                continue
            mark = _STRUCTURE.search(buffer, at)
            if mark is None:
                at = len(buffer)
                break
            at = mark.end()
            if mark[0] == b'"':
                self._string = True
            elif mark[0] in (b"{", b"["):
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth <= 0:
                    return at
        self._scan = at - start
        return -1


def _element(raw: bytes) -> Element:
    return Element(raw, "", raw.decode("utf-8", "surrogateescape"), True)
