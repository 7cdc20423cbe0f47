"""Every text path of OpenAI's Responses: request, reply and stream with a marker at each (see ``positions.py``)."""

from __future__ import annotations

from typing import Any

from tests.addons.wire.positions import KEEP, Marks, dump, sse
from tests.doubles.responses_script import whole_stream

CALL = {"id": KEEP, "call_id": "call_" + KEEP, "status": "completed", "caller": {"type": "program", "caller_id": KEEP}}


def responses_request() -> tuple[dict[str, Any], int]:
    """A request with every kind of item, part and tool, and how many markers there are in it."""
    m = Marks()
    body = {
        "model": "gpt-5.1",
        "instructions": m(),
        "input": input_items(m),
        "prompt": {
            "id": "pmpt_" + KEEP,
            "version": "3",
            "variables": {"who": m(), "card": {"type": "input_text", "text": m()}, m(): "plain"},
        },
        "tools": tools(m),
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": KEEP}]},
        "text": {
            "format": {"type": "json_schema", "name": KEEP, "description": m(), "schema": {"title": m()}},
            "verbosity": "low",
        },
        "metadata": {"customer": m(), m(): m()},
        "user": m(),
        "safety_identifier": m(),
        "prompt_cache_key": m(),
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "previous_response_id": None,
        "conversation": None,
        "store": False,
        "max_output_tokens": 1000000,
        "a_field_of_tomorrow": {"note": m(), m(): [m()]},
        "stream": True,
    }
    return body, m.count


