"""Bedrock's InvokeModel: bodies in the formats of the models' vendors, told apart by what stands in them.

May import this room only. The model's name says little (it may be the ARN of a profile or of a model of one's own), so
the members decide: Anthropic's bodies say ``anthropic_version``, Nova's have Converse's shape, others have ``messages``
as OpenAI's do. What is left (Titan, Llama, Cohere, embeddings, images) is read as free-form data, and whole. Streams:
``bedrock_chunks.py``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Self

from addons.wire.anthropic_messages import REQUEST_FIELDS, AnthropicMessages
from addons.wire.bedrock_chunks import ChunkStream
from addons.wire.bedrock_converse import REQUEST as CONVERSE
from addons.wire.bedrock_converse import REQUEST_FIELDS as CONVERSE_FIELDS
from addons.wire.bedrock_converse import parse_converse, restore_converse
from addons.wire.bedrock_errors import bedrock_refusal, note_error
from addons.wire.bedrock_stream import note_converse
from addons.wire.collect import JsonRequest, parse_json
from addons.wire.eventstream import CONTENT_TYPE
from addons.wire.generic import GENERIC, GENERIC_REPLY
from addons.wire.jsondoc import ARRAY, OBJECT, Document, Node
from addons.wire.openai_chat import OpenAIChat
from addons.wire.restore import restore_document
from addons.wire.rules import NAME, NAMES, SKIP, Rule, Visitor, fields
from addons.wire.types import ErrorReply, ReplyFacts, ReplyStream, Restoration, Segment, Unreadable, WireError

CLAUDE = fields({**REQUEST_FIELDS, "anthropic_version": NAME, "anthropic_beta": NAMES})
NOVA = fields({**CONVERSE_FIELDS, "schemaVersion": NAME})
_ANTHROPIC, _OPENAI = AnthropicMessages(), OpenAIChat()
_CONVERSE_MEMBERS = ("inferenceConfig", "schemaVersion", "toolConfig", "guardrailConfig")


def _is_converse(root: Node) -> bool:
    """True for a body whose messages' blocks have no ``type``, as Nova's are."""
    if any(root.get(name) is not None for name in _CONVERSE_MEMBERS):
        return True
    messages = root.get("messages")
    blocks = [
        block
        for message in (messages.children if messages is not None and messages.kind == ARRAY else ())
        if message.kind == OBJECT and (content := message.get("content")) is not None and content.kind == ARRAY
        for block in content.children
    ]
    return bool(blocks) and all(block.kind == OBJECT and block.get("type") is None for block in blocks)


def parse_invoke(body: bytes) -> JsonRequest:
    """Take a body of any vendor's apart. Raises WireError."""
    root = Document.of_bytes(body).root
    if root.kind != OBJECT:
        return parse_json(body, GENERIC)
    if root.get("anthropic_version") is not None:
        return parse_json(body, CLAUDE)
    if _is_converse(root):
        return parse_converse(body, NOVA)
    return _OPENAI.parse_request(body) if root.get("messages") is not None else parse_json(body, GENERIC)


