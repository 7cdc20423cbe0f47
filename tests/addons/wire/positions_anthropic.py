"""Every text path of Anthropic Messages: request, reply and stream with a marker at each (see ``positions.py``)."""

from __future__ import annotations

import base64
from typing import Any

from tests.addons.wire.positions import KEEP, Marks, dump, pieces, sse


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
