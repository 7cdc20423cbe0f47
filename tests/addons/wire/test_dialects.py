"""Mistral, Cohere and Ollama: every text path of requests and replies, streams however cut, offsets, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.wire.cohere import Cohere
from addons.wire.mistral import Mistral
from addons.wire.ollama import Ollama
from addons.wire.types import Codec, WireError
from tests.addons.wire import positions
from tests.addons.wire import positions_dialects as fixtures
from tests.addons.wire.doubles import VALUES, Restoration

PLACEHOLDER, VALUE = next(iter(VALUES.items()))
REQUESTS: list[Any] = [
    pytest.param(Mistral("mistral.chat"), fixtures.mistral_chat, id="mistral.chat"),
    pytest.param(Mistral("mistral.agents"), fixtures.mistral_chat, id="mistral.agents"),
    pytest.param(Mistral("mistral.fim"), fixtures.mistral_fim, id="mistral.fim"),
    pytest.param(Mistral("mistral.embeddings"), fixtures.mistral_embeddings, id="mistral.embeddings"),
    pytest.param(Cohere("cohere.chat"), fixtures.cohere_chat, id="cohere.chat"),
    pytest.param(Cohere("cohere.embed"), fixtures.cohere_embed, id="cohere.embed"),
    pytest.param(Cohere("cohere.rerank"), fixtures.cohere_rerank, id="cohere.rerank"),
    pytest.param(Ollama("ollama.chat"), fixtures.ollama_chat, id="ollama.chat"),
    pytest.param(Ollama("ollama.generate"), fixtures.ollama_generate, id="ollama.generate"),
    pytest.param(Ollama("ollama.embed"), fixtures.ollama_embed, id="ollama.embed"),
]
REPLIES: list[Any] = [
    pytest.param(Mistral(), fixtures.mistral_reply, id="mistral"),
    pytest.param(Cohere(), fixtures.cohere_reply, id="cohere"),
    pytest.param(Ollama(), fixtures.ollama_reply, id="ollama"),
]
STREAMS: list[Any] = [
    pytest.param(Mistral(), fixtures.mistral_stream, id="mistral"),
    pytest.param(Cohere(), fixtures.cohere_stream, id="cohere"),
    pytest.param(Ollama(), fixtures.ollama_chat_stream, id="ollama.chat"),
    pytest.param(Ollama("ollama.generate"), fixtures.ollama_generate_stream, id="ollama.generate"),
]
UNREADABLE = {
    "mistral.chat": ["image", "image", "image", "image", "remote", "file", "file", "audio", "remote"],
    "cohere.chat": ["image", "image"],
    "cohere.embed": ["image", "image", "image"],
    "ollama.chat": ["image"],
    "ollama.generate": ["tokens", "image"],
}


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize(("codec", "make"), REQUESTS)
def test_every_marker_is_a_segment_and_is_replaced(codec: Codec, make: Any, ascii_only: bool) -> None:
    body, count = make()
    raw = json.dumps(body, ensure_ascii=ascii_only, indent=1).encode()
    request = codec.parse_request(raw)
    found = [marker for s in request.segments for marker in positions.MARKER.findall(s.text)]
    assert sorted(found, key=lambda m: int(m[1:-1])) == [f"⟦{i}⟧" for i in range(count)]
    assert request.encode({}) == raw
    texts = {i: positions.MARKER.sub("[X]", s.text) for i, s in enumerate(request.segments)}
    expected = positions.MARKER.sub("[X]", json.dumps(body, ensure_ascii=False))
    assert json.loads(request.encode(texts)) == json.loads(expected)
    assert not [s for s in request.segments if positions.KEEP in s.text]
    assert not [s.path for s in request.segments if positions.MARKER.search(s.path)]
    assert len({s.path for s in request.segments}) == len(request.segments)
    kinds = [part.kind.value for part in request.unreadable]
    assert kinds == UNREADABLE.get(codec.name.replace("agents", "chat"), [])
    assert request.model == body["model"]


def test_a_stream_is_what_ollama_does_unless_told_not_to() -> None:
    for body, streams in (({}, True), ({"stream": True}, True), ({"stream": False}, False)):
        assert Ollama("ollama.chat").parse_request(json.dumps(body).encode()).stream is streams
    assert Ollama("ollama.embed").parse_request(b"{}").stream is False


def test_context_that_holds_other_things_than_ids_is_data() -> None:
    for context, kinds, texts in (
        ([1, 2], ["tokens"], []),
        ([], [], []),
        (None, [], []),
        ("Maria", [], ["Maria"]),
        ({"a": "Maria"}, [], ["Maria"]),
        (["Maria"], ["tokens"], []),
    ):
        request = Ollama("ollama.generate").parse_request(json.dumps({"context": context}).encode())
        assert ([u.kind.value for u in request.unreadable], [s.text for s in request.segments]) == (kinds, texts)


@pytest.mark.parametrize(("codec", "make"), REPLIES)
def test_replies_are_restored_in_every_place(codec: Codec, make: Any) -> None:
    restored, facts = codec.restore_reply(json.dumps(make(f"Dear {PLACEHOLDER}!"), indent=2).encode(), Restoration())
    assert json.loads(restored) == make(f"Dear {VALUE}!")
    assert (facts.input_tokens, facts.output_tokens, facts.complete) == (5, 7, True)
    assert facts.finish_reasons
    untouched = json.dumps(make("nothing here"), indent=3).encode()
    assert codec.restore_reply(untouched, Restoration())[0] == untouched


@pytest.mark.parametrize(
    ("codec", "error"),
    [
        (Mistral(), {"object": "error", "message": PLACEHOLDER, "type": "invalid_model", "code": "1500"}),
        (Mistral(), {"detail": [{"loc": ["body"], "msg": PLACEHOLDER, "type": "missing"}]}),
        (Cohere(), {"id": "1", "message": PLACEHOLDER}),
        (Ollama(), {"error": PLACEHOLDER}),
    ],
)
def test_errors_quote_the_prompt_and_pages_that_are_no_json_too(codec: Codec, error: Any) -> None:
    restored, facts = codec.restore_reply(json.dumps(error).encode(), Restoration())
    assert json.loads(restored) == json.loads(json.dumps(error).replace(PLACEHOLDER, VALUE.replace('"', '\\"')))
    assert facts.error_type
    assert not facts.complete
    assert codec.restore_reply(f"<p>{PLACEHOLDER}".encode(), Restoration())[0] == f"<p>{VALUE}".encode()
    assert codec.restore_reply(b"\xff\xfe", Restoration())[0] == b"\xff\xfe"


def run(codec: Codec, chunks: list[bytes]) -> tuple[bytes, Any]:
    stream = codec.open_stream(Restoration())
    return b"".join([stream.feed(chunk) for chunk in chunks]) + stream.close(), stream.facts


def documents(stream: bytes) -> list[Any]:
    lines = stream.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    texts = [line.removeprefix("data: ") for line in lines if line.startswith(("data: {", "{"))]
    return [json.loads(text) for text in texts]


def leaves(value: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        number = value.get("index", "")
        return [leaf for key, child in value.items() for leaf in leaves(child, f"{path}{number}.{key}")]
    if isinstance(value, list):
        return [leaf for child in value for leaf in leaves(child, path + "[]")]
    return [(path, value)] if isinstance(value, str) else []


def collected(stream: bytes) -> list[tuple[str, str]]:
    """The runs of strings by place, in order, pieces that follow one another joined; constant members left out."""
    out: list[tuple[str, str]] = []
    for document in documents(stream):
        for path, text in leaves(document):
            named = path.rpartition(".")[2] in ("id", "type", "role", "object", "model", "created_at", "name")
            if text and not named:
                if out and out[-1][0] == path:
                    out[-1] = (path, out[-1][1] + text)
                else:
                    out.append((path, text))
    return out


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize(("codec", "make"), STREAMS)
def test_streams_are_restored_whatever_the_pieces(codec: Codec, make: Any, size: int) -> None:
    for value in (PLACEHOLDER, PLACEHOLDER[:-1], f"{PLACEHOLDER} and {PLACEHOLDER[:5]}"):
        out, facts = run(codec, [make(value, size)])
        assert collected(out) == collected(make(value.replace(PLACEHOLDER, VALUE), size))
        assert facts.complete
        assert (facts.input_tokens, facts.output_tokens) == (5, 7)


@pytest.mark.parametrize(("codec", "make"), STREAMS)
def test_tails_keep_the_shape_of_their_pieces(codec: Codec, make: Any) -> None:
    """A client that knows the format finds no event in it that it could not have had from the provider."""
    shapes = {tuple(sorted(path for path, _ in leaves(one))) for one in documents(make(PLACEHOLDER[:6], 3))}
    for one in documents(run(codec, [make(PLACEHOLDER[:6], 3)])[0]):
        mine = {path for path, _ in leaves(one)}
        assert any(mine <= set(shape) for shape in shapes)


@pytest.mark.parametrize(("codec", "make"), STREAMS)
def test_a_stream_without_placeholders_leaves_byte_for_byte(codec: Codec, make: Any) -> None:
    raw = make("nobody", 3).replace(b"\n", b"\r\n")
    assert run(codec, [raw])[0] == raw


@pytest.mark.parametrize(("codec", "make"), STREAMS)
def test_cuts_do_not_show(codec: Codec, make: Any) -> None:
    raw = make(f"{PLACEHOLDER} 王秀英 😀", 9)
    expected = run(codec, [raw])[0]
    assert run(codec, [raw[i : i + 1] for i in range(len(raw))])[0] == expected
    for cut in range(0, len(raw), 3):
        assert run(codec, [raw[:cut], raw[cut:]])[0] == expected


@pytest.mark.parametrize(("codec", "make"), STREAMS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_random_cuts_do_not_show(codec: Codec, make: Any, data: st.DataObject) -> None:
    raw = make(PLACEHOLDER, data.draw(st.integers(1, 20)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=12)))
    chunks = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert run(codec, chunks)[0] == run(codec, [raw])[0]


@pytest.mark.parametrize(("codec", "make"), STREAMS)
def test_a_stream_that_breaks_off_gives_what_was_held_back(codec: Codec, make: Any) -> None:
    raw = make(PLACEHOLDER[:6], 3)
    cut = raw[: raw.rindex(b"PER") - 60]
    cut = cut[: cut.rindex(b"\n" if raw.startswith(b"{") else b"\n\n")]
    stream = codec.open_stream(Restoration())
    out = stream.feed(cut) + stream.close() + stream.error("broke off")
    assert not stream.facts.complete
    *whole, last = documents(out)
    assert [text for one in whole for _, text in leaves(one)]
    assert "broke off" in json.dumps(last)
    assert "".join(text for _, text in collected(out)).startswith("".join(text for _, text in collected(cut)))


@pytest.mark.parametrize(
    ("codec", "raw"),
    [
        (Mistral(), b'data: {"object": "error", "message": "late: %s", "type": "x"}\n\n'),
        (Cohere(), b'data: {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "late: %s"}}\n\n'),
        (Ollama(), b'{"error": "late: %s"}\n'),
    ],
)
def test_errors_in_mid_stream_are_restored(codec: Codec, raw: bytes) -> None:
    out, facts = run(codec, [raw % PLACEHOLDER.encode()])
    assert f"late: {VALUE}" in [text for _, text in leaves(documents(out)[0])]
    assert facts.error_type
    assert not facts.complete


@pytest.mark.parametrize("codec", [Mistral(), Cohere(), Ollama()])
def test_what_is_no_json_is_an_error(codec: Codec) -> None:
    raw = b"{broken\n" if isinstance(codec, Ollama) else b"data: {broken\n\n"
    with pytest.raises(WireError) as caught:
        run(codec, [raw])
    assert caught.value.code == "malformed_event"


def test_events_of_tomorrow_are_restored_whole() -> None:
    out, _ = run(Cohere(), [b'data: {"type": "hum", "text": "%s"}\n\ndata: ["%s"]\n\n' % ((PLACEHOLDER.encode(),) * 2)])
    assert PLACEHOLDER.encode() not in out
    out, _ = run(Ollama(), [b'{"hum": ["%s"], "done": true}\n' % PLACEHOLDER.encode()])
    assert json.loads(out) == {"hum": [VALUE], "done": True}


SAID = f"王 {PLACEHOLDER} likes tea. 再见 {PLACEHOLDER}."


def cited(text: str, quote: str) -> dict[str, Any]:
    at = text.index(quote)
    return {"start": at, "end": at + len(quote), "text": quote, "sources": [], "content_index": 0}


def test_citations_are_moved_to_the_restored_text() -> None:
    quotes = [f"{PLACEHOLDER} likes tea.", "再见", SAID]
    citations = [cited(SAID, quote) for quote in quotes]
    inside = cited(SAID, PLACEHOLDER[4:] + " likes")
    restored = SAID.replace(PLACEHOLDER, VALUE)
    message = {"role": "assistant", "content": [{"type": "text", "text": SAID}], "citations": [*citations, inside]}
    out, _ = Cohere().restore_reply(json.dumps({"message": message}).encode(), Restoration())
    whole = json.loads(out)["message"]["citations"]
    events: list[tuple[str, Any]] = [
        ("", {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": piece}}}})
        for piece in positions.pieces(SAID, 4)
    ]
    events.append(("", {"type": "content-end", "index": 0}))
    events += [
        ("", {"type": "citation-start", "index": 0, "delta": {"message": {"citations": one}}})
        for one in [*citations, inside]
    ]
    out, _ = run(Cohere(), [positions.sse(events)])
    streamed = [one["delta"]["message"]["citations"] for one in documents(out) if one["type"] == "citation-start"]
    for *found, dropped in (whole, streamed):
        for one, quote in zip(found, quotes, strict=True):
            assert one["text"] == quote.replace(PLACEHOLDER, VALUE) == restored[one["start"] : one["end"]]
        assert (dropped["start"], dropped["end"]) == (None, None)


@pytest.mark.parametrize("codec", [Mistral(), Cohere(), Ollama()])
def test_refusals_say_what_and_why(codec: Codec) -> None:
    refusal = codec.refusal(403, "blocked_by_policy", "Not 王's day")
    body = json.loads(refusal.body)
    assert refusal.status == 403
    assert body["code"] == "blocked_by_policy"
    assert "Not 王's day" in (body.get("message"), body.get("error"))
