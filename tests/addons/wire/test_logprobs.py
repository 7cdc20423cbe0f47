"""Tokens' probabilities and offsets in replies: they spell, and point into, the restored text, however it was cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import Message
from cohere.core.unchecked_base_model import construct_type
from cohere.v2.types import V2ChatResponse, V2ChatStreamResponse
from google.genai.types import GenerateContentResponse
from hypothesis import given, settings
from hypothesis import strategies as st
from mistralai.client.models import ChatCompletionResponse, CompletionChunk
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response

from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession
from addons.wire.anthropic_messages import AnthropicMessages
from addons.wire.cohere import Cohere
from addons.wire.gemini import Gemini
from addons.wire.mistral import Mistral
from addons.wire.openai_chat import OpenAIChat
from addons.wire.openai_responses import OpenAIResponses
from detectors.spans import Span
from tests.addons.wire.positions import sse
from tests.addons.wire.responses_client import cited

NAME, OTHER = "Maria Jansen", "王秀英"
SESSION = MaskingSession(PlaceholderKey(bytes(32), 1), Scope("tenant"))
REAL, SECOND = (SESSION.mask(who, [Span(0, len(who), "PERSON", 0.9, "test")]) for who in (NAME, OTHER))
TEXT = f"Dear {REAL} PERSON {SECOND}, see {REAL}说: PERSON_ [site] {SECOND}"
WANTED = TEXT.replace(REAL, NAME).replace(SECOND, OTHER)
CHAT = OpenAIChat()


def entry(token: str) -> dict[str, Any]:
    top = [{"token": "other", "logprob": -2.0, "bytes": None}]
    return {"token": token, "logprob": -0.5, "bytes": list(token.encode()), "top_logprobs": top}


def tokens(text: str, sizes: list[int]) -> list[str]:
    out = []
    while text:
        size = sizes[len(out) % len(sizes)]
        out.append(text[:size])
        text = text[size:]
    return out


def reply_of(text: str, entries: Any) -> dict[str, Any]:
    at = text.index("[site]")
    annotation = {"type": "url_citation", "url_citation": {"title": "t", "url": "u"}}
    annotation["url_citation"] |= {"start_index": at, "end_index": at + 6}
    message = {"role": "assistant", "content": text, "refusal": None, "annotations": [annotation]}
    logprobs = {"content": entries, "refusal": None}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": logprobs, "message": message}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


def stream_of(pieces: list[list[str]], *, logprobs: bool = True) -> bytes:
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks: list[dict[str, Any]] = []
    for piece in pieces:
        told = {"content": [entry(token) for token in piece], "refusal": None} if logprobs else None
        chunks.append({"index": 0, "delta": {"content": "".join(piece)}, "logprobs": told, "finish_reason": None})
    at = TEXT.index("[site]")
    note = {"type": "url_citation", "url_citation": {"title": "t", "url": "u", "start_index": at, "end_index": at + 6}}
    chunks.append({"index": 0, "delta": {"annotations": [note]}, "logprobs": None, "finish_reason": None})
    chunks.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"})
    return sse([*[("", head | {"choices": [chunk]}) for chunk in chunks], ("", "[DONE]")])


def restored(raw: bytes, cuts: list[int] | None = None, codec: Any = CHAT) -> bytes:
    stream = codec.open_stream(SESSION.restoration())
    chunks = [raw[a:b] for a, b in zip([0, *(cuts or [])], [*(cuts or []), len(raw)], strict=True)]
    return b"".join([stream.feed(chunk) for chunk in chunks]) + stream.close()


def choices(data: bytes) -> list[dict[str, Any]]:
    lines = [line[6:] for line in data.decode().split("\n") if line.startswith("data: {")]
    return [choice for line in lines for choice in json.loads(line)["choices"]]


@pytest.mark.parametrize("sizes", [[1], [3], [4, 2, 7], [200]])
def test_tokens_of_a_whole_reply_spell_the_restored_text(sizes: list[int]) -> None:
    entries = [entry(token) for token in tokens(TEXT, sizes)]
    body, facts = CHAT.restore_reply(json.dumps(reply_of(TEXT, entries)).encode(), SESSION.restoration())
    (choice,) = ChatCompletion.model_validate_json(body).choices
    assert choice.message.content == WANTED
    assert choice.logprobs is not None and choice.logprobs.content is not None
    told = choice.logprobs.content
    assert "".join(one.token for one in told) == WANTED
    assert b"".join(bytes(one.bytes or []) for one in told).decode() == WANTED
    assert sum(one.logprob for one in told) == pytest.approx(-0.5 * len(entries))
    (annotation,) = choice.message.annotations or []
    at = annotation.url_citation
    assert WANTED[at.start_index : at.end_index] == "[site]"
    assert facts.dropped == 0


def test_a_placeholder_becomes_one_token_without_alternatives() -> None:
    spelled = ["Dear", " ", REAL[:3], REAL[3:8], REAL[8:], ",", " hello"]
    entries = [entry(token) for token in spelled]
    text = "".join(spelled) + "[site]"
    entries.append(entry("[site]"))
    body, _ = CHAT.restore_reply(json.dumps(reply_of(text, entries)).encode(), SESSION.restoration())
    told = json.loads(body)["choices"][0]["logprobs"]["content"]
    assert [one["token"] for one in told] == ["Dear", " ", NAME, ",", " hello", "[site]"]
    assert told[2] == {"token": NAME, "logprob": -1.5, "bytes": list(NAME.encode()), "top_logprobs": []}
    assert told[:2] + told[3:] == entries[:2] + entries[5:]


def test_what_does_not_spell_the_text_is_dropped_and_counted() -> None:
    body, facts = CHAT.restore_reply(json.dumps(reply_of(TEXT, [entry("x")])).encode(), SESSION.restoration())
    assert json.loads(body)["choices"][0]["logprobs"] == {"content": None, "refusal": None}
    assert facts.dropped == 1


def test_tokens_that_share_a_character_are_told_by_their_bytes() -> None:
    raw = "王".encode()
    halves = [entry("x") | {"bytes": list(part)} for part in (raw[:1], raw[1:])]
    text = f"王{REAL}[site]"
    entries = [*halves, entry(REAL), entry("[site]")]
    body, _ = CHAT.restore_reply(json.dumps(reply_of(text, entries)).encode(), SESSION.restoration())
    told = json.loads(body)["choices"][0]["logprobs"]["content"]
    assert told[:2] == halves
    assert b"".join(bytes(one["bytes"]) for one in told).decode() == f"王{NAME}[site]"


@pytest.mark.parametrize("codec", [CHAT, Mistral()])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_streamed_tokens_keep_in_step_with_their_text(codec: Any, data: st.DataObject) -> None:
    spelled = tokens(TEXT, data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5)))
    size = data.draw(st.integers(1, 4))
    raw = stream_of([spelled[i : i + size] for i in range(0, len(spelled), size)])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    out = restored(raw, cuts, codec)
    assert out == restored(raw, None, codec)
    said = ""
    for choice in choices(out):
        text = choice["delta"].get("content", "")
        said += text
        entries = (choice["logprobs"] or {"content": []})["content"]
        assert "".join(one["token"] for one in entries) == text
    assert said == WANTED
    (at,) = [c["delta"]["annotations"][0]["url_citation"] for c in choices(out) if c["delta"].get("annotations")]
    assert WANTED[at["start_index"] : at["end_index"]] == "[site]"


def test_the_sdk_reads_such_a_stream() -> None:
    for line in restored(stream_of([[one] for one in tokens(TEXT, [3])])).decode().split("\n"):
        if line.startswith("data: {"):
            assert ChatCompletionChunk.model_validate_json(line[6:]).choices
            assert CompletionChunk.model_validate_json(line[6:]).choices


def test_mistrals_sdk_reads_a_restored_reply() -> None:
    reply = reply_of(TEXT, [entry(token) for token in tokens(TEXT, [3])])
    reply |= {"usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
    body, _ = Mistral().restore_reply(json.dumps(reply).encode(), SESSION.restoration())
    (choice,) = ChatCompletionResponse.model_validate_json(body).choices
    assert choice.message is not None
    assert choice.message.content == WANTED
    assert "".join(one["token"] for one in json.loads(body)["choices"][0]["logprobs"]["content"]) == WANTED


def test_openais_sdk_reads_a_restored_response() -> None:
    part = cited(TEXT, "Dear", "[site]")
    part["logprobs"] = [entry(token) for token in tokens(TEXT, [3])]
    for top in (one for token in part["logprobs"] for one in token["top_logprobs"]):
        top["bytes"] = []
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    reply = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": [item], "tools": []}
    reply |= {"parallel_tool_calls": True, "tool_choice": "auto", "status": "completed"}
    body, facts = OpenAIResponses().restore_reply(json.dumps(reply).encode(), SESSION.restoration())
    told = Response.model_validate_json(body).output[0].content[0]  # type: ignore[union-attr]
    assert (told.text, "".join(one.token for one in told.logprobs)) == (WANTED, WANTED)  # type: ignore[union-attr]
    bounds = [
        (one["start_index"], one["end_index"]) for one in json.loads(body)["output"][0]["content"][0]["annotations"][:2]
    ]
    assert [WANTED[start:end] for start, end in bounds] == ["Dear", "[site]"]
    assert facts.dropped == 0


def test_a_stream_without_placeholders_leaves_byte_for_byte() -> None:
    raw = stream_of([["nobody"], [" at"], [" all"]])
    assert restored(raw) == raw


DOCUMENT = f"王 {NAME} 😀 lives here. {OTHER} does not."
SPANS = [Span(DOCUMENT.index(who), DOCUMENT.index(who) + len(who), "PERSON", 0.9, "t") for who in (NAME, OTHER)]


@pytest.mark.parametrize("utf_16", [False, True])
def test_citations_of_a_document_point_into_the_callers_own(utf_16: bool) -> None:
    session = MaskingSession(PlaceholderKey(bytes(32), 1), Scope("tenant"))
    session.mask("a text before it, which is longer than the document and holds nothing of it at all")
    masked = session.mask(DOCUMENT, SPANS)
    quote = masked[masked.index("lives") :]
    at = masked.index(quote)
    if utf_16:
        at += 1
    end = at + len(quote)
    citation = {"type": "char_location", "cited_text": quote, "document_index": 0, "document_title": None}
    citation |= {"start_char_index": at, "end_char_index": end}
    block = {"type": "text", "text": "Yes.", "citations": [citation]}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "x", "content": [block]}
    message |= {"stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    body, facts = AnthropicMessages().restore_reply(json.dumps(message).encode(), session.restoration())
    (cited,) = Message.model_validate_json(body).content[0].citations or []
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": citation}}
    stream = AnthropicMessages().open_stream(session.restoration())
    out = stream.feed(sse([("content_block_delta", delta)])) + stream.close()
    assert json.loads(out.split(b"data: ")[1])["delta"]["citation"] == cited.model_dump(exclude={"file_id"})
    start, stop = cited.start_char_index, cited.end_char_index
    own = DOCUMENT.encode("utf-16-le")[2 * start : 2 * stop].decode("utf-16-le") if utf_16 else DOCUMENT[start:stop]
    assert own == cited.cited_text == DOCUMENT[DOCUMENT.index("lives") :]
    assert facts.dropped == 0


def test_a_citation_of_what_nobody_sent_loses_its_place() -> None:
    citation = {"type": "char_location", "cited_text": REAL, "start_char_index": 3, "end_char_index": 9}
    message = {"type": "message", "content": [{"type": "text", "text": "x", "citations": [citation]}]}
    body, facts = AnthropicMessages().restore_reply(json.dumps(message).encode(), SESSION.restoration())
    told = json.loads(body)["content"][0]["citations"][0]
    assert (told["cited_text"], told["start_char_index"], told["end_char_index"]) == (NAME, None, None)
    assert facts.dropped == 1


# -- Cohere and Gemini -------------------------------------------------------------------------------------------------

COHERE, GEMINI = Cohere(), Gemini("gemini.generate_content")


def cohere_item(token: str) -> dict[str, Any]:
    return {"text": token, "token_ids": [1, 2], "logprobs": [-0.25, -0.25]}


def gemini_result(spelled: list[str]) -> dict[str, Any]:
    chosen = [{"token": token, "tokenId": 7, "logProbability": -0.5} for token in spelled]
    return {"chosenCandidates": chosen, "topCandidates": [{"candidates": [one]} for one in chosen]}


@pytest.mark.parametrize("sizes", [[1], [3], [4, 2, 7], [200]])
def test_pieces_of_a_whole_cohere_reply(sizes: list[int]) -> None:
    spelled = tokens(TEXT, sizes)
    message = {"role": "assistant", "content": [{"type": "text", "text": TEXT}]}
    reply = {"id": "1", "finish_reason": "COMPLETE", "message": message, "logprobs": list(map(cohere_item, spelled))}
    body, facts = COHERE.restore_reply(json.dumps(reply).encode(), SESSION.restoration())
    told = construct_type(type_=V2ChatResponse, object_=json.loads(body))
    assert told.message.content[0].text == WANTED
    assert "".join(item.text for item in told.logprobs) == WANTED
    assert sum(len(item.token_ids) for item in told.logprobs) == 2 * len(spelled)
    assert sum(sum(item.logprobs) for item in told.logprobs) == pytest.approx(-0.5 * len(spelled))
    assert facts.dropped == 0
    body, facts = COHERE.restore_reply(
        json.dumps(reply | {"logprobs": [{"token_ids": []}]}).encode(), SESSION.restoration()
    )
    assert (json.loads(body)["logprobs"], facts.dropped) == (None, 1)


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_cohere_streams_pieces_keep_in_step(data: st.DataObject) -> None:
    events: list[tuple[str, Any]] = []
    for token in tokens(TEXT, data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))):
        delta = {"message": {"content": {"text": token}}}
        events.append(("", {"type": "content-delta", "index": 0, "delta": delta, "logprobs": cohere_item(token)}))
    count = len(events)
    events += [("", {"type": "content-end", "index": 0}), ("", {"type": "message-end", "delta": {}})]
    raw = sse(events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    out = restored(raw, cuts, COHERE)
    assert out == restored(raw, None, COHERE)
    said, ids = "", 0
    for line in out.decode().split("\n"):
        event = (
            construct_type(type_=V2ChatStreamResponse, object_=json.loads(line[6:])) if line[:6] == "data: " else None
        )
        if event is not None and event.type == "content-delta":
            text = event.delta.message.content.text
            assert (event.logprobs.text if event.logprobs else "") == text
            said, ids = said + text, ids + (len(event.logprobs.token_ids) if event.logprobs else 0)
    assert (said, ids) == (WANTED, 2 * count)


def test_cohere_items_and_citations_that_cannot_follow_are_counted() -> None:
    delta = {"message": {"content": {"text": f"To {REAL}."}}}
    cite = {"start": 0, "end": 5, "text": "To ", "sources": []}
    events: list[tuple[str, Any]] = [
        ("", {"type": "content-delta", "index": 0, "delta": delta, "logprobs": cohere_item("x")}),
        ("", {"type": "content-end", "index": 0}),
        ("", {"type": "citation-start", "index": 0, "delta": {"message": {"citations": cite}}}),
    ]
    stream = COHERE.open_stream(SESSION.restoration())
    out = stream.feed(sse(events)) + stream.close()
    assert b'"logprobs": null' in out
    assert b'"start": null, "end": null' in out
    assert stream.facts.dropped == 2
    message = {"content": [{"type": "text", "text": f"To {REAL}."}], "citations": [cite]}
    _, facts = COHERE.restore_reply(json.dumps({"message": message}).encode(), SESSION.restoration())
    assert facts.dropped == 1


@pytest.mark.parametrize("sizes", [[1], [3], [4, 2, 7], [200]])
def test_tokens_of_a_whole_gemini_reply(sizes: list[int]) -> None:
    spelled = tokens(TEXT, sizes)
    parts = [{"text": f"About {REAL}", "thought": True}, {"text": TEXT}]
    candidate = {"content": {"parts": parts}, "finishReason": "STOP", "logprobsResult": gemini_result(spelled)}
    body, facts = GEMINI.restore_reply(json.dumps({"candidates": [candidate]}).encode(), SESSION.restoration())
    told = GenerateContentResponse.model_validate_json(body).candidates[0]  # type: ignore[index]
    assert told.logprobs_result is not None
    chosen, top = told.logprobs_result.chosen_candidates or [], told.logprobs_result.top_candidates or []
    assert "".join(one.token or "" for one in chosen) == WANTED
    assert sum(one.log_probability or 0 for one in chosen) == pytest.approx(-0.5 * len(spelled))
    assert [bool(one.candidates) for one in top] == [one.token in spelled for one in chosen]
    assert facts.dropped == 0
    candidate["logprobsResult"] = gemini_result(["x"])
    body, facts = GEMINI.restore_reply(json.dumps({"candidates": [candidate]}).encode(), SESSION.restoration())
    assert (json.loads(body)["candidates"][0]["logprobsResult"], facts.dropped) == (None, 1)


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_gemini_streams_tokens_keep_in_step(data: st.DataObject) -> None:
    spelled = tokens(TEXT, data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5)))
    size, chunks = data.draw(st.integers(1, 4)), []
    grounded = data.draw(st.booleans())
    for at in range(0, len(spelled), size):
        piece = spelled[at : at + size]
        half = "".join(piece[:1])
        texts = [text for text in (half, "".join(piece[1:])) if text]
        candidate: dict[str, Any] = {"content": {"parts": [{"text": text} for text in texts]}, "index": 0}
        candidate |= {"logprobsResult": gemini_result(piece)} | ({"finishMessage": REAL} if grounded else {})
        chunks.append({"candidates": [candidate]})
    chunks.append({"candidates": [{"content": {"parts": [{"text": ""}]}, "index": 0, "finishReason": "STOP"}]})
    raw = sse([("", chunk) for chunk in chunks])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    stream = GEMINI.open_stream(SESSION.restoration())
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    out = b"".join([stream.feed(one) for one in pieces]) + stream.close()
    assert out == restored(raw, None, GEMINI)
    said, total = "", 0.0
    for line in out.decode().split("\n"):
        if line.startswith("data: "):
            (told,) = GenerateContentResponse.model_validate_json(line[6:]).candidates or []
            text = "".join(part.text or "" for part in (told.content.parts or []))  # type: ignore[union-attr]
            chosen = (told.logprobs_result.chosen_candidates or []) if told.logprobs_result else []
            assert "".join(one.token or "" for one in chosen) == text
            said, total = said + text, total + sum(one.log_probability or 0 for one in chosen)
    assert (said, stream.facts.dropped) == (WANTED, 0)
    assert total == pytest.approx(-0.5 * len(spelled))


def test_gemini_tokens_and_segments_that_cannot_follow_are_counted() -> None:
    segment = {"startIndex": 0, "endIndex": 5, "text": "other"}
    candidate = {"content": {"parts": [{"text": f"To {REAL}."}]}, "index": 0, "logprobsResult": gemini_result(["x"])}
    candidate |= {"finishReason": "STOP", "groundingMetadata": {"groundingSupports": [{"segment": segment}]}}
    stream = GEMINI.open_stream(SESSION.restoration())
    out = stream.feed(sse([("", {"candidates": [candidate]})])) + stream.close()
    assert b'"logprobsResult": null' in out
    assert stream.facts.dropped == 2
    _, facts = GEMINI.restore_reply(json.dumps({"candidates": [candidate]}).encode(), SESSION.restoration())
    assert facts.dropped == 2
