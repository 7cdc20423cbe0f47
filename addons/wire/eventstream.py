"""Framing of ``application/vnd.amazon.eventstream``: binary messages of headers and a payload, with two checksums.

May import this room only. Reference: the Smithy specification, "Amazon Event Stream", and the Transcribe developer
guide, "Event stream encoding". All numbers are big-endian::

    total length 4 | headers' length 4 | CRC-32 of these 8 bytes | headers | payload | CRC-32 of all before

A frame is an ``Event`` like those of ``sse.py``, so that ``EventStream`` takes it. One that is not changed leaves with
the very bytes it came in; one that is changed gets its lengths and both checksums made anew. Nothing of a frame is
believed before its checksum: a wrong one is an error, and so are lengths beyond the limits, before they are waited for.
"""

from __future__ import annotations

import struct
from binascii import crc32
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from addons.wire.sse import Event
from addons.wire.types import WireError

CONTENT_TYPE = "application/vnd.amazon.eventstream"
MAX_HEADERS = 128 * 1024
"""Bytes of one frame's headers, as in AWS's own decoders."""
MAX_PAYLOAD = 24 * 1024 * 1024
"""Bytes of one frame's payload, as in AWS's own decoders."""
MESSAGE_TYPE, EVENT_TYPE, EXCEPTION_TYPE = ":message-type", ":event-type", ":exception-type"
ERROR_CODE, ERROR_MESSAGE = ":error-code", ":error-message"

_PRELUDE = struct.Struct("!III")
_CRC = struct.Struct("!I")
_OVERHEAD = _PRELUDE.size + _CRC.size
_STRING = 7
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type: true, false, byte, short, integer, long, timestamp, UUID."""
_COUNTED = (6, _STRING)
"""Byte array and string: two bytes of length before them."""


@dataclass(frozen=True, slots=True)
class Frame(Event):
    """One message, checksums verified. ``name`` is its event or exception type, ``data`` its payload as text."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Those that are strings."""
    head: bytes = b""
    """All headers as they were sent."""
    payload: bytes = b""

    def with_data(self, data: str) -> bytes:
        """The frame with another payload and the headers that it had."""
        return frame_bytes(self.head, data.encode("utf-8", "surrogateescape"))

    def with_header(self, name: str, value: str) -> bytes:
        """The frame with another string in one of its headers."""
        old = _header(name, self.headers[name])
        return frame_bytes(self.head.replace(old, _header(name, value), 1), self.payload)


class FrameSplitter:
    """Cuts a stream into frames. They do not depend on how the stream was cut."""

    def __init__(self, max_payload: int = MAX_PAYLOAD):
        self._buffer = bytearray()
        self._max = max_payload

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are now complete, one by one; what is wrong with a frame is raised when its turn comes.

        Raises WireError ``bad_checksum``, ``frame_too_long`` or ``malformed_frame``.
        """
        self._buffer += data
        while len(self._buffer) >= _PRELUDE.size:
            total, headers, checksum = _PRELUDE.unpack_from(self._buffer)
            if crc32(self._buffer[:8]) != checksum:
                raise WireError("bad_checksum", "stream", "The checksum of a frame's lengths is wrong", 502)
            if headers > MAX_HEADERS or total - headers - _OVERHEAD > self._max:
                raise WireError("frame_too_long", "stream", "A frame is longer than the gateway reads", 502)
            if total < headers + _OVERHEAD:
                raise WireError("malformed_frame", "stream", "A frame's lengths contradict each other", 502)
            if len(self._buffer) < total:
                return
            raw = bytes(self._buffer[:total])
            del self._buffer[:total]
            yield _frame(raw, headers)

    @property
    def inside(self) -> bool:
        """True while a frame has begun and not ended."""
        return bool(self._buffer)


def frame_bytes(head: bytes, payload: bytes) -> bytes:
    """A whole frame of encoded headers and a payload."""
    lengths = struct.pack("!II", len(head) + len(payload) + _OVERHEAD, len(head))
    body = lengths + _CRC.pack(crc32(lengths)) + head + payload
    return body + _CRC.pack(crc32(body))


def headers_bytes(headers: Iterable[tuple[str, str]]) -> bytes:
    """String headers, encoded."""
    return b"".join([_header(name, value) for name, value in headers])


def event_frame(name: str, payload: str) -> bytes:
    """A new event with a JSON payload."""
    head = headers_bytes([(EVENT_TYPE, name), (":content-type", "application/json"), (MESSAGE_TYPE, "event")])
    return frame_bytes(head, payload.encode("utf-8", "surrogateescape"))


def exception_frame(name: str, payload: str) -> bytes:
    """A new exception with a JSON payload: the SDKs raise it, and read no further."""
    head = headers_bytes([(EXCEPTION_TYPE, name), (":content-type", "application/json"), (MESSAGE_TYPE, "exception")])
    return frame_bytes(head, payload.encode("utf-8", "surrogatepass"))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode("utf-8", "surrogatepass")
    if len(text) > 0xFFFF:  # a restored message that has outgrown its header
        text = text[:0xFFFF].decode("utf-8", "ignore").encode()
    return bytes([len(key)]) + key + bytes([_STRING]) + struct.pack("!H", len(text)) + text


def _frame(raw: bytes, headers: int) -> Frame:
    if crc32(raw[: -_CRC.size]) != _CRC.unpack_from(raw, len(raw) - _CRC.size)[0]:
        raise WireError("bad_checksum", "stream", "The checksum of a frame is wrong", 502)
    head = raw[_PRELUDE.size : _PRELUDE.size + headers]
    payload = raw[_PRELUDE.size + headers : -_CRC.size]
    strings = _parse_headers(head)
    name = strings.get(EVENT_TYPE) or strings.get(EXCEPTION_TYPE) or strings.get(ERROR_CODE) or ""
    text = payload.decode("utf-8", "surrogateescape") if payload else None
    return Frame(raw, name, text, False, strings, head, payload)


def _parse_headers(head: bytes) -> dict[str, str]:
    """The string headers. Raises WireError ``malformed_frame``; a name that stands twice is an error too."""
    strings: dict[str, str] = {}
    seen: set[bytes] = set()
    at = 0
    try:
        while at < len(head):
            start, at = at + 1, at + 1 + head[at]
            name, kind, at = head[start:at], head[at], at + 1
            if kind in _COUNTED:
                size, at = int.from_bytes(head[at : at + 2]), at + 2
            else:
                size = _FIXED[kind]
            value, at = head[at : at + size], at + size
            if at > len(head) or name in seen:
                raise ValueError
            seen.add(name)
            if kind == _STRING:
                strings[name.decode()] = value.decode()
    except (IndexError, KeyError, ValueError):
        raise WireError("malformed_frame", "stream", "A frame's headers cannot be read", 502) from None
    return strings
