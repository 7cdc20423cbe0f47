"""OpenAI's other text endpoints: every text path found, replaced and restored; tables pinned to the SDK's types."""

from __future__ import annotations

import json
import random
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import (
    Completion,
    CompletionChoice,
    Image,
    VectorStoreSearchResponse,
    completion_create_params,
    embedding_create_params,
    image_generate_params,
    moderation_create_params,
    vector_store_search_params,
)
from openai.types.audio import speech_create_params

from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession
from addons.wire import openai_completions_stream, openai_text
from addons.wire.openai_forms import TRANSCRIPTIONS
from addons.wire.openai_text import (
    COMPLETIONS,
    EMBEDDINGS,
    IMAGES,
    MODERATIONS,
    SPEECH,
    VECTOR_SEARCH,
    OpenAIText,
)
from detectors.spans import Span
from tests.addons.wire.doubles import VALUES, Restoration
from tests.addons.wire.positions import KEEP, MARKER, Marks, pieces, sse
from tests.addons.wire.test_odd_shapes import mutated

PLACEHOLDER, VALUE = next(iter(VALUES.items()))
NAME = '王"秀"英'
SESSION = MaskingSession(PlaceholderKey(bytes(32), 1), Scope("tenant"))
REAL = SESSION.mask(NAME, [Span(0, len(NAME), "PERSON", 0.9, "test")])


def requests(m: Marks) -> dict[str, tuple[OpenAIText, dict[str, Any]]]:
    """One request for each endpoint, a marker in every text path."""
    tomorrow = {"a_field_of_tomorrow": {"note": m(), m(): m()}}
    return {
        "prompt": (
            COMPLETIONS,
            {
                "model": KEEP,
                "prompt": m(),
                "suffix": m(),
                "stop": [m()],
                "user": m(),
                "logit_bias": {"50256": -100},
                "max_tokens": 1000000,
                **tomorrow,
            },
        ),
        "prompts": (COMPLETIONS, {"model": KEEP, "prompt": [m(), m()]}),
        "embeddings": (EMBEDDINGS, {"model": KEEP, "input": [m(), m()], "user": m(), "encoding_format": "float"}),
        "moderations": (
            MODERATIONS,
            {
                "input": [
                    {"type": "text", "text": m()},
                    {"type": "image_url", "image_url": {"url": "https://example.com/" + m()}},
                ]
            },
        ),
        "strings": (MODERATIONS, {"model": KEEP, "input": [m(), m()]}),
        "images": (IMAGES, {"model": KEEP, "prompt": m(), "user": m(), "safety_identifier": m(), "size": "1024x1024"}),
        "speech": (SPEECH, {"model": KEEP, "input": m(), "instructions": m(), "voice": {"id": KEEP}}),
        "search": (
            VECTOR_SEARCH,
            {"query": [m(), m()], "filters": {"type": "eq", "key": "author", "value": m()}, "rewrite_query": True},
        ),
    }


@pytest.mark.parametrize("name", requests(Marks()))
def test_every_marker_is_a_segment_and_is_replaced(name: str) -> None:
    codec, body = requests(Marks())[name]
    raw = json.dumps(body, ensure_ascii=False, indent=1).encode()
    request = codec.parse_request(raw)
    found = [marker for s in request.segments for marker in MARKER.findall(s.text)]
    assert sorted(found) == sorted(MARKER.findall(raw.decode()))
    assert found
    assert request.encode({}) == raw
    texts = {i: MARKER.sub("[X]", s.text) for i, s in enumerate(request.segments)}
    assert json.loads(request.encode(texts)) == json.loads(MARKER.sub("[X]", raw.decode()))
    assert not [s for s in request.segments if KEEP in s.text]


@pytest.mark.parametrize("value", [[1, 2, 3], [[1, 2], [3]], ["text", 5], ["text", [1]]])
@pytest.mark.parametrize(("codec", "member"), [(COMPLETIONS, "prompt"), (COMPLETIONS, "suffix"), (EMBEDDINGS, "input")])
def test_token_ids_cannot_be_read(codec: OpenAIText, member: str, value: Any) -> None:
    request = codec.parse_request(json.dumps({"model": "m", member: value}).encode())
    assert [(u.path, u.kind.value) for u in request.unreadable] == [(f"$.{member}", "tokens")]
    assert ["text" in s.text for s in request.segments] == [True] * ("text" in value)


def test_text_is_no_tokens() -> None:
    for value in ("text", ["a", "b"], []):
        assert COMPLETIONS.parse_request(json.dumps({"prompt": value}).encode()).unreadable == ()


