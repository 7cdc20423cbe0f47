"""OpenAI Realtime over a websocket: where the text is in the client's and the server's events.

May import this room only. Its stream of server events is in ``realtime_stream.py``. Reference: the types of the
``openai`` package (``openai.types.realtime``, and the beta's before it); ``tests/addons/wire/test_realtime.py`` pins
the tables to them. Azure OpenAI speaks the same. Audio cannot be read: the policy decides (``unreadable.audio``).
"""

from __future__ import annotations

from typing import Any

from addons.wire.collect import JsonRequest, collect_message
from addons.wire.content import UnreadRequest
from addons.wire.jsondoc import OBJECT, STRING, Node
from addons.wire.openai_chat import METADATA, ROLES
from addons.wire.openai_responses import SHARED_FIELDS
from addons.wire.openai_responses_items import ITEM as RESPONSES_ITEM
from addons.wire.openai_responses_items import TOOL_LIST, kind_of_item
from addons.wire.openai_stream import count
from addons.wire.realtime_frames import Told, error_of, error_reply
from addons.wire.realtime_stream import RealtimeStream
from addons.wire.rules import (
    FREE,
    JSON,
    NAME,
    NAMES,
    OPAQUE,
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
)
from addons.wire.types import (
    ErrorReply,
    ReplyFacts,
    ReplyStream,
    Restoration,
    Unreadable,
    UnreadableKind,
)
from addons.wire.whole_reply import restore_whole


def _names(words: str) -> dict[str, Rule]:
    return dict.fromkeys(words.split(), NAME)


