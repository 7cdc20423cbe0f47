"""OpenAI Chat Completions: where the text is in requests and replies.

May import this room only. Reference: the types of the ``openai`` package; ``tests/addons/wire/test_sdk_types.py`` pins
the tables to them. Streams: ``openai_stream.py``.
"""

from __future__ import annotations

from typing import Any

from addons.wire.collect import JsonRequest, parse_json
from addons.wire.jsondoc import Node
from addons.wire.openai_pointers import pointing
from addons.wire.openai_stream import ChatStream, note_chat
from addons.wire.refusals import openai_error, reply
from addons.wire.restore import argument, tool_call
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
    blob,
    by_type,
    constant_role,
    fields,
    file_id,
    items,
    parts,
    unknown_block,
    unreadable,
)
from addons.wire.stored import StoredUse
from addons.wire.types import ErrorReply, ReplyFacts, Restoration, UnreadableKind
from addons.wire.whole_reply import restore_whole

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
"""Message role -> segment role."""

METADATA = constant_role("metadata", TEXT)
PARTS: dict[str, Rule] = {
    "text": fields({"type": NAME, "text": TEXT, "prompt_cache_breakpoint": NAMES}),
    "refusal": fields({"type": NAME, "refusal": TEXT}),
    "image_url": unreadable(
        UnreadableKind.IMAGE,
        fields(
            {
                "type": NAME,
                "image_url": fields({"url": blob(UnreadableKind.IMAGE), "detail": NAME}),
                "prompt_cache_breakpoint": NAMES,
            }
        ),
    ),
    "input_audio": unreadable(
        UnreadableKind.AUDIO,
        fields(
            {
                "type": NAME,
                "input_audio": fields({"data": OPAQUE, "format": NAME}),
                "prompt_cache_breakpoint": NAMES,
            }
        ),
    ),
}
"""Content parts by ``type``."""
CONTENT = parts(by_type(PARTS, unknown_block), frozenset({"text"}))


PARTS["file"] = fields(
    {
        "type": NAME,
        "file": fields({"file_data": blob(UnreadableKind.FILE), "file_id": file_id, "filename": METADATA}),
        "prompt_cache_breakpoint": NAMES,
    }
)

FUNCTION_CALL = tool_call(fields({"name": NAME, "arguments": argument(JSON)}))
_CUSTOM_CALL = tool_call(fields({"name": NAME, "input": argument(TEXT)}))
TOOL_CALLS: dict[str, Rule] = {
    "function": fields({"id": NAME, "type": NAME, "index": NAME, "function": FUNCTION_CALL}),
    "custom": fields({"id": NAME, "type": NAME, "index": NAME, "custom": _CUSTOM_CALL}),
}
"""Tool calls by ``type``."""
_AUDIO = fields({"id": NAME, "data": OPAQUE, "expires_at": NAME, "transcript": TEXT})
_CITATION = fields(
    {"type": NAME, "url_citation": fields({"start_index": NAME, "end_index": NAME, "title": TEXT, "url": TEXT})}
)
MESSAGE_FIELDS: dict[str, Rule] = {
    "role": NAME,
    "content": CONTENT,
    "name": METADATA,
    "refusal": TEXT,
    "tool_calls": items(by_type(TOOL_CALLS, TOOL_CALLS["function"])),
    "tool_call_id": NAME,
    "function_call": FUNCTION_CALL,
    "audio": _AUDIO,
    "annotations": items(_CITATION),
    "reasoning_content": TEXT,
    "reasoning": TEXT,
}
_MESSAGE = fields(MESSAGE_FIELDS, unknown_block)

_FUNCTION = fields({"name": NAME, "description": TEXT, "parameters": SCHEMA, "strict": NAME})
_GRAMMAR = fields({"definition": TEXT, "syntax": NAME})
TOOLS: dict[str, Rule] = {
    "function": fields({"type": NAME, "function": _FUNCTION}),
    "custom": fields(
        {
            "type": NAME,
            "custom": fields(
                {"name": NAME, "description": TEXT, "format": fields({"type": NAME, "grammar": _GRAMMAR})}
            ),
        }
    ),
}
"""Tool definitions by ``type``."""
_FORMAT = fields(
    {
        "type": NAME,
        "json_schema": fields({"name": NAME, "description": TEXT, "schema": SCHEMA, "strict": NAME}),
    }
)
_LOCATION = fields({"city": TEXT, "country": TEXT, "region": TEXT, "timezone": TEXT})


def _message(visitor: Visitor, node: Node, path: str, _: str) -> None:
    _MESSAGE(visitor, node, path, ROLES.get(node.text("role") or "", "user"))


REQUEST_FIELDS: dict[str, Rule] = {
    "messages": items(_message),
    "model": NAME,
    "tools": constant_role("schema", items(by_type(TOOLS))),
    "functions": constant_role("schema", items(_FUNCTION)),
    "response_format": constant_role("schema", _FORMAT),
    "prediction": constant_role("assistant", fields({"type": NAME, "content": CONTENT})),
    "stop": constant_role("metadata", TEXT),
    "user": METADATA,
    "safety_identifier": METADATA,
    "prompt_cache_key": METADATA,
    "metadata": constant_role("metadata", FREE),
    "web_search_options": constant_role(
        "metadata",
        fields({"search_context_size": NAME, "user_location": fields({"type": NAME, "approximate": _LOCATION})}),
    ),
    "audio": fields({"format": NAME, "voice": NAMES}),
    **dict.fromkeys(
        ["logit_bias", "moderation", "modalities", "function_call", "tool_choice", "prompt_cache_options"], NAMES
    ),
    **dict.fromkeys(
        """frequency_penalty logprobs max_completion_tokens max_tokens n parallel_tool_calls presence_penalty
        prompt_cache_retention reasoning_effort seed service_tier store stream temperature top_logprobs top_p
        verbosity""".split(),  # noqa: SIM905
        NAME,
    ),
    "stream_options": NAMES,
}
"""Members of a request. What is not here is scanned as free-form data."""
_REQUEST = fields(REQUEST_FIELDS)

_CHOICE = pointing(
    fields({"index": NAME, "finish_reason": NAME, "logprobs": SKIP, "message": _MESSAGE, "delta": _MESSAGE})
)
REPLY_FIELDS: dict[str, Rule] = {
    **dict.fromkeys(["id", "object", "created", "model", "service_tier", "system_fingerprint", "obfuscation"], NAME),
    "choices": items(_CHOICE),
    "usage": SKIP,
}
"""Members of a reply. What is not here (``metadata``, ``moderation``, ``error``) is restored whole."""
REPLY = fields(REPLY_FIELDS)


def _note_reply(facts: ReplyFacts, plain: dict[str, Any]) -> None:
    note_chat(facts, plain)
    choices = plain.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and isinstance(choice.get("finish_reason"), str):
            facts.finish_reasons.append(choice["finish_reason"])


class OpenAIChat:
    """``Codec`` of ``openai.chat``."""

    name = "openai.chat"

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``."""
        request = parse_json(body, _REQUEST)
        store = request.sources[0].document.root.get("store")
        if store is not None and store.value is True:
            request.stored = StoredUse(creates=True)
        return request

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text."""
        return restore_whole(body, REPLY, restoration, _note_reply)

    def open_stream(self, restoration: Restoration) -> ChatStream:
        """See ``Codec.open_stream``."""
        return ChatStream(restoration, REPLY)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return reply(status, code, openai_error(status, code, message))
