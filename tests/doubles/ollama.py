"""Ollama's own API as it looks on the wire. Pure. Shapes from the server's ``docs/api.md``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.doubles.formats import ApiError, dump
from tests.doubles.http1 import Reply
from tests.doubles.manner import Manner
from tests.doubles.quoting import Answer, Asked, answer, cut, tokens

NDJSON = "application/x-ndjson"
_AT = "2026-11-24T10:00:00.000000Z"


def error_body(message: str) -> dict[str, Any]:
    return {"error": message}


def chat(body: Mapping[str, Any], manner: Manner) -> Reply:
    """The reply to ``POST /api/chat``: lines unless ``stream`` is false."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ApiError(400, "messages is required")
    last = messages[-1]
    tools = [(tool["function"]["name"], tool["function"].get("parameters") or {}) for tool in body.get("tools") or []]
    asked = Asked(last.get("content") or "", "tool" if last["role"] == "tool" else "user", tools)
    said = answer(asked, manner.say, manner.tool_calls)
    calls = [{"function": {"name": call.name, "arguments": call.arguments}} for call in said.calls]

    def line(text: str, thinking: str = "", **more: Any) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, **({"thinking": thinking} if thinking else {}), **more}
        return {"model": body.get("model"), "created_at": _AT, "message": message}

    return _reply(body, said, manner, line, {"tool_calls": calls} if calls else {})


def generate(body: Mapping[str, Any], manner: Manner) -> Reply:
    """The reply to ``POST /api/generate``: lines unless ``stream`` is false."""
    said = answer(Asked(f"{body.get('prompt', '')}{body.get('suffix') or ''}", "user"), manner.say)

    def line(text: str, thinking: str = "", **more: Any) -> dict[str, Any]:
        more |= {"thinking": thinking} if thinking else {}
        return {"model": body.get("model"), "created_at": _AT, "response": text, **more}

    return _reply(body, said, manner, line, {}, context=[1, 2, 3])


def _reply(body: Mapping[str, Any], said: Answer, manner: Manner, line: Any, calls: Any, **last: Any) -> Reply:
    text = "" if calls else said.text
    thought = f"Thinking of: {said.text}" if body.get("think") else ""
    end = {
        "done": True,
        "done_reason": "stop",
        "total_duration": 10,
        "prompt_eval_count": tokens(json.dumps(body, ensure_ascii=False)),
        "eval_count": tokens(said.text),
        **last,
    }
    if body.get("stream") is False:
        return Reply(
            200, [dump({**line(text, thought, **calls), **end}, manner.ascii)], "application/json; charset=utf-8"
        )

    def lines() -> Iterator[dict[str, Any]]:
        for piece in cut(thought, manner.piece):
            yield {**line("", piece), "done": False}
        for piece in cut(text, manner.piece):
            yield {**line(piece), "done": False}
        if calls:
            yield {**line("", **calls), "done": False}
        yield {**line(""), **end}

    return Reply(200, [dump(one, manner.ascii) + b"\n" for one in lines()], NDJSON, stream=True)


def embed(body: Mapping[str, Any]) -> Reply:
    """The reply to ``POST /api/embed``."""
    given = body.get("input", "")
    texts = given if isinstance(given, list) else [given]
    vectors = [[byte / 256 for byte in hashlib.sha256(str(text).encode()).digest()[:4]] for text in texts]
    return Reply(200, [dump({"model": body.get("model"), "embeddings": vectors, "prompt_eval_count": 3})])
