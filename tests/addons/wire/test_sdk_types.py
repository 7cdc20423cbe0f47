"""The tables against the SDKs' types: a release with a new part, block, delta, event or field fails here, by name."""

from __future__ import annotations

import types
import typing
from typing import Any, Union, get_args, get_origin, get_type_hints

import anthropic
import anthropic.types as stable
import anthropic.types.beta as beta
import httpx2
import openai
import openai.types.chat as chat
import pytest
from anthropic.types import message_create_params
from anthropic.types.beta import message_create_params as beta_create_params
from openai.types.chat import chat_completion_chunk, completion_create_params

from addons.wire import anthropic_messages, anthropic_stream, openai_chat, openai_stream
from tests.addons.wire.doubles import Restoration


def members(union: Any) -> list[Any]:
    if get_origin(union) is typing.Annotated:
        return members(get_args(union)[0])
    if get_origin(union) in (Union, types.UnionType):
        return [member for arg in get_args(union) for member in members(arg)]
    return [union]


def kinds(union: Any) -> set[str]:
    """The values of ``type`` in a union of typed dicts or models."""
    found: set[str] = set()
    for member in members(union):
        fields = getattr(member, "model_fields", None)
        hint = fields["type"].annotation if fields else get_type_hints(member)["type"]
        found |= set(get_args(hint))
    return found


def test_openai_parts_calls_and_tools() -> None:
    assert kinds(chat.ChatCompletionContentPartParam) | {"refusal"} == set(openai_chat.PARTS)
    assert kinds(chat.ChatCompletionMessageToolCallUnionParam) == set(openai_chat.TOOL_CALLS)
    assert kinds(chat.ChatCompletionToolUnionParam) == set(openai_chat.TOOLS)


def test_openai_fields() -> None:
    hints = get_type_hints(completion_create_params.CompletionCreateParamsNonStreaming)
    assert set(hints) == set(openai_chat.REQUEST_FIELDS)
    roles = set()
    for member in members(chat.ChatCompletionMessageParam):
        assert set(get_type_hints(member)) <= set(openai_chat.MESSAGE_FIELDS)
        roles |= set(get_args(get_type_hints(member)["role"]))
    assert roles == set(openai_chat.ROLES)
    chunk = chat_completion_chunk
    assert set(chunk.ChatCompletionChunk.model_fields) - {"moderation"} == openai_stream.CHUNK_FIELDS
    assert set(chunk.Choice.model_fields) == openai_stream.CHOICE_FIELDS
    assert set(chunk.ChoiceDelta.model_fields) == {
        "audio",
        "content",
        "function_call",
        "refusal",
        "role",
        "tool_calls",
    }


def test_anthropic_blocks() -> None:
    known = set(anthropic_messages.BLOCKS)
    for union in (stable.ContentBlockParam, stable.ContentBlock, beta.BetaContentBlockParam, beta.BetaContentBlock):
        assert kinds(union) <= known


def test_anthropic_fields() -> None:
    names = set(get_type_hints(message_create_params.MessageCreateParamsNonStreaming))
    names |= set(get_type_hints(beta_create_params.MessageCreateParamsNonStreaming))
    assert names <= set(anthropic_messages.REQUEST_FIELDS) | {"output_format"}


def test_anthropic_events_and_deltas() -> None:
    deltas = kinds(stable.RawContentBlockDelta) | kinds(beta.BetaRawContentBlockDelta)
    assert deltas == set(anthropic_stream.PIECES) | anthropic_stream.VERBATIM | anthropic_stream.WHOLE
    events = kinds(stable.RawMessageStreamEvent) | kinds(beta.BetaRawMessageStreamEvent)
    assert events == {
        "message_start",
        "message_delta",
        "message_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
    }


def answer(refusal: Any) -> Any:
    headers = dict(refusal.headers)
    return httpx2.MockTransport(lambda _: httpx2.Response(refusal.status, headers=headers, content=refusal.body))


def test_openai_raises_its_own_exceptions() -> None:
    for status, kind in ((400, openai.BadRequestError), (403, openai.PermissionDeniedError)):
        refusal = openai_chat.OpenAIChat().refusal(status, "blocked_by_policy", "Not 王's day")
        client = openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=answer(refusal)))
        with pytest.raises(kind) as caught:
            client.chat.completions.create(model="m", messages=[])
        assert caught.value.code == "blocked_by_policy"
        assert "Not 王's day" in caught.value.message


def test_anthropic_raises_its_own_exceptions() -> None:
    for status, kind in ((400, anthropic.BadRequestError), (403, anthropic.PermissionDeniedError)):
        refusal = anthropic_messages.AnthropicMessages().refusal(status, "blocked_by_policy", "Not 王's day")
        client = anthropic.Anthropic(api_key="k", http_client=httpx2.Client(transport=answer(refusal)))
        with pytest.raises(kind) as refused:
            client.messages.create(model="m", max_tokens=1, messages=[])
        assert "Not 王's day" in str(refused.value)
        assert "blocked_by_policy" in str(refused.value.body)


def test_error_events_raise_in_the_sdks() -> None:
    for name, codec in (("openai", openai_chat.OpenAIChat()), ("anthropic", anthropic_messages.AnthropicMessages())):
        body = codec.open_stream(Restoration()).error("The stream broke")
        reply = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
        http = httpx2.Client(transport=httpx2.MockTransport(lambda _, reply=reply: reply))  # type: ignore[misc]
        if name == "openai":
            chunks = openai.OpenAI(api_key="k", http_client=http).chat.completions.create(
                model="m", messages=[], stream=True
            )
            with pytest.raises(openai.APIError, match="The stream broke") as caught:
                list(chunks)
            assert caught.value.code == "gateway_stream_error"
        else:
            events = anthropic.Anthropic(api_key="k", http_client=http).messages.create(
                model="m", max_tokens=1, messages=[], stream=True
            )
            with pytest.raises(anthropic.APIStatusError, match="The stream broke"):
                list(events)
