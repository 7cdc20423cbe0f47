"""The position matrix: for each endpoint, a request, a reply and a stream with a marker in every text path.

Markers count up (``⟦0⟧``, ``⟦1⟧`` ...). What must stay as it is says ``KEEP``. End-to-end tests use the fixtures with
``fill``: they put their own values where the markers are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

KEEP = "KEEPmarker"
MARKER = re.compile("⟦\\d+⟧")


def dump(value: Any) -> str:
    """JSON for a string, with its markers as they are."""
    return json.dumps(value, ensure_ascii=False)


class Marks:
    """Gives out markers."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        return f"⟦{self.count - 1}⟧"


def fill(value: Any, make: Callable[[str], str]) -> Any:
    """The fixture with ``make(marker)`` in place of each marker: in strings, member names, and JSON inside strings."""
    if isinstance(value, dict):
        return {fill(key, make): fill(child, make) for key, child in value.items()}
    if isinstance(value, list):
        return [fill(child, make) for child in value]
    if not isinstance(value, str):
        return value
    if value.startswith("{"):
        return dump(fill(json.loads(value), make))
    return MARKER.sub(lambda match: make(match[0]), value)


def openai_request() -> tuple[dict[str, Any], int]:
    """A chat completion request, and how many markers there are in it."""
    m = Marks()
    schema = {
        "type": "object",
        "title": m(),
        "description": m(),
        "properties": {
            "email": {"type": "string", "description": m(), "enum": [m()], "default": m(), "examples": [m()]},
            "list": {"type": "array", "items": {"const": m(), "$comment": m()}},
        },
        "required": ["email"],
        "$defs": {"x": {"anyOf": [{"description": m()}]}},
    }
    body = {
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": m(), "name": m()},
            {"role": "developer", "content": [{"type": "text", "text": m()}]},
            {
                "role": "user",
                "name": m(),
                "content": [
                    {"type": "text", "text": m()},
                    {"type": "text", "text": m()},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64," + KEEP, "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/" + m()}},
                    {"type": "input_audio", "input_audio": {"data": KEEP, "format": "wav"}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64," + KEEP, "filename": m()}},
                    {"type": "file", "file": {"file_id": "file-" + KEEP}},
                    {"type": "hologram", "hologram": {"caption": m(), "id": KEEP, "signature": KEEP}},
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "refusal", "refusal": m()}],
                "refusal": m(),
                "audio": {"id": "audio_" + KEEP},
                "reasoning_content": m(),
                "tool_calls": [
                    {
                        "id": "call_" + KEEP,
                        "type": "function",
                        "function": {
                            "name": KEEP,
                            "arguments": dump({"email": m(), "deep": [{"x": m()}], m(): 1, "inner": dump({"a": m()})}),
                        },
                    },
                    {"id": "call_2", "type": "custom", "custom": {"name": KEEP, "input": m()}},
                ],
                "function_call": {"name": KEEP, "arguments": dump({"q": m()})},
            },
            {"role": "tool", "tool_call_id": "call_" + KEEP, "content": dump({"found": m() + ' "q"'})},
            {"role": "function", "name": m(), "content": m()},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": KEEP, "description": m(), "parameters": schema, "strict": True},
            },
            {
                "type": "custom",
                "custom": {
                    "name": KEEP,
                    "description": m(),
                    "format": {"type": "grammar", "grammar": {"definition": m(), "syntax": "lark"}},
                },
            },
            {"type": "telepathy", "note": m()},
        ],
        "functions": [{"name": KEEP, "description": m(), "parameters": {"description": m()}}],
        "prediction": {"type": "content", "content": [{"type": "text", "text": m()}]},
        "stop": [m(), m()],
        "user": m(),
        "safety_identifier": m(),
        "prompt_cache_key": m(),
        "metadata": {"customer": m(), m(): m()},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": KEEP, "description": m(), "schema": {"title": m()}, "strict": True},
        },
        "web_search_options": {
            "search_context_size": "low",
            "user_location": {
                "type": "approximate",
                "approximate": {"city": m(), "country": m(), "region": m(), "timezone": m()},
            },
        },
        "tool_choice": {"type": "function", "function": {"name": KEEP}},
        "logit_bias": {"50256": -100},
        "seed": 1234567890,
        "a_field_of_tomorrow": {"note": m(), m(): [m()]},
        "stream": True,
    }
    return body, m.count


def openai_reply(value: str) -> dict[str, Any]:
    """A chat completion with ``value`` in every text path."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1694268190,
        "model": "gpt-4o",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "logprobs": {"content": [{"token": value}]},
                "message": {
                    "role": "assistant",
                    "content": value,
                    "refusal": value,
                    "audio": {"id": KEEP, "data": KEEP, "transcript": value},
                    "tool_calls": [
                        {
                            "id": KEEP,
                            "type": "function",
                            "function": {"name": KEEP, "arguments": dump({"q": value})},
                        },
                        {"id": KEEP, "type": "custom", "custom": {"name": KEEP, "input": value}},
                    ],
                    "function_call": {"name": KEEP, "arguments": dump([value])},
                    "annotations": [
                        {
                            "type": "url_citation",
                            "url_citation": {"title": value, "url": value, "start_index": 0, "end_index": 1},
                        }
                    ],
                },
            }
        ],
        "metadata": {"who": value},
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    }


def sse(events: list[tuple[str, Any]], end: str = "\n") -> bytes:
    """The bytes of a stream of (event name, data) pairs."""
    out = []
    for name, data in events:
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        out.append((f"event: {name}{end}" if name else "") + f"data: {text}{end}{end}")
    return "".join(out).encode()


def pieces(text: str, size: int) -> list[str]:
    """``text`` cut into pieces."""
    return [text[i : i + size] for i in range(0, len(text), size)]


def openai_stream(value: str, size: int = 3) -> bytes:
    """Two choices; content, reasoning, refusal and two tool calls in pieces."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1694268190, "model": "gpt-4o"}

    def chunk(index: int, delta: Any, finish: str | None = None) -> tuple[str, Any]:
        return "", head | {"choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}]}

    events = [chunk(i, {"role": "assistant", "content": ""}) for i in (0, 1)]
    for piece in pieces(f"Dear {value}", size):
        events += [chunk(i, {"content": piece}) for i in (0, 1)]
    events += [chunk(0, {"reasoning_content": piece}) for piece in pieces(value, size)]
    for tool in (0, 1):
        call = {"index": tool, "id": "call_" + KEEP, "type": "function", "function": {"name": KEEP, "arguments": ""}}
        events.append(chunk(0, {"tool_calls": [call]}))
        for piece in pieces(dump({"to": value}), size):
            events.append(chunk(0, {"tool_calls": [{"index": tool, "function": {"arguments": piece}}]}))
    events += [chunk(1, {}, "stop"), chunk(0, {}, "tool_calls")]
    events += [("", head | {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}}), ("", "[DONE]")]
    return sse(events)
