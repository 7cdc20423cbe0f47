"""Lines and array elements: the pieces give the stream again, and do not depend on how it was cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.wire.json_array import ArraySplitter
from addons.wire.ndjson import LineSplitter
from addons.wire.sse import Event, EventSplitter
from addons.wire.types import WireError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def split(splitter: EventSplitter, chunks: list[bytes]) -> list[Event]:
    events = [event for chunk in chunks for event in splitter.feed(chunk)]
    rest = splitter.rest()
    return events + ([rest] if rest is not None else [])


def joined(events: list[Event]) -> list[tuple[str, str | None, bytes]]:
    """Runs of space that were cut in two are one."""
    out: list[tuple[str, str | None, bytes]] = []
    for event in events:
        if out and not event.name and event.data is None and out[-1][:2] == ("", None):
            out[-1] = ("", None, out[-1][2] + event.raw)
        else:
            out.append((event.name, event.data, event.raw))
    return out


def cut(raw: bytes, data: st.DataObject) -> list[bytes]:
    at = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    return [raw[a:b] for a, b in zip([0, *at], [*at, len(raw)], strict=True)]


@given(values=st.lists(VALUES, max_size=4), data=st.data(), indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_arrays(values: list[Any], data: st.DataObject, indent: int | None, ascii_only: bool) -> None:
    raw = (" " + json.dumps(values, indent=indent, ensure_ascii=ascii_only) + "\r\n").encode("utf-8", "surrogatepass")
    events = split(ArraySplitter(), [raw])
    assert b"".join(event.raw for event in events) == raw
    assert [json.loads(event.data) for event in events if event.data is not None] == values
    assert joined(split(ArraySplitter(), cut(raw, data))) == joined(events)


@given(raw=st.binary(max_size=60) | st.text('[]{},"\\ 1a王', max_size=60).map(str.encode), data=st.data())
def test_arrays_that_are_none_give_their_bytes_too(raw: bytes, data: st.DataObject) -> None:
    whole = split(ArraySplitter(), [raw])
    assert b"".join(event.raw for event in whole) == raw
    assert joined(split(ArraySplitter(), cut(raw, data))) == joined(whole)


def test_an_object_in_the_arrays_place_is_one_element() -> None:
    events = split(ArraySplitter(), [b' {"error": [1]} ', b"\n"])
    assert [event.data for event in events if event.data is not None] == ['{"error": [1]}']


def test_elements_are_given_out_at_their_last_byte() -> None:
    splitter = ArraySplitter()
    assert [event.raw for event in splitter.feed(b'[{"a": "}\\')] == [b"["]
    assert splitter.feed(b'"]"') == []
    assert [event.data for event in splitter.feed(b"}")] == ['{"a": "}\\"]"}']
    assert [event.name for event in splitter.feed(b",")] == [","]


@given(values=st.lists(VALUES, max_size=4), data=st.data(), end=st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_lines(values: list[Any], data: st.DataObject, end: str) -> None:
    raw = "".join(json.dumps(value, ensure_ascii=False) + end for value in values).encode("utf-8", "surrogatepass")
    events = split(LineSplitter(), [raw])
    assert b"".join(event.raw for event in events) == raw
    assert [json.loads(event.data) for event in events if event.data is not None] == values
    assert split(LineSplitter(), cut(raw, data)) == events


def test_a_rewritten_line_keeps_its_end_and_a_last_one_may_lack_it() -> None:
    first, last = split(LineSplitter(), [b' {"a": 1}\r\n{"b": 2}'])
    assert first.with_data("{}") == b" {}\r\n"
    assert last.with_data('{"王": 1}') == '{"王": 1}'.encode()


@pytest.mark.parametrize("splitter", [ArraySplitter, LineSplitter])
def test_a_piece_has_a_greatest_length(splitter: Any) -> None:
    with pytest.raises(WireError) as caught:
        splitter(10).feed(b'[{"aaaaaaaaaaa')
    assert caught.value.code == "event_too_long"
