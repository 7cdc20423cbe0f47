"""Server-sent events, cut out of a byte stream and put back together.

May import ``addons.wire.types`` only. Follows the WHATWG HTML standard, "Server-sent events": lines end in LF, CR or
CRLF, a blank line ends an event, a leading byte order mark is ignored, lines that start with a colon are comments.
An event that is not changed leaves with the very bytes it came in. Reassembling the events' bytes gives the stream.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from addons.wire.types import WireError

MAX_EVENT = 32 * 1024 * 1024
"""Bytes of one event, comments included. A fetched document arrives as one event."""

_BLANK = re.compile(rb"(?>\r\n|\n|\r)(?:\r\n|\n|\r)")
_LEADING = re.compile(rb"[\r\n]*")
_LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r|\Z)")


@dataclass(frozen=True, slots=True)
class Event:
    """One event (or a run of comments), with its bytes."""

    raw: bytes
    name: str
    """The ``event`` field; empty if there is none."""
    data: str | None
    """The ``data`` lines joined by LF; None if there are none."""
    simple: bool
    """Its one data line is ``data: `` and the rest, so that a rewrite is a replacement of bytes."""

    def with_data(self, data: str) -> bytes:
        """The event's bytes with other data; its other lines and its line ends stay."""
        if self.simple and self.data is not None and "\n" not in data and "\r" not in data:
            old = b"data: " + self.data.encode("utf-8", "surrogateescape")
            head, _, tail = self.raw.rpartition(old)
            if head == b"" or head.endswith((b"\n", b"\r")):
                return head + b"data: " + _encode(data) + tail
        pieces: list[str] = []
        written = False
        for line, end in _LINE.findall(_decode(self.raw)):
            if line != "data" and not line.startswith("data:"):
                pieces += (line, end)
            elif not written:
                written = True
                prefix = "data: " if line.startswith("data: ") or line == "data" else "data:"
                pieces += [f"{prefix}{row}{end}" for row in re.split(r"\r\n|\n|\r", data)]
        return _encode("".join(pieces))


class EventSplitter:
    """Cuts a stream into events. The events and their bytes do not depend on how the stream was cut."""

    def __init__(self, max_event: int = MAX_EVENT):
        self._buffer = bytearray()
        self._seen = 0  # bytes of the buffer in which no blank line begins
        self._started = False
        self._max = max_event

    def feed(self, data: bytes) -> list[Event]:
        """The events that are now complete. Raises WireError ``event_too_long``."""
        buffer = self._buffer
        buffer += data
        events: list[Event] = []
        start = 0
        while True:
            leading = _LEADING.match(buffer, start)
            if leading is not None and leading.end() > start:
                events.append(Event(bytes(leading[0]), "", None, False))
                start = self._seen = leading.end()
                self._started = True
            blank = _BLANK.search(buffer, max(start, self._seen))
            if blank is None:
                break
            events.append(self._event(bytes(buffer[start : blank.end()])))
            start = self._seen = blank.end()
        if start:
            del buffer[:start]
        self._seen = max(0, len(buffer) - 1)
        if len(buffer) > self._max:
            raise WireError("event_too_long", "stream", f"An event is longer than {self._max} bytes", 502)
        return events

    def rest(self) -> Event | None:
        """What came after the last blank line: an event that was cut short, or whose blank line was left out."""
        if not self._buffer:
            return None
        event = self._event(bytes(self._buffer))
        self._buffer.clear()
        self._seen = 0
        return event

    def _event(self, raw: bytes) -> Event:
        text = _decode(raw)
        if not self._started:
            self._started = True
            text = text.removeprefix("\ufeff")
        if text.startswith("data: "):  # the common case: one data line and a blank one
            line, _, tail = text.partition("\n")
            if (tail == "\n" or tail == "") and "\r" not in line:
                return Event(raw, "", line[6:], True)
        name, data, spaced = "", [], True
        for line, _ in _LINE.findall(text):
            field, _, value = line.partition(":")
            if field == "data":
                spaced = spaced and value.startswith(" ")
                data.append(value.removeprefix(" "))
            elif field == "event":
                name = value.removeprefix(" ")
        return Event(raw, name, "\n".join(data) if data else None, spaced and len(data) == 1)


def event_bytes(data: str, name: str = "") -> bytes:
    """A new event. ``data`` may not hold line ends."""
    return _encode(f"event: {name}\ndata: {data}\n\n" if name else f"data: {data}\n\n")


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
