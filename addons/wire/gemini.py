"""Google Gemini and Vertex AI: the codecs of their methods.

May import this room only. The model stands in the path, not in the body: ``registry`` binds a codec to it with
``for_model``. Streams: ``gemini_stream.py``. Stored contents that a request names: ``gemini_caches.py``.
"""

from __future__ import annotations

from typing import Self

from addons.wire.collect import JsonRequest, parse_json
from addons.wire.gemini_caches import use_of_cache
from addons.wire.gemini_content import (
    CONTENT,
    CONTENTS,
    GENERATION,
    REPLY,
    SYSTEM,
    TOOLS,
    both,
    member,
)
from addons.wire.gemini_errors import google_error, note_gemini
from addons.wire.gemini_offsets import move_offsets
from addons.wire.gemini_stream import GeminiStream
from addons.wire.gemini_tokens import respell
from addons.wire.jsondoc import Document, Node
from addons.wire.offsets import Said
from addons.wire.refusals import reply
from addons.wire.restore import Restorer
from addons.wire.rules import FREE, NAME, NAMES, OPAQUE, TEXT, Rule, constant_role, fields, items, unreadable
from addons.wire.types import ErrorReply, ReplyFacts, Restoration, UnreadableKind
from addons.wire.whole_reply import restore_whole

GENERATE_FIELDS: dict[str, Rule] = both(
    {
        "model": NAME,
        "contents": CONTENTS,
        "systemInstruction": SYSTEM,
        "tools": TOOLS,
        "toolConfig": fields(both({"retrievalConfig": FREE}), NAMES),
        "safetySettings": NAMES,
        "generationConfig": GENERATION,
        "labels": constant_role("metadata", FREE),
        "cachedContent": NAME,
        "serviceTier": NAME,
        "modelArmorConfig": NAMES,
        "continuationToken": OPAQUE,
        "outputConfig": NAMES,
        "store": NAME,
    }
)
"""Members of a generateContent request. What is not here is scanned as free-form data."""
GENERATE = fields(GENERATE_FIELDS)
_INSTANCE = fields(
    {
        "content": TEXT,
        "title": TEXT,
        "prompt": TEXT,
        "text": TEXT,
        "task_type": NAME,
        "taskType": NAME,
        "mimeType": NAME,
        "image": unreadable(UnreadableKind.IMAGE, fields({"bytesBase64Encoded": OPAQUE})),
        "video": unreadable(UnreadableKind.BINARY, fields({"bytesBase64Encoded": OPAQUE})),
        "audio": unreadable(UnreadableKind.AUDIO, fields({"bytesBase64Encoded": OPAQUE})),
    }
)
_INSTANCES = items(_INSTANCE)
PREDICT = fields({"instances": _INSTANCES, "parameters": FREE, "labels": constant_role("metadata", FREE)})
"""Vertex's older method, which its text embeddings still use."""
EMBED_FIELDS: dict[str, Rule] = both(
    {
        "model": NAME,
        "content": CONTENT,
        "taskType": NAME,
        "title": TEXT,
        "outputDimensionality": NAME,
        "autoTruncate": NAME,
        "embedContentConfig": fields({"title": TEXT}, NAMES),
    }
)
EMBED = fields(EMBED_FIELDS)
BATCH_EMBED = fields({"requests": items(EMBED), "model": NAME})
COUNT = fields({**GENERATE_FIELDS, **both({"generateContentRequest": GENERATE}), "instances": _INSTANCES})

RULES: dict[str, Rule] = {
    "gemini.generate_content": GENERATE,
    "gemini.stream_generate_content": GENERATE,
    "gemini.count_tokens": COUNT,
    "gemini.embed_content": EMBED,
    "gemini.batch_embed_contents": BATCH_EMBED,
    "vertex.predict": PREDICT,
}
"""Rule of the request by the endpoint's name."""
_GENERATING = ("gemini.generate_content", "gemini.stream_generate_content")
"""Whose replies may hold what stored contents hold. A count may name any: nothing of it comes back."""


class Gemini:
    """``Codec`` of one method of the Gemini API."""

    stream_types: tuple[str, ...] = ()
    """Content types, besides server-sent events, of replies that are restored as they come."""

    def __init__(self, name: str, model: str | None = None):
        self.name = name
        self.model = model

    def for_model(self, model: str) -> Self:
        """The codec for a request whose path names that model."""
        return type(self)(self.name, model)

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``."""
        request = parse_json(body, RULES[self.name])
        request.model = self.model or request.model
        if self.name in _GENERATING:
            request.stored = use_of_cache(request.sources[0].document.root)
        return request

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text."""
        return restore_whole(body, REPLY, restoration, note_gemini, splice=_with_pointers)

    def open_stream(self, restoration: Restoration) -> GeminiStream:
        """See ``Codec.open_stream``."""
        return GeminiStream(restoration)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return reply(status, code, google_error(status, code, message))


class GeminiStreaming(Gemini):
    """``Codec`` of ``streamGenerateContent``: its reply may be a JSON array, which comes piece by piece."""

    stream_types = ("application/json",)

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``. The path asks for a stream, not the body."""
        request = super().parse_request(body)
        request.stream = True
        return request

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. An array is restored as the stream that it is."""
        if not body.lstrip(b" \t\r\n").startswith(b"["):
            return super().restore_reply(body, restoration)
        stream = self.open_stream(restoration)
        return stream.feed(body) + stream.close(), stream.facts


def _with_pointers(document: Document, rule: Rule, restoration: Restoration, facts: ReplyFacts) -> str | None:
    restorer = Restorer(document, restoration)
    rule(restorer, document.root, "$", "assistant")
    if not restorer.edits:
        return None
    for candidate in _children(document.root, "candidates"):
        _follow(candidate, restorer)
    facts.dropped += restorer.dropped
    return document.splice(restorer.edits)


def _children(node: Node, name: str) -> list[Node]:
    found = member(node, name)
    return found.children if found is not None else []


_POINTERS = ("groundingMetadata", "citationMetadata", "logprobsResult")


def _follow(candidate: Node, restorer: Restorer) -> None:
    """A complete candidate's offsets and tokens."""
    if all(member(candidate, name) is None for name in _POINTERS):
        return
    content = candidate.get("content")
    said, answer = [], []
    for part in _children(content, "parts") if content is not None else ():
        text = part.text("text") or ""
        said.append(Said(text, restorer.restoration.whole(text) if text else ""))
        thought = part.get("thought")
        if thought is None or thought.value is not True:
            answer.append(said[-1])
    whole = _joined(answer)
    move_offsets(candidate, said, said[0] if len(said) == 1 else whole, restorer)
    respell(candidate, (whole, _joined(said)), restorer)


def _joined(said: list[Said]) -> Said:
    return Said("".join(one.masked for one in said), "".join(one.restored for one in said))