def AUDIO(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Sound in base64; null or empty while there is none."""
    if node.string:
        visitor.unreadable(path, UnreadableKind.AUDIO)
    OPAQUE(visitor, node, path, role)


PART = fields(
    {
        **_names("type detail format"),
        "text": TEXT,
        "transcript": TEXT,
        "audio": AUDIO,
        "image_url": blob(UnreadableKind.IMAGE),
    },
    unknown_block,
)
"""A content part of whatever type: all have their members from these."""
_CONTENT = parts(PART, frozenset({"input_text", "output_text", "text"}))
_MESSAGE = fields({**_names("type id object status role phase"), "content": _CONTENT}, unknown_block)


def ITEM(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """One item of a conversation. All but messages are those of the Responses API."""
    if kind_of_item(node) == "message":
        _MESSAGE(visitor, node, path, ROLES.get(node.text("role") or "", "user"))
    else:
        RESPONSES_ITEM(visitor, node, path, role)


_TRANSCRIPTION = fields({**_names("model language languages delay"), "prompt": TEXT, "keywords": TEXT})
_AUDIO_INPUT = fields({"transcription": _TRANSCRIPTION}, NAMES)
_AUDIO_CONFIG = fields({"input": _AUDIO_INPUT}, NAMES)
_TRACE = fields({"group_id": METADATA, "workflow_name": METADATA, "metadata": constant_role("metadata", FREE)})


def _tracing(visitor: Visitor, node: Node, path: str, role: str) -> None:
    (_TRACE if node.kind == OBJECT else NAME)(visitor, node, path, role)


def _input(visitor: Visitor, node: Node, path: str, role: str) -> None:
    (TEXT if node.kind == STRING else items(ITEM))(visitor, node, path, role)


SESSION_FIELDS: dict[str, Rule] = {
    "instructions": constant_role("system", TEXT),
    "prompt": SHARED_FIELDS["prompt"],
    "tools": TOOL_LIST,
    "tracing": _tracing,
    "audio": _AUDIO_CONFIG,
    "input_audio_transcription": _TRANSCRIPTION,
    "metadata": constant_role("metadata", FREE),
    **dict.fromkeys(
        """type id object model include max_output_tokens max_response_output_tokens output_modalities modalities
        parallel_tool_calls reasoning tool_choice truncation expires_at client_secret voice speed temperature
        turn_detection input_audio_format output_audio_format input_audio_noise_reduction""".split(),  # noqa: SIM905
        NAMES,
    ),
}
"""Members of a session, as clients set it and servers tell it, and of a response's settings."""
SESSION = fields(SESSION_FIELDS)
RESPONSE_FIELDS: dict[str, Rule] = SESSION_FIELDS | {
    "input": _input,
    "output": items(ITEM),
    **dict.fromkeys(["status", "conversation", "conversation_id"], NAMES),
    "status_details": FREE,
    "usage": SKIP,
}
"""Members of a response: of the settings that a client asks for it with, and of what the server tells."""
RESPONSE = fields(RESPONSE_FIELDS)
_ERROR = fields({**_names("type code param event_id"), "message": TEXT})
_WHERE = _names(
    """type event_id response_id item_id previous_item_id call_id output_index content_index audio_start_ms audio_end_ms
    elapsed_ms id"""
)

CLIENT_FIELDS: dict[str, Rule] = {
    **_WHERE,
    "session": SESSION,
    "item": ITEM,
    "response": RESPONSE,
    "audio": AUDIO,
}
"""Members of the client's events."""
CLIENT_EVENTS = frozenset(
    """session.update session.close conversation.item.create conversation.item.delete conversation.item.retrieve
    conversation.item.truncate input_audio_buffer.append input_audio_buffer.clear input_audio_buffer.commit
    output_audio_buffer.clear response.cancel response.create session.input_audio_buffer.append
    transcription_session.update""".split()  # noqa: SIM905
)
"""Types of the client's events that are known. An event of another type is scanned leaf by leaf."""
_KNOWN = fields(CLIENT_FIELDS)
_CLIENT = by_type(dict.fromkeys(CLIENT_EVENTS, _KNOWN), unknown_block)

EVENT_FIELDS: dict[str, Rule] = {
    **_WHERE,
    **_names("event received_at speaker start end sample_rate channels format obfuscation"),
    **dict.fromkeys(["text", "transcript", "name"], TEXT),
    "arguments": JSON,
    "session": SESSION,
    "item": ITEM,
    "part": PART,
    "response": RESPONSE,
    "conversation": NAMES,
    "error": _ERROR,
    **dict.fromkeys(["usage", "rate_limits", "logprobs", "delta"], SKIP),
    "audio": OPAQUE,
}
"""Members of the server's events, the pieces of deltas aside."""
EVENT = fields(EVENT_FIELDS, unknown_block)


NO_OBJECT = "A message is a JSON object with a type"


class BinaryMessage:
    """What both codecs do alike. A binary message is one unreadable part: neither API has any."""

    binary = False
    binary_json = False
    stays_open = True

    def _binary(self, body: bytes) -> UnreadRequest | None:
        return UnreadRequest(body, (Unreadable("message", UnreadableKind.BINARY),)) if self.binary else None


class Realtime(BinaryMessage):
    """``MessageCodec`` of ``openai.realtime``, for one connection."""

    name = "openai.realtime"

    def parse_request(self, body: bytes) -> JsonRequest | UnreadRequest:
        """One event of the client's. Raises WireError."""
        unread = self._binary(body)
        if unread is not None:
            return unread
        return JsonRequest(body, *collect_message(body, _CLIENT, NO_OBJECT))

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """One event of the server's by itself."""
        return restore_whole(body, EVENT, restoration, self.note)

    def open_stream(self, restoration: Restoration) -> ReplyStream:
        """There is none: raises TypeError."""
        raise TypeError("messages are no byte stream")

    def open_messages(self, restoration: Restoration) -> RealtimeStream:
        """See ``MessageCodec.open_messages``."""
        return RealtimeStream(restoration, EVENT)

    def told(self, data: dict[str, Any]) -> Told:
        """See ``MessageCodec.told``."""
        kind = data.get("type")
        return Told(begins=kind == "response.created", ends=kind == "response.done")

    def note(self, facts: ReplyFacts, data: dict[str, Any]) -> None:
        """See ``MessageCodec.note``."""
        for holder in (data.get("session"), data.get("response")):
            if isinstance(holder, dict) and isinstance(holder.get("model"), str):
                facts.model = holder["model"]
        if data.get("type") == "error":
            error = data.get("error")
            kind = error.get("code") or error.get("type") if isinstance(error, dict) else None
            facts.error_type = kind if isinstance(kind, str) else "error"
        response = data.get("response")
        if data.get("type") != "response.done" or not isinstance(response, dict):
            return
        usage = response.get("usage")
        if isinstance(usage, dict):
            facts.input_tokens = count(usage.get("input_tokens"), facts.input_tokens)
            facts.output_tokens = count(usage.get("output_tokens"), facts.output_tokens)
        if isinstance(status := response.get("status"), str):
            facts.finish_reasons.append(status)
        facts.complete = status != "failed"

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """An ``error`` event of this API (``RealtimeErrorEvent``)."""
        error = {**error_of(status, code, message), "event_id": None}
        return error_reply(status, code, {"type": "error", "event_id": f"event_coatcheck_{code}", "error": error})
