"""The websocket hooks: which upgrade is let through, and what becomes of each message. A part of the gateway's addon.

mitmproxy fails open here as well, so each hook has one outermost boundary; and the layer (``websocket_layer.py``)
sends nothing for which the hook has left no verdict. What a message means is judged in ``websocket_session.py``.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from typing import TYPE_CHECKING

from mitmproxy import http
from mitmproxy.websocket import WebSocketMessage

from addons import websocket_layer
from addons.credentials import credential_of
from addons.exchange import Forward, Refuse
from addons.recording import Inbound
from addons.translation import Watched
from addons.websocket_layer import CHANNEL
from addons.websocket_session import Passing, Socket
from addons.websocket_talk import Talk, TalkPipeline
from addons.wire.realtime_registry import socket_at

if TYPE_CHECKING:
    from addons.gateway import Gateway

log = logging.getLogger("coatcheck")

TALK, HANDSHAKE = "coatcheck.talk", "coatcheck.handshake"
"""Keys in ``flow.metadata``."""
PROTOCOL = "sec-websocket-protocol"
EXTENSIONS = "sec-websocket-extensions"
KEY_PROTOCOL = "openai-insecure-api-key."
"""Before the API key in a subprotocol: browsers cannot set headers."""
OF_THE_PROTOCOL = frozenset({"sec-websocket-key", "sec-websocket-version"})
"""Headers that are the handshake's own, with nothing of the caller's in them."""
_NONCE = re.compile(r"[A-Za-z0-9+/]{22}==")
"""16 random bytes in base64 (RFC 6455, section 4.1)."""


class _Channel:
    """What the layer must know of one connection; see ``websocket_layer.Channel``."""

    def __init__(self, socket: Socket, client_limit: int, server_limit: int) -> None:
        self.socket = socket
        self.verdict: Passing | None = None
        self.client_limit = client_limit
        self.server_limit = server_limit
        self.too_big = False

    def tail(self) -> list[str]:
        return self.socket.tail()


class Websockets:
    """The hooks. ``gateway.py`` asks for the upgrade."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._live: set[Socket] = set()
        websocket_layer.install()  # mitmproxy's own would send on whatever no hook has dropped

    # -- the upgrade, which is a request first -------------------------------------------------------------------

    def speaks(self, flow: http.HTTPFlow, watched: Watched) -> bool:
        """True if this is an upgrade of a websocket that is inspected here, and not turned off."""
        request = flow.request
        asked = request.headers.get("upgrade", "").lower() == "websocket"
        if not asked or request.is_http2 or request.method != "GET":
            return False
        given = request.headers.get
        if given("sec-websocket-version", "").strip() != "13" or not _NONCE.fullmatch(given("sec-websocket-key", "")):
            return False  # mitmproxy reads no other version
        configured = self._gateway.settings.upstreams.get(watched.upstream)
        if configured is not None and configured.websockets == "refuse":
            return False
        return socket_at(watched.provider, request.path.partition("?")[0]) is not None

    async def judge(self, flow: http.HTTPFlow, watched: Watched, inbound: Inbound) -> Forward | Refuse:
        """Any request's judgement; an upgrade is the beginning of a conversation. Never raises where it has none."""
        if not self.speaks(flow, watched):
            return await self._gateway.pipeline.judge(inbound)
        pipeline, bare = self._opening(flow, watched, inbound)
        plan = await pipeline.judge(bare)
        return self._forwarded(flow, pipeline, bare, plan) if isinstance(plan, Forward) else plan

    def _opening(self, flow: http.HTTPFlow, watched: Watched, inbound: Inbound) -> tuple[TalkPipeline, Inbound]:
        """Who judges the upgrade, and as what: without the handshake's own headers, and the key in the subprotocols.

        No compression is agreed on: what is not compressed cannot be a bomb, and costs nothing to read.
        """
        endpoint = socket_at(watched.provider, inbound.target.partition("?")[0])
        if endpoint is None:
            raise ValueError("an upgrade without a codec")
        flow.request.headers.pop(EXTENSIONS, None)
        protocols = [one.strip() for one in flow.request.headers.get(PROTOCOL, "").split(",") if one.strip()]
        keys = [one for one in protocols if one.startswith(KEY_PROTOCOL)]
        shown = [one for one in protocols if not one.startswith(KEY_PROTOCOL)]
        bearer = f"Bearer {keys[0].removeprefix(KEY_PROTOCOL)}" if keys else None
        credential = bearer or credential_of(inbound.headers, inbound.target)
        headers = [pair for pair in inbound.headers if pair[0].lower() not in {*OF_THE_PROTOCOL, PROTOCOL, EXTENSIONS}]
        if shown:
            headers.append((PROTOCOL, ", ".join(shown)))
        flow.metadata[HANDSHAKE] = [
            *((name, value) for name, value in inbound.headers if name.lower() in OF_THE_PROTOCOL),
            *((PROTOCOL, key) for key in keys),
        ]
        talk = Talk(endpoint.codec(), endpoint.name, credential)
        flow.metadata[TALK] = talk
        return TalkPipeline(self._gateway.pipeline, talk), dataclasses.replace(inbound, headers=headers)

    def _forwarded(self, flow: http.HTTPFlow, pipeline: TalkPipeline, inbound: Inbound, plan: Forward) -> Forward:
        """The upgrade is let go: from now on its messages are ours. Answers the plan with the handshake complete."""
        limits = self._gateway.settings.limits
        talk: Talk = flow.metadata[TALK]
        socket = Socket(
            pipeline,
            talk,
            inbound,
            plan.exchange,
            message_bytes=limits.body_bytes,
            event_bytes=limits.event_bytes,
        )
        self._live.add(socket)
        flow.metadata[CHANNEL] = _Channel(socket, limits.body_bytes, limits.event_bytes)
        if plan.headers is None:
            return plan
        kept: list[tuple[str, str]] = flow.metadata[HANDSHAKE]
        keys = [value for name, value in kept if name == PROTOCOL]
        headers = []
        for name, value in plan.headers:
            headers.append((name, ", ".join([value, *keys])) if name.lower() == PROTOCOL else (name, value))
        if keys and not any(name.lower() == PROTOCOL for name, _ in plan.headers):
            headers.append((PROTOCOL, ", ".join(keys)))
        headers += [(name, value) for name, value in kept if name != PROTOCOL]
        return dataclasses.replace(plan, headers=headers)

    def switched(self, flow: http.HTTPFlow) -> bool:
        """True if the upstream has agreed, and mitmproxy reads what follows as the messages of this websocket."""
        response = flow.response
        return (
            CHANNEL in flow.metadata
            and flow.websocket is not None
            and response is not None
            and EXTENSIONS not in response.headers
        )

    # -- messages ------------------------------------------------------------------------------------------------

    async def websocket_message(self, flow: http.HTTPFlow) -> None:
        """One message, held until this is through. Where this fails there is no verdict, and the connection ends."""
        channel: _Channel | None = flow.metadata.get(CHANNEL)
        if channel is None or flow.websocket is None:
            return
        try:
            channel.verdict = await self._judged(flow.websocket.messages[-1], channel)
        except Exception as e:
            channel.verdict = None
            log.error("hook websocket_message failed: %s; the connection is closed", type(e).__name__)

    async def _judged(self, message: WebSocketMessage, channel: _Channel) -> Passing:
        from_client, content, is_text = message.from_client, message.content, message.is_text
        socket = channel.socket
        if channel.too_big:
            return await socket.too_big(from_client=from_client)
        if from_client:
            return await socket.from_client(content, is_text=is_text, draining=self._gateway.draining)
        return await socket.from_server(content, is_text=is_text)

    def websocket_end(self, flow: http.HTTPFlow) -> None:
        """The connection is over: complete its records."""
        channel: _Channel | None = flow.metadata.get(CHANNEL)
        try:
            if channel is not None:
                self._live.discard(channel.socket)
                channel.socket.end()
        except Exception as e:
            log.error("hook websocket_end failed: %s", type(e).__name__)

    def done(self) -> None:
        """The gateway stops: so do the connections that are left."""
        while self._live:
            self._live.pop().end()
