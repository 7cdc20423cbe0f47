"""Gemini Live (``BidiGenerateContent``) over a websocket: where the text is in the client's and the server's messages.

May import this room only. Its stream of server messages is in ``gemini_live_stream.py``. Reference: the types of the
``google-genai`` package; ``tests/addons/wire/test_gemini_live.py`` pins the tables to them. Messages are JSON objects
with one member that says what they are; Google's servers send them as binary messages. Sound and pictures cannot be
read: the policy decides. The API has no error message: a refusal is Google's error, and then the connection ends.
"""

from __future__ import annotations

from typing import Any

from addons.wire.collect import JsonRequest, collect_message
from addons.wire.gemini_content import (
    AUDIO_CONFIG,
    CONTENTS,
    FUNCTION_RESPONSE_FIELDS,
    GENERATION,
    INLINE_DATA,
    SYSTEM,
    TOOLS,
    both,
    member,
)
from addons.wire.gemini_errors import google_error
from addons.wire.gemini_live_stream import MESSAGE, LiveStream, given
from addons.wire.jsondoc import LITERAL, Node
from addons.wire.openai_stream import count
from addons.wire.realtime_frames import Told, error_reply
from addons.wire.rules import FREE, NAME, NAMES, TEXT, Rule, constant_role, fields, items
from addons.wire.stored import NOTHING_STORED, Named, StoredUse
from addons.wire.types import ErrorReply, ReplyFacts, ReplyStream, Restoration, StoredObject
from addons.wire.whole_reply import restore_whole

_SESSION = "live_session"
SETUP_FIELDS: dict[str, Rule] = both(
    {
        "model": NAME,
        "generationConfig": GENERATION,
        "systemInstruction": SYSTEM,
        "tools": TOOLS,
        "inputAudioTranscription": constant_role("metadata", AUDIO_CONFIG),
        "outputAudioTranscription": constant_role("metadata", AUDIO_CONFIG),
        "labels": constant_role("metadata", FREE),
        **dict.fromkeys(
            """sessionResumption contextWindowCompression realtimeInputConfig proactivity explicitVadSignal
            historyConfig safetySettings""".split(),  # noqa: SIM905
            NAMES,
        ),
        "avatarConfig": FREE,
    }
)
INPUT_FIELDS: dict[str, Rule] = both(
    {
        "mediaChunks": items(INLINE_DATA),
        "audio": INLINE_DATA,
        "video": INLINE_DATA,
        "text": TEXT,
        "audioStreamEnd": NAME,
        "activityStart": NAMES,
        "activityEnd": NAMES,
    }
)
CONTENT_FIELDS: dict[str, Rule] = both({"turns": CONTENTS, "turnComplete": NAME})
_ANSWER = fields(FUNCTION_RESPONSE_FIELDS)
_TOOL_LISTS = fields({"tools": TOOLS}, FREE)
CLIENT_FIELDS: dict[str, Rule] = both(
    {
        "setup": fields(SETUP_FIELDS),
        "clientContent": fields(CONTENT_FIELDS),
        "realtimeInput": fields(INPUT_FIELDS),
        "toolResponse": constant_role("tool", fields(both({"functionResponses": items(_ANSWER)}))),
        "contextUpdate": fields(both({"systemInstruction": SYSTEM, "tools": _TOOL_LISTS})),
    }
)
"""What a client's message can be. What is not here is scanned leaf by leaf."""
_CLIENT = fields(CLIENT_FIELDS)


class GeminiLive:
    """``MessageCodec`` of ``gemini.live``, for one connection."""

    name = "gemini.live"
    binary = False
    binary_json = True
    stays_open = False

    def __init__(self) -> None:
        self._model: str | None = None

    def parse_request(self, body: bytes) -> JsonRequest:
        """One message of the client's. Raises WireError."""
        document, collector = collect_message(body, _CLIENT, "A message is a JSON object")
        request = JsonRequest(body, document, collector)
        setup = document.root.get("setup")
        if setup is not None:
            self._model = (setup.text("model") or "").rpartition("/")[2] or self._model
            request.stored = _resumed(setup)
        request.model = self._model
        return request

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """One message of the server's by itself."""
        return restore_whole(body, MESSAGE, restoration, self.note)

    def open_stream(self, restoration: Restoration) -> ReplyStream:
        """There is none: raises TypeError."""
        raise TypeError("messages are no byte stream")

    def open_messages(self, restoration: Restoration) -> LiveStream:
        """See ``MessageCodec.open_messages``."""
        return LiveStream(restoration)

    def told(self, data: dict[str, Any]) -> Told:
        """See ``MessageCodec.told``. A reply is a turn of the model's; the answer to a setup is its own."""
        content = given(data, "serverContent")[1]
        if not isinstance(content, dict):
            return Told(ends=given(data, "setupComplete")[1] is not None)
        begins = any(given(content, name)[1] for name in ("modelTurn", "outputTranscription"))
        return Told(begins=begins, ends=given(content, "turnComplete")[1] is True)

    def note(self, facts: ReplyFacts, data: dict[str, Any]) -> None:
        """See ``MessageCodec.note``."""
        usage = given(data, "usageMetadata")[1]
        if isinstance(usage, dict):
            facts.input_tokens = count(given(usage, "promptTokenCount")[1], facts.input_tokens)
            facts.output_tokens = count(given(usage, "responseTokenCount")[1], facts.output_tokens)
        facts.model = facts.model or self._model
        told = self.told(data)
        if told.ends:
            content = given(data, "serverContent")[1]
            reason = given(content, "turnCompleteReason")[1] if isinstance(content, dict) else None
            facts.complete = True
            if isinstance(reason, str):
                facts.finish_reasons.append(reason)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """Google's error; with its code beside it, the Python SDK raises it as ``google.genai.errors.APIError``."""
        return error_reply(status, code, {"code": status, **google_error(status, code, message)})


def _resumed(setup: Node) -> StoredUse:
    """A session that goes on holds the placeholders of another connection, which are kept nowhere."""
    resumption = member(setup, "sessionResumption")
    handle = resumption.get("handle") if resumption is not None else None
    if handle is None or handle.kind == LITERAL or handle.value == "":
        return NOTHING_STORED
    where, advice = "$.setup.sessionResumption.handle", "begin a new session and send the conversation"
    return StoredUse(named=(Named(StoredObject(_SESSION, ""), where, advice),))