def input_items(m: Any) -> list[dict[str, Any]]:
    """One item of every kind that a stateless request may hold."""
    return [
        {"role": "developer", "content": m()},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": m()},
                {"type": "input_text", "text": m()},
                {"type": "input_image", "image_url": "data:image/png;base64," + KEEP, "detail": "low"},
                {"type": "input_image", "image_url": "https://example.com/" + m()},
                {"type": "input_file", "file_data": "data:application/pdf;base64," + KEEP, "filename": m()},
                {"type": "input_file", "file_url": "https://example.com/" + m()},
                {"type": "input_file", "file_id": "file-" + KEEP},
                {"type": "input_audio", "input_audio": {"data": KEEP, "format": "wav"}},
                {"type": "hologram", "caption": m(), "id": KEEP, "signature": KEEP},
            ],
        },
        {
            "type": "message",
            "role": "assistant",
            "id": "msg_" + KEEP,
            "status": "completed",
            "phase": "final_answer",
            "content": [
                {
                    "type": "output_text",
                    "text": m(),
                    "annotations": [
                        {"type": "url_citation", "title": m(), "url": m(), "start_index": 0, "end_index": 1},
                        {"type": "container_file_citation", "container_id": KEEP, "file_id": KEEP, "filename": m()},
                    ],
                },
                {"type": "refusal", "refusal": m()},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_" + KEEP,
            "summary": [{"type": "summary_text", "text": m()}],
            "content": [{"type": "reasoning_text", "text": m()}],
            "encrypted_content": KEEP,
        },
        {
            **CALL,
            "type": "function_call",
            "name": KEEP,
            "namespace": KEEP,
            "arguments": dump({"email": m(), "deep": [{"x": m()}], m(): 1, "inner": dump({"a": m()})}),
        },
        {**CALL, "type": "function_call_output", "output": dump({"found": m() + ' "q"'})},
        {
            **CALL,
            "type": "function_call_output",
            "output": [{"type": "input_text", "text": m()}, {"type": "input_image", "image_url": KEEP}],
        },
        {**CALL, "type": "custom_tool_call", "name": KEEP, "input": m()},
        {**CALL, "type": "custom_tool_call_output", "output": m()},
        {**CALL, "type": "custom_tool_call_output", "output": [{"type": "input_text", "text": m()}]},
        {**CALL, "type": "tool_search_call", "execution": "client", "arguments": {"goal": m()}},
        {
            **CALL,
            "type": "tool_search_output",
            "execution": "client",
            "tools": [{"type": "custom", "description": m()}],
        },
        {"type": "additional_tools", "role": "developer", "tools": [{"type": "custom", "description": m()}]},
        {
            "type": "configuration_update",
            "reasoning": {"effort": "low"},
            "text": {"format": {"type": "json_schema", "name": KEEP, "schema": {"description": m()}}},
        },
        {
            "type": "file_search_call",
            "id": KEEP,
            "status": "completed",
            "queries": [m()],
            "results": [{"file_id": KEEP, "filename": m(), "text": m(), "score": 0.5, "attributes": {"author": m()}}],
        },
        {
            "type": "web_search_call",
            "id": KEEP,
            "status": "completed",
            "action": {"type": "search", "query": m(), "queries": [m()], "sources": [{"type": "url", "url": m()}]},
        },
        {"type": "web_search_call", "id": KEEP, "action": {"type": "find_in_page", "url": m(), "pattern": m()}},
        {
            **CALL,
            "type": "computer_call",
            "action": {"type": "type", "text": m()},
            "actions": [{"type": "type", "text": m()}, {"type": "drag", "path": [{"x": 1000000, "y": 2}]}],
            "pending_safety_checks": [{"id": KEEP, "code": KEEP, "message": m()}],
        },
        {
            **CALL,
            "type": "computer_call_output",
            "output": {"type": "computer_screenshot", "image_url": "data:image/png;base64," + KEEP},
            "acknowledged_safety_checks": [{"id": KEEP, "code": KEEP, "message": m()}],
        },
        {
            "type": "image_generation_call",
            "id": KEEP,
            "status": "completed",
            "result": KEEP,
            "revised_prompt": m(),
            "error": {"code": KEEP, "message": m()},
        },
        {
            "type": "code_interpreter_call",
            "id": KEEP,
            "container_id": KEEP,
            "code": m(),
            "outputs": [{"type": "logs", "logs": m()}, {"type": "image", "url": "https://example.com/" + m()}],
        },
        {
            **CALL,
            "type": "local_shell_call",
            "action": {
                "type": "exec",
                "command": ["mail", m()],
                "env": {"WHO": m(), m(): "x"},
                "user": m(),
                "working_directory": m(),
            },
        },
        {"type": "local_shell_call_output", "id": KEEP, "output": dump({"stdout": m() + ' "q"'})},
        {**CALL, "type": "shell_call", "action": {"commands": [m()]}, "environment": {"type": "local"}},
        {
            **CALL,
            "type": "shell_call_output",
            "output": [{"stdout": m(), "stderr": m(), "outcome": {"type": "exit", "exit_code": 1}, "created_by": m()}],
        },
        {**CALL, "type": "apply_patch_call", "operation": {"type": "update_file", "path": m(), "diff": m()}},
        {**CALL, "type": "apply_patch_call_output", "output": m()},
        {
            "type": "mcp_list_tools",
            "id": KEEP,
            "server_label": KEEP,
            "error": m(),
            "tools": [
                {"name": KEEP, "description": m(), "input_schema": {"title": m()}, "annotations": {"title": m()}}
            ],
        },
        {"type": "mcp_approval_request", "id": KEEP, "server_label": KEEP, "name": KEEP, "arguments": dump({"q": m()})},
        {"type": "mcp_approval_response", "approval_request_id": KEEP, "approve": False, "reason": m()},
        {
            "type": "mcp_call",
            "id": KEEP,
            "server_label": KEEP,
            "name": KEEP,
            "arguments": dump({"q": m()}),
            "output": m(),
            "error": {"type": "http_error", "code": 500, "message": m()},
        },
        {
            "type": "agent_message",
            "id": KEEP,
            "author": m(),
            "recipient": m(),
            "agent": {"agent_name": m()},
            "content": [{"type": "input_text", "text": m()}, {"type": "encrypted_content", "encrypted_content": KEEP}],
        },
        {
            "type": "multi_agent_call",
            "id": KEEP,
            "call_id": KEEP,
            "action": "send_message",
            "arguments": dump({"to": m()}),
        },
        {
            "type": "multi_agent_call_output",
            "call_id": KEEP,
            "action": "send_message",
            "output": [{"type": "output_text", "text": m(), "annotations": []}],
        },
        {"type": "program", "id": KEEP, "call_id": KEEP, "code": m(), "fingerprint": KEEP},
        {"type": "program_output", "id": KEEP, "call_id": KEEP, "result": m(), "status": "completed"},
        {"type": "telepathy_call", "id": KEEP, "thought": {"text": m()}, "encrypted_thought": KEEP},
    ]


