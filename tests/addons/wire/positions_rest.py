"""Every text path of what has no fixture file of its provider: forms, stored state, websockets, Bedrock's frames.

With a marker, or a value, at each (see ``positions.py``).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from tests.addons.wire import positions_anthropic, positions_bedrock, positions_files, positions_gemini, positions_mcp
from tests.addons.wire import positions_responses as responses
from tests.addons.wire.positions import KEEP, Marks, dump, fill, pieces, sse
from tests.doubles.bedrock import event

type Fixture = tuple[dict[str, Any], int]


def free_request() -> Fixture:
    """What no table names."""
    m = Marks()
    return {"note": m(), "deep": [{"x": m(), m(): [m()]}]}, m.count


def free_reply(value: str) -> dict[str, Any]:
    return {"note": value, "deep": [{"x": f"to {value}"}], "error": {"message": value}}


def free_stream(value: str, size: int) -> bytes:
    """Where no stream is foreseen, each event is one text."""
    return sse([("", free_reply(value)), ("", {"more": [value]})])


def free_lines(value: str, size: int) -> bytes:
    """The same in lines of JSON."""
    return dump(free_reply(value)).encode() + b"\n" + dump({"more": [value]}).encode() + b"\n"


def kept_request() -> Fixture:
    """To a stored object: what is added to it, and its metadata."""
    m = Marks()
    body = {"items": responses.input_items(m), "metadata": {"who": m(), m(): m()}, "a_field_of_tomorrow": [m()]}
    return body, m.count


def kept_list(value: str) -> dict[str, Any]:
    return {"object": "list", "data": responses.output_items(value), "has_more": False, "note": value}


def compacted(value: str) -> dict[str, Any]:
    return {"id": KEEP, "object": "response.compaction", "output": responses.output_items(value), "note": value}


def made_of_files() -> Fixture:
    """A batch or a job: what is the caller's in it."""
    m = Marks()
    body = {"model": KEEP, "metadata": {"who": m(), m(): m()}, "a_field_of_tomorrow": {"note": m()}}
    return body, m.count


def stored_file(value: str) -> dict[str, Any]:
    metadata = {"who": value, "why": f"for {value}"}
    return {"id": KEEP, "object": "file", "filename": value, "metadata": metadata, "error": {"message": value}}


def image_form() -> tuple[bytes, int]:
    m = Marks()
    fields = [("prompt", None, "", m()), ("user", None, "", m()), ("of_tomorrow", None, "", f"for {m()}")]
    return positions_files.form(*fields, ("model", None, "", KEEP)), m.count


def speech_form() -> tuple[bytes, int]:
    m = Marks()
    fields = [("prompt", None, "", m()), ("of_tomorrow", None, "", f"for {m()}")]
    return positions_files.form(*fields, ("model", None, "", KEEP), ("language", None, "", "en")), m.count


def transcript_stream(value: str, size: int) -> bytes:
    deltas = [("", {"type": "transcript.text.delta", "delta": piece}) for piece in pieces(f"to {value}", size)]
    return sse([*deltas, ("", {"type": "transcript.text.done", "text": f"to {value}"})])


def cached_request() -> Fixture:
    m = Marks()
    kept = ("contents", "systemInstruction", "tools", "toolConfig")
    body = {name: member for name, member in positions_gemini.gemini_request()[0].items() if name in kept}
    named = {"displayName": m(), "ttl": "300s", "model": "models/" + KEEP, "aFieldOfTomorrow": {"note": m()}}
    return {**positions_files.renumbered((body, 0), m), **named}, m.count


def cached_reply(value: str) -> dict[str, Any]:
    one = {"name": "cachedContents/1", "displayName": value, "contents": [{"parts": [{"text": value}]}], "note": value}
    return {"cachedContents": [one]}


def embed_one() -> Fixture:
    m = Marks()
    return {"content": {"parts": [{"text": m()}, {"text": m()}]}, "title": m(), "taskType": "RETRIEVAL_QUERY"}, m.count


