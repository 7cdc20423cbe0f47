"""MCP messages with a marker at every place where text may stand, and ``KEEP`` where none may be touched."""

from __future__ import annotations

import base64
import itertools
from typing import Any

from tests.addons.wire.positions import KEEP


class Marks:
    """Hands out markers and counts them."""

    def __init__(self) -> None:
        self._next = itertools.count()
        self.count = 0

    def __call__(self) -> str:
        self.count = next(self._next) + 1
        return f"⟦{self.count - 1}⟧"


def blocks(m: Marks) -> list[dict[str, Any]]:
    """A block of every type that can be read."""
    return [
        {"type": "text", "text": f"dear {m()}", "annotations": {"audience": ["user"], "priority": 1}},
        {"type": "resource", "resource": {"uri": f"file:///{m()}", "mimeType": "text/plain", "text": m()}},
        {
            "type": "resource_link",
            "uri": f"file:///a?q={m()}",
            "name": m(),
            "title": m(),
            "description": m(),
            "mimeType": KEEP,
        },
        {"type": "tool_use", "id": KEEP, "name": KEEP, "input": {"to": m(), "in": {m(): [m()]}}},
        {
            "type": "tool_result",
            "toolUseId": KEEP,
            "content": [{"type": "text", "text": m()}],
            "structuredContent": {"x": m()},
        },
        {"type": "hologram", "id": KEEP, "caption": m(), "parts": [{"deep": m()}]},
    ]


def requests() -> tuple[list[dict[str, Any]], int]:
    """Every kind of message that a client sends, as one batch, and how many markers are in it."""
    m = Marks()

    def call(method: str, **params: Any) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": KEEP, "method": method, "params": {"_meta": {"progressToken": KEEP}, **params}}

    implementation = {"name": KEEP, "version": "1.0.0", "title": m(), "description": m(), "websiteUrl": m()}
    meta = {
        "progressToken": 7,
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {**implementation, "title": m(), "description": m(), "websiteUrl": m()},
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
        "io.modelcontextprotocol/logLevel": "debug",
        "com.example/note": {"for": m()},
    }
    answers = {
        "first": {"action": "accept", "content": {"name": m(), m(): m()}},
        "second": {"role": "assistant", "model": KEEP, "content": {"type": "text", "text": m()}},
    }
    return [
        call("initialize", protocolVersion="2025-06-18", capabilities={"roots": {}}, clientInfo=implementation),
        call("server/discover", _meta=meta),
        call("tools/list", cursor=KEEP),
        call("tools/call", name=KEEP, arguments={"to": m(), "list": [m(), {m(): m()}], "json": f'{{"a": "{m()}"}}'}),
        call("tools/call", name=KEEP, arguments={}, inputResponses=answers, requestState="opaque KEEPmarker {}"),
        call("prompts/get", name=KEEP, arguments={"who": m()}),
        call("resources/read", uri=f"people://all?name={m()}"),
        call("resources/subscribe", uri=m()),
        call(
            "completion/complete",
            ref={"type": "ref/prompt", "name": KEEP},
            argument={"name": KEEP, "value": m()},
            context={"arguments": {"a": m()}},
        ),
        call("logging/setLevel", level="debug"),
        call("subscriptions/listen", notifications={"toolsListChanged": True, "resourceSubscriptions": [m()]}),
        call("tasks/update", taskId=KEEP, inputResponses={"k": {"action": "accept", "content": {"a": m()}}}),
        call("acme/unheard_of", who=m(), deep=[{"of": m()}], role=m()),
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": KEEP, "reason": m()}},
        {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": KEEP, "message": m()}},
        {
            "jsonrpc": "2.0",
            "id": 3,
            "result": {"role": "assistant", "model": KEEP, "stopReason": "endTurn", "content": blocks(m)},
        },
        {"jsonrpc": "2.0", "id": 4, "result": {"action": "accept", "content": {"name": m(), "number": [m()]}}},
        {"jsonrpc": "2.0", "id": 5, "result": {"roots": [{"uri": f"file:///home/{m()}", "name": m()}]}},
        {"jsonrpc": "2.0", "id": 6, "error": {"code": -1, "message": m(), "data": {"why": m()}}},
        {"jsonrpc": "2.0", "id": 7, "result": {"unheardOf": [m()]}},
    ], m.count


def replies(text: str) -> list[dict[str, Any]]:
    """Every kind of message that a server sends, with ``text`` wherever text may stand."""
    binary = base64.b64encode(b"\x89PNG").decode()
    blob = base64.b64encode(f"in a blob: {text}".encode()).decode()

    def answer(**result: Any) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": 1, "result": result}

    def says(method: str, **params: Any) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "method": method, "params": params}

    contents = [
        {"uri": f"people://all?name={text}", "mimeType": "text/plain", "text": text},
        {"uri": "x://1", "mimeType": "text/csv", "blob": blob},
        {"uri": "x://2", "mimeType": "application/pdf", "blob": binary},
    ]
    tool = {"name": "t", "title": text, "description": text, "inputSchema": {"properties": {"a": {"default": text}}}}
    return [
        answer(protocolVersion="2025-06-18", serverInfo={"name": "s", "title": text}, instructions=text),
        answer(tools=[tool], nextCursor="bmV4dA=="),
        answer(
            content=[
                {"type": "text", "text": f"Dear {text}!"},
                {"type": "image", "data": binary, "mimeType": "image/png"},
                {"type": "resource", "resource": contents[0]},
                {"type": "resource_link", "uri": "x://1", "name": text},
            ],
            structuredContent={"who": [{text: text}], "json": f'["{text}"]'},
            isError=False,
        ),
        answer(contents=contents),
        answer(messages=[{"role": "user", "content": {"type": "text", "text": text}}], description=text),
        answer(completion={"values": [text], "total": 1}),
        answer(
            resultType="input_required",
            requestState="signed PERSON_K1AAAAAA",
            inputRequests={"k": {"method": "elicitation/create", "params": {"message": text}}},
        ),
        {"jsonrpc": "2.0", "id": text, "error": {"code": -32602, "message": f"no {text}", "data": {"x": text}}},
        {"jsonrpc": "2.0", "id": 9, "method": "sampling/createMessage", "params": {"systemPrompt": text}},
        says("notifications/message", level="info", data={"text": text}),
        says("notifications/progress", progressToken=text, message=text),
    ]
