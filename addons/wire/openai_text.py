"""OpenAI's other text endpoints: completions, embeddings, moderations, images, speech, transcriptions, vector search.

May import this room only. Reference: the types of the ``openai`` package; ``tests/addons/wire/test_sdk_text.py`` pins
the tables to them. One codec class, a table for each endpoint. Completions stream in a format of their own
(``openai_completions_stream.py``); the other streams are ``delta_events``.

Token ids in place of text cannot be read. What a speech or image model makes of a placeholder cannot be restored.
"""

from __future__ import annotations

from collections.abc import Callable

from addons.wire.collect import JsonRequest, parse_json
from addons.wire.delta_events import DeltaEvents
from addons.wire.jsondoc import ARRAY, NUMBER, Document, Node
from addons.wire.logprobs import written
from addons.wire.openai_chat import CONTENT, METADATA
from addons.wire.openai_completions_stream import CompletionStream
from addons.wire.openai_completions_tokens import OFFSETS, respelled
from addons.wire.openai_stream import note_chat
from addons.wire.refusals import openai_error, reply
from addons.wire.restore import Restorer, restore_document, restore_plain
from addons.wire.rules import (
    FREE,
    NAME,
    NAMES,
    SKIP,
    TEXT,
    Rule,
    Visitor,
    constant_role,
    fields,
    items,
    unknown_block,
)
from addons.wire.streaming import EventStream
from addons.wire.types import ErrorReply, ReplyFacts, Restoration, UnreadableKind, WireError

type StreamOf = Callable[[Restoration, Rule], EventStream]