def mcp_stream(value: str, size: int) -> bytes:
    return sse([("message", one) for one in positions_mcp.replies(value)])


# -- Bedrock -----------------------------------------------------------------------------------------------------------


def converse_reply(value: str) -> dict[str, Any]:
    reply: dict[str, Any] = fill(positions_bedrock.converse_reply()[0], lambda _: value)
    return reply


def converse_stream(value: str, size: int) -> bytes:
    """Text in two blocks, a tool's arguments and results, a citation, the end, an event of tomorrow.

    Reasoning is signed, and goes back as it came.
    """

    def delta(index: int, **member: Any) -> bytes:
        return event("contentBlockDelta", {"contentBlockIndex": index, "delta": member})

    start = {"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}
    return b"".join(
        [
            event("messageStart", {"role": "assistant"}),
            delta(0, reasoningContent={"text": KEEP}),
            event("contentBlockStop", {"contentBlockIndex": 0}),
            *[delta(index, text=piece) for piece in pieces(f"Dear {value}, hello", size) for index in (1, 2)],
            event("contentBlockStop", {"contentBlockIndex": 1}),
            event("contentBlockStop", {"contentBlockIndex": 2}),
            event("contentBlockStart", start),
            *[delta(3, toolUse={"input": piece}) for piece in pieces(dump({"to": value, "in": [value]}), size)],
            event("contentBlockStop", {"contentBlockIndex": 3}),
            *[delta(4, toolResult=[{"text": piece}]) for piece in pieces(value, size)],
            delta(4, toolResult=[{"json": {"a": value}}]),
            delta(4, citation={"title": value}),
            event("contentBlockStop", {"contentBlockIndex": 4}),
            event("messageStop", {"stopReason": "tool_use", "additionalModelResponseFields": {"s": value}}),
            event("newEvent", {"about": value}),
            event("metadata", {"usage": {"inputTokens": 5, "outputTokens": 6}}),
        ]
    )


def invoke_stream(value: str, size: int) -> bytes:
    """Claude's stream in frames."""
    lines = positions_anthropic.anthropic_stream(value, size).decode().split("\n")
    told = [line[6:] for line in lines if line.startswith("data: {")]
    return b"".join(event("chunk", {"bytes": base64.b64encode(one.encode()).decode()}) for one in told)


def agent_stream(value: str, size: int) -> bytes:
    """One text in base64 pieces, then an event that is restored whole."""
    cut = [base64.b64encode(piece.encode()).decode() for piece in pieces(f"Dear {value}, hello", size)]
    return b"".join([*[event("chunk", {"bytes": one}) for one in cut], event("trace", {"trace": {"said": value}})])


def counted() -> Fixture:
    m, body = Marks(), positions_bedrock.converse_request()[0]
    kept = {name: body[name] for name in ("messages", "system", "toolConfig")}
    return {"input": {"converse": positions_files.renumbered((kept, 0), m)}}, m.count


def guarded() -> Fixture:
    m = Marks()
    content = [{"text": {"text": m(), "qualifiers": ["query"]}}, {"text": {"text": m()}}]
    return {"source": "INPUT", "content": content, "ofTomorrow": {"note": m()}}, m.count


# -- websockets --------------------------------------------------------------------------------------------------------


def realtime_client(m: Marks) -> list[dict[str, Any]]:
    session = {
        "type": "realtime",
        "model": KEEP,
        "instructions": m(),
        "tools": [{"type": "function", "name": KEEP, "description": m(), "parameters": {"title": m()}}],
        "prompt": {"id": KEEP, "variables": {"who": m()}},
        "audio": {"input": {"transcription": {"prompt": m()}}},
        "tracing": {"workflow_name": m(), "metadata": {"k": m()}},
    }
    item = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": m()}, {"type": "input_audio", "audio": KEEP, "transcript": m()}],
    }
    output = {"type": "function_call_output", "call_id": KEEP, "output": dump({"x": m()})}
    asked = {"instructions": m(), "input": [{**item, "content": [{"type": "input_text", "text": m()}]}]}
    return [
        {"type": "session.update", "session": session},
        {"type": "conversation.item.create", "item": item},
        {"type": "conversation.item.create", "item": output},
        {"type": "response.create", "response": {**asked, "metadata": {"k": m()}}},
        {"type": "event.of_tomorrow", "note": [m(), {"x": m()}]},
    ]


