"""The Responses tables against the SDK's types: a new item, part, tool, event or member fails here, by name."""

from __future__ import annotations

import types
import typing
from typing import Any, Union, get_args, get_origin, get_type_hints

import httpx2
import openai
import openai.types.beta as beta
import openai.types.conversations as conversations
import openai.types.responses as sdk
import pytest
from openai.types.beta import response_create_params as beta_create_params
from openai.types.responses import input_token_count_params, response_create_params

from addons.wire import openai_responses, openai_responses_items, openai_responses_stream
from addons.wire.openai_responses_text import ENDS, STARTS
from tests.addons.wire.doubles import Restoration


def members(union: Any) -> list[Any]:
    origin = get_origin(union)
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return members(get_args(union)[0])
    if origin in (Union, types.UnionType):
        return [member for arg in get_args(union) for member in members(arg)]
    return [] if union is type(None) else [union]


def fields_of(kind: Any) -> dict[str, Any]:
    """Member -> type, by the names that go over the wire."""
    models = getattr(kind, "model_fields", None)
    if models is not None:
        return {field.alias or name: field.annotation for name, field in models.items()}
    return get_type_hints(kind)


def kinds(union: Any) -> set[str]:
    """The values of ``type`` in a union of typed dicts or models."""
    found: set[str] = set()
    for member in members(union):
        for literal in members(fields_of(member)["type"]):
            found |= set(get_args(literal))
    return found


def within(kind: Any) -> set[Any]:
    """A model or typed dict, and all that it holds at any depth."""
    found: set[Any] = set()

    def visit(one: Any) -> None:
        for member in members(one):
            if get_origin(member) is not None:
                for arg in get_args(member):
                    visit(arg)
            elif member not in found and (hasattr(member, "model_fields") or hasattr(member, "__total__")):
                found.add(member)
                for child in fields_of(member).values():
                    visit(child)

    visit(kind)
    return found


def test_items() -> None:
    known = set(openai_responses_items.ITEMS)
    told: set[str] = set()
    for union in (sdk.ResponseInputItemParam, sdk.ResponseOutputItem, sdk.ResponseItem, conversations.ConversationItem):
        told |= kinds(union)
    for union in (beta.BetaResponseInputItemParam, beta.BetaResponseOutputItem, beta.BetaResponseItem):
        told |= kinds(union)
    assert told == known


def test_parts() -> None:
    parts: set[str] = set()
    held = [within(one) for one in (sdk.ResponseInputItemParam, sdk.ResponseOutputItem, sdk.ResponseItem)]
    held += [within(one) for one in (beta.BetaResponseInputItemParam, beta.BetaResponseItem)]
    for one in set().union(*held):
        content = fields_of(one).get("content")
        for member in members(content):
            if get_origin(member) is not None and one.__name__ != "McpToolExecutionError":
                parts |= kinds(get_args(member)[0])
    parts |= kinds(sdk.ResponseInputContentParam) | {"summary_text", "computer_screenshot"}
    assert parts | {"text", "input_audio"} == set(openai_responses_items.PARTS)
    assert kinds(sdk.ResponseContentPartAddedEvent.model_fields["part"].annotation) <= parts


def test_tools() -> None:
    assert kinds(sdk.ToolParam) | kinds(sdk.Tool) | kinds(beta.BetaToolParam) == set(openai_responses_items.TOOLS)


def test_request_members() -> None:
    told = set(get_type_hints(response_create_params.ResponseCreateParamsNonStreaming))
    told |= set(get_type_hints(input_token_count_params.InputTokenCountParams))
    told |= set(get_type_hints(beta_create_params.ResponseCreateParamsNonStreaming))
    assert told == set(openai_responses.REQUEST_FIELDS)


def test_response_members() -> None:
    assert set(fields_of(sdk.Response)) | set(fields_of(beta.BetaResponse)) == set(openai_responses.RESPONSE_FIELDS)


STREAMED = kinds(sdk.ResponseStreamEvent) | kinds(beta.BetaResponseStreamEvent)


