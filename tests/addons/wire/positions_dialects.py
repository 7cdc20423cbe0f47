"""The position matrix of Mistral, Cohere and Ollama: a marker in every text path, ``KEEP`` where nothing may change."""

from __future__ import annotations

import json
from typing import Any

from tests.addons.wire.positions import KEEP, Marks, dump, pieces, sse

type Fixture = tuple[dict[str, Any], int]


def _tools(m: Marks) -> list[Any]:
    schema = {"type": "object", "properties": {"to": {"type": "string", "description": m()}}}
    return [{"type": "function", "function": {"name": KEEP, "description": m(), "parameters": schema}}]


def mistral_chat() -> Fixture:
    m = Marks()
    body = {
        "model": "mistral-large-latest",
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": m()}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": m()},
                    {"type": "image_url", "image_url": "data:image/png;base64," + KEEP},
                    {"type": "image_url", "image_url": {"url": "https://example.com/" + m()}},
                    {"type": "document_url", "document_url": "https://example.com/" + m(), "document_name": m()},
                    {"type": "reference", "reference_ids": [1, 2]},
                    {"type": "file", "file_id": KEEP},
                    {"type": "input_audio", "input_audio": KEEP},
                    {"type": "resource", "uri": "https://example.com/" + m(), "content": {"text": m()}},
                    {"type": "resource_link", "uri": "https://example.com/" + m(), "metadata": {"a": m()}},
                    {"type": "hologram", "caption": m(), "id": KEEP},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": m()}], "signature": KEEP},
                    {"type": "text", "text": m()},
                ],
                "tool_calls": [
                    {"id": KEEP, "function": {"name": KEEP, "arguments": dump({"to": m(), "deep": [m()]})}},
                    {"id": KEEP, "function": {"name": KEEP, "arguments": {"to": m()}}},
                ],
                "prefix": True,
            },
            {"role": "tool", "tool_call_id": KEEP, "name": m(), "content": m()},
        ],
        "tools": _tools(m),
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": KEEP, "description": m(), "schema": {"title": m()}},
        },
        "prediction": {"type": "content", "content": m()},
        "stop": [m()],
        "metadata": {"customer": m()},
        "prompt_cache_key": m(),
        "random_seed": 1234567890,
        "a_field_of_tomorrow": m(),
        "stream": True,
    }
    return body, m.count


def mistral_fim() -> Fixture:
    m = Marks()
    return {"model": "codestral-latest", "prompt": m(), "suffix": m(), "stop": m(), "metadata": {"a": m()}}, m.count


def mistral_embeddings() -> Fixture:
    m = Marks()
    return {"model": "mistral-embed", "input": [m(), m()], "encoding_format": "float"}, m.count


def cohere_chat() -> Fixture:
    m = Marks()
    body = {
        "model": "command-a-03-2025",
        "messages": [
            {"role": "system", "content": m()},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": m()},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64," + KEEP, "detail": "low"}},
                ],
            },
            {
                "role": "assistant",
                "tool_plan": m(),
                "tool_calls": [
                    {"id": KEEP, "type": "function", "function": {"name": KEEP, "arguments": dump({"to": m()})}}
                ],
            },
            {
                "role": "tool",
                "tool_call_id": KEEP,
                "content": [
                    {"type": "document", "document": {"id": KEEP, "data": {"found": m(), m(): 1}}},
                    {"type": "document", "document": {"data": m()}},
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": m()}, {"type": "text", "text": m()}],
                "citations": [
                    {
                        "start": 0,
                        "end": 3,
                        "text": m(),
                        "sources": [
                            {"type": "document", "id": KEEP, "document": {"title": m()}},
                            {"type": "tool", "id": KEEP, "tool_output": {"a": m()}},
                        ],
                        "type": "TEXT_CONTENT",
                    }
                ],
            },
        ],
        "documents": [m(), {"id": KEEP, "data": {"title": m(), "snippet": m()}}],
        "tools": _tools(m),
        "response_format": {"type": "json_object", "json_schema": {"description": m()}},
        "stop_sequences": [m()],
        "citation_options": {"mode": "ACCURATE"},
        "thinking": {"type": "enabled", "token_budget": 2000000},
        "a_field_of_tomorrow": {"x": m()},
        "stream": True,
    }
    return body, m.count


def cohere_embed() -> Fixture:
    m = Marks()
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + KEEP}}
    body = {
        "model": "embed-v4.0",
        "input_type": "search_document",
        "texts": [m(), m()],
        "images": ["data:image/png;base64," + KEEP],
        "inputs": [{"content": [{"type": "text", "text": m()}, image]}],
        "embedding_types": ["float"],
    }
    return body, m.count


def cohere_rerank() -> Fixture:
    m = Marks()
    return {"model": "rerank-v3.5", "query": m(), "documents": [m(), {"text": m(), "title": m()}], "top_n": 2}, m.count


def ollama_chat() -> Fixture:
    m = Marks()
    body = {
        "model": "llama3.2",
        "messages": [
            {"role": "system", "content": m()},
            {"role": "user", "content": m(), "images": [KEEP]},
            {
                "role": "assistant",
                "content": "",
                "thinking": m(),
                "tool_calls": [{"function": {"name": KEEP, "arguments": {"to": m(), "deep": [m()], m(): 1}}}],
            },
            {"role": "tool", "tool_name": KEEP, "content": m()},
        ],
        "tools": _tools(m),
        "format": {"type": "object", "properties": {"a": {"description": m()}}},
        "options": {"stop": [m()], "seed": 1234567890, "temperature": 0},
        "keep_alive": "5m",
        "a_field_of_tomorrow": m(),
    }
    return body, m.count