def realtime_server(value: str, size: int) -> Iterator[dict[str, Any]]:
    runs = [("output_text", "text"), ("output_audio_transcript", "transcript"), ("text", "text")]
    for index, (name, member) in enumerate(runs):
        where = {"response_id": "resp_1", "item_id": f"item_{index}", "output_index": index, "content_index": 0}
        for piece in pieces(f"Dear {value}", size):
            yield {"type": f"response.{name}.delta", "event_id": KEEP, **where, "delta": piece}
        yield {"type": f"response.{name}.done", "event_id": KEEP, **where, member: f"Dear {value}"}
    called = {"response_id": "resp_1", "item_id": "item_9", "output_index": 9, "call_id": KEEP}
    arguments = dump({"to": value, "in": [value]})
    for piece in pieces(arguments, size):
        yield {"type": "response.function_call_arguments.delta", "event_id": KEEP, **called, "delta": piece}
    yield {"type": "response.function_call_arguments.done", "event_id": KEEP, **called, "arguments": arguments}
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": value}]}
    yield {"type": "response.done", "event_id": KEEP, "response": {"id": "resp_1", "output": [item]}}
    yield {"type": "error", "event_id": KEEP, "error": {"type": "invalid_request_error", "message": value}}
    yield {"type": "event.of_tomorrow", "event_id": KEEP, "note": value}


def responses_client(m: Marks) -> list[dict[str, Any]]:
    body = positions_files.renumbered(responses.responses_request(), m)
    steered = [{"role": "user", "content": [{"type": "input_text", "text": m()}]}]
    return [
        {"type": "response.create", **body},
        {"type": "response.steer", "previous_response_id": KEEP, "input": steered},
        {"type": "response.of_tomorrow", "note": m()},
    ]


def responses_server(value: str, size: int) -> Iterator[dict[str, Any]]:
    for line in responses.responses_stream(value, size).decode().split("\n"):
        if line.startswith("data: {"):
            yield json.loads(line[6:])
    yield {"type": "error", "error": {"type": "invalid_request_error", "message": value}}


def live_client(m: Marks) -> list[dict[str, Any]]:
    declared = {"name": KEEP, "description": m(), "parameters": {"type": "OBJECT", "description": m()}}
    setup = {
        "model": "models/gemini-live",
        "systemInstruction": {"parts": [{"text": m()}]},
        "tools": [{"functionDeclarations": [declared]}],
        "inputAudioTranscription": {"customVocabulary": [m()]},
        "labels": {"team": m()},
    }
    return [
        {"setup": setup},
        {"clientContent": {"turns": [{"role": "user", "parts": [{"text": m()}]}], "turnComplete": True}},
        {"realtimeInput": {"text": m()}},
        {"toolResponse": {"functionResponses": [{"id": KEEP, "name": KEEP, "response": {"sent": m()}}]}},
        {"contextUpdate": {"systemInstruction": {"parts": [{"text": m()}]}}},
        {"somethingNew": {"note": m()}},
    ]


def live_server(value: str, size: int) -> Iterator[dict[str, Any]]:
    for thought in (True, False):
        for piece in pieces(f"Dear {value}", size):
            part = {"text": piece, "thought": True} if thought else {"text": piece}
            yield {"serverContent": {"modelTurn": {"parts": [part]}}}
    for name in ("inputTranscription", "outputTranscription"):
        for piece in pieces(f"Dear {value}", size):
            yield {"serverContent": {name: {"text": piece}}}
    yield {"toolCall": {"functionCalls": [{"id": KEEP, "name": KEEP, "args": {"to": value, "in": [value]}}]}}
    yield {"serverContent": {"turnComplete": True}}
    yield {"somethingNew": {"note": value}}
