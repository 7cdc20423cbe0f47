"""The tables drive the position matrix: a row without fixtures fails, and every fixture is run by its row's codec.

At each position of a request, its marker is a segment and is gone from what is sent when it is replaced; at each
position of a reply and of a stream, a placeholder is restored, the stream's in pieces of a few characters that arrive
a byte at a time. End to end the same fixtures go through real gateways: ``tests/e2e/test_positions.py`` and its like.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from urllib.parse import unquote

import pytest

from addons.wire.content import read_body
from addons.wire.openai_chat import OpenAIChat
from addons.wire.types import Codec, ParsedRequest, WireError
from tests.addons.wire.doubles import VALUES, Restoration
from tests.addons.wire.endpoint_table import bound
from tests.addons.wire.matrix import (
    BODILESS,
    MATRIX,
    MESSAGES,
    REASONS,
    REFUSED,
    Body,
    Key,
    Positions,
    counts,
    documents,
    lines,
    rows,
    sockets,
    streamed,
)
from tests.addons.wire.positions import KEEP, MARKER, openai_stream
from tests.addons.wire.stream_texts import runs

ROWS, SOCKETS = rows(), sockets()
PLACEHOLDER = "NAME_K3CCCCCC"
VALUE = VALUES[PLACEHOLDER]
ALL: list[Any] = [pytest.param(key, id="-".join(key)) for key in MATRIX]
WITH_BODY = ("POST", "PATCH", "PUT", "")


def having(part: str) -> list[Any]:
    """The rows that have such fixtures."""
    return [
        pytest.param(key, id="-".join(key)) for key, one in MATRIX.items() if not isinstance(getattr(one, part), str)
    ]


def codecs(key: Key) -> list[Codec]:
    """Those of the row, bound to the ids of a path as the registry binds them."""
    return [SOCKETS[key]()] if key in SOCKETS else [bound(one).codec for one in ROWS[key]]


def asking(key: Key) -> list[Codec]:
    """Those of them that are sent bodies."""
    return codecs(key) if key in SOCKETS else [bound(one).codec for one in ROWS[key] if one.method in WITH_BODY]


def test_every_row_has_its_fixtures_and_no_fixture_is_without_a_row() -> None:
    assert set(ROWS) | set(SOCKETS) == set(MATRIX)


@pytest.mark.parametrize("key", ALL)
def test_reasons_are_true(key: Key) -> None:
    one: Positions = MATRIX[key]
    given = {part for part in (one.request, one.replies, one.streams) if isinstance(part, str)}
    assert given <= REASONS
    assert (MESSAGES in given) is (key in SOCKETS)
    methods = {row.method for row in ROWS.get(key, ())}
    assert one.request != BODILESS or not methods & set(WITH_BODY)
    assert not isinstance(one.request, str) or one.request in (BODILESS, REFUSED)
    if REFUSED in given:
        for codec in codecs(key):
            for raw in (b"", b'{"x": "y"}'):
                with pytest.raises(WireError):
                    read_body(codec, "application/json", raw)


def read(codec: Any, body: Body) -> ParsedRequest:
    parsed: ParsedRequest = read_body(codec, body[1], body[0])
    return parsed


@pytest.mark.parametrize("key", having("request"))
def test_each_position_of_a_request_is_a_segment_and_is_replaced(key: Key) -> None:
    make = MATRIX[key].request
    assert not isinstance(make, str)
    assert asking(key)
    for codec in asking(key):
        for body in make():
            request = read(codec, body)
            found = {marker for one in request.segments for marker in MARKER.findall(one.text)}
            wanted = set(MARKER.findall(unquote(body[0].decode())))
            assert wanted - found == set(), "positions that no segment holds"
            assert len(wanted) == body[2]
            assert request.encode({}) == body[0]
            sent = request.encode({i: MARKER.sub("[X]", one.text) for i, one in enumerate(request.segments)})
            left = unquote(sent.decode())
            assert "⟦" not in left
            assert "\\u27e6" not in left.lower()
            assert left.count(KEEP) == unquote(body[0].decode()).count(KEEP)


@pytest.mark.parametrize("key", having("request"))
def test_a_position_that_is_replaced_alone_leaves_the_others(key: Key) -> None:
    make = MATRIX[key].request
    assert not isinstance(make, str)
    for body in make():
        request = read(asking(key)[0], body)
        whole = set(MARKER.findall(unquote(body[0].decode())))
        held = [set(MARKER.findall(one.text)) for one in request.segments]
        times = Counter(marker for markers in held for marker in markers)
        for i, markers in enumerate(held):
            if markers:
                sent = request.encode({i: MARKER.sub("[X]", request.segments[i].text)})
                gone = {marker for marker in markers if times[marker] == 1}  # a fixture may say one of them twice
                assert set(MARKER.findall(unquote(sent.decode()))) == whole - gone


@pytest.mark.parametrize("key", having("replies"))
def test_each_position_of_a_reply_is_restored(key: Key) -> None:
    one = MATRIX[key]
    assert not isinstance(one.replies, str)
    for codec in codecs(key):
        for make in one.replies:
            sent, wanted = make(f"Dear {PLACEHOLDER}!"), make(f"Dear {VALUE}!")
            each = sent if one.lines else [sent]
            out, _ = codec.restore_reply("\n".join(map(json.dumps, each)).encode(), Restoration())
            assert documents(out) == (wanted if one.lines else [wanted])


def told(codec: Any, stream: Any) -> Any:
    """What a client gets: of bytes that come one by one, or of messages."""
    if isinstance(stream, bytes):
        opened = codec.open_stream(Restoration())
        return b"".join(opened.feed(stream[i : i + 1]) for i in range(len(stream))) + opened.close()
    messages = codec.open_messages(Restoration())
    out = [text for one in stream for text in messages.feed(json.dumps(one, ensure_ascii=False), one)]
    return [*out, *messages.close()]


def texts(stream: Any) -> list[str]:
    return sorted(text for text in runs(stream).values() if PLACEHOLDER in text or VALUE in text)


@pytest.mark.parametrize("size", [3, 10_000])
@pytest.mark.parametrize("key", having("streams"))
def test_each_position_of_a_stream_is_restored(key: Key, size: int) -> None:
    streams = MATRIX[key].streams
    assert not isinstance(streams, str)
    for make in streams:
        out = told(codecs(key)[0], streamed(make, PLACEHOLDER, size))
        wanted = texts(streamed(make, VALUE, size))
        assert wanted
        assert texts(out) == wanted


def total(part: int) -> int:
    return sum(counts(one)[part] for one in MATRIX.values())


def test_the_count_of_positions_is_told(record_property: Any) -> None:
    sums = [total(part) for part in range(3)]
    record_property("positions", json.dumps(dict(zip(("request", "reply", "stream"), sums, strict=True))))
    print(f"\npositions: {sums[0]} in requests, {sums[1]} in replies, {sums[2]} in streams, {sum(sums)} in all")
    assert list(lines())[-1].split(" | ")[-1] == f"{sum(sums)} |"
    assert all(sum(counts(one)) > 0 for one in MATRIX.values() if one.request != REFUSED)


def test_a_row_without_fixtures_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(MATRIX, ("openai.chat", "OpenAIChat"))
    with pytest.raises(AssertionError):
        test_every_row_has_its_fixtures_and_no_fixture_is_without_a_row()


class Careless(OpenAIChat):
    """Overlooks what a stream says in the arguments of tools."""

    def open_stream(self, restoration: Any) -> Any:
        stream = super().open_stream(restoration)
        feed = stream.feed

        def careless(data: bytes) -> bytes:
            return feed(data).replace(VALUE.encode() + b'\\"}', PLACEHOLDER.encode() + b'\\"}')

        stream.feed = careless  # type: ignore[method-assign]
        return stream


def test_a_position_that_a_codec_misses_is_told() -> None:
    raw, wanted = openai_stream(PLACEHOLDER, 10_000), texts(openai_stream(VALUE, 10_000))
    assert texts(told(OpenAIChat(), raw)) == wanted
    assert texts(told(Careless(), raw)) != wanted
