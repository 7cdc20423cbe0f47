"""Bedrock's Converse: where the text is in requests and replies. Amazon Nova's own bodies have the same shape.

May import this room only. Reference: botocore's service model ``bedrock-runtime``;
``tests/addons/wire/test_bedrock_types.py`` pins the tables to it. Streams: ``bedrock_stream.py``. Blocks have no
``type``: the one member that a block has says what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from addons.wire.bedrock_errors import bedrock_refusal, note_error
from addons.wire.bedrock_stream import HOSTED, ConverseStream, note_converse
from addons.wire.collect import Collector, JsonRequest
from addons.wire.eventstream import CONTENT_TYPE
from addons.wire.jsondoc import ARRAY, LITERAL, Document, Node
from addons.wire.restore import Restorer, argument, tool_call
from addons.wire.rules import (
    FREE,
    JSON,
    NAME,
    NAMES,
    OPAQUE,
    SCHEMA,
    SKIP,
    TEXT,
    Rule,
    Visitor,
    constant_role,
    fields,
    items,
    unknown_block,
    unreadable,
)
from addons.wire.types import ErrorReply, ReplyFacts, Restoration, UnreadableKind, WireError
from addons.wire.whole_reply import restore_whole

ROLES = {"system": "system", "user": "user", "assistant": "assistant"}
"""Message role -> segment role."""
TEXT_FORMATS = frozenset({"txt", "md", "html", "csv"})
"""Formats of a document whose bytes are text."""


class ConverseRestorer(Restorer):
    """Restores, and drops the offsets that point into what was masked."""

    def drop(self, node: Node) -> None:
        self.dropped += 1
        self.edits.append((node.start, node.end, "null"))


def _offset(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A character of a document of the request. The provider counts in the masked document, the client in its own."""
    if isinstance(visitor, ConverseRestorer) and node.kind != LITERAL:
        visitor.drop(node)
    else:
        NAME(visitor, node, path, role)


_S3 = fields({"uri": TEXT, "bucketOwner": NAME})
_ERROR = fields({"message": TEXT})


def _media(kind: UnreadableKind) -> Rule:
    source = fields({"bytes": OPAQUE, "s3Location": _S3})
    return unreadable(kind, fields({"format": NAME, "source": source, "error": _ERROR}))


