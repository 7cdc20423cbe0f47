"""OpenAI's Responses API as it looks on the wire: messages and function calls, whole and streamed. Pure."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.doubles.formats import CREATED, ApiError, Ids, dump, event, words_of
from tests.doubles.http1 import Reply
from tests.doubles.manner import Manner
from tests.doubles.quoting import Answer, Asked, answer, cut, tokens


def asked(body: Mapping[str, Any]) -> Asked:
    """What a Responses request asks. Raises ApiError as the provider would."""
    given = body.get("input")
    offered = [] if body.get("tool_choice") == "none" else body.get("tools") or []
    tools = [(tool["name"], tool.get("parameters") or {}) for tool in offered if tool.get("type") == "function"]
    as_json = ((body.get("text") or {}).get("format") or {}).get("type", "text") != "text"
    if isinstance(given, str):
        return Asked(given, "user", tools, as_json)
    if not isinstance(given, list) or not given:
        raise ApiError(400, "Missing required parameter: 'input'.")
    last = given[-1]
    if last.get("type") == "function_call_output":
        return Asked(words_of(last.get("output")), "tool", tools, as_json)
    return Asked(words_of(last.get("content")), "user", tools, as_json)


def responses(body: Mapping[str, Any], manner: Manner, ids: Ids) -> tuple[Reply, dict[str, Any]]:
    """The reply to ``POST /v1/responses`` and the finished response object, which ``GET`` by its id returns."""
    said = answer(asked(body), manner.say, manner.tool_calls)
    output = _output(said, manner, ids)
    done = {
        "id": ids.new("resp_"),
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": body.get("model", "gpt-5.1"),
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "store": body.get("store", True),
        "temperature": 1.0,
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(body, said),
        "user": body.get("user"),
        "metadata": body.get("metadata") or {},
    }
    if body.get("stream"):
        pieces = list(_events(done, manner))
        return Reply(200, pieces, "text/event-stream; charset=utf-8", stream=True), done
    return Reply(200, [dump(done, manner.ascii)]), done


def _output(said: Answer, manner: Manner, ids: Ids) -> list[dict[str, Any]]:
    if not said.calls:
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": said.text}
        item = {"id": ids.new("msg_"), "type": "message", "status": "completed", "role": "assistant"}
        return [{**item, "content": [part]}]
    return [
        {
            "id": ids.new("fc_"),
            "type": "function_call",
            "status": "completed",
            "arguments": json.dumps(call.arguments, ensure_ascii=manner.ascii),
            "call_id": ids.new("call_"),
            "name": call.name,
        }
        for call in said.calls
    ]


def _usage(body: Mapping[str, Any], said: Answer) -> dict[str, Any]:
    came, went = tokens(json.dumps(body.get("input"), ensure_ascii=False)), tokens(said.text)
    return {
        "input_tokens": came,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": went,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": came + went,
    }


def _events(done: dict[str, Any], manner: Manner) -> Iterator[bytes]:
    numbers = itertools.count()

    def emit(kind: str, **fields: Any) -> bytes:
        data = {"type": kind, "sequence_number": next(numbers), **fields}
        return event(data, kind, manner.ascii)

    begun = {**done, "status": "in_progress", "output": [], "usage": None}
    yield emit("response.created", response=begun)
    yield emit("response.in_progress", response=begun)
    for index, item in enumerate(done["output"]):
        where = {"output_index": index, "item_id": item["id"]}
        if item["type"] == "message":
            part = item["content"][0]
            here = {**where, "content_index": 0}
            opened = {**item, "status": "in_progress", "content": []}
            yield emit("response.output_item.added", output_index=index, item=opened)
            yield emit("response.content_part.added", **here, part={**part, "text": ""})
            for piece in cut(part["text"], manner.piece):
                padding = "x" * (1 + len(piece) % 5)
                yield emit("response.output_text.delta", **here, delta=piece, logprobs=[], obfuscation=padding)
            yield emit("response.output_text.done", **here, text=part["text"], logprobs=[])
            yield emit("response.content_part.done", **here, part=part)
        else:
            opened = {**item, "status": "in_progress", "arguments": ""}
            yield emit("response.output_item.added", output_index=index, item=opened)
            for piece in cut(item["arguments"], manner.piece):
                yield emit("response.function_call_arguments.delta", **where, delta=piece)
            yield emit("response.function_call_arguments.done", **where, name=item["name"], arguments=item["arguments"])
        yield emit("response.output_item.done", output_index=index, item=item)
    yield emit("response.completed", response=done)


def error_event(message: str) -> bytes:
    """The event with which a stream of this API fails."""
    data = {"type": "error", "code": "server_error", "message": message, "param": None, "sequence_number": 9999}
    return event(data, "error")