def tools(m: Any) -> list[dict[str, Any]]:
    """One tool of every type."""
    schema = {
        "type": "object",
        "title": m(),
        "properties": {"email": {"type": "string", "description": m(), "enum": [m()], "default": m()}},
        "required": ["email"],
        "$defs": {"x": {"anyOf": [{"description": m()}]}},
    }
    place = {"type": "approximate", "city": m(), "country": m(), "region": m(), "timezone": m()}
    policy = {
        "type": "allowlist",
        "allowed_domains": [m()],
        "domain_secrets": [{"domain": m(), "name": KEEP, "value": KEEP}],
    }
    function = {"type": "function", "name": KEEP, "description": m(), "parameters": schema, "strict": True}
    return [
        {**function, "output_schema": {"description": m()}},
        {
            "type": "custom",
            "name": KEEP,
            "description": m(),
            "format": {"type": "grammar", "definition": m(), "syntax": "lark"},
        },
        {
            "type": "namespace",
            "name": KEEP,
            "description": m(),
            "tools": [{"type": "function", "name": KEEP, "description": m()}],
        },
        {"type": "tool_search", "execution": "client", "description": m(), "parameters": {"title": m()}},
        {"type": "file_search", "vector_store_ids": [KEEP], "filters": {"type": "eq", "key": m(), "value": m()}},
        {"type": "web_search", "filters": {"allowed_domains": [m()]}, "user_location": place},
        {"type": "web_search_preview", "search_context_size": "low"},
        {
            "type": "mcp",
            "server_label": KEEP,
            "server_url": m(),
            "server_description": m(),
            "authorization": KEEP,
            "headers": {"Authorization": KEEP, "X-Customer": m()},
            "allowed_tools": {"tool_names": [KEEP]},
            "require_approval": "never",
        },
        {"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "4g", "network_policy": policy}},
        {"type": "code_interpreter", "container": "cntr_" + KEEP},
        {
            "type": "shell",
            "environment": {"type": "local", "skills": [{"name": m(), "description": m(), "path": m()}]},
        },
        {"type": "image_generation", "size": "1024x1024", "output_compression": 100000},
        {"type": "computer_use_preview", "display_width": 1000000, "display_height": 2, "environment": "linux"},
        {"type": "local_shell"},
        {"type": "apply_patch"},
        {"type": "telepathy", "note": m()},
    ]


def output_items(value: str) -> list[dict[str, Any]]:
    """Output items of every kind that says something, with ``value`` in every text path."""
    return [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": value}, {"type": "summary_text", "text": f"2 {value}"}],
            "content": [{"type": "reasoning_text", "text": value}],
            "encrypted_content": KEEP,
            "status": "completed",
        },
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [
                {
                    "type": "output_text",
                    "text": f"Dear {value}, hello",
                    "annotations": [
                        {
                            "type": "url_citation",
                            "title": value,
                            "url": "https://example.com/",
                            "start_index": 0,
                            "end_index": 4,
                        },
                    ],
                    "logprobs": [],
                },
                {"type": "refusal", "refusal": value},
            ],
        },
        {**_call(1), "type": "function_call", "name": KEEP, "arguments": dump({"to": value, "in": {"x": value}})},
        {**_call(2), "type": "function_call", "name": KEEP, "arguments": dump([value])},
        {**_call(3), "type": "custom_tool_call", "name": KEEP, "input": f"mail {value}"},
        {
            **_call(4),
            "type": "mcp_call",
            "name": KEEP,
            "server_label": KEEP,
            "arguments": dump({"q": value}),
            "output": value,
        },
        {
            "id": "ci_5",
            "type": "code_interpreter_call",
            "container_id": KEEP,
            "code": f"print({value})",
            "outputs": [{"type": "logs", "logs": value}],
            "status": "completed",
        },
        {**_call(6), "type": "shell_call", "action": {"commands": [f"mail {value}", value]}},
        {
            **_call(7),
            "type": "shell_call_output",
            "output": [{"stdout": value, "stderr": f"not {value}", "outcome": {"type": "timeout"}}],
        },
        {"id": "ws_8", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": value}},
        {
            "id": "fs_9",
            "type": "file_search_call",
            "status": "completed",
            "queries": [value],
            "results": [{"text": value, "filename": value}],
        },
        {
            "id": "mcpl_10",
            "type": "mcp_list_tools",
            "server_label": KEEP,
            "tools": [{"name": KEEP, "description": value}],
        },
        {**_call(11), "type": "apply_patch_call", "operation": {"type": "update_file", "path": value, "diff": value}},
        {
            "id": "ig_12",
            "type": "image_generation_call",
            "status": "completed",
            "result": KEEP,
            "revised_prompt": value,
        },
        {**_call(13), "type": "local_shell_call", "action": {"type": "exec", "command": ["mail", value], "env": {}}},
        {**_call(14), "type": "computer_call", "action": {"type": "type", "text": value}, "pending_safety_checks": []},
        {"id": "tele_15", "type": "telepathy_call", "status": "completed", "thought": {"text": value}},
    ]


def _call(number: int) -> dict[str, Any]:
    return {"id": f"item_{number}", "call_id": f"call_{number}", "status": "completed"}


def responses_reply(value: str) -> dict[str, Any]:
    """A response object with ``value`` in every text path."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1764000000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": value,
        "model": "gpt-5.1",
        "output": output_items(value),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "prompt": {"id": KEEP, "variables": {"who": value}},
        "reasoning": {"effort": None, "summary": None},
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [{"type": "function", "name": KEEP, "description": value, "parameters": {"title": value}}],
        "usage": {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12},
        "user": value,
        "metadata": {"who": value},
    }


def responses_stream(value: str, size: int = 3) -> bytes:
    """The stream of that response, every text of it in pieces."""
    return sse([*whole_stream(responses_reply(value), size)])