def replies(value: str) -> dict[str, tuple[OpenAIText, dict[str, Any]]]:
    """One reply of each endpoint, ``value`` in every text path."""
    usage = {"prompt_tokens": 5, "completion_tokens": 7}
    choice = {"index": 0, "text": f"Dear {value}", "logprobs": None, "finish_reason": "stop"}
    found = {
        "file_id": KEEP,
        "filename": value,
        "score": 0.5,
        "attributes": {"author": value},
        "content": [{"type": "text", "text": value}],
    }
    return {
        "completions": (COMPLETIONS, {"id": KEEP, "model": "m", "choices": [choice], "usage": usage, "note": value}),
        "embeddings": (EMBEDDINGS, {"object": "list", "data": [{"index": 0, "embedding": [0.5]}], "model": value}),
        "moderations": (MODERATIONS, {"id": KEEP, "results": [{"flagged": False, "categories": {"x": False}}]}),
        "images": (IMAGES, {"created": 1, "data": [{"b64_json": KEEP, "revised_prompt": value, "url": value}]}),
        "transcription": (
            TRANSCRIPTIONS,
            {"text": value, "segments": [{"id": 1, "text": value}], "words": [{"word": value}]},
        ),
        "search": (VECTOR_SEARCH, {"object": KEEP, "search_query": value, "data": [found], "has_more": False}),
    }


@pytest.mark.parametrize("name", replies(""))
def test_replies_are_restored(name: str) -> None:
    codec, body = replies(f"to {PLACEHOLDER}.")[name]
    restored, facts = codec.restore_reply(json.dumps(body).encode(), Restoration())
    assert json.loads(restored) == replies(f"to {VALUE}.")[name][1]
    assert facts.complete
    if name == "completions":
        assert (facts.input_tokens, facts.output_tokens, facts.finish_reasons) == (5, 7, ["stop"])
    error = {"error": {"type": "invalid_request_error", "message": PLACEHOLDER}}
    restored, facts = codec.restore_reply(json.dumps(error).encode(), Restoration())
    assert json.loads(restored)["error"]["message"] == VALUE
    assert (facts.error_type, facts.complete) == ("invalid_request_error", False)
    assert codec.restore_reply(PLACEHOLDER.encode(), Restoration())[0] == VALUE.encode()


LOGPROBS = {"tokens": ["x"], "token_logprobs": [-0.1], "top_logprobs": [{"x": -0.1}], "text_offset": [0]}


def test_probabilities_go_with_the_text_that_they_spell() -> None:
    choices = [{"index": i, "text": text, "logprobs": LOGPROBS} for i, text in enumerate((PLACEHOLDER, "x"))]
    restored = json.loads(COMPLETIONS.restore_reply(json.dumps({"choices": choices}).encode(), Restoration())[0])
    assert [choice["logprobs"] for choice in restored["choices"]] == [None, LOGPROBS]


# -- streams -----------------------------------------------------------------------------------------------------------


def stream_of(value: str, size: int, *, logprobs: Any = None) -> bytes:
    """Two choices in pieces, as the legacy endpoint sends them."""
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1764000000, "model": "m"}

    def chunk(index: int, text: str, finish: str | None = None) -> tuple[str, Any]:
        choice = {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish}
        return "", head | {"choices": [choice]}

    events = [chunk(i, piece) for piece in pieces(f"Dear {value}", size) for i in (0, 1)]
    events += [chunk(1, "", "stop"), chunk(0, value[-2:], "length")]
    events += [("", head | {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}}), ("", "[DONE]")]
    return sse(events)


def said(data: bytes) -> dict[int, str]:
    texts: dict[int, str] = {}
    for line in data.decode().split("\n"):
        if line.startswith("data: {"):
            for choice in json.loads(line[6:]).get("choices", ()):
                texts[choice["index"]] = texts.get(choice["index"], "") + choice["text"]
    return texts


def run(chunks: list[bytes], restoration: Any = None) -> tuple[bytes, Any]:
    stream = COMPLETIONS.open_stream(restoration or Restoration())
    return b"".join([stream.feed(chunk) for chunk in chunks]) + stream.close(), stream.facts


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("given", [PLACEHOLDER, PLACEHOLDER[:-1], f"{PLACEHOLDER} and {PLACEHOLDER[:5]}"])
def test_streams_are_restored_whatever_the_pieces(given: str, size: int) -> None:
    raw = stream_of(given, size)
    out, facts = run([raw])
    assert said(out) == {i: text.replace(PLACEHOLDER, VALUE) for i, text in said(raw).items()}
    assert len(out.split(b"\n\n")) == len(raw.split(b"\n\n"))
    assert (facts.complete, facts.output_tokens, facts.finish_reasons) == (True, 7, ["stop", "length"])


def test_a_stream_without_placeholders_leaves_byte_for_byte() -> None:
    raw = stream_of("nobody", 3, logprobs=LOGPROBS).replace(b"\n", b"\r\n")
    assert run([raw])[0] == raw


def test_a_piece_that_changed_loses_its_probabilities() -> None:
    out = run([stream_of(PLACEHOLDER, 4, logprobs=LOGPROBS)])[0]
    chunks = [json.loads(line[6:]) for line in out.decode().split("\n") if line.startswith("data: {")]
    kept = [(choice["text"], choice["logprobs"]) for chunk in chunks for choice in chunk["choices"]]
    assert kept[0] == ("Dear", LOGPROBS)
    assert (VALUE in "".join(text for text, _ in kept), [text for text, log in kept if log and VALUE in text]) == (
        True,
        [],
    )


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_cuts_do_not_show(data: st.DataObject) -> None:
    raw = stream_of(f"{REAL} 王", data.draw(st.integers(1, 20)), logprobs=data.draw(st.sampled_from([None, LOGPROBS])))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=12)))
    chunks = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert run(chunks, SESSION.restoration())[0] == run([raw], SESSION.restoration())[0]


