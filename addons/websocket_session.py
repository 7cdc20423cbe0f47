"""One inspected websocket: what becomes of each message, in either direction. Imports no mitmproxy.

A client's message is judged by the pipeline, masked and recorded before it leaves; one that holds neither text nor
anything unreadable leaves under the decision on the upgrade. A server's message is restored; what it names is in the
vault, and what the model added is judged, before it leaves. Whatever fails closes the connection: no message passes
unread. Messages come one at a time, in the order of their arrival, since mitmproxy's layer waits for each.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from addons.credentials import HEADERS
from addons.exchange import Exchange, Refuse
from addons.judging import CODE as JUDGED
from addons.judging import explain
from addons.masking.judged import Blocked
from addons.recording import Inbound
from addons.refusal import Refusal
from addons.websocket_talk import Talk, TalkPipeline
from addons.wire.realtime_frames import CODE, MessageCodec, MessageStream, Told, event_of
from addons.wire.types import ErrorReply, ReplyFacts, Restoration, UnreadableKind, WireError

log = logging.getLogger("coatcheck")

SWITCHED = 101
JUDGES = 32
"""Messages whose replies may still be judged; what is under way for longer is withheld."""
FAILURE = "The gateway failed to handle this message; the connection is closed."
NO_DATA, BAD_DATA, POLICY, TOO_BIG, INTERNAL, RESTART = 1003, 1007, 1008, 1009, 1011, 1012
"""Close codes of RFC 6455, section 7.4.1, and (1012) of the IANA registry."""
MISSED = frozenset({"stored_state", "blocked_by_policy", "reroute_unsupported"})
"""Refusals after which the connection stays open: the client knows what was refused, and nothing is in doubt."""


@dataclass(frozen=True, slots=True)
class Passing:
    """What becomes of one message."""

    on: Sequence[str | bytes] = ()
    """Goes to where it was going."""
    back: Sequence[str] = ()
    """Goes to the client in its place: an error event."""
    close: int | None = None
    """Close the connection with this code afterwards."""


@dataclass(slots=True)
class _Lane:
    """Messages that have left and whose reply is not over, oldest first."""

    waiting: list[Exchange] = field(default_factory=list)
    reply_to: Exchange | None = None
    """The one that was the newest when the reply began."""


class Socket:
    """One connection, from its upgrade on."""

    def __init__(
        self,
        pipeline: TalkPipeline,
        talk: Talk,
        upgrade: Inbound,
        exchange: Exchange,
        *,
        message_bytes: int,
        event_bytes: int,
    ) -> None:
        """``upgrade``: the request that opened it; ``exchange``: its own. Limits are in bytes of one message."""
        self._pipeline = pipeline
        self._talk = talk
        self._message_bytes, self._event_bytes = message_bytes, event_bytes
        self._upgrade = exchange
        credentials = [pair for pair in upgrade.headers if pair[0].lower() in HEADERS]
        self._head = dataclasses.replace(
            upgrade,
            target=upgrade.target.partition("?")[0],
            headers=[*credentials, ("content-type", "application/json")],
        )
        self._lanes: dict[str, _Lane] = {}
        self._stream: MessageStream | None = None
        """Restores; None while there is nothing to restore."""
        self._ahead: MessageStream | None = None
        """Reads ahead for the judges of what the model adds."""
        self._judged: deque[Exchange] = deque(maxlen=JUDGES)
        self._audio = 0
        """Messages of nothing but audio, of up to this many bytes, pass as the policy has said of one."""
        self._no_audio: ErrorReply | None = None
        """What the policy has said of one such message, where it was no."""
        self.closed = False
        self._follow(exchange)

    # -- the client's messages -----------------------------------------------------------------------------------

    async def from_client(self, content: bytes, *, is_text: bool, draining: bool = False) -> Passing:
        """Never raises."""
        try:
            if draining:
                return self._refused(self._reply(503, "draining", "The gateway is shutting down."), RESTART)
            return await self._from_client(content, is_text=is_text)
        except Exception as e:
            log.error("a websocket message could not be judged: %s; refused", type(e).__name__)
            return self._refused(self._reply(500, "gateway_error", FAILURE), INTERNAL)

    async def _from_client(self, content: bytes, *, is_text: bool) -> Passing:
        codec = self._talk.codec
        codec.binary = not is_text
        inbound = dataclasses.replace(self._head, body=content)
        if len(content) > self._message_bytes:
            return await self._too_big(from_client=True)
        only_sound, lane = False, ""
        try:
            request = codec.parse_request(content)
        except WireError:
            pass  # the pipeline will say so
        else:
            kinds = {part.kind for part in request.unreadable}
            only_sound = not request.segments and kinds == {UnreadableKind.AUDIO}
            lane = lane_of(request)
            if only_sound and self._no_audio is not None:
                return self._refused(self._no_audio, None)
            if only_sound and len(content) <= self._audio:
                return Passing([_typed(content, is_text=is_text)])
            if not (request.segments or kinds or request.stored.named):
                return Passing([_typed(content, is_text=is_text)])
        plan = await self._pipeline.judge(inbound)
        if isinstance(plan, Refuse):
            if plan.exchange is not None:
                self._pipeline.finish(plan.exchange, plan.reply.status)
            missed = (is_text or codec.binary_json) and plan.reply.headers.get(CODE) in MISSED
            stays = missed and codec.stays_open
            if only_sound and stays:
                self._no_audio = plan.reply
            return self._refused(plan.reply, None if stays else POLICY if missed else 0)
        if only_sound:
            self._audio = len(content)
        exchange = plan.exchange
        exchange.sent = time.monotonic()
        exchange.facts = ReplyFacts()
        self._follow(exchange)
        self._lanes.setdefault(lane, _Lane()).waiting.append(exchange)
        return Passing([_typed(content if plan.body is None else plan.body, is_text=is_text)])

    async def _too_big(self, *, from_client: bool) -> Passing:
        limit = self._message_bytes if from_client else self._event_bytes
        message = f"A message is larger than the gateway's limit of {limit} bytes."
        if from_client:
            refusal = Refusal(413, "request_too_large", message)
            refused = await self._pipeline.refuse(dataclasses.replace(self._head, body=b""), refusal)
            if refused.exchange is not None:
                self._pipeline.finish(refused.exchange, 413)
            return self._refused(refused.reply, TOO_BIG)
        return self._broken("response_too_large", message, TOO_BIG)

    async def too_big(self, *, from_client: bool) -> Passing:
        """For a message that was not even read to its end. Never raises."""
        try:
            return await self._too_big(from_client=from_client)
        except Exception as e:
            log.error("a refusal could not be recorded: %s", type(e).__name__)
            return self._refused(self._reply(413, "request_too_large", FAILURE), TOO_BIG)

    def _reply(self, status: int, code: str, message: str) -> ErrorReply:
        return self._talk.codec.refusal(status, code, message)

    def _refused(self, reply: ErrorReply, close: int | None) -> Passing:
        """An error event. ``close``: with which code to close; None: not at all; 0: as the error's status says."""
        if close == 0:
            kinds = {400: BAD_DATA, 403: NO_DATA, 413: TOO_BIG}
            close = kinds.get(reply.status, INTERNAL if reply.status >= 500 else POLICY)
        self.closed = self.closed or close is not None
        return Passing((), [reply.body.decode("utf-8")], close)

    # -- the server's messages -----------------------------------------------------------------------------------

    async def from_server(self, content: bytes, *, is_text: bool) -> Passing:
        """Never raises."""
        try:
            return await self._from_server(content, is_text=is_text)
        except Blocked as blocked:
            return self._broken(JUDGED, explain(blocked.entity), POLICY)
        except Refusal as refusal:
            return self._broken(refusal.code, refusal.message, INTERNAL)
        except WireError as e:
            return self._broken(e.code, f"The upstream's message could not be read: {e.message} ({e.where}).", INTERNAL)
        except Exception as e:
            log.error("a websocket message could not be restored: %s; withheld", type(e).__name__)
            return self._broken("restorer_failed", FAILURE, INTERNAL)

    async def _from_server(self, content: bytes, *, is_text: bool) -> Passing:
        if len(content) > self._event_bytes:
            return await self._too_big(from_client=False)
        if not is_text and not self._talk.codec.binary_json:  # nothing that we put out could be in it to be restored
            return Passing([content])
        text = content.decode("utf-8")
        data = event_of(text)
        told = self._talk.codec.told(data)
        exchange = self._belongs(told)
        exchange.response_bytes += len(content)
        if exchange.first_byte is None and exchange.sent is not None:
            exchange.first_byte = time.monotonic()
        self._talk.codec.note(exchange.facts, data)
        if self._ahead is not None:
            self._ahead.feed(text, data)
        for judged in self._judged:
            await self._pipeline.let_go(judged)
        await self._pipeline.keep(exchange)
        out: list[str] = [text] if self._stream is None else self._stream.feed(text, data)
        if told.ends:
            self._end(told.lane)
        return Passing(out if is_text else [one.encode("utf-8", "surrogateescape") for one in out])

    def _belongs(self, told: Told) -> Exchange:
        lane = self._lanes.get(told.lane)
        if lane is None or not lane.waiting:
            return self._upgrade
        if told.begins and lane.reply_to is None:
            lane.reply_to = lane.waiting[-1]
        return lane.reply_to or lane.waiting[-1]

    def _end(self, name: str) -> None:
        """A reply is over: so are the messages that led to it."""
        lane = self._lanes.get(name)
        if lane is None or not lane.waiting:
            return
        last = lane.reply_to or lane.waiting[-1]
        if last.facts.error_type:
            last.error = last.error or "upstream_error"
        lane.reply_to = None
        while lane.waiting:
            exchange = lane.waiting.pop(0)
            self._finish(exchange)
            if exchange is last:
                break

    def _broken(self, code: str, message: str, close: int) -> Passing:
        """The reply ends here, for whoever waits for it."""
        for lane in self._lanes.values():
            for exchange in lane.waiting:
                exchange.error = exchange.error or code
        self._upgrade.error = self._upgrade.error or code
        return self._refused(self._reply(502 if close == INTERNAL else 403, code, message), close)

    # -- the end -------------------------------------------------------------------------------------------------

    def tail(self) -> list[str]:
        """The server closes: what was held back, before it does. Never raises."""
        try:
            if self._stream is None or self.closed or self._judged:
                return []
            return self._stream.close()
        except Exception as e:
            log.error("the end of a websocket's texts is withheld: %s", type(e).__name__)
            return []

    def end(self) -> None:
        """The connection is over: complete all records. Never raises."""
        for lane in self._lanes.values():
            for exchange in lane.waiting:
                if exchange is lane.reply_to:
                    exchange.error = exchange.error or "stream_incomplete"
                self._finish(exchange)
        self._lanes.clear()
        self._finish(self._upgrade)

    def _finish(self, exchange: Exchange) -> None:
        if not exchange.finished:
            exchange.finished = True
            self._pipeline.finish(exchange, SWITCHED)

    def _follow(self, exchange: Exchange) -> None:
        """Texts that begin from now on may hold what this exchange knows, and are judged as it says."""
        codec, judge, restoration = self._talk.codec, exchange.judge, exchange.restoration
        if judge is not None:
            self._judged.append(exchange)
            self._ahead = _used(self._ahead, judge.scout, codec)
        if restoration is not None:
            self._stream = _used(self._stream, restoration, codec)


def _used(stream: MessageStream | None, restoration: Restoration, codec: MessageCodec) -> MessageStream:
    if stream is None:
        return codec.open_messages(restoration)
    stream.use(restoration)
    return stream


def _typed(content: bytes, *, is_text: bool) -> str | bytes:
    return content.decode("utf-8") if is_text else content


def lane_of(request: object) -> str:
    """Beside which other replies the reply to a client's message will run."""
    sources = getattr(request, "sources", ())
    return (sources[0].document.root.text("stream_id") or "") if sources else ""
