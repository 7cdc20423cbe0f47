"""OpenAI's Chat Completions, legacy completions, embeddings and models as they look on the wire. Pure.

Shapes from the types of the ``openai`` package and its API reference.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.doubles.formats import CREATED, ApiError, Ids, dump, event, words_of
from tests.doubles.http1 import Reply
from tests.doubles.manner import Manner
from tests.doubles.quoting import Answer, Asked, answer, cut, tokens

MODELS = ("gpt-5.1", "gpt-4.1-mini", "text-embedding-3-small")
_ERROR_TYPES = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def error_body(status: int, message: str) -> dict[str, Any]:
    kind, code = _ERROR_TYPES.get(status, ("server_error", None))
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def asked(body: Mapping[str, Any]) -> Asked:
    """What a Chat Completions request asks. Raises ApiError as the provider would."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ApiError(400, "Invalid type for 'messages': expected a non-empty array of objects.")
    last = messages[-1]
    offered = [] if body.get("tool_choice") == "none" else body.get("tools") or []
    tools: list[tuple[str, Mapping[str, Any]]] = []
    for tool in offered:
        if tool.get("type") == "custom":
            tools.append((tool["custom"]["name"], {}))
        else:
            tools.append((tool["function"]["name"], tool["function"].get("parameters") or {}))
    kind = (body.get("response_format") or {}).get("type", "text")
    role = "tool" if last.get("role") in {"tool", "function"} else "user"
    return Asked(words_of(last.get("content")), role, tools, kind in {"json_object", "json_schema"})


def chat(body: Mapping[str, Any], manner: Manner, ids: Ids) -> Reply:
    """The reply to ``POST /v1/chat/completions``, whole or streamed."""
    said = answer(asked(body), manner.say, manner.tool_calls)
    base = {
        "id": ids.new("chatcmpl-"),
        "created": CREATED,
        "model": body.get("model", "gpt-5.1"),
        "service_tier": "default",
        "system_fingerprint": "fp_double",
    }
    choices = range(int(body.get("n") or 1))
    calls = [
        [
            {
                "id": ids.new("call_"),
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=manner.ascii)},
            }
            for call in said.calls
        ]
        for _ in choices
    ]
    usage = _usage(json.dumps(body.get("messages"), ensure_ascii=False), said, len(choices))
    if body.get("stream"):
        options = body.get("stream_options") or {}
        pieces = list(_chunks(base, said, calls, bool(body.get("logprobs")), options, usage, manner))
        return Reply(200, pieces, "text/event-stream; charset=utf-8", stream=True)
    whole = {
        **base,
        "object": "chat.completion",
        "choices": [_choice(index, said, calls[index], bool(body.get("logprobs")), manner) for index in choices],
        "usage": usage,
    }
    return Reply(200, [dump(whole, manner.ascii)])


def _choice(index: int, said: Answer, calls: Sequence[Any], logprobs: bool, manner: Manner) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if calls else said.text,
        "refusal": None,
        "annotations": [],
    }
    if calls:
        message["tool_calls"] = calls
    return {
        "index": index,
        "message": message,
        "logprobs": _logprobs(cut(said.text, manner.piece)) if logprobs and not calls else None,
        "finish_reason": "tool_calls" if calls else "stop",
    }


def _logprobs(pieces: Sequence[str]) -> dict[str, Any]:
    def one(piece: str) -> dict[str, Any]:
        return {"token": piece, "logprob": -0.25, "bytes": list(piece.encode())}

    return {"content": [{**one(piece), "top_logprobs": [one(piece)]} for piece in pieces], "refusal": None}


def _chunks(
    base: Mapping[str, Any],
    said: Answer,
    calls: Sequence[Sequence[Mapping[str, Any]]],
    logprobs: bool,
    options: Mapping[str, Any],
    usage: Mapping[str, Any],
    manner: Manner,
) -> Iterator[bytes]:
    with_usage = bool(options.get("include_usage"))
    padding = options.get("include_obfuscation") is not False

    def chunk(index: int, delta: Mapping[str, Any], finish: str | None = None, log: Any = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": log, "finish_reason": finish}
        data = {**base, "object": "chat.completion.chunk", "choices": [choice]}
        if with_usage:
            data["usage"] = None
        if padding:
            data["obfuscation"] = "x" * (1 + len(str(delta)) % 7)
        return event(data, ascii_only=manner.ascii)

    indices = range(len(calls))
    for index in indices:
        yield chunk(index, {"role": "assistant", "content": None if calls[index] else "", "refusal": None})
    if not said.calls:
        for piece in cut(said.text, manner.piece):
            for index in indices:
                yield chunk(index, {"content": piece}, log=_logprobs([piece]) if logprobs else None)
    for at in range(len(said.calls)):
        for index in indices:
            call = calls[index][at]
            opening = {**call, "index": at, "function": {"name": call["function"]["name"], "arguments": ""}}
            yield chunk(index, {"tool_calls": [opening]})
        for piece in cut(calls[0][at]["function"]["arguments"], manner.piece):
            for index in indices:
                yield chunk(index, {"tool_calls": [{"index": at, "function": {"arguments": piece}}]})
    for index in indices:
        yield chunk(index, {}, "tool_calls" if said.calls else "stop")
    if with_usage:
        last = {**base, "object": "chat.completion.chunk", "choices": [], "usage": usage}
        yield event({**last, "obfuscation": "x"} if padding else last, ascii_only=manner.ascii)
    yield b"data: [DONE]\n\n"


def _usage(prompt: str, said: Answer, count: int) -> dict[str, Any]:
    came, went = tokens(prompt), tokens(said.text) * count
    return {
        "prompt_tokens": came,
        "completion_tokens": went,
        "total_tokens": came + went,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def completions(body: Mapping[str, Any], manner: Manner, ids: Ids) -> Reply:
    """The reply to the legacy ``POST /v1/completions`` (not streamed)."""
    prompt = body.get("prompt", "")
    texts = [str(part) for part in prompt] if isinstance(prompt, list) else [str(prompt)]
    said = [answer(Asked(text, "user"), manner.say) for text in texts]
    whole = {
        "id": ids.new("cmpl-"),
        "object": "text_completion",
        "created": CREATED,
        "model": body.get("model"),
        "choices": [
            {"index": index, "text": one.text, "logprobs": None, "finish_reason": "stop"}
            for index, one in enumerate(said)
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
    return Reply(200, [dump(whole, manner.ascii)])


def embeddings(body: Mapping[str, Any], manner: Manner) -> Reply:
    """The reply to ``POST /v1/embeddings``: eight numbers that depend on the text alone."""
    given = body.get("input", "")
    inputs = given if isinstance(given, list) else [given]
    data = []
    for index, text in enumerate(inputs):
        digest = hashlib.sha256(str(text).encode()).digest()[:8]
        numbers = [byte / 256 for byte in digest]
        packed = base64.b64encode(struct.pack("<8f", *numbers)).decode()
        vector: Any = packed if body.get("encoding_format") == "base64" else numbers
        data.append({"object": "embedding", "index": index, "embedding": vector})
    usage = {"prompt_tokens": tokens(str(given)), "total_tokens": tokens(str(given))}
    return Reply(200, [dump({"object": "list", "data": data, "model": body.get("model"), "usage": usage})])


def models() -> Reply:
    """The reply to ``GET /v1/models``."""
    data = [{"id": name, "object": "model", "created": CREATED, "owned_by": "double"} for name in MODELS]
    return Reply(200, [dump({"object": "list", "data": data})])
