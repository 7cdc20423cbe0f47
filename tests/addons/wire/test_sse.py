"""Events out of bytes, by the WHATWG standard, whatever the cuts."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.wire.sse import Event, EventSplitter, event_bytes
from addons.wire.types import WireError

LINES = st.sampled_from(["\n", "\r", "\r\n", "data: a", "data:b", ": c", "event: x", "data", "id: 3", "\ufeff", "é"])


def split(chunks: list[bytes]) -> list[Event]:
    splitter = EventSplitter()
    events = [event for chunk in chunks for event in splitter.feed(chunk)]
    rest = splitter.rest()
    return events + ([rest] if rest is not None else [])


def reference(text: str) -> list[tuple[str, str]]:
    """The standard's algorithm, line by line; what is pending at the end counts as an event."""
    events, data, name = [], [], ""
    for line in [*re.split("\r\n|\n|\r", text.removeprefix("\ufeff")), ""]:
        field, _, value = line.partition(":")
        if not line:
            events += [(name, "\n".join(data))] if data else []
            data, name = [], ""
        elif field == "data":
            data.append(value.removeprefix(" "))
        elif field == "event":
            name = value.removeprefix(" ")
    return events


@given(st.lists(LINES, max_size=20), st.lists(st.integers(0, 60), max_size=5))
@settings(deadline=None)
def test_events_are_the_standards_and_cuts_do_not_show(lines: list[str], cuts: list[int]) -> None:
    raw = "".join(lines).encode()
    at = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    for chunks in (
        [raw],
        [raw[i : i + 1] for i in range(len(raw))],
        [raw[a:b] for a, b in pairwise(at)],
    ):
        events = split(chunks)
        assert b"".join(event.raw for event in events) == raw
        assert [(e.name, e.data) for e in events if e.data is not None] == reference(raw.decode())


@pytest.mark.parametrize(
    ("raw", "data", "expected"),
    [
        (b"data: a\n\n", "b", b"data: b\n\n"),
        (b"event: x\r\nid: 1\r\ndata:a\r\n\r\n", "b", b"event: x\r\nid: 1\r\ndata:b\r\n\r\n"),
        (b"data: a\ndata: b\nretry: 1\n\n", "c", b"data: c\nretry: 1\n\n"),
        (b"data: a\n\n", "b\nc", b"data: b\ndata: c\n\n"),
        (b": data: a\ndata: a\n\n", "b", b": data: a\ndata: b\n\n"),
        (b"data: a\nevent: data: a\n\n", "b", b"data: b\nevent: data: a\n\n"),
    ],
)
def test_a_rewrite_changes_data_lines_only(raw: bytes, data: str, expected: bytes) -> None:
    (event,) = split([raw])
    assert event.with_data(data) == expected


def test_events_have_a_cap() -> None:
    splitter = EventSplitter(max_event=10)
    splitter.feed(b"data: 1\n\ndata: 2\n\n")
    with pytest.raises(WireError, match="longer than 10") as caught:
        splitter.feed(b"data: 12345")
    assert caught.value.code == "event_too_long"


def test_new_events() -> None:
    assert event_bytes("x", "error") == b"event: error\ndata: x\n\n"