def test_ends_of_other_kinds() -> None:
    raw = stream_of(PLACEHOLDER[:6], 3)
    cut = raw[: raw.index(b'"finish_reason": "stop"')]
    cut = cut[: cut.rindex(b"\n\n") + 2]
    out, facts = run([cut])
    assert said(out) == said(cut)
    assert not facts.complete
    out, facts = run([raw.replace(b"data: [DONE]\n\n", b"")])
    assert facts.complete
    error = {"error": {"type": "server_error", "message": PLACEHOLDER}}
    out, facts = run([cut, sse([("", error)])])
    assert VALUE.encode() in out.replace(b'\\"', b'"')
    assert (facts.error_type, facts.complete) == ("server_error", False)
    assert json.loads(COMPLETIONS.open_stream(Restoration()).error("broke")[6:])["error"]["message"] == "broke"


def test_members_of_another_servers_own_are_restored() -> None:
    choice = {"index": 0, "text": PLACEHOLDER, "finish_reason": "stop", "reasoning": PLACEHOLDER}
    out, _ = run([sse([("", {"choices": [choice], "notes": [PLACEHOLDER]}), ("", "[DONE]")])])
    (chunk, _) = [line[6:] for line in out.decode().split("\n") if line]
    assert json.loads(chunk) == {"choices": [choice | {"text": VALUE, "reasoning": VALUE}], "notes": [VALUE]}
    out, _ = run(
        [f'data: {{"x": NaN, "choices": [{{"text": "{PLACEHOLDER}", "finish_reason": "stop"}}]}}\n\n'.encode()]
    )
    assert PLACEHOLDER.encode() not in out


def test_transcriptions_stream_in_pieces() -> None:
    events: list[tuple[str, Any]] = [
        ("", {"type": "transcript.text.delta", "delta": piece}) for piece in pieces(f"to {PLACEHOLDER}", 4)
    ]
    events.append(("", {"type": "transcript.text.done", "text": f"to {PLACEHOLDER}", "usage": {"total_tokens": 5}}))
    stream = TRANSCRIPTIONS.open_stream(Restoration())
    out = stream.feed(sse(events)) + stream.close()
    told = [json.loads(line[6:]) for line in out.decode().split("\n") if line]
    assert "".join(event.get("delta", "") for event in told) == told[-1]["text"] == f"to {VALUE}"
    assert stream.facts.complete


@pytest.mark.parametrize("name", requests(Marks()))
def test_odd_shapes(name: str) -> None:
    codec, body = requests(Marks())[name]
    rng = random.Random(7)
    for _ in range(60):
        raw = json.dumps({key: mutated(value, rng) for key, value in body.items()}, ensure_ascii=False).encode()
        request = codec.parse_request(raw)
        assert request.encode({}) == raw
        sent = request.encode({i: MARKER.sub("[X]", s.text) for i, s in enumerate(request.segments)})
        assert not MARKER.search(sent.decode()) or request.unreadable
    for reply_codec, reply in replies(f"to {PLACEHOLDER}").values():
        restored, _ = reply_codec.restore_reply(json.dumps(mutated(reply, rng)).encode(), Restoration())
        assert PLACEHOLDER.encode() not in restored
    for _ in range(20):
        blocks = stream_of(PLACEHOLDER, 5, logprobs=LOGPROBS).decode().split("\n\n")
        raw = "\n\n".join(odd_block(block, rng) for block in blocks).encode()
        assert run([raw[i : i + 7] for i in range(0, len(raw), 7)])[0] == run([raw])[0]


def odd_block(block: str, rng: random.Random) -> str:
    head, mark, data = block.partition("data: ")
    return head + mark + (json.dumps(mutated(json.loads(data), rng)) if data and data != "[DONE]" else data)


# -- the SDK's types ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (completion_create_params.CompletionCreateParamsNonStreaming, openai_text.COMPLETION_FIELDS),
        (embedding_create_params.EmbeddingCreateParams, openai_text.EMBEDDING_FIELDS),
        (moderation_create_params.ModerationCreateParams, openai_text.MODERATION_FIELDS),
        (image_generate_params.ImageGenerateParamsNonStreaming, openai_text.IMAGE_FIELDS),
        (speech_create_params.SpeechCreateParams, openai_text.SPEECH_FIELDS),
        (vector_store_search_params.VectorStoreSearchParams, openai_text.SEARCH_FIELDS),
    ],
)
def test_request_members(kind: Any, table: Any) -> None:
    assert set(get_type_hints(kind)) == set(table)


def test_reply_members() -> None:
    assert set(Completion.model_fields) == openai_completions_stream.CHUNK_FIELDS
    assert set(CompletionChoice.model_fields) == openai_completions_stream.CHOICE_FIELDS
    assert set(Image.model_fields) == {"b64_json", "revised_prompt", "url"}
    assert set(VectorStoreSearchResponse.model_fields) == {"attributes", "content", "file_id", "filename", "score"}
