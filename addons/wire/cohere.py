"""Cohere v2: chat, embed and rerank: where the text is in requests and replies.

May import this room only. Reference: the types of the ``cohere`` package; ``tests/addons/wire/test_cohere_types.py``
pins the tables to them. Streams: ``cohere_stream.py``.
"""

from __future__ import annotations

from addons.wire.cohere_pointers import restore_pointers
from addons.wire.cohere_stream import CohereStream, cohere_error, note_cohere
from addons.wire.collect import JsonRequest, parse_json
from addons.wire.jsondoc import Document, Node
from addons.wire.openai_chat import FUNCTION_CALL, TOOLS
from addons.wire.refusals import reply
from addons.wire.restore import Restorer
from addons.wire.rules import (
    FREE,
    NAME,
    NAMES,
    SCHEMA,
    SKIP,
    TEXT,
    Rule,
    Visitor,
    blob,
    by_type,
    constant_role,
    fields,
    items,
    parts,
    unknown_block,
    unreadable,
)
from addons.wire.types import ErrorReply, ReplyFacts, Restoration, UnreadableKind
from addons.wire.whole_reply import restore_whole

ROLES = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
"""Message role -> segment role."""


def _document(visitor: Visitor, node: Node, path: str, _: str) -> None:
    """A document: a bare string, or its data under names of the client's own."""
    (TEXT if node.string is not None else _DOCUMENT)(visitor, node, path, "tool")


_DOCUMENT = fields({"data": FREE, "id": NAME})
_IMAGE_URL = fields({"url": blob(UnreadableKind.IMAGE), "detail": NAME})
CONTENT_TYPES: dict[str, Rule] = {
    "text": fields({"type": NAME, "text": TEXT}),
    "thinking": fields({"type": NAME, "thinking": TEXT}),
    "image_url": unreadable(UnreadableKind.IMAGE, fields({"type": NAME, "image_url": _IMAGE_URL})),
    "document": fields({"type": NAME, "document": _document}),
}
"""Parts of a message's content by ``type``."""
CONTENT = parts(by_type(CONTENT_TYPES, unknown_block), frozenset({"text"}))
SOURCES: dict[str, Rule] = {
    "tool": constant_role("tool", fields({"type": NAME, "id": NAME, "tool_output": FREE})),
    "document": constant_role("tool", fields({"type": NAME, "id": NAME, "document": FREE})),
}
"""What a citation cites, by ``type``."""
CITATION_FIELDS: dict[str, Rule] = {
    "start": NAME,
    "end": NAME,
    "text": TEXT,
    "sources": items(by_type(SOURCES, unknown_block)),
    "content_index": NAME,
    "type": NAME,
}
CITATION = fields(CITATION_FIELDS, unknown_block)
TOOL_CALL = fields({"id": NAME, "type": NAME, "function": FUNCTION_CALL})
MESSAGE_FIELDS: dict[str, Rule] = {
    "role": NAME,
    "content": CONTENT,
    "tool_calls": items(TOOL_CALL),
    "tool_plan": TEXT,
    "tool_call_id": NAME,
    "citations": items(CITATION),
}
_MESSAGE = fields(MESSAGE_FIELDS, unknown_block)


def _message(visitor: Visitor, node: Node, path: str, _: str) -> None:
    _MESSAGE(visitor, node, path, ROLES.get(node.text("role") or "", "user"))


def _message_or_error(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A reply's message, or what an error says."""
    (TEXT if node.string is not None else _MESSAGE)(visitor, node, path, role)


CHAT_FIELDS: dict[str, Rule] = {
    "model": NAME,
    "messages": items(_message),
    "tools": constant_role("schema", items(by_type(TOOLS, TOOLS["function"]))),
    "documents": items(_document),
    "response_format": constant_role("schema", fields({"type": NAME, "json_schema": SCHEMA, "schema": SCHEMA})),
    "stop_sequences": constant_role("metadata", TEXT),
    **dict.fromkeys(
        """strict_tools citation_options safety_mode max_tokens temperature seed frequency_penalty presence_penalty k p
        logprobs tool_choice thinking priority stream""".split(),  # noqa: SIM905
        NAMES,
    ),
}
"""Members of a chat request. What is not here is scanned as free-form data."""
EMBED_FIELDS: dict[str, Rule] = {
    "model": NAME,
    "texts": TEXT,
    "images": items(blob(UnreadableKind.IMAGE)),
    "inputs": items(fields({"content": CONTENT})),
    **dict.fromkeys("input_type max_tokens output_dimension embedding_types truncate priority".split(), NAMES),  # noqa: SIM905
}
RERANK_FIELDS: dict[str, Rule] = {
    "model": NAME,
    "query": TEXT,
    "documents": items(FREE),
    **dict.fromkeys(["top_n", "max_tokens_per_doc", "relevant_spans", "priority"], NAMES),
}
RULES: dict[str, Rule] = {
    "cohere.chat": fields(CHAT_FIELDS),
    "cohere.embed": fields(EMBED_FIELDS),
    "cohere.rerank": fields(RERANK_FIELDS),
}
"""Rule of the request by the endpoint's name."""
REPLY = fields(
    {
        "id": NAME,
        "finish_reason": NAME,
        "message": _message_or_error,
        "usage": SKIP,
        "logprobs": SKIP,
        "embeddings": SKIP,
        "meta": SKIP,
    }
)
"""A reply or an error. What is not here (``results``, an error's ``message``) is restored whole."""


def _with_pointers(document: Document, rule: Rule, restoration: Restoration, facts: ReplyFacts) -> str | None:
    restorer = Restorer(document, restoration)
    rule(restorer, document.root, "$", "assistant")
    if not restorer.edits:
        return None
    restore_pointers(document.root, restorer)
    facts.dropped += restorer.dropped
    return document.splice(restorer.edits)


class Cohere:
    """``Codec`` of one of Cohere's v2 endpoints."""

    def __init__(self, name: str = "cohere.chat"):
        self.name = name

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``."""
        return parse_json(body, RULES[self.name])

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text."""
        return restore_whole(body, REPLY, restoration, note_cohere, splice=_with_pointers)

    def open_stream(self, restoration: Restoration) -> CohereStream:
        """See ``Codec.open_stream``."""
        return CohereStream(restoration)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return reply(status, code, cohere_error(code, message))
