"""Anthropic's Messages, count_tokens and models as they look on the wire. Pure.

Thinking blocks are signed, and a request that brings one back altered is refused, as by the provider.
Shapes from the types of the ``anthropic`` package and its API reference.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.doubles.formats import ApiError, Ids, dump, event, words_of
from tests.doubles.http1 import Reply
from tests.doubles.manner import Manner
from tests.doubles.quoting import Asked, answer, cut, tokens

MODELS = ("claude-sonnet-5", "claude-haiku-4-5")
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def error_body(status: int, message: str, request_id: str | None = None) -> dict[str, Any]:
    return {
        "type": "error",
        "error": {"type": _ERROR_TYPES.get(status, "api_error"), "message": message},
        "request_id": request_id,
    }


def error_event(message: str) -> bytes:
    """The event with which a stream of this API fails."""
    return event({"type": "error", "error": {"type": "overloaded_error", "message": message}}, "error")


def signature(thinking: str) -> str:
    """What the double signs a thinking block with."""
    return base64.b64encode(hashlib.sha512(b"double:" + thinking.encode()).digest()).decode()


def asked(body: Mapping[str, Any]) -> Asked:
    """What a Messages request asks. Raises ApiError as the provider would."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ApiError(400, "messages: at least one message is required")
    _check_thinking(messages)
    content = messages[-1].get("content")
    results = [part for part in content if part.get("type") == "tool_result"] if isinstance(content, list) else []
    choice = body.get("tool_choice") or {}
    offered = [] if choice.get("type") == "none" else body.get("tools") or []
    tools = [(tool["name"], tool.get("input_schema") or {}) for tool in offered if "name" in tool]
    if results:
        return Asked("\n".join(words_of(part.get("content")) for part in results), "tool", tools)
    return Asked(words_of(content), "user", tools)


def _check_thinking(messages: Sequence[Mapping[str, Any]]) -> None:
    for index, message in enumerate(messages):
        content = message.get("content")
        for part in content if isinstance(content, list) else []:
            if part.get("type") == "thinking" and part.get("signature") != signature(part.get("thinking", "")):
                raise ApiError(400, f"messages.{index}.content: Invalid `signature` in `thinking` block")


def messages(body: Mapping[str, Any], manner: Manner, ids: Ids) -> Reply:
    """The reply to ``POST /v1/messages``, whole or streamed."""
    if "max_tokens" not in body:
        raise ApiError(400, "max_tokens: Field required")
    ask = asked(body)
    said = answer(ask, manner.say, manner.tool_calls)
    content: list[dict[str, Any]] = []
    if (body.get("thinking") or {}).get("type") in {"enabled", "adaptive"}:
        thought = f"They wrote: {ask.text}"
        content.append({"type": "thinking", "thinking": thought, "signature": signature(thought)})
    content.append({"type": "text", "text": said.text})
    content += [
        {"type": "tool_use", "id": ids.new("toolu_"), "name": call.name, "input": call.arguments} for call in said.calls
    ]
    whole = {
        "id": ids.new("msg_"),
        "type": "message",
        "role": "assistant",
        "model": body.get("model", "claude-sonnet-5"),
        "content": content,
        "stop_reason": "tool_use" if said.calls else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": _count(body),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": tokens(said.text),
            "service_tier": "standard",
        },
    }
    if body.get("stream"):
        return Reply(200, list(stream_events(whole, manner)), "text/event-stream; charset=utf-8", stream=True)
    return Reply(200, [dump(whole, manner.ascii)])


def stream_events(whole: Mapping[str, Any], manner: Manner) -> Iterator[bytes]:
    """The events of a streamed message."""

    def emit(kind: str, **fields: Any) -> bytes:
        return event({"type": kind, **fields}, kind, manner.ascii)

    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    yield emit("message_start", message=begun)
    for index, block in enumerate(whole["content"]):
        yield emit("content_block_start", index=index, content_block=_opened(block))
        if index == 0:
            yield emit("ping")
        for delta in _deltas(block, manner):
            yield emit("content_block_delta", index=index, delta=delta)
        yield emit("content_block_stop", index=index)
    ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield emit("message_delta", delta=ended, usage={"output_tokens": whole["usage"]["output_tokens"]})
    yield emit("message_stop")


def _opened(block: Mapping[str, Any]) -> dict[str, Any]:
    if block["type"] == "thinking":
        return {"type": "thinking", "thinking": "", "signature": ""}
    if block["type"] == "text":
        return {"type": "text", "text": ""}
    return {**block, "input": {}}


def _deltas(block: Mapping[str, Any], manner: Manner) -> Iterator[dict[str, Any]]:
    if block["type"] == "thinking":
        for piece in cut(block["thinking"], manner.piece):
            yield {"type": "thinking_delta", "thinking": piece}
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif block["type"] == "text":
        for piece in cut(block["text"], manner.piece):
            yield {"type": "text_delta", "text": piece}
    else:
        yield {"type": "input_json_delta", "partial_json": ""}
        for piece in cut(json.dumps(block["input"], ensure_ascii=manner.ascii), manner.piece):
            yield {"type": "input_json_delta", "partial_json": piece}


def count_tokens(body: Mapping[str, Any]) -> Reply:
    """The reply to ``POST /v1/messages/count_tokens``."""
    asked(body)
    return Reply(200, [dump({"input_tokens": _count(body)})])


def _count(body: Mapping[str, Any]) -> int:
    read = [body.get(field) for field in ("system", "messages", "tools")]
    return tokens(json.dumps(read, ensure_ascii=False))


def models() -> Reply:
    """The reply to ``GET /v1/models`` in this dialect."""
    data = [
        {"type": "model", "id": name, "display_name": name, "created_at": "2025-09-29T00:00:00Z"} for name in MODELS
    ]
    page = {"data": data, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}
    return Reply(200, [dump(page)])
