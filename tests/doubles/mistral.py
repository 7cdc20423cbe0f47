"""Mistral's chat, fill-in-the-middle and embeddings as they look on the wire. Pure.

Shapes from the types of the ``mistralai`` package: OpenAI's, with tool calls whole in one chunk and thinking as chunks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.doubles import openai_chat
from tests.doubles.formats import CREATED, Ids, dump, event
from tests.doubles.http1 import Reply
from tests.doubles.manner import Manner
from tests.doubles.quoting import Answer, Asked, answer, cut, tokens


def error_body(status: int, message: str) -> dict[str, Any]:
    return {"object": "error", "message": message, "type": "invalid_request_error", "param": None, "code": str(status)}


def chat(body: Mapping[str, Any], manner: Manner, ids: Ids) -> Reply:
    """The reply to ``POST /v1/chat/completions``."""
    return _complete(body, answer(openai_chat.asked(body), manner.say, manner.tool_calls), manner, ids)


def fim(body: Mapping[str, Any], manner: Manner, ids: Ids) -> Reply:
    """The reply to ``POST /v1/fim/completions``."""
    text = f"{body.get('prompt', '')} … {body.get('suffix') or ''}"
    return _complete(body, answer(Asked(text, "user"), manner.say), manner, ids)


def embeddings(body: Mapping[str, Any], manner: Manner) -> Reply:
    """The reply to ``POST /v1/embeddings``."""
    whole = json.loads(openai_chat.embeddings(body, manner).pieces[0])
    return Reply(200, [dump({"id": "embd-1", **whole})])


def _complete(body: Mapping[str, Any], said: Answer, manner: Manner, ids: Ids) -> Reply:
    base = {"id": ids.new("cmpl-"), "created": CREATED, "model": body.get("model")}
    thinks = body.get("prompt_mode") == "reasoning"
    came, went = tokens(json.dumps(body, ensure_ascii=False)), tokens(said.text)
    usage = {"prompt_tokens": came, "completion_tokens": went, "total_tokens": came + went}
    calls = [
        {
            "id": ids.new("c"),
            "type": "function",
            "index": at,
            "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=manner.ascii)},
        }
        for at, call in enumerate(said.calls)
    ]
    finish = "tool_calls" if calls else "stop"
    if body.get("stream"):
        pieces = [*_chunks(base, said, calls, thinks, finish, usage, manner), b"data: [DONE]\n\n"]
        return Reply(200, pieces, "text/event-stream", stream=True)
    content: Any = "" if calls else said.text
    if thinks:
        content = [_thought(f"Thinking of: {said.text}"), {"type": "text", "text": said.text}]
    message = {"role": "assistant", "content": content, "tool_calls": calls or None}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return Reply(200, [dump({**base, "object": "chat.completion", "choices": [choice], "usage": usage}, manner.ascii)])


def _thought(text: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


def _chunks(
    base: Mapping[str, Any], said: Answer, calls: Any, thinks: bool, finish: str, usage: Any, manner: Manner
) -> Iterator[bytes]:
    def chunk(delta: Any, reason: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        data = {**base, "object": "chat.completion.chunk", "choices": [choice], **more}
        return event(data, ascii_only=manner.ascii)

    yield chunk({"role": "assistant", "content": ""})
    if thinks:
        for piece in cut(f"Thinking of: {said.text}", manner.piece):
            yield chunk({"content": [_thought(piece)]})
    if calls:
        yield chunk({"content": "", "tool_calls": calls}, finish, usage=usage)
        return
    for piece in cut(said.text, manner.piece):
        yield chunk({"content": piece})
    yield chunk({"content": ""}, finish, usage=usage)
