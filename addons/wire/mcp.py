"""MCP over streamable HTTP: JSON-RPC 2.0 to remote tool servers, and what they answer.

May import this room only. Reference: the Model Context Protocol's specification, revisions 2025-03-26 to 2026-07-28
(``basic/transports``, ``schema.ts``). One address takes it all: a POST with a message or, in the oldest revision, a
batch of them; a GET for the server's own messages as events; a DELETE that ends the session.

What the client sends is told by method: arguments, resource addresses, answers to the server's questions are text;
methods, ids, names of tools, tokens of progress and capabilities are none. Params of a method that is not in ``PARAMS``
are free-form. What the server sends is restored wherever text may stand (``mcp_reply.py``).
"""

from __future__ import annotations

import re

from addons.wire.collect import JsonRequest, parse_json
from addons.wire.jsondoc import ARRAY, OBJECT, Document, Node
from addons.wire.mcp_reply import MESSAGE_REPLY, Asked, McpStream, error_message, is_text, note
from addons.wire.refusals import reply
from addons.wire.restore import restore_document, restore_plain
from addons.wire.rules import (
    FREE,
    NAME,
    NAMES,
    OPAQUE,
    TEXT,
    Rule,
    Visitor,
    by_type,
    constant_role,
    fields,
    is_plain,
    is_plain_key,
    items,
    step,
    unknown_block,
    unreadable,
)
from addons.wire.types import ErrorReply, ReplyFacts, Restoration, UnreadableKind, WireError

_LONG_CURSOR = re.compile(r"[A-Za-z0-9+/_=-]{257,}\Z", re.ASCII)


def _names(words: str) -> dict[str, Rule]:
    return dict.fromkeys(words.split(), NAME)