def _unnumbered(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A reply of no known shape, without its vectors."""
    if node.kind == OBJECT:
        for name in ("embedding", "embeddings", "embeddingsByType"):
            if node.get(name) is not None:
                _VECTORS(visitor, node, path, role)
                return
    GENERIC_REPLY(visitor, node, path, role)


_VECTORS = fields(dict.fromkeys(["embedding", "embeddings", "embeddingsByType"], SKIP))


def restore_invoke(body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
    """Restore a reply of any vendor's. What is no JSON is restored as text."""
    try:
        document = Document.of_bytes(body, duplicates=True)
    except WireError:
        return _ANTHROPIC.restore_reply(body, restoration)
    root = document.root
    if root.kind == OBJECT:
        choices = root.get("choices")
        if root.text("type") == "message":
            return _ANTHROPIC.restore_reply(body, restoration)
        if root.get("output") is not None and root.get("stopReason") is not None:
            return restore_converse(body, restoration)
        if choices is not None and root.text("object") is not None:
            return _OPENAI.restore_reply(body, restoration)
    return restore_any(body, document, _unnumbered, restoration)


def restore_any(body: bytes, document: Document, rule: Rule, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
    """Restore a reply by a rule; whatever it says of itself in the ways of this API is noted."""
    facts, plain = ReplyFacts(), document.root.plain()
    if isinstance(plain, dict):
        note_converse(facts, plain)
        note_error(facts, plain)
    facts.complete = facts.error_type is None
    new = restore_document(document, rule, restoration)
    return (body if new is None else new.encode("utf-8", "surrogatepass")), facts


class BedrockInvoke:
    """``Codec`` of ``bedrock.invoke`` and ``bedrock.invoke_stream``."""

    stream_types = (CONTENT_TYPE,)

    def __init__(self, name: str = "bedrock.invoke", model: str | None = None):
        self.name = name
        self.model = model

    def for_model(self, model: str) -> Self:
        """The codec for a request whose path names that model."""
        return type(self)(self.name, model)

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``."""
        request = parse_invoke(body)
        request.model = self.model
        request.stream = self.name == "bedrock.invoke_stream"
        return request

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``."""
        return restore_invoke(body, restoration)

    def open_stream(self, restoration: Restoration) -> ReplyStream:
        """See ``Codec.open_stream``."""
        return ChunkStream(restoration)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return bedrock_refusal(status, code, message)


class CountedRequest:
    """A count of tokens: a Converse request, or a vendor's body in base64. A ``ParsedRequest``."""

    def __init__(self, outer: JsonRequest, body: Node | None, inner: JsonRequest | None):
        self._outer, self._inner, self._at = outer, inner, body
        self._count = len(outer.segments)
        under = "$.input.invokeModel.body"
        within = inner.segments if inner is not None else ()
        self.segments: Sequence[Segment] = [
            *outer.segments,
            *[Segment(under + one.path[1:], one.role, one.text, one.place, one.context) for one in within],
        ]
        self.unreadable: Sequence[Unreadable] = [*outer.unreadable, *(inner.unreadable if inner is not None else ())]
        self.joins: Sequence[Sequence[int]] = [
            *outer.joins,
            *[[i + self._count for i in group] for group in (inner.joins if inner is not None else ())],
        ]
        self.model: str | None = None
        self.stream = False

    def encode(self, texts: Mapping[int, str], *, model: str | None = None) -> bytes:
        """See ``ParsedRequest.encode``. The model is in the path: naming another raises ``not_an_object``."""
        if model is not None:
            raise WireError("not_an_object", "$", "The model is named in the path")
        outer = self._outer.encode({i: text for i, text in texts.items() if i < self._count})
        inside = {i - self._count: text for i, text in texts.items() if i >= self._count}
        if self._inner is None or self._at is None or not inside:
            return outer
        new = self._inner.encode(inside)
        if new == self._inner.body:
            return outer
        document = Document.of_bytes(outer)
        at = _body_of(document.root)
        literal = '"' + base64.b64encode(new).decode("ascii") + '"'
        return document.splice([(at.start, at.end, literal)] if at is not None else []).encode("utf-8")


def _body_of(root: Node) -> Node | None:
    """The body in base64 of a count, if that is what it counts."""
    node: Node | None = root
    for name in ("input", "invokeModel", "body"):
        node = node.get(name) if node is not None and node.kind == OBJECT else None
    return node if node is not None and node.string is not None else None


_COUNT = fields({"input": fields({"converse": CONVERSE, "invokeModel": fields({"body": SKIP})})})
_COUNT_ANY = fields({"input": fields({"converse": CONVERSE})})


class BedrockCount(BedrockInvoke):
    """``Codec`` of ``bedrock.count_tokens``."""

    def __init__(self, name: str = "bedrock.count_tokens", model: str | None = None):
        super().__init__(name, model)

    def parse_request(self, body: bytes) -> CountedRequest:  # type: ignore[override]
        """See ``Codec.parse_request``."""
        at = _body_of(Document.of_bytes(body).root)
        inner = None
        if at is not None:
            try:
                inner = parse_invoke(base64.b64decode(at.string or "", validate=True))
            except binascii.Error:
                raise WireError("malformed_base64", "$.input.invokeModel.body", "The body is no base64") from None
        request = CountedRequest(parse_converse(body, _COUNT if at is not None else _COUNT_ANY), at, inner)
        request.model = self.model
        return request