def test_events() -> None:
    """Every event: whole ones have no member that the table lacks, pieces are pieces by their name."""
    for event in [*members(sdk.ResponseStreamEvent), *members(beta.BetaResponseStreamEvent)]:
        told = fields_of(event)
        (kind,) = get_args(told["type"])
        assert set(told) <= set(openai_responses.EVENT_FIELDS), kind
        assert ("delta" in told) is kind.endswith(openai_responses_stream.DELTA), kind
        if kind.endswith(openai_responses_stream.DELTA):
            closing = kind.removesuffix(openai_responses_stream.DELTA) + openai_responses_stream.DONE
            assert closing in STREAMED
            places = {name for name in told if name.endswith(("_index", "_id"))}
            assert places <= set(openai_responses_stream.WHERE), kind


def test_the_events_are_these() -> None:
    told = {kind.removeprefix("response.") for kind in STREAMED}
    pieces = {
        "audio",
        "audio.transcript",
        "code_interpreter_call_code",
        "custom_tool_call_input",
        "function_call_arguments",
        "mcp_call_arguments",
        "output_text",
        "reasoning_summary_text",
        "reasoning_text",
        "refusal",
        "shell_call_command",
        "shell_call_output_content",
    }
    whole = {"completed", "created", "failed", "in_progress", "incomplete", "queued"}
    parts = {
        "content_part.added",
        "content_part.done",
        "output_item.added",
        "output_item.done",
        "output_text.annotation.added",
        "reasoning_summary_part.added",
        "reasoning_summary_part.done",
        "shell_call_command.added",
    }
    textless = {
        "code_interpreter_call.completed",
        "code_interpreter_call.in_progress",
        "code_interpreter_call.interpreting",
        "compaction.compacting",
        "file_search_call.completed",
        "file_search_call.in_progress",
        "file_search_call.searching",
        "image_generation_call.completed",
        "image_generation_call.generating",
        "image_generation_call.in_progress",
        "image_generation_call.partial_image",
        "mcp_call.completed",
        "mcp_call.failed",
        "mcp_call.in_progress",
        "mcp_list_tools.completed",
        "mcp_list_tools.failed",
        "mcp_list_tools.in_progress",
        "web_search_call.completed",
        "web_search_call.in_progress",
        "web_search_call.searching",
    }
    streamed = {f"{name}.{end}" for name in pieces for end in ("delta", "done")}
    assert told == streamed | whole | parts | textless | {"error"}


def test_annotations() -> None:
    offsets = set(STARTS) | set(ENDS)
    seen: set[str] = set()
    for one in within(sdk.ResponseOutputText):
        if "Annotation" in one.__name__:
            numbers = {name for name, kind in fields_of(one).items() if kind is int}
            assert numbers <= offsets, one.__name__
            seen |= numbers
    assert seen == offsets


def answer(status: int, body: bytes, kind: str) -> httpx2.Client:
    headers = {"content-type": kind}
    return httpx2.Client(
        transport=httpx2.MockTransport(lambda _: httpx2.Response(status, headers=headers, content=body))
    )


def test_refusals_and_stream_errors_raise_in_the_sdk() -> None:
    codec = openai_responses.OpenAIResponses()
    refusal = codec.refusal(400, "stored_state", "Not here")
    client = openai.OpenAI(api_key="k", http_client=answer(400, refusal.body, "application/json"), max_retries=0)
    with pytest.raises(openai.BadRequestError, match="Not here") as caught:
        client.responses.create(model="m", input="x", previous_response_id="resp_1")
    assert caught.value.code == "stored_state"
    event = codec.open_stream(Restoration()).error("The stream broke")
    client = openai.OpenAI(api_key="k", http_client=answer(200, event, "text/event-stream"), max_retries=0)
    with pytest.raises(openai.APIError, match="The stream broke") as broken:
        list(client.responses.create(model="m", input="x", stream=True))
    assert broken.value.code == "gateway_stream_error"
