"""The framing of AWS's event streams: against botocore's own decoder, however it is cut, and whatever is wrong."""

from __future__ import annotations

import itertools
import struct
import zlib
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from addons.wire.eventstream import (
    MAX_HEADERS,
    FrameSplitter,
    event_frame,
    exception_frame,
    frame_bytes,
    headers_bytes,
)
from addons.wire.types import WireError
from tests.doubles.bedrock import event, frame

FRAMES = [event("messageStart", {"role": "assistant"}), frame("exception", "x", b'{"message": "no"}'), event("a", {})]
STREAM = b"".join(FRAMES)


def cut(data: bytes, points: list[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(st.lists(st.integers(min_value=0)))
def test_frames_do_not_depend_on_the_cuts(points: list[int]) -> None:
    splitter = FrameSplitter()
    found = [one for piece in cut(STREAM, points) for one in splitter.feed(piece)]
    assert [one.raw for one in found] == FRAMES
    assert not splitter.inside


@given(st.dictionaries(st.text(min_size=1, max_size=30), st.text(max_size=60)), st.text(max_size=200), st.text())
def test_what_is_written_anew_is_what_aws_reads(headers: dict[str, str], old: str, new: str) -> None:
    raw = frame_bytes(headers_bytes(headers.items()), old.encode())
    (ours,) = FrameSplitter().feed(raw)
    assert ours.headers == headers
    assert (ours.data or "") == old
    buffer = EventStreamBuffer()
    buffer.add_data(ours.with_data(new))
    (theirs,) = buffer
    assert theirs.payload == new.encode()
    assert theirs.headers == headers


def test_headers_of_every_type_stay_as_they_are() -> None:
    values = [b"\x00", b"\x01", b"\x02a", b"\x03ab", b"\x04abcd", b"\x05abcdefgh", b"\x06\x00\x02ab", b"\x08abcdefgh"]
    values.append(b"\x09" + b"u" * 16)
    head = b"".join(bytes([2]) + b"h%d" % at + value for at, value in enumerate(values))
    head += headers_bytes([(":message-type", "event")])
    (found,) = FrameSplitter().feed(frame_bytes(head, b"{}"))
    assert found.headers == {":message-type": "event"}
    (again,) = FrameSplitter().feed(found.with_data("[]"))
    assert (again.head, again.data) == (head, "[]")


def test_a_message_in_a_header_is_written_anew() -> None:
    raw = frame_bytes(headers_bytes([(":message-type", "error"), (":error-message", "PERSON_X")]), b"")
    (found,) = FrameSplitter().feed(raw)
    buffer = EventStreamBuffer()
    buffer.add_data(found.with_header(":error-message", "王秀英"))
    assert next(buffer).headers == {":message-type": "error", ":error-message": "王秀英"}


@given(st.integers(min_value=0, max_value=len(FRAMES[0]) - 1), st.integers(min_value=0, max_value=7))
def test_no_flipped_bit_goes_unseen(at: int, bit: int) -> None:
    spoiled = bytearray(FRAMES[0])
    spoiled[at] ^= 1 << bit
    with pytest.raises(WireError) as caught:
        list(FrameSplitter().feed(bytes(spoiled)))
    assert caught.value.code == "bad_checksum"


def prelude(total: int, headers: int) -> bytes:
    lengths = struct.pack("!II", total, headers)
    return lengths + struct.pack("!I", zlib.crc32(lengths))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (prelude(0xFFFFFFFF, 0), "frame_too_long"),
        (prelude(MAX_HEADERS + 100, MAX_HEADERS + 1), "frame_too_long"),
        (prelude(15, 0), "malformed_frame"),
        (prelude(30, 40), "malformed_frame"),
        (frame_bytes(b"\x05ab", b""), "malformed_frame"),
        (frame_bytes(b"\x01a\x0a", b""), "malformed_frame"),
        (frame_bytes(b"\x01a\x07\x00\x09x", b""), "malformed_frame"),
        (frame_bytes(b"\x01a\x07\x00\x01\xff", b""), "malformed_frame"),
        (frame_bytes(headers_bytes([("a", "1"), ("a", "2")]), b""), "malformed_frame"),
    ],
)
def test_bad_frames_are_refused_before_they_are_waited_for(data: bytes, code: str) -> None:
    with pytest.raises(WireError) as caught:
        list(FrameSplitter().feed(data))
    assert caught.value.code == code


def test_a_frame_that_is_cut_short_is_inside() -> None:
    splitter = FrameSplitter()
    assert list(splitter.feed(STREAM[:-1])) and splitter.inside


@pytest.mark.parametrize(("make", "kind"), [(event_frame, "event"), (exception_frame, "exception")])
def test_frames_of_our_own(make: Any, kind: str) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(make("name", '{"a": 1}'))
    found = next(buffer)
    assert found.headers == {
        f":{kind}-type": "name",
        ":content-type": "application/json",
        ":message-type": kind,
    }
    assert found.payload == b'{"a": 1}'
