"""The position matrix: for each endpoint, a request, a reply and a stream with a marker in every text path.

Markers count up (``⟦0⟧``, ``⟦1⟧`` ...). What must stay as it is says ``KEEP``. End-to-end tests use the fixtures with
``fill``: they put their own values where the markers are.
"""

from __future__ import annotations

import base64
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


def anthropic_request() -> tuple[dict[str, Any], int]:
    """A messages request, beta fields included, and how many markers there are in it."""
    m = Marks()
    b64 = base64.b64encode(f"plain {KEEP} text".encode()).decode()
    body = {
        "model": "claude-sonnet-5",
        "max_tokens": 1000000,
        "system": [
            {"type": "text", "text": m(), "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": m()},
        ],
        "messages": [
            {
                "role": "user",
                "content": [
                    {
                        "type": "text",
                        "text": m(),
                        "citations": [
                            {"type": "char_location", "cited_text": m(), "document_title": m(), "document_index": 0},
                            {
                                "type": "web_search_result_location",
                                "title": m(),
                                "url": m(),
                                "encrypted_index": KEEP,
                                "cited_text": m(),
                            },
                            {"type": "search_result_location", "source": m(), "cited_text": m()},
                        ],
                    },
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": KEEP}},
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/" + m()}},
                    {
                        "type": "document",
                        "title": m(),
                        "context": m(),
                        "source": {"type": "text", "media_type": "text/plain", "data": m()},
                    },
                    {"type": "document", "source": {"type": "base64", "media_type": "text/plain", "data": b64}},
                    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": KEEP}},
                    {"type": "document", "source": {"type": "url", "url": "https://example.com/" + m()}},
                    {"type": "document", "source": {"type": "file", "file_id": KEEP}},
                    {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": m()}]}},
                    {"type": "search_result", "source": m(), "title": m(), "content": [{"type": "text", "text": m()}]},
                    {"type": "container_upload", "file_id": KEEP},
                    {"type": "hologram", "caption": m(), "id": KEEP, "encrypted_shape": KEEP},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": KEEP, "signature": KEEP},
                    {"type": "redacted_thinking", "data": KEEP},
                    {"type": "tool_use", "id": KEEP, "name": KEEP, "input": {"to": m(), m(): [{"x": m()}]}},
                    {"type": "server_tool_use", "id": KEEP, "name": "web_search", "input": {"query": m()}},
                    {"type": "mcp_tool_use", "id": KEEP, "name": KEEP, "server_name": "s", "input": {"query": m()}},
                    {
                        "type": "web_search_tool_result",
                        "tool_use_id": KEEP,
                        "content": [
                            {
                                "type": "web_search_result",
                                "title": m(),
                                "url": m(),
                                "page_age": m(),
                                "encrypted_content": KEEP,
                            }
                        ],
                    },
                    {
                        "type": "web_fetch_tool_result",
                        "tool_use_id": KEEP,
                        "content": {
                            "type": "web_fetch_result",
                            "url": m(),
                            "content": {
                                "type": "document",
                                "title": m(),
                                "source": {"type": "text", "media_type": "text/plain", "data": m()},
                            },
                        },
                    },
                    {
                        "type": "code_execution_tool_result",
                        "tool_use_id": KEEP,
                        "content": {
                            "type": "code_execution_result",
                            "stdout": m(),
                            "stderr": m(),
                            "return_code": 0,
                            "content": [{"type": "code_execution_output", "file_id": KEEP}],
                        },
                    },
                    {
                        "type": "code_execution_tool_result",
                        "tool_use_id": KEEP,
                        "content": {
                            "type": "encrypted_code_execution_result",
                            "encrypted_stdout": KEEP,
                            "stderr": m(),
                            "return_code": 0,
                            "content": [],
                        },
                    },
                    {
                        "type": "bash_code_execution_tool_result",
                        "tool_use_id": KEEP,
                        "content": {
                            "type": "bash_code_execution_result",
                            "stdout": m(),
                            "stderr": m(),
                            "return_code": 0,
                            "content": [],
                        },
                    },
                    {
                        "type": "text_editor_code_execution_tool_result",
                        "tool_use_id": KEEP,
                        "content": {
                            "type": "text_editor_code_execution_view_result",
                            "content": m(),
                            "file_type": "text",
                        },
                    },
                    {
                        "type": "text_editor_code_execution_tool_result",
                        "tool_use_id": KEEP,
                        "content": {"type": "text_editor_code_execution_str_replace_result", "lines": [m()]},
                    },
                    {
                        "type": "text_editor_code_execution_tool_result",
                        "tool_use_id": KEEP,
                        "content": {
                            "type": "text_editor_code_execution_tool_result_error",
                            "error_code": "file_not_found",
                            "error_message": m(),
                        },
                    },
                    {
                        "type": "tool_search_tool_result",
                        "tool_use_id": KEEP,
                        "content": {
                            "type": "tool_search_tool_search_result",
                            "tool_references": [{"type": "tool_reference", "tool_name": KEEP}],
                        },
                    },
                    {
                        "type": "advisor_tool_result",
                        "tool_use_id": KEEP,
                        "content": {"type": "advisor_result", "text": m()},
                    },
                    {
                        "type": "advisor_tool_result",
                        "tool_use_id": KEEP,
                        "content": {"type": "advisor_redacted_result", "encrypted_content": KEEP},
                    },
                    {"type": "compaction", "content": KEEP, "signature": KEEP},
                    {"type": "compaction", "content": m()},
                    {
                        "type": "mcp_tool_listing",
                        "mcp_server_name": "s",
                        "tools": [{"name": KEEP, "description": m(), "input_schema": {"title": m()}}],
                    },
                    {
                        "type": "tool_addition",
                        "tool": {
                            "type": "tool_definition",
                            "definition": {"name": KEEP, "description": m(), "input_schema": {"title": m()}},
                        },
                    },
                    {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": KEEP, "content": m()},
                    {
                        "type": "tool_result",
                        "tool_use_id": KEEP,
                        "content": [
                            {"type": "text", "text": m()},
                            {"type": "text", "text": m()},
                            {"type": "browser_state", "tabs": [{"tab_id": KEEP, "title": m(), "url": m()}]},
                        ],
                    },
                    {"type": "mcp_tool_result", "tool_use_id": KEEP, "content": [{"type": "text", "text": m()}]},
                ],
            },
            {"role": "system", "content": m()},
        ],
        "tools": [
            {
                "name": KEEP,
                "description": m(),
                "input_schema": {
                    "type": "object",
                    "properties": {"a": {"description": m(), "enum": [m()], "default": m(), "examples": [m()]}},
                },
                "input_examples": [{"a": m()}],
            },
            {
                "type": "web_search_20250305",
                "name": "web_search",
                "allowed_domains": [m()],
                "user_location": {"type": "approximate", "city": m(), "country": m(), "region": m(), "timezone": m()},
            },
        ],
        "metadata": {"user_id": m()},
        "stop_sequences": [m()],
        "mcp_servers": [{"type": "url", "name": "s", "url": m(), "authorization_token": KEEP}],
        "output_config": {"format": {"type": "json_schema", "schema": {"title": m()}}},
        "context_management": {"edits": [{"type": "compact_20260112", "instructions": m()}]},
        "a_field_of_tomorrow": {"note": m()},
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
                "logprobs": {"content": [{"token": KEEP}]},
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


def anthropic_reply(value: str) -> dict[str, Any]:
    """A message with ``value`` in every text path."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5",
        "content": [
            {"type": "thinking", "thinking": KEEP, "signature": KEEP},
            {"type": "redacted_thinking", "data": KEEP},
            {
                "type": "text",
                "text": value,
                "citations": [{"type": "char_location", "cited_text": value, "document_title": value}],
            },
            {"type": "tool_use", "id": KEEP, "name": KEEP, "input": {"q": value, "n": [value]}},
            {"type": "server_tool_use", "id": KEEP, "name": "web_search", "input": {"query": value}},
            {
                "type": "web_search_tool_result",
                "tool_use_id": KEEP,
                "content": [{"type": "web_search_result", "title": value, "url": value, "encrypted_content": KEEP}],
            },
            {
                "type": "bash_code_execution_tool_result",
                "tool_use_id": KEEP,
                "content": {"type": "bash_code_execution_result", "stdout": value, "stderr": value, "content": []},
            },
        ],
        "stop_reason": "stop_sequence",
        "stop_sequence": value,
        "usage": {"input_tokens": 5, "output_tokens": 7},
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


def anthropic_stream(value: str, size: int = 3) -> bytes:
    """Thinking, text with a citation, a tool call and a search result, in pieces."""
    message = anthropic_reply("") | {"content": [], "stop_reason": None, "stop_sequence": None}
    events: list[tuple[str, Any]] = [("message_start", {"type": "message_start", "message": message})]

    def block(index: int, start: Any, deltas: list[Any]) -> None:
        events.append(("content_block_start", {"type": "content_block_start", "index": index, "content_block": start}))
        events.append(("ping", {"type": "ping"}))
        events.extend(
            ("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas
        )
        events.append(("content_block_stop", {"type": "content_block_stop", "index": index}))

    block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        [{"type": "thinking_delta", "thinking": KEEP}, {"type": "signature_delta", "signature": KEEP}],
    )
    block(
        1,
        {"type": "text", "text": ""},
        [
            *({"type": "text_delta", "text": piece} for piece in pieces(f"Dear {value}", size)),
            {"type": "citations_delta", "citation": {"type": "char_location", "cited_text": value}},
        ],
    )
    block(
        2,
        {"type": "tool_use", "id": KEEP, "name": KEEP, "input": {}},
        [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *pieces(dump({"q": value}), size)]],
    )
    block(3, anthropic_reply(value)["content"][5], [])
    events.append(
        (
            "message_delta",
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
        )
    )
    events.append(("message_stop", {"type": "message_stop"}))
    return sse(events)
