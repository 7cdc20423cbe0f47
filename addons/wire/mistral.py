"""Mistral: chat, fill-in-the-middle and embeddings: where the text is in requests and replies.

May import this room only. The dialect is OpenAI's with fields and content chunks of its own. Reference: the types of
the ``mistralai`` package; ``tests/addons/wire/test_mistral_types.py`` pins the tables to them.
"""

from __future__ import annotations

from addons.wire.collect import JsonRequest, parse_json
from addons.wire.content import UnreadRequest
from addons.wire.jsondoc import Node
from addons.wire.mistral_stream import MistralStream, mistral_error, note_mistral
from addons.wire.openai_chat import FUNCTION_CALL, METADATA, ROLES, TOOLS
from addons.wire.openai_pointers import pointing
from addons.wire.refusals import reply
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
    blob,
    by_type,
    constant_role,
    fields,
    items,
    parts,
    unknown_block,
    unreadable,
)
from addons.wire.stored import CODE
from addons.wire.types import ErrorReply, ReplyFacts, Restoration, UnreadableKind, WireError
from addons.wire.whole_reply import restore_whole


def _image(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A link or ``data:`` URL, bare or in an object."""
    (_BARE_IMAGE if node.string is not None else _IMAGE)(visitor, node, path, role)


_BARE_IMAGE = blob(UnreadableKind.IMAGE)
_IMAGE = fields({"url": _BARE_IMAGE, "detail": NAME})


def _thinking(visitor: Visitor, node: Node, path: str, role: str) -> None:
    _THOUGHTS(visitor, node, path, role)


CHUNKS: dict[str, Rule] = {
    "text": fields({"type": NAME, "text": TEXT}),
    "image_url": unreadable(UnreadableKind.IMAGE, fields({"type": NAME, "image_url": _image})),
    "document_url": unreadable(
        UnreadableKind.REMOTE,
        fields({"type": NAME, "document_url": blob(UnreadableKind.FILE), "document_name": METADATA}),
    ),
    "reference": fields({"type": NAME, "reference_ids": NAMES}),
    "file": unreadable(UnreadableKind.FILE, fields({"type": NAME, "file_id": NAME})),
    "input_audio": unreadable(UnreadableKind.AUDIO, fields({"type": NAME, "input_audio": OPAQUE})),
    "resource": fields({"type": NAME, "uri": TEXT, "content": FREE}),
    "resource_link": unreadable(UnreadableKind.REMOTE, fields({"type": NAME, "uri": TEXT, "metadata": FREE})),
    "thinking": fields({"type": NAME, "thinking": _thinking, "signature": OPAQUE, "closed": NAME}),
    "tool_reference": fields(
        {"type": NAME, "tool": NAME, "title": TEXT, "url": TEXT, "favicon": TEXT, "description": TEXT}
    ),
}
"""Content chunks by ``type``."""
_CHUNK = by_type(CHUNKS, unknown_block)
_THOUGHTS = parts(_CHUNK, frozenset({"text"}))
CONTENT = parts(_CHUNK, frozenset({"text"}))
TOOL_CALL = fields({"id": NAME, "type": NAME, "index": NAME, "function": FUNCTION_CALL})
MESSAGE_FIELDS: dict[str, Rule] = {
    "role": NAME,
    "content": CONTENT,
    "name": METADATA,
    "tool_calls": items(TOOL_CALL),
    "tool_call_id": NAME,
    "prefix": NAME,
    "index": NAME,
    "metadata": constant_role("metadata", FREE),
}
_MESSAGE = fields(MESSAGE_FIELDS, unknown_block)


def _message(visitor: Visitor, node: Node, path: str, _: str) -> None:
    _MESSAGE(visitor, node, path, ROLES.get(node.text("role") or "", "user"))


_FORMAT = fields(
    {
        "type": NAME,
        "json_schema": fields(
            {"name": NAME, "description": TEXT, "schema": SCHEMA, "schema_definition": SCHEMA, "strict": NAME}
        ),
    }
)
_SHARED: dict[str, Rule] = {
    "model": NAME,
    "stop": constant_role("metadata", TEXT),
    "metadata": constant_role("metadata", FREE),
    "prompt_cache_key": METADATA,
    **dict.fromkeys("temperature top_p max_tokens stream random_seed min_tokens".split(), NAME),  # noqa: SIM905
}
CHAT_FIELDS: dict[str, Rule] = {
    **_SHARED,
    "messages": items(_message),
    "tools": constant_role("schema", items(by_type(TOOLS, TOOLS["function"]))),
    "response_format": constant_role("schema", _FORMAT),
    "prediction": constant_role("assistant", fields({"type": NAME, "content": CONTENT})),
    **dict.fromkeys(
        """tool_choice presence_penalty frequency_penalty repetition_penalty top_k logprobs top_logprobs prompt_logprobs
        top_prompt_logprobs n parallel_tool_calls reasoning_effort prompt_mode guardrails service_tier
        safe_prompt""".split(),  # noqa: SIM905
        NAMES,
    ),
}
"""Members of a chat request. What is not here is scanned as free-form data."""
FIM_FIELDS: dict[str, Rule] = {**_SHARED, "prompt": TEXT, "suffix": TEXT}
EMBED_FIELDS: dict[str, Rule] = {
    "model": NAME,
    "input": TEXT,
    "inputs": TEXT,
    "metadata": constant_role("metadata", FREE),
    "output_dimension": NAME,
    "output_dtype": NAME,
    "encoding_format": NAME,
}
RULES: dict[str, Rule] = {
    "mistral.chat": fields(CHAT_FIELDS),
    "mistral.agents": fields({**CHAT_FIELDS, "agent_id": NAME}),
    "mistral.fim": fields(FIM_FIELDS),
    "mistral.embeddings": fields(EMBED_FIELDS),
}
"""Rule of the request by the endpoint's name."""
_CHOICE = pointing(
    fields(
        {
            "index": NAME,
            "finish_reason": NAME,
            "logprobs": SKIP,
            "prompt_logprobs": SKIP,
            "message": _MESSAGE,
            "messages": items(_MESSAGE),
            "delta": _MESSAGE,
        }
    )
)
REPLY = fields(
    {
        **dict.fromkeys(["id", "object", "created", "model"], NAME),
        "choices": items(_CHOICE),
        "usage": SKIP,
        "data": SKIP,
    }
)


class Mistral:
    """``Codec`` of one of Mistral's endpoints."""

    def __init__(self, name: str = "mistral.chat"):
        self.name = name

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``."""
        return parse_json(body, RULES[self.name])

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text."""
        return restore_whole(body, REPLY, restoration, note_mistral)

    def open_stream(self, restoration: Restoration) -> MistralStream:
        """See ``Codec.open_stream``."""
        return MistralStream(restoration, REPLY)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return reply(status, code, mistral_error(status, code, message))


class MistralStored(Mistral):
    """``Codec`` of what hands out or continues a stored conversation: refused.

    What Mistral has stored is masked, and the vault keeps nothing of it: a reply would come back with placeholders in
    place of values, silently.
    """

    def parse_request(self, body: bytes) -> JsonRequest:
        """Raises WireError ``stored_state``."""
        raise _stored()

    def parse_empty(self) -> UnreadRequest:
        """The same for a request without a body."""
        raise _stored()


def _stored() -> WireError:
    message = (
        "What the provider has stored is masked, and the gateway does not keep what its placeholders stand for: "
        "send the whole conversation instead"
    )
    return WireError(CODE, "path", message)
