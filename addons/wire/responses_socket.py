"""The Responses API over a websocket: the client's ``response.create`` events, and the server's stream of each.

May import this room only. A client's event is a request of the HTTP API with a ``type`` beside it, a server's event is
one of its stream; so the tables and the stream class are those of ``openai_responses``. Replies with a ``stream_id``
(lanes) run side by side, each with a state machine of its own. Reference: ``responses_client_event`` and
``responses_server_event`` in the types of the ``openai`` package.
"""

from __future__ import annotations

import json
from typing import Any

from addons.wire.collect import collect_message
from addons.wire.content import UnreadRequest
from addons.wire.openai_leaning import use_of
from addons.wire.openai_responses import EVENT, REQUEST_FIELDS, RESPONSE, ResponsesRequest, note_kept
from addons.wire.openai_responses_stream import BEGUN, ResponsesStream
from addons.wire.openai_stream import note_chat
from addons.wire.realtime import NO_OBJECT, BinaryMessage
from addons.wire.realtime_frames import MARK, Swapping, Told, error_of, error_reply, frame_of, messages
from addons.wire.rules import FREE, NAME, Rule, by_type, fields, unknown_block
from addons.wire.sse import EventSplitter
from addons.wire.stored import StoredUse, note_item, note_stored
from addons.wire.types import ErrorReply, ReplyFacts, ReplyStream, Restoration, StoredObject
from addons.wire.whole_reply import restore_whole

ENDED = frozenset({"response.completed", "response.failed", "response.incomplete", "response.cancelled", "error"})
"""The last event of a reply."""
CLIENT_EVENTS = frozenset({"response.create", "response.steer", "response.append", "response.cancel"})
"""Types of the client's events that are known (``append``: of older codex clients). Others are scanned by leaves."""
CLIENT_FIELDS: dict[str, Rule] = {
    **REQUEST_FIELDS,
    **dict.fromkeys(["type", "event_id", "stream_id", "response_id", "generate"], NAME),
    "response": fields(REQUEST_FIELDS),
    "client_metadata": FREE,
}
_CLIENT = by_type(dict.fromkeys(CLIENT_EVENTS, fields(CLIENT_FIELDS)), unknown_block)


class ResponsesSocket(BinaryMessage):
    """``MessageCodec`` of ``openai.responses.socket``, for one connection."""

    name = "openai.responses.socket"

    def __init__(self) -> None:
        self._known: set[StoredObject] = set()
        """What the server has named on this connection: the client may name it again without the vault's help."""

    def parse_request(self, body: bytes) -> ResponsesRequest | UnreadRequest:
        """One event of the client's. What this connection has named itself needs no vault. Raises WireError."""
        unread = self._binary(body)
        if unread is not None:
            return unread
        root, collector = collect_message(body, _CLIENT, NO_OBJECT)
        request = ResponsesRequest(body, root, collector)
        use = use_of(root.root)
        named = [one for one in use.named if one.object is None or one.object not in self._known]
        request.stored = StoredUse(named, adds_to=use.adds_to, part_of=use.part_of, creates=use.creates)
        return request

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """A response object by itself."""
        return restore_whole(body, RESPONSE, restoration, note_kept)

    def open_stream(self, restoration: Restoration) -> ReplyStream:
        """There is none: raises TypeError."""
        raise TypeError("messages are no byte stream")

    def open_messages(self, restoration: Restoration) -> SocketStream:
        """See ``MessageCodec.open_messages``."""
        return SocketStream(restoration)

    def told(self, data: dict[str, Any]) -> Told:
        """See ``MessageCodec.told``."""
        kind = data.get("type")
        return Told(_lane(data), begins=kind in BEGUN, ends=kind in ENDED)

    def note(self, facts: ReplyFacts, data: dict[str, Any]) -> None:
        """See ``MessageCodec.note``."""
        seen = ReplyFacts()
        response = data.get("response")
        if isinstance(response, dict):
            note_stored(seen, response)
            note_kept(facts, response)
        elif data.get("type") == "error":
            note_chat(facts, data)
            facts.error_type = facts.error_type or "error"
        elif "item" in data:
            note_item(seen, data["item"])
        facts.objects.update(seen.objects)
        self._known.update(seen.objects)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """An ``error`` event of this API (``ResponseWsError``)."""
        event = {"type": "error", "status": status, "error": error_of(status, code, message)}
        return error_reply(status, code, event)


class _Lane(ResponsesStream):
    """The events of one reply, as messages."""

    def _extra(self, key: tuple[str | int, ...], tail: str) -> bytes:
        """One more piece of a run whose last one has left, taken out of its event-stream framing."""
        return b"".join(
            (event.data or "").encode("utf-8", "surrogateescape") + MARK
            for event in EventSplitter().feed(super()._extra(key, tail))
            if event.data
        )


class SocketStream:
    """``MessageStream`` of ``openai.responses.socket``."""

    def __init__(self, restoration: Restoration):
        self._swapping = Swapping(restoration)
        self._lanes: dict[str, _Lane] = {}

    def use(self, restoration: Restoration) -> None:
        """See ``MessageStream.use``."""
        self._swapping.now = restoration

    def feed(self, text: str, data: dict[str, Any]) -> list[str]:
        """See ``MessageStream.feed``."""
        lane = _lane(data)
        stream = self._lanes.get(lane)
        if stream is None:
            stream = self._lanes[lane] = _Lane(self._swapping, EVENT)
        out = stream.on_json(frame_of(text), data)
        if data.get("type") in ENDED:
            del self._lanes[lane]
            out += stream.tails()
        return messages(out)

    def close(self) -> list[str]:
        """See ``MessageStream.close``."""
        return messages(b"".join([stream.tails() for stream in self._lanes.values()]))


def _lane(data: dict[str, Any]) -> str:
    lane = data.get("stream_id")
    return lane if isinstance(lane, str) else json.dumps(lane) if lane is not None else ""
