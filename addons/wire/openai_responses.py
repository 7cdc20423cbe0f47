"""OpenAI Responses: where the text is in requests, replies and stream events.

May import this room only. Its items, parts and tools are in ``openai_responses_items.py``, its streams in
``openai_responses_stream.py``, what of it leans on stored state in ``openai_leaning.py``.
Reference: the types of the ``openai`` package; ``tests/addons/wire/test_sdk_responses.py`` pins the tables to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from addons.wire.collect import Collector, JsonRequest
from addons.wire.jsondoc import OBJECT, STRING, Document, Node
from addons.wire.openai_chat import METADATA
from addons.wire.openai_leaning import use_of
from addons.wire.openai_responses_items import AGENT, INPUT, ITEM, PART, TEXT_CONFIG, TOOL_LIST
from addons.wire.openai_responses_stream import ResponsesStream, note_response
from addons.wire.openai_responses_text import ANNOTATION, LOGPROBS, pointed_into
from addons.wire.refusals import openai_error, reply
from addons.wire.rules import (
    FREE,
    JSON,
    NAME,
    NAMES,
    SKIP,
    TEXT,
    Rule,
    Visitor,
    constant_role,
    fields,
    is_plain_key,
    items,
    step,
)
from addons.wire.stored import note_stored
from addons.wire.types import ErrorReply, ReplyFacts, Restoration
from addons.wire.whole_reply import restore_whole


def _variables(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Values for a prompt template that lies at the provider: strings or content parts."""
    if node.kind != OBJECT:
        FREE(visitor, node, path, role)
        return
    for index, child in enumerate(node.children):
        below = step(path, child, index)
        if not is_plain_key(child.key or ""):
            visitor.key(child, f"{below}~key", role)
        (FREE if child.kind == STRING else PART)(visitor, child, below, role)


SHARED_FIELDS: dict[str, Rule] = {
    "model": NAME,
    "instructions": constant_role("system", INPUT),
    "prompt": fields({"id": NAME, "version": NAME, "variables": _variables}),
    "tools": TOOL_LIST,
    "text": TEXT_CONFIG,
    "metadata": constant_role("metadata", FREE),
    **dict.fromkeys(["user", "safety_identifier", "prompt_cache_key"], METADATA),
    **dict.fromkeys(
        """access_programs background conversation image max_output_tokens max_tool_calls moderation
        parallel_tool_calls previous_response_id prompt_cache_options prompt_cache_retention reasoning service_tier
        temperature tool_choice top_logprobs top_p truncation""".split(),  # noqa: SIM905
        NAMES,
    ),
}
"""Members that requests and responses have in common."""
REQUEST_FIELDS: dict[str, Rule] = SHARED_FIELDS | {
    "input": INPUT,
    **dict.fromkeys(
        """background_options betas context_management include multi_agent personality store stream
        stream_options""".split(),  # noqa: SIM905
        NAMES,
    ),
}
"""Members of a request. What is not here is scanned as free-form data."""
_REQUEST = fields(REQUEST_FIELDS)

RESPONSE_FIELDS: dict[str, Rule] = SHARED_FIELDS | {
    "output": items(ITEM),
    **dict.fromkeys(["usage", "tool_usage", "prompt_cache_diagnostics", "input_transformations"], SKIP),
    **dict.fromkeys(["id", "object", "created_at", "completed_at", "status", "incomplete_details"], NAMES),
    "error": FREE,
}
"""Members of a response object. What is not here is restored whole."""
RESPONSE = fields(RESPONSE_FIELDS)

EVENT_FIELDS: dict[str, Rule] = {
    **dict.fromkeys(
        """type sequence_number item_id output_index content_index summary_index command_index annotation_index
        partial_image_index status name output_format quality size background obfuscation""".split(),  # noqa: SIM905
        NAME,
    ),
    **dict.fromkeys(["text", "refusal", "input", "code", "command", "message", "param"], TEXT),
    "arguments": JSON,
    "output": FREE,
    "logprobs": LOGPROBS,
    "annotation": ANNOTATION,
    "agent": AGENT,
    "part": PART,
    "item": ITEM,
    "response": RESPONSE,
    "partial_image_b64": SKIP,
    "delta": SKIP,
}
"""Members of a stream event, deltas' pieces aside."""
EVENT = pointed_into(fields(EVENT_FIELDS))


def note_kept(facts: ReplyFacts, plain: dict[str, Any]) -> None:
    """Facts of a response or of what else is stored, and what of it can be asked for later."""
    note_response(facts, plain)
    note_stored(facts, plain)


def is_response(plain: dict[str, Any]) -> bool:
    """A response that failed or still runs is whole, too; an item, a page or a conversation has no state."""
    return plain.get("object") == "response"


class ResponsesRequest(JsonRequest):
    """A request. When anything in it is replaced, tokens' probabilities in its history go: they spell what was said."""

    __slots__ = ()

    def encode(self, texts: Mapping[int, str], *, model: str | None = None) -> bytes:
        """See ``ParsedRequest.encode``."""
        out = super().encode(texts, model=model)
        return out if out is self.body or b'"logprobs"' not in out else _without_logprobs(out)


class OpenAIResponses:
    """``Codec`` of ``openai.responses`` and of the count of its input tokens, whose reply holds no text."""

    def __init__(self, name: str = "openai.responses", *, only_counts: bool = False, compacts: bool = False):
        """``only_counts`` True: what the provider has stored may be named, since nothing of it comes back.
        ``compacts`` True: the reply is stored state in the client's hands."""
        self.name = name
        self._compacts = compacts
        self._only_counts = only_counts

    def parse_request(self, body: bytes) -> ResponsesRequest:
        """See ``Codec.parse_request``."""
        root = Document.of_bytes(body)
        collector = Collector(root)
        _REQUEST(collector, root.root, "$", "user")
        request = ResponsesRequest(body, root, collector)
        if not self._only_counts:
            request.stored = use_of(root.root, compacts=self._compacts)
        return request

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text."""
        return restore_whole(body, RESPONSE, restoration, note_kept, whole_in_spite=is_response)

    def open_stream(self, restoration: Restoration) -> ResponsesStream:
        """See ``Codec.open_stream``."""
        return ResponsesStream(restoration, EVENT)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return reply(status, code, openai_error(status, code, message))


def _without_logprobs(body: bytes) -> bytes:
    document = Document.of_bytes(body)
    edits = []
    given = document.root.get("input")
    for item in given.children if given is not None else ():
        content = item.get("content")
        for part in content.children if content is not None else ():
            logprobs = part.get("logprobs")
            if logprobs is not None and logprobs.children:
                edits.append((logprobs.start, logprobs.end, "[]"))
    return document.splice(edits).encode("utf-8") if edits else body
