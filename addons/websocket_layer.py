"""A websocket layer that passes nothing that was not let go: put in place of mitmproxy's own by ``install``.

mitmproxy's layer sends every message on unless a hook has dropped it, keeps all of them in memory, knows no limit, and
passes the payloads of pings and the reasons of closes. This one holds each message until the hook is through, and
sends what the hook has left in the flow's ``Channel``; where it has left nothing (it failed, or nobody listens), the
connection is closed. One message at a time: mitmproxy queues what arrives while a layer waits for its hook, so the
order within and between the directions stays. Knows mitmproxy's proxy core; knows nothing of detection or policy.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any, Protocol

import wsproto.events as ws
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers import websocket as core
from mitmproxy.websocket import WebSocketMessage
from wsproto.connection import ConnectionState
from wsproto.frame_protocol import Opcode

CHANNEL = "coatcheck.channel"
"""Key in ``flow.metadata``: the flow's ``Channel``; absent: nobody inspects this websocket."""
INTERNAL_ERROR = 1011
PROTOCOL_ERROR = 1002
PINGS = 64
"""Pings without an answer that are remembered."""
_OPEN = (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING)


class Verdict(Protocol):
    """What becomes of one message."""

    @property
    def on(self) -> Sequence[str | bytes]:
        """Goes to where it was going."""
        ...

    @property
    def back(self) -> Sequence[str]:
        """Goes to the client."""
        ...

    @property
    def close(self) -> int | None:
        """Close both sides with this code afterwards."""
        ...


class Channel(Protocol):
    """What an inspected flow says of its messages."""

    verdict: Verdict | None
    """Left by the hook for the message at hand; taken away when it has been obeyed."""
    client_limit: int
    """Largest message of the client's, in bytes."""
    server_limit: int
    too_big: bool
    """The message at hand is beyond its limit, and is not there."""

    def tail(self) -> Sequence[str]:
        """What was held back of the server's texts, for when it closes."""
        ...


