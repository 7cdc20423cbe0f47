"""The reply's way back: streams whose callable never raises and never says ``b""``, bodies restored or refused."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from addons.exchange import Exchange, StreamBody
from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession
from addons.wire.anthropic_messages import AnthropicMessages
from addons.wire.generic import Generic
from addons.wire.openai_chat import OpenAIChat
from addons.wire.types import Codec, WireError
from tests.addons.pipeline_doubles import EMAIL, spans_in
from tests.addons.wire import positions, positions_anthropic

CODECS: list[Any] = [
    pytest.param(OpenAIChat(), positions.openai_stream, id="openai.chat"),
    pytest.param(AnthropicMessages(), positions_anthropic.anthropic_stream, id="anthropic.messages"),
]


def session() -> tuple[MaskingSession, str]:
    """A session that has masked ``EMAIL``, and its placeholder."""
    made = MaskingSession(PlaceholderKey(b"k" * 32, 1), Scope("tenant"))
    return made, made.mask(EMAIL, spans_in(EMAIL))


def exchange(codec: Codec, *, masked: bool = True, cap: int = 1 << 20) -> Exchange:
    restoration = session()[0].restoration() if masked else None
    return Exchange(codec, "0198", "openai", restoration, cap, sent=1.0)


def run(stream: StreamBody, chunks: list[bytes]) -> bytes:
    """What reaches the client. Every answer is bytes that are not empty, or an empty list."""
    out = []
    for chunk in [*chunks, b""]:
        answer = stream(chunk)
        assert answer == [] or (isinstance(answer, bytes) and answer)
        out.append(b"".join([answer]) if isinstance(answer, bytes) else b"")
    return b"".join(out)


@pytest.mark.parametrize(("codec", "make"), CODECS)
@given(data=st.data())
@examples(max_examples=40, deadline=None)
def test_a_stream_is_restored_however_it_is_cut(codec: Codec, make: Any, data: st.DataObject) -> None:
    raw = make(session()[1], 3)
    cuts = sorted(data.draw(st.lists(st.integers(1, len(raw) - 1), max_size=10, unique=True)))
    chunks = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    flow = exchange(codec)
    out = run(flow.open_stream(""), chunks)
    assert out == run(exchange(codec).open_stream("identity"), [raw])
    assert session()[1].encode() not in out
    assert EMAIL.encode() in out or b"maria" in out
    assert flow.error is None
    assert flow.response_bytes == len(raw)


@pytest.mark.parametrize(("codec", "make"), CODECS)
@given(cut=st.integers(1, 400), noise=st.binary(max_size=30))
@examples(max_examples=40, deadline=None)
def test_an_untouched_stream_passes_byte_for_byte(codec: Codec, make: Any, cut: int, noise: bytes) -> None:
    raw = make("nobody", 3) + noise
    for encoding, wire in (("", raw), ("gzip", gzip.compress(raw)), ("compress", raw), ("gzip", b"no gzip" + raw)):
        stream = exchange(codec, masked=False).open_stream(encoding)
        assert run(stream, [wire[at : at + cut] for at in range(0, len(wire), cut)]) == wire


@pytest.mark.parametrize(("codec", "make"), CODECS)
def test_an_encoded_stream_is_inflated_and_restored(codec: Codec, make: Any) -> None:
    raw = make(session()[1], 3)
    wire = gzip.compress(raw)
    out = run(exchange(codec).open_stream("gzip"), [wire[:50], wire[50:]])
    assert out == run(exchange(codec).open_stream(""), [raw])


def test_a_masked_stream_in_an_unknown_encoding_is_an_error_at_its_head() -> None:
    with pytest.raises(WireError):
        exchange(OpenAIChat()).open_stream("rot13")


@pytest.mark.parametrize(("codec", "make"), CODECS)
@pytest.mark.parametrize("method", ["feed", "close"])
@pytest.mark.parametrize("fault", [RuntimeError(EMAIL), WireError("broken", "$", "It is broken"), MemoryError()])
def test_a_restorer_that_fails_ends_the_stream_in_an_error_event(
    codec: Codec, make: Any, method: str, fault: Exception
) -> None:
    flow = exchange(codec)
    stream = flow.open_stream("")
    inner = stream._stream
    calls = []

    class Failing:
        facts = inner.facts

        def feed(self, data: bytes) -> bytes:
            calls.append(data)
            if method == "feed" and len(calls) == 2:
                raise fault
            return inner.feed(data)

        def close(self) -> bytes:
            raise fault

        error = inner.error

    stream._stream = Failing()  # type: ignore[assignment]
    raw = make(session()[1], 3)
    out = run(stream, [raw[:300], raw[300:600], raw[600:]])
    last = json.loads(out.rstrip().rpartition(b"data: ")[2])
    assert last["error"]["message"]
    assert EMAIL.encode() not in json.dumps(last).encode()
    assert flow.error == ("broken" if isinstance(fault, WireError) else "restorer_failed")
    assert stream(b"more") == []
    assert stream.tail("upstream_disconnected", "gone") == b"", "the end was told already"


def test_even_the_error_event_may_fail() -> None:
    flow = exchange(OpenAIChat())
    stream = flow.open_stream("")

    class Dead:
        facts = flow.facts

        def feed(self, data: bytes) -> bytes:
            raise RuntimeError(EMAIL)

        close = error = feed

    stream._stream = Dead()  # type: ignore[assignment]
    assert run(stream, [b"data: 1\n\n", b"data: 2\n\n"]) == b""
    assert flow.error == "restorer_failed"
    fresh = exchange(OpenAIChat()).open_stream("")
    fresh._stream = Dead()  # type: ignore[assignment]
    assert fresh.tail("upstream_disconnected", "gone") == b""


@pytest.mark.parametrize(("codec", "make"), CODECS)
def test_a_stream_that_breaks_off_gives_what_it_held_back_then_an_error(codec: Codec, make: Any) -> None:
    flow = exchange(codec)
    stream = flow.open_stream("")
    placeholder = session()[1]
    raw = make(placeholder, 3)
    stream(raw[: raw.index(b"EMA") + 40])
    tail = stream.tail("upstream_disconnected", "The upstream closed the connection.")
    assert json.loads(tail.rstrip().rpartition(b"data: ")[2])["error"]["message"].startswith("The upstream")
    assert flow.error == "upstream_disconnected"
    assert stream.tail("upstream_disconnected", "again") == b""


def test_an_untouched_stream_that_breaks_off() -> None:
    plain = exchange(OpenAIChat(), masked=False).open_stream("")
    plain(b"data: {}\n\n")
    assert b"error" in plain.tail("upstream_disconnected", "gone")
    encoded = exchange(OpenAIChat(), masked=False).open_stream("gzip")
    encoded(gzip.compress(b"data: {}\n\n")[:9])
    assert encoded.tail("upstream_disconnected", "gone") == b"", "plain text behind gzip would be noise"


def test_a_stream_without_its_end_is_noted_and_a_bomb_is_stopped() -> None:
    flow = exchange(OpenAIChat())
    run(flow.open_stream(""), [b'data: {"choices": []}\n\n'])
    assert flow.error == "stream_incomplete"
    bomb = exchange(OpenAIChat(), cap=1000)
    assert b"error" in run(bomb.open_stream("gzip"), [gzip.compress(b": " + b"x" * 100_000)])
    assert bomb.error == "too_large"


def test_bodies() -> None:
    placeholder = session()[1]
    reply = json.dumps(positions.openai_reply(f"to {placeholder}")).encode()
    flow = exchange(OpenAIChat())
    restored = flow.restore_body(gzip.compress(reply), "application/json; charset=utf-8", "gzip", 200)
    assert restored is not None and json.loads(restored) == positions.openai_reply(f"to {EMAIL}")
    assert flow.facts.output_tokens == 7
    assert flow.restoration is not None and flow.restoration.counts.restored > 0
    assert flow.restore_body(f"<p>{placeholder}".encode(), "text/html", "", 502) == f"<p>{EMAIL}".encode()
    assert flow.restore_body(b"\xff\xfe", "text/plain", "", 200) == b"\xff\xfe"
    assert flow.restore_body(b"\x00\x01", "image/png", "", 200) == b"\x00\x01"
    for body, kind, encoding in ((b"{", "application/json", ""), (b"{}", "application/json", "br")):
        with pytest.raises(WireError):
            flow.restore_body(body, kind, encoding, 200)


def test_an_untouched_body_is_never_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    flow = exchange(OpenAIChat(), masked=False)
    assert flow.restore_body(json.dumps(positions.openai_reply("x")).encode(), "application/json", "", 200) is None
    assert flow.facts.output_tokens == 7

    def boom(*_: Any) -> Any:
        raise RuntimeError(EMAIL)

    monkeypatch.setattr(OpenAIChat, "restore_reply", boom)
    for body, encoding in ((b"{", ""), (b"{}", "gzip"), (b"{}", "")):
        assert flow.restore_body(body, "application/json", encoding, 200) is None
    assert flow.facts.output_tokens is None


def test_lines_of_json_of_an_unknown_path_are_restored_as_they_come() -> None:
    flow = exchange(Generic())
    assert flow.is_stream("application/x-ndjson; charset=utf-8")
    assert not flow.is_stream("application/json")
    line = json.dumps({"answer": f"to {session()[1]}"}).encode() + b"\n"
    out = run(flow.open_stream(""), [line[:9], line[9:] + line, b'{"done": true}\n'])
    assert [json.loads(one) for one in out.splitlines()] == [{"answer": f"to {EMAIL}"}] * 2 + [{"done": True}]
    assert not exchange(OpenAIChat()).is_stream("application/x-ndjson")