def ollama_generate() -> Fixture:
    m = Marks()
    body = {
        "model": "llama3.2",
        "prompt": m(),
        "suffix": m(),
        "system": m(),
        "template": m(),
        "context": [1234567, 2],
        "images": [KEEP],
        "format": "json",
        "raw": True,
    }
    return body, m.count


def ollama_embed() -> Fixture:
    m = Marks()
    return {"model": "all-minilm", "input": [m(), m()], "truncate": True, "options": {"num_ctx": 2048}}, m.count


def mistral_reply(value: str) -> dict[str, Any]:
    call = {"id": KEEP, "type": "function", "function": {"name": KEEP, "arguments": dump({"q": value})}}
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": value}]}
    message = {
        "role": "assistant",
        "content": [thought, {"type": "text", "text": value}, {"type": "reference", "reference_ids": [0]}],
        "tool_calls": [call],
    }
    return {
        "id": KEEP,
        "object": "chat.completion",
        "model": "mistral-large-latest",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    }


def cohere_reply(value: str) -> dict[str, Any]:
    call = {"id": KEEP, "type": "function", "function": {"name": KEEP, "arguments": dump({"q": value})}}
    sources = [{"type": "document", "id": KEEP, "document": {"title": value}}]
    message = {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": value}, {"type": "text", "text": value}],
        "tool_plan": value,
        "tool_calls": [call],
        "citations": [{"text": value, "sources": sources}],
    }
    usage = {"tokens": {"input_tokens": 5.0, "output_tokens": 7}}
    return {"id": KEEP, "finish_reason": "COMPLETE", "message": message, "usage": usage}


def ollama_reply(value: str) -> dict[str, Any]:
    call = {"function": {"name": KEEP, "arguments": {"q": value, "deep": [{"x": value}]}}}
    message = {"role": "assistant", "content": value, "thinking": value, "tool_calls": [call]}
    return {
        "model": "llama3.2",
        "created_at": "2026-11-24T10:00:00Z",
        "message": message,
        "response": value,
        "done": True,
        "done_reason": "stop",
        "context": [1, 2],
        "prompt_eval_count": 5,
        "eval_count": 7,
    }


def mistral_stream(value: str, size: int = 3) -> bytes:
    """Thinking in chunks, content, then a tool call that comes whole with the finish."""
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1694268190, "model": "mistral-large-latest"}

    def chunk(delta: Any, finish: str | None = None, **more: Any) -> tuple[str, Any]:
        return "", head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]} | more

    events = [chunk({"role": "assistant", "content": ""})]
    thoughts = [[{"type": "text", "text": piece}] for piece in pieces(value, size)]
    events += [chunk({"content": [{"type": "thinking", "thinking": thought}]}) for thought in thoughts]
    events += [chunk({"content": piece}) for piece in pieces(f"Dear {value}", size)]
    call = {"id": KEEP, "index": 0, "function": {"name": KEEP, "arguments": dump({"to": value})}}
    usage = {"prompt_tokens": 5, "completion_tokens": 7}
    events += [chunk({"content": "", "tool_calls": [call]}, "tool_calls", usage=usage), ("", "[DONE]")]
    return sse(events)


def cohere_stream(value: str, size: int = 3) -> bytes:
    """A plan, two tool calls, thinking, text and a citation."""

    def one(kind: str, message: Any = None, **more: Any) -> tuple[str, Any]:
        return kind, {"type": kind, **more} | ({} if message is None else {"delta": {"message": message}})

    events = [one("message-start", {"role": "assistant", "content": []}, id="m1")]
    events += [one("tool-plan-delta", {"tool_plan": piece}) for piece in pieces(value, size)]
    for at in (0, 1):
        opening = {"id": KEEP, "type": "function", "function": {"name": KEEP, "arguments": ""}}
        events.append(one("tool-call-start", {"tool_calls": opening}, index=at))
        for piece in pieces(dump({"to": value}), size):
            events.append(one("tool-call-delta", {"tool_calls": {"function": {"arguments": piece}}}, index=at))
        events.append(one("tool-call-end", index=at))
    for index, field in ((0, "thinking"), (1, "text")):
        events.append(one("content-start", {"content": {"type": field, field: ""}}, index=index))
        events += [
            one("content-delta", {"content": {field: piece}}, index=index) for piece in pieces(f"Dear {value}", size)
        ]
        events.append(one("content-end", index=index))
    events.append(
        one("citation-start", {"citations": {"text": value, "sources": [{"document": {"t": value}}]}}, index=0)
    )
    events.append(one("citation-end", index=0))
    end = {"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 5, "output_tokens": 7}}}
    return sse([*events, ("message-end", {"type": "message-end", "delta": end})])


def ollama_chat_stream(value: str, size: int = 3) -> bytes:
    """Thinking, content, a tool call, content again."""

    def line(**message: Any) -> dict[str, Any]:
        head = {"model": "llama3.2", "created_at": "2026-11-24T10:00:00Z"}
        return {**head, "message": {"role": "assistant", "content": "", **message}, "done": False}

    lines = [line(thinking=piece) for piece in pieces(value, size)]
    lines += [line(content=piece) for piece in pieces(f"Dear {value}", size)]
    lines.append(line(tool_calls=[{"function": {"name": KEEP, "arguments": {"to": value}}}]))
    lines += [line(content=piece) for piece in pieces(value, size)]
    lines.append(line() | {"done": True, "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 7})
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines).encode()


def ollama_generate_stream(value: str, size: int = 3) -> bytes:
    head = {"model": "llama3.2", "created_at": "2026-11-24T10:00:00Z"}
    lines: list[dict[str, Any]] = [
        {**head, "response": piece, "done": False} for piece in pieces(f"Dear {value}", size)
    ]
    lines.append({**head, "response": value, "done": True, "prompt_eval_count": 5, "eval_count": 7, "context": [1]})
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines).encode()
