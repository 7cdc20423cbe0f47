"""The tables against the SDKs' types: a release with a new part, block, delta, event or field fails here, by name."""

from __future__ import annotations

import types
import typing
from typing import Any, Union, get_args, get_origin, get_type_hints

import anthropic.types as stable
import anthropic.types.beta as beta
import httpx2
import openai
import openai.types.chat as chat
from anthropic.types import message_create_params
from anthropic.types.beta import message_create_params as beta_create_params
from openai.types.chat import chat_completion_chunk, completion_create_params

import anthropic
from addons.wire import anthropic_messages, anthropic_stream, openai_chat, openai_stream


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
        try:
            client.chat.completions.create(model="m", messages=[])
        except openai.APIStatusError as error:
            assert type(error) is kind
            assert error.code == "blocked_by_policy"
            assert "Not 王's day" in error.message
        else:
            raise AssertionError("no exception")


def test_anthropic_raises_its_own_exceptions() -> None:
    for status, kind in ((400, anthropic.BadRequestError), (403, anthropic.PermissionDeniedError)):
        refusal = anthropic_messages.AnthropicMessages().refusal(status, "blocked_by_policy", "Not 王's day")
        client = anthropic.Anthropic(api_key="k", http_client=httpx2.Client(transport=answer(refusal)))
        try:
            client.messages.create(model="m", max_tokens=1, messages=[])
        except anthropic.APIStatusError as error:
            assert type(error) is kind
            assert "Not 王's day" in str(error)
            assert "blocked_by_policy" in str(error.body)
        else:
            raise AssertionError("no exception")