def TEXT_OR_TOKENS(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A string, a list of strings, or token ids, which nobody here can read."""
    if node.kind == ARRAY and any(child.kind in (NUMBER, ARRAY) for child in node.children):
        visitor.unreadable(path, UnreadableKind.TOKENS)
        for index, child in enumerate(node.children):
            if child.kind not in (NUMBER, ARRAY):
                FREE(visitor, child, f"{path}[{index}]", role)
        return
    TEXT(visitor, node, path, role)


def _names(words: str) -> dict[str, Rule]:
    return dict.fromkeys(words.split(), NAMES)


_HEAD = _names("id object created model system_fingerprint")


def _choice(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A completion. In a reply, its tokens' probabilities follow the text; where they cannot they become ``null``."""
    _CHOICE(visitor, node, path, role)
    text, logprobs = node.get("text"), node.get("logprobs")
    if text is None or text.string is None or logprobs is None or not isinstance(visitor, Restorer):
        return
    told = logprobs.plain() if logprobs.children else None
    if not isinstance(told, dict):
        return
    new = respelled(told, text.string, visitor.became(text), visitor.restoration)
    lost = new is None or (new.get(OFFSETS) is None and told.get(OFFSETS) is not None)
    visitor.dropped += lost
    if new != told:
        visitor.put(logprobs, written(new))


_CHOICE = fields({"index": NAME, "finish_reason": NAME, "text": TEXT, "logprobs": SKIP}, unknown_block)

COMPLETION_FIELDS: dict[str, Rule] = {
    "prompt": TEXT_OR_TOKENS,
    "suffix": TEXT_OR_TOKENS,
    "stop": constant_role("metadata", TEXT),
    "user": METADATA,
    **_names(
        """model best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stream
        stream_options temperature top_p"""
    ),
}
EMBEDDING_FIELDS: dict[str, Rule] = {
    "input": TEXT_OR_TOKENS,
    "user": METADATA,
    **_names("model dimensions encoding_format"),
}
MODERATION_FIELDS: dict[str, Rule] = {"input": CONTENT, "model": NAME}
IMAGE_FIELDS: dict[str, Rule] = {
    "prompt": TEXT,
    "user": METADATA,
    "safety_identifier": METADATA,
    **_names(
        """model background complexity frame_count frame_duration_ms moderation n output_compression output_format
        partial_images quality response_format size style svg stream"""
    ),
}
SPEECH_FIELDS: dict[str, Rule] = {
    "input": TEXT,
    "instructions": constant_role("system", TEXT),
    **_names("model voice response_format speed stream_format"),
}
SEARCH_FIELDS: dict[str, Rule] = {
    "query": TEXT,
    "filters": FREE,
    **_names("max_num_results ranking_options rewrite_query"),
}
"""Members of requests. What is not in a table is scanned as free-form data."""

_EMBEDDED = fields({"object": NAME, "index": NAME, "embedding": SKIP})
_VERDICT = fields({"flagged": NAME, "categories": SKIP, "category_scores": SKIP, "category_applied_input_types": SKIP})
_IMAGE = fields({"b64_json": SKIP, "revised_prompt": TEXT, "url": TEXT})
_FOUND = fields(
    {
        "file_id": NAME,
        "filename": TEXT,
        "score": NAME,
        "attributes": FREE,
        "content": items(fields({"type": NAME, "text": TEXT}, unknown_block)),
    }
)
COMPLETION_REPLY = fields({**_HEAD, "choices": items(_choice), "usage": SKIP})
EMBEDDING_REPLY = fields({**_HEAD, "data": items(_EMBEDDED), "usage": SKIP})
MODERATION_REPLY = fields({**_HEAD, "results": items(_VERDICT)})
IMAGE_REPLY = fields({**_HEAD, "data": items(_IMAGE), "b64_json": SKIP, "usage": SKIP})
TRANSCRIPTION_REPLY = fields({"type": NAME, "text": TEXT, "usage": SKIP, "logprobs": SKIP}, FREE)
SEARCH_REPLY = fields({"object": NAME, "search_query": TEXT, "data": items(_FOUND), "next_page": NAME})


class OpenAIText:
    """``Codec`` of one endpoint whose requests and replies are plain JSON objects."""

    def __init__(self, name: str, request: Rule, reply_rule: Rule = FREE, stream: StreamOf | None = None):
        self.name = name
        self._request = request
        self._reply = reply_rule
        self._stream = stream

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``."""
        return parse_json(body, self._request)

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text."""
        facts = ReplyFacts()
        try:
            document = Document.of_bytes(body, duplicates=True)
        except WireError:
            return restore_plain(body, restoration), facts
        head = {child.key: child.plain() for child in document.root.children if child.key in _STATED}
        note_chat(facts, head)
        choices = document.root.get("choices")
        for choice in choices.children if choices is not None else ():
            reason = choice.text("finish_reason")
            if reason is not None:
                facts.finish_reasons.append(reason)
        facts.complete = facts.error_type is None
        new = restore_document(document, self._reply, restoration, facts)
        return (body if new is None else new.encode("utf-8", "surrogatepass")), facts

    def open_stream(self, restoration: Restoration) -> EventStream:
        """See ``Codec.open_stream``."""
        if self._stream is not None:
            return self._stream(restoration, self._reply)
        return DeltaEvents(restoration, ReplyFacts(), self._reply)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return reply(status, code, openai_error(status, code, message))


_STATED = ("model", "usage", "error")

COMPLETIONS = OpenAIText("openai.completions", fields(COMPLETION_FIELDS), COMPLETION_REPLY, CompletionStream)
EMBEDDINGS = OpenAIText("openai.embeddings", fields(EMBEDDING_FIELDS), EMBEDDING_REPLY)
MODERATIONS = OpenAIText("openai.moderations", fields(MODERATION_FIELDS), MODERATION_REPLY)
IMAGES = OpenAIText("openai.images", fields(IMAGE_FIELDS), IMAGE_REPLY)
SPEECH = OpenAIText("openai.speech", fields(SPEECH_FIELDS))
VECTOR_SEARCH = OpenAIText("openai.vector_store_search", fields(SEARCH_FIELDS), SEARCH_REPLY)