def CURSOR(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Where a list goes on, in the server's own words: left alone if it looks like a token, else text."""
    value = node.string
    if value is None or not (is_plain(value) or _LONG_CURSOR.match(value)):
        FREE(visitor, node, path, role)


def META(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """``_meta``: members of the protocol's own, and anybody's under a name with a prefix."""
    _META(visitor, node, path, "metadata")


def _blob_contents(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A resource's contents: text, or bytes in base64, which are read if they are said to be text."""
    as_text = is_text(node.text("mimeType") or "")

    def blob(visitor: Visitor, node: Node, path: str, role: str) -> None:
        if node.string is None:
            FREE(visitor, node, path, role)
        elif as_text:
            visitor.base64_text(node, path, role, 0)
        else:
            visitor.unreadable(path, UnreadableKind.FILE)

    fields({**_CONTENTS, "blob": blob})(visitor, node, path, role)


def _any_result(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """What a client answers: a sampled message, a form filled in, its roots."""
    said = {"user": "user", "assistant": "assistant"}.get(node.text("role") or "", "user")
    _RESULT(visitor, node, path, said)


def _result_content(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Blocks of a message, one block, or the members of a form."""
    if node.kind == ARRAY or (node.kind == OBJECT and node.text("type") in CONTENT_TYPES):
        _BLOCKS(visitor, node, path, role)
    else:
        FREE(visitor, node, path, role)


def _by_name(rule: Rule) -> Rule:
    """A map whose names the server has chosen."""

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        if node.kind != OBJECT:
            FREE(visitor, node, path, role)
            return
        for index, child in enumerate(node.children):
            below = step(path, child, index)
            if not is_plain_key(child.key or "") and not is_plain(child.key or ""):
                visitor.key(child, f"{below}~key", role)
            rule(visitor, child, below, role)

    return walk


def _blocks(visitor: Visitor, node: Node, path: str, role: str) -> None:
    _BLOCKS(visitor, node, path, role)


_ICONS = items(fields({"src": TEXT, **_names("mimeType sizes theme")}))
_IMPLEMENTATION = fields(
    {**_names("name version"), "title": TEXT, "description": TEXT, "websiteUrl": TEXT, "icons": _ICONS}
)
_ANNOTATIONS = fields(_names("audience priority lastModified"))
_META = fields(
    {
        **_names("progressToken traceparent"),
        "io.modelcontextprotocol/protocolVersion": NAME,
        "io.modelcontextprotocol/clientInfo": _IMPLEMENTATION,
        "io.modelcontextprotocol/clientCapabilities": NAMES,
        "io.modelcontextprotocol/logLevel": NAME,
        "io.modelcontextprotocol/subscriptionId": NAME,
        "io.modelcontextprotocol/related-task": NAMES,
    }
)
_CONTENTS: dict[str, Rule] = {"uri": TEXT, "mimeType": NAME, "text": TEXT, "_meta": META}
_EVERY: dict[str, Rule] = {"type": NAME, "annotations": _ANNOTATIONS, "_meta": META}
CONTENT_TYPES: dict[str, Rule] = {
    "text": fields({**_EVERY, "text": TEXT}),
    "image": unreadable(UnreadableKind.IMAGE, fields({**_EVERY, "data": OPAQUE, "mimeType": NAME})),
    "audio": unreadable(UnreadableKind.AUDIO, fields({**_EVERY, "data": OPAQUE, "mimeType": NAME})),
    "resource": fields({**_EVERY, "resource": _blob_contents}),
    "resource_link": fields(
        {**_EVERY, "uri": TEXT, "name": TEXT, "title": TEXT, "description": TEXT, "icons": _ICONS}
        | _names("mimeType size")
    ),
    "tool_use": fields({**_EVERY, "id": NAME, "name": NAME, "input": FREE}),
    "tool_result": constant_role(
        "tool", fields({**_EVERY, **_names("toolUseId isError"), "content": _blocks, "structuredContent": FREE})
    ),
}
"""Blocks of content by ``type``."""
_BLOCKS = items(by_type(CONTENT_TYPES, unknown_block))
_RESULT = fields(
    {
        **_names("role model stopReason action resultType"),
        "content": _result_content,
        "roots": items(fields({"uri": TEXT, "name": TEXT, "_meta": META})),
        "_meta": META,
    }
)
_INPUT: dict[str, Rule] = {"inputResponses": _by_name(_any_result), "requestState": OPAQUE, "_meta": META}
"""What any request may bring of the server's questions to the one before it. The state is the server's, often signed:
byte for byte."""
_LIST = fields({"cursor": CURSOR, "_meta": META})
_ONLY_META = fields({"_meta": META})
_URI = fields({"uri": TEXT, **_INPUT})
_TASK = fields({"taskId": NAME, "cursor": CURSOR, **_INPUT})
_CALLED: dict[str, Rule] = {"name": NAME, "arguments": constant_role("tool", FREE), "task": NAMES}
_REFERENCE = fields({**_names("type name"), "title": TEXT, "uri": TEXT})
_HEAD: dict[str, Rule] = {"protocolVersion": NAME, "capabilities": NAMES, "clientInfo": _IMPLEMENTATION, "_meta": META}
_HEARD = fields({**_names("toolsListChanged promptsListChanged resourcesListChanged"), "resourceSubscriptions": TEXT})

PARAMS: dict[str, Rule] = {
    "initialize": fields(_HEAD),
    "server/discover": _ONLY_META,
    "ping": _ONLY_META,
    "tools/list": _LIST,
    "tools/call": fields({**_CALLED, **_INPUT}),
    "prompts/list": _LIST,
    "prompts/get": fields({"name": NAME, "arguments": FREE, **_INPUT}),
    "resources/list": _LIST,
    "resources/templates/list": _LIST,
    "resources/read": _URI,
    "resources/subscribe": _URI,
    "resources/unsubscribe": _URI,
    "completion/complete": fields(
        {
            "ref": _REFERENCE,
            "argument": fields({"name": NAME, "value": TEXT}),
            "context": fields({"arguments": FREE}),
            "_meta": META,
        }
    ),
    "logging/setLevel": fields({"level": NAME, "_meta": META}),
    "subscriptions/listen": fields({"notifications": _HEARD, "_meta": META}),
    "tasks/get": _TASK,
    "tasks/result": _TASK,
    "tasks/update": _TASK,
    "tasks/cancel": _TASK,
    "tasks/list": _LIST,
    "notifications/initialized": _ONLY_META,
    "notifications/roots/list_changed": _ONLY_META,
    "notifications/cancelled": fields({"requestId": NAME, "reason": TEXT, "_meta": META}),
    "notifications/progress": fields({**_names("progressToken progress total"), "message": TEXT, "_meta": META}),
}
"""What a client may send, by method. The params of a method that is not here are scanned as free-form data."""
_ERROR = fields({"code": NAME, "message": TEXT, "data": FREE})
_UNKNOWN = fields({"_meta": META})


def _params(method: str) -> Rule:
    return PARAMS.get(method, _UNKNOWN)


def _message(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """One message: a request, a notification, or an answer to the server's own request."""
    table: dict[str, Rule] = {
        **_names("jsonrpc id method"),
        "params": _params(node.text("method") or ""),
        "result": _any_result,
        "error": _ERROR,
    }
    fields(table)(visitor, node, path, role)


MESSAGES = items(_message)
"""A message, or a batch of them."""


class Mcp:
    """``Codec`` of one request to an MCP server. It remembers the ids in it: errors of ours name them."""

    def __init__(self, name: str = "mcp"):
        self.name = name
        self._asked = Asked()

    def for_request(self) -> Mcp:
        """The same for one request."""
        return Mcp(self.name)

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``."""
        request = parse_json(body, MESSAGES)
        self._asked = Asked.in_document(request.sources[0].document)
        return request

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text; an error in it ends a reply properly."""
        facts = ReplyFacts()
        try:
            document = Document.of_bytes(body, duplicates=True)
        except WireError:
            return restore_plain(body, restoration), facts
        note(facts, document.root.plain())
        facts.complete = True
        new = restore_document(document, MESSAGE_REPLY, restoration, facts)
        return (body if new is None else new.encode("utf-8", "surrogatepass")), facts

    def open_stream(self, restoration: Restoration) -> McpStream:
        """See ``Codec.open_stream``."""
        return McpStream(restoration, self._asked)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``. JSON-RPC errors with the ids of the requests; without one where none is known."""
        return reply(status, code, error_message(self._asked, status, code, message))