def _document(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A document: its bytes are read if its format is text; what lies in a bucket cannot be."""
    source = node.get("source")
    if source is not None and source.get("bytes") is not None and node.text("format") not in TEXT_FORMATS:
        visitor.unreadable(f"{path}.source.bytes", UnreadableKind.FILE)
        _BINARY_DOCUMENT(visitor, node, path, role)
        return
    if source is not None and source.get("s3Location") is not None:
        visitor.unreadable(f"{path}.source.s3Location", UnreadableKind.REMOTE)
    _DOCUMENT(visitor, node, path, role)


def _bytes(visitor: Visitor, node: Node, path: str, role: str) -> None:
    if node.string is not None:
        visitor.base64_text(node, path, role, 0)
    else:
        FREE(visitor, node, path, role)


def _document_rule(inner: Rule) -> Rule:
    source = fields({"bytes": inner, "s3Location": _S3, "text": TEXT, "content": items(fields({"text": TEXT}))})
    return fields({"format": NAME, "name": TEXT, "source": source, "context": TEXT, "citations": NAMES})


_DOCUMENT, _BINARY_DOCUMENT = _document_rule(_bytes), _document_rule(OPAQUE)
_SEARCH_RESULT = fields({"source": TEXT, "title": TEXT, "content": items(fields({"text": TEXT})), "citations": NAMES})
_LOCATION = fields(
    {
        "web": fields({"url": TEXT, "domain": TEXT}),
        "documentChar": fields({"documentIndex": NAME, "start": _offset, "end": _offset}),
        "documentPage": NAMES,
        "documentChunk": NAMES,
        "searchResultLocation": NAMES,
    }
)
CITATION_FIELDS: dict[str, Rule] = {
    "title": TEXT,
    "source": TEXT,
    "sourceContent": items(fields({"text": TEXT})),
    "location": _LOCATION,
}
CITATION = fields(CITATION_FIELDS)
TOOL_RESULT_CONTENT: dict[str, Rule] = {
    "json": FREE,
    "text": TEXT,
    "image": _media(UnreadableKind.IMAGE),
    "document": _document,
    "video": _media(UnreadableKind.FILE),
    "searchResult": _SEARCH_RESULT,
}
"""What a tool's result holds, by its member."""
_REASONING = fields({"text": TEXT, "signature": OPAQUE})


def _reasoning(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Signed or encrypted: the provider takes it back byte for byte or not at all. Without a signature it is text."""
    said = node.get("reasoningText")
    signed = node.text("redactedContent") or (said is not None and said.text("signature"))
    rule = fields({"reasoningText": SKIP if signed else _REASONING, "redactedContent": OPAQUE}, unknown_block)
    rule(visitor, node, path, role)


def parts(rule: Rule) -> Rule:
    """The blocks of one message; texts that follow one another are joined."""

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        if node.kind != ARRAY:
            (TEXT if node.string is not None else rule)(visitor, node, path, role)
            return
        for index, child in enumerate(node.children):
            below, first = f"{path}[{index}]", visitor.mark()
            rule(visitor, child, below, role)
            joins = child.text("text") is not None
            visitor.join(*((first, visitor.mark(), f"{below}.text") if joins else (0, 0, "")))
        visitor.join(0, 0, "")

    return walk


_USE = fields({"toolUseId": NAME, "name": NAME, "input": argument(FREE), "type": NAME})
_OWN_USE, _HOSTED_USE = tool_call(_USE), tool_call(_USE, hosted=True)


def _tool_use(visitor: Visitor, node: Node, path: str, role: str) -> None:
    (_HOSTED_USE if node.text("type") == HOSTED else _OWN_USE)(visitor, node, path, role)


_GUARDED = fields({"text": fields({"text": TEXT, "qualifiers": NAMES}), "image": _media(UnreadableKind.IMAGE)})
BLOCKS: dict[str, Rule] = {
    "text": TEXT,
    "image": _media(UnreadableKind.IMAGE),
    "document": _document,
    "video": _media(UnreadableKind.FILE),
    "audio": _media(UnreadableKind.AUDIO),
    "toolUse": _tool_use,
    "toolResult": constant_role(
        "tool",
        fields({"toolUseId": NAME, "content": parts(fields(TOOL_RESULT_CONTENT)), "status": NAME, "type": NAME}),
    ),
    "guardContent": _GUARDED,
    "cachePoint": NAMES,
    "reasoningContent": _reasoning,
    "citationsContent": fields({"content": items(fields({"text": TEXT})), "citations": items(CITATION)}),
    "searchResult": _SEARCH_RESULT,
    "toolAddition": NAMES,
    "toolRemoval": NAMES,
}
"""Content blocks, by their member."""
SYSTEM_BLOCKS: dict[str, Rule] = {"text": TEXT, "guardContent": _GUARDED, "cachePoint": NAMES}
_MESSAGE = fields({"role": NAME, "content": parts(fields(BLOCKS, unknown_block))}, unknown_block)


def _message(visitor: Visitor, node: Node, path: str, _: str) -> None:
    _MESSAGE(visitor, node, path, ROLES.get(node.text("role") or "", "user"))


TOOLS: dict[str, Rule] = {
    "toolSpec": fields({"name": NAME, "description": TEXT, "inputSchema": fields({"json": SCHEMA}), "strict": NAME}),
    "systemTool": NAMES,
    "cachePoint": NAMES,
}
_OUTPUT_SCHEMA = fields({"schema": JSON, "name": NAME, "description": TEXT})
_TEXT_FORMAT = fields({"type": NAME, "structure": fields({"jsonSchema": _OUTPUT_SCHEMA})})
REQUEST_FIELDS: dict[str, Rule] = {
    "messages": items(_message),
    "system": constant_role("system", parts(fields(SYSTEM_BLOCKS, unknown_block))),
    "inferenceConfig": constant_role("metadata", fields({"stopSequences": TEXT}, NAMES)),
    "toolConfig": constant_role("schema", fields({"tools": items(fields(TOOLS)), "toolChoice": NAMES})),
    "guardrailConfig": NAMES,
    "projectIdentifier": NAME,
    "additionalModelRequestFields": constant_role("metadata", FREE),
    "promptVariables": FREE,
    "additionalModelResponseFieldPaths": NAMES,
    "requestMetadata": constant_role("metadata", FREE),
    "performanceConfig": NAMES,
    "serviceTier": NAMES,
    "outputConfig": constant_role("schema", fields({"textFormat": _TEXT_FORMAT, "effort": NAME})),
}
"""Members of a request. What is not here is scanned as free-form data."""
REQUEST = fields(REQUEST_FIELDS)
REPLY_FIELDS: dict[str, Rule] = {
    "output": fields({"message": _message}),
    "stopReason": NAME,
    "usage": SKIP,
    "metrics": SKIP,
    "additionalModelResponseFields": FREE,
    "trace": FREE,
    "performanceConfig": NAMES,
    "serviceTier": NAMES,
}
REPLY = fields(REPLY_FIELDS)
"""A reply or an error."""


class ConverseRequest(JsonRequest):
    """A request with documents, whose names may hold no underscores: placeholders in them are written with spaces."""

    __slots__ = ()

    def _written_text(self, index: int, text: str) -> str:
        named = self.segments[index].path.endswith(".document.name")
        return " ".join(text.replace("_", " ").split()) if named else text

    def encode(self, texts: Mapping[int, str], *, model: str | None = None) -> bytes:
        """See ``ParsedRequest.encode``."""
        return super().encode({i: self._written_text(i, text) for i, text in texts.items()}, model=model)


def parse_converse(body: bytes, rule: Rule = REQUEST) -> JsonRequest:
    """Take a body of Converse's shape apart. Raises WireError."""
    root = Document.of_bytes(body)
    collector = Collector(root)
    rule(collector, root.root, "$", "user")
    return ConverseRequest(body, root, collector)


def restore_converse(body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
    """Restore a reply of Converse's shape. What is no JSON is restored as text."""
    return restore_whole(body, REPLY, restoration, _note_reply, splice=restore_rule)


def _note_reply(facts: ReplyFacts, plain: dict[str, Any]) -> None:
    note_converse(facts, plain)
    note_error(facts, plain)


def restore_rule(
    document: Document, rule: Rule, restoration: Restoration, facts: ReplyFacts | None = None
) -> str | None:
    """The document's text restored, offsets into documents dropped; None if it stays as it is."""
    restorer = ConverseRestorer(document, restoration)
    rule(restorer, document.root, "$", "assistant")
    if facts is not None:
        facts.dropped += restorer.dropped
    return document.splice(restorer.edits) if restorer.edits else None


_CITED = fields({"contentBlockIndex": NAME, "delta": fields({"citation": CITATION})})


def restore_citation(event: str, restoration: Restoration) -> str | None:
    """The JSON of an event with a citation, restored; None if it stays as it is."""
    try:
        return restore_rule(Document(event, duplicates=True), _CITED, restoration)
    except WireError:  # NaN, or deeper than we parse
        new = restoration.whole(event)
        return None if new == event else new


class BedrockConverse:
    """``Codec`` of ``bedrock.converse`` and ``bedrock.converse_stream``."""

    stream_types = (CONTENT_TYPE,)

    def __init__(self, name: str = "bedrock.converse", model: str | None = None):
        self.name = name
        self.model = model

    def for_model(self, model: str) -> Self:
        """The codec for a request whose path names that model."""
        return type(self)(self.name, model)

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``."""
        request = parse_converse(body)
        request.model = self.model
        request.stream = self.name == "bedrock.converse_stream"
        return request

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``."""
        return restore_converse(body, restoration)

    def open_stream(self, restoration: Restoration) -> ConverseStream:
        """See ``Codec.open_stream``."""
        return ConverseStream(restoration, restore_citation)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return bedrock_refusal(status, code, message)
