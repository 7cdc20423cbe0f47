"""A stand-in for a remote MCP server over streamable HTTP: it quotes what it is called with, as JSON or as events.

In a test::

    with McpServer() as server:
        server.requests[-1].body

``tools/call`` of ``slow`` is answered with events, between which the server asks a question of its own; everything
else is answered with JSON. The session's id is given by ``initialize`` and wanted from then on.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.doubles.formats import ApiError, dump
from tests.doubles.http1 import Reply, Request
from tests.doubles.manner import Manner
from tests.doubles.provider import Provider

HOST = "tools.example.com"
SESSION = "1868a90c-13800138000"
"""With what looks like a telephone number in it: it is to come back as it is."""
EVENTS = "text/event-stream"


class McpServer(Provider):
    """The double, on a loopback port, for the length of a ``with`` block."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"hosts": (HOST,), **options})

    def _reply(self, request: Request, manner: Manner) -> Reply:
        if request.method == "DELETE":
            return Reply(204, [])
        if request.method == "GET":
            asks = _notification("notifications/message", level="info", data={"text": "ready"})
            return Reply(200, [_event(asks, request.header("last-event-id"))], EVENTS, stream=True)
        body = json.loads(request.body)
        if manner.status is not None:
            raise ApiError(manner.status, f"not done: {json.dumps(body, ensure_ascii=False)}")
        messages = body if isinstance(body, list) else [body]
        asked = [one for one in messages if "id" in one and "method" in one]
        if not asked:
            return Reply(202, [])
        if any(one["method"] != "initialize" for one in asked) and request.header("mcp-session-id") != SESSION:
            raise ApiError(404, "no such session")
        answers = [_answer(one) for one in asked]
        headers = [("mcp-session-id", SESSION)] if asked[0]["method"] == "initialize" else []
        if asked[0].get("params", {}).get("name") == "slow":
            text = _quoted(asked[0])
            between = [
                _notification("notifications/progress", progressToken="t-1", progress=1, message=f"Reading {text}"),
                {
                    "jsonrpc": "2.0",
                    "id": "s-1",
                    "method": "elicitation/create",
                    "params": {"mode": "form", "message": f"Is it {text}?", "requestedSchema": {"type": "object"}},
                },
            ]
            events = [b"id: e-0\ndata: \n\n", *(_event(one, f"e-{i}") for i, one in enumerate([*between, *answers]))]
            return Reply(200, events, EVENTS, stream=True, headers=headers)
        return Reply(200, [dump(answers if isinstance(body, list) else answers[0], manner.ascii)], headers=headers)

    def _refuse(self, request: Request, status: int, message: str) -> Reply:
        return Reply(status, [dump({"jsonrpc": "2.0", "error": {"code": -32000, "message": message}})])


def _notification(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def _event(message: Any, key: str) -> bytes:
    return b"event: message\nid: " + key.encode() + b"\ndata: " + dump(message) + b"\n\n"


def _quoted(message: dict[str, Any]) -> str:
    """All that a request brings, in one text."""
    params = message.get("params") or {}
    given = params.get("arguments") or params.get("argument") or params.get("uri") or params
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def _answer(message: dict[str, Any]) -> dict[str, Any]:
    text, params = _quoted(message), message.get("params") or {}
    match message["method"]:
        case "initialize":
            result: dict[str, Any] = {
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "double", "version": "1"},
            }
        case "tools/list":
            result = {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}
        case "tools/call":
            blocks = [{"type": "text", "text": f"You wrote: {text}"}]
            result = {"content": blocks, "structuredContent": {"arguments": params.get("arguments")}, "isError": False}
        case "prompts/get":
            result = {"messages": [{"role": "user", "content": {"type": "text", "text": text}}]}
        case "resources/read":
            blob = base64.b64encode(text.encode()).decode()
            result = {
                "contents": [
                    {"uri": params["uri"], "mimeType": "text/plain", "text": text},
                    {"uri": "x://blob", "mimeType": "text/plain", "blob": blob},
                ]
            }
        case "completion/complete":
            result = {"completion": {"values": [params["argument"]["value"]]}}
        case _:
            error = {"code": -32601, "message": f"no method for {text}"}
            return {"jsonrpc": "2.0", "id": message["id"], "error": error}
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}
