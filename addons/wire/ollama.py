"""Ollama's own API: chat, generate and embed: where the text is in requests and replies.

May import this room only. Reference: the types of the ``ollama`` package and the server's ``docs/api.md``;
``tests/addons/wire/test_ollama_types.py`` pins the tables to them. ``context`` holds token ids of earlier text, which
nobody here can read: the policy decides about it, and refuses by default. Streams: ``ollama_stream.py``.
"""

from __future__ import annotations

from addons.wire.collect import JsonRequest, parse_json
from addons.wire.jsondoc import ARRAY, LITERAL, OBJECT, Node
from addons.wire.ollama_stream import OllamaStream, note_ollama, ollama_error
from addons.wire.openai_chat import ROLES, TOOLS
from addons.wire.refusals import reply
from addons.wire.restore import argument, tool_call
from addons.wire.rules import (
    FREE,
    NAME,
    NAMES,
    OPAQUE,
    SCHEMA,
    SKIP,
    TEXT,
    Rule,
    Visitor,
    by_type,
    constant_role,
    fields,
    items,
    unknown_block,
)
from addons.wire.types import ErrorReply, ReplyFacts, Restoration, UnreadableKind
from addons.wire.whole_reply import restore_whole


def _image(visitor: Visitor, node: Node, path: str, role: str) -> None:
    visitor.unreadable(path, UnreadableKind.IMAGE)
    OPAQUE(visitor, node, path, role)


def _context(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Token ids of what was said before; anything else there is data."""
    if node.kind == ARRAY and node.children:
        visitor.unreadable(path, UnreadableKind.TOKENS)
    elif node.kind != LITERAL:
        FREE(visitor, node, path, role)


def _format(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """``json``, or a JSON schema."""
    (SCHEMA if node.kind == OBJECT else NAME)(visitor, node, path, "schema")


TOOL_CALL = fields(
    {
        "id": NAME,
        "type": NAME,
        "function": tool_call(fields({"name": NAME, "index": NAME, "arguments": argument(FREE)})),
    }
)
MESSAGE_FIELDS: dict[str, Rule] = {
    "role": NAME,
    "content": TEXT,
    "thinking": TEXT,
    "images": items(_image),
    "tool_name": NAME,
    "tool_call_id": NAME,
    "tool_calls": items(TOOL_CALL),
}
_MESSAGE = fields(MESSAGE_FIELDS, unknown_block)


def _message(visitor: Visitor, node: Node, path: str, _: str) -> None:
    _MESSAGE(visitor, node, path, ROLES.get(node.text("role") or "", "user"))


_SHARED: dict[str, Rule] = {
    "model": NAME,
    "options": constant_role("metadata", fields({"stop": TEXT}, NAMES)),
    **dict.fromkeys(["stream", "keep_alive", "truncate", "shift", "think", "logprobs", "top_logprobs"], NAME),
}
CHAT_FIELDS: dict[str, Rule] = {
    **_SHARED,
    "messages": items(_message),
    "tools": constant_role("schema", items(by_type(TOOLS, TOOLS["function"]))),
    "format": _format,
}
"""Members of a chat request. What is not here is scanned as free-form data."""
GENERATE_FIELDS: dict[str, Rule] = {
    **_SHARED,
    "prompt": TEXT,
    "suffix": TEXT,
    "system": constant_role("system", TEXT),
    "template": constant_role("system", TEXT),
    "context": _context,
    "images": items(_image),
    "format": _format,
    **dict.fromkeys(["raw", "width", "height", "steps"], NAME),
}
EMBED_FIELDS: dict[str, Rule] = {**_SHARED, "input": TEXT, "prompt": TEXT, "dimensions": NAME}
RULES: dict[str, Rule] = {
    "ollama.chat": fields(CHAT_FIELDS),
    "ollama.generate": fields(GENERATE_FIELDS),
    "ollama.embed": fields(EMBED_FIELDS),
}
"""Rule of the request by the endpoint's name."""
REPLY = fields(
    {
        "model": NAME,
        "created_at": NAME,
        "remote_model": NAME,
        "message": _message,
        "response": TEXT,
        "thinking": TEXT,
        **dict.fromkeys(["context", "embeddings", "embedding", "image", "logprobs"], SKIP),
    },
)
"""A reply, one line of a stream, or an error."""


class Ollama:
    """``Codec`` of one of Ollama's endpoints."""

    stream_types = ("application/x-ndjson",)

    def __init__(self, name: str = "ollama.chat"):
        self.name = name

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``. Chat and generate stream unless told not to."""
        request = parse_json(body, RULES[self.name])
        if self.name != "ollama.embed":
            stream = request.sources[0].document.root.get("stream")
            request.stream = stream is None or stream.value is not False
        return request

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text."""
        return restore_whole(body, REPLY, restoration, note_ollama)

    def open_stream(self, restoration: Restoration) -> OllamaStream:
        """See ``Codec.open_stream``."""
        return OllamaStream(restoration, REPLY)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return reply(status, code, ollama_error(code, message))