class GuardedWebsocketLayer(core.WebsocketLayer):
    """mitmproxy's websocket layer, failing closed on inspected flows."""

    def __init__(self, context, flow) -> None:  # type: ignore[no-untyped-def]
        super().__init__(context, flow)
        self._size = {True: 0, False: 0}
        """Bytes of the message that is under way, by whether it is the client's."""
        self._pieces: dict[bool, list[bytes]] = {True: [], False: []}
        self._pings: dict[bool, dict[bytes, bytes]] = {True: {}, False: {}}
        """Our payload -> that of a ping, by whether it came from the client."""

    def relay_messages(self, event: events.Event) -> layer.CommandGenerator[None]:
        channel: Channel | None = self.flow.metadata.get(CHANNEL)
        if channel is None:
            yield from super().relay_messages(event)
            if self.flow.websocket is not None:
                self.flow.websocket.messages.clear()  # mitmproxy would keep them all
            return
        if isinstance(event, core.WebSocketMessageInjected):
            return  # nothing enters an inspected conversation but from its two sides
        if not isinstance(event, events.ConnectionEvent):
            raise AssertionError(f"Unexpected event: {event}")
        from_client = event.connection == self.context.client
        source = self.client_ws if from_client else self.server_ws
        source.receive_data(event.data if isinstance(event, events.DataReceived) else None)
        for one in source.events():
            if isinstance(one, ws.Message):
                yield from self._piece(channel, one, from_client=from_client)
            elif isinstance(one, ws.Ping):
                yield from self._ping(one, from_client=from_client)
            elif isinstance(one, ws.Pong):
                yield from self._pong(one, from_client=from_client)
            elif isinstance(one, ws.CloseConnection):
                yield from self._closing(channel, one, from_client=from_client)
            if self._handle_event == self.done:
                return

    # -- messages ------------------------------------------------------------------------------------------------

    def _piece(self, channel: Channel, one: ws.Message[Any], *, from_client: bool) -> layer.CommandGenerator[None]:
        data = one.data.encode() if isinstance(one.data, str) else bytes(one.data)
        limit = channel.client_limit if from_client else channel.server_limit
        self._size[from_client] += len(data)
        if self._size[from_client] > limit:
            self._pieces[from_client].clear()
            channel.too_big = True
            yield from self._judged(channel, b"", is_text=True, from_client=from_client)
            if self._handle_event != self.done:  # nobody has closed it, and the rest of the message is on its way
                yield from self._close(PROTOCOL_ERROR)
            return
        self._pieces[from_client].append(data)
        if one.message_finished:
            content = b"".join(self._pieces[from_client])
            self._pieces[from_client].clear()
            self._size[from_client] = 0
            yield from self._judged(channel, content, is_text=isinstance(one.data, str), from_client=from_client)

    def _judged(
        self, channel: Channel, content: bytes, *, is_text: bool, from_client: bool
    ) -> layer.CommandGenerator[None]:
        assert self.flow.websocket
        message = WebSocketMessage(Opcode.TEXT if is_text else Opcode.BINARY, from_client, content)
        channel.verdict = None
        self.flow.websocket.messages[:] = [message]
        yield core.WebsocketMessageHook(self.flow)
        self.flow.websocket.messages.clear()
        verdict = _taken(channel)
        if verdict is None:
            yield from self._close(INTERNAL_ERROR)
            return
        target = self.server_ws if from_client else self.client_ws
        for out in verdict.on:
            yield from self._send(target, out)
        for back in verdict.back:
            yield from self._send(self.client_ws, back)
        if verdict.close is not None:
            yield from self._close(verdict.close)

    def _send(self, target: core.WebsocketConnection, out: str | bytes) -> layer.CommandGenerator[None]:
        if target.state is ConnectionState.OPEN:
            yield target.send2(ws.TextMessage(out) if isinstance(out, str) else ws.BytesMessage(out))

    # -- control frames ------------------------------------------------------------------------------------------

    def _ping(self, one: ws.Ping, *, from_client: bool) -> layer.CommandGenerator[None]:
        """A ping goes on with a payload of ours: its own could say anything."""
        pings = self._pings[from_client]
        ours = secrets.token_bytes(4)
        pings[ours] = bytes(one.payload)
        while len(pings) > PINGS:
            del pings[next(iter(pings))]
        target = self.server_ws if from_client else self.client_ws
        if target.state is ConnectionState.OPEN:
            yield target.send2(ws.Ping(payload=ours))

    def _pong(self, one: ws.Pong, *, from_client: bool) -> layer.CommandGenerator[None]:
        """The answer to a ping gets that ping's payload back; what nobody has asked for stays here."""
        theirs = self._pings[not from_client].pop(bytes(one.payload), None)
        target = self.server_ws if from_client else self.client_ws
        if theirs is not None and target.state is ConnectionState.OPEN:
            yield target.send2(ws.Pong(payload=theirs))

    def _closing(self, channel: Channel, one: ws.CloseConnection, *, from_client: bool) -> layer.CommandGenerator[None]:
        if from_client:
            yield from self._close(one.code, by_client=True)  # its reason could say anything
            return
        for held in channel.tail():
            yield from self._send(self.client_ws, held)
        yield from self._close(one.code, reason=one.reason)

    def _close(self, code: int, *, reason: str | None = None, by_client: bool = False) -> layer.CommandGenerator[None]:
        assert self.flow.websocket
        self.flow.websocket.timestamp_end = time.time()
        self.flow.websocket.closed_by_client = by_client
        self.flow.websocket.close_code = code
        for side in (self.server_ws, self.client_ws):
            if side.state in _OPEN:
                yield side.send2(ws.CloseConnection(code, reason if side is self.client_ws else None))
            yield commands.CloseConnection(side.conn)
        self._handle_event = self.done
        yield core.WebsocketEndHook(self.flow)
        self.flow.live = False


def _taken(channel: Channel) -> Verdict | None:
    verdict, channel.verdict = channel.verdict, None
    return verdict


def install() -> None:
    """Make mitmproxy use this layer; doing it again changes nothing."""
    core.WebsocketLayer = GuardedWebsocketLayer  # type: ignore[misc]
