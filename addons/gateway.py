"""The mitmproxy addon: hooks, and nothing but hooks.

mitmproxy fails open: an exception in a hook is logged and the flow goes on, unmasked. So every hook here has one
outermost boundary (``fail_closed``) that turns any failure into a refusal. What to do with a request is decided in
``pipeline.py``, which knows no mitmproxy; ``translation.py`` carries values between the two.

``coatcheck up`` runs it in-process. It also works as ``mitmdump -s`` (see the end of this file), for trying things out.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from mitmproxy import connection, http, tls
from mitmproxy.proxy import layer, layers, mode_specs, server_hooks
from mitmproxy.proxy.layers.http import HTTPMode
from mitmproxy.proxy.layers.http._events import ErrorCode

from addons import http_stream
from addons.admission import Admission, Refused, host_of
from addons.client_certificates import connection_for
from addons.exchange import Exchange, Refuse, StreamBody
from addons.keeping import StreamGate
from addons.pipeline import Pipeline
from addons.refusal import Refusal
from addons.settings import Settings
from addons.settings_sections import parse_address
from addons.translation import Watched, apply, close_if_told, inbound_of, plain, replace_body, response_of, unknown
from addons.websocket import Websockets
from addons.wire.types import WireError

log = logging.getLogger("coatcheck")

EXCHANGE, STREAM, WATCHED = "coatcheck.exchange", "coatcheck.stream", "coatcheck.watched"
REFUSAL, COUNTED, FAILED = "coatcheck.refusal", "coatcheck.counted", "coatcheck.failed"
"""Keys in ``flow.metadata``."""

SWITCHING_PROTOCOLS = 101
WITHHELD_HEADER = "coatcheck-withheld"
"""How many placeholders of a whole reply were not restored because of where they stand."""

CALLED_DIRECTLY = "This is a proxy. Set it as HTTPS_PROXY; do not call it directly.\n"
FAILURE = "The gateway failed to handle this request."
CERTIFICATE_NEEDED = "This proxy needs a TLS client certificate (access.client_ca).\n"

Hook = Callable[["Gateway", http.HTTPFlow], Any]


def fail_closed(hook: Hook) -> Callable[[Gateway, http.HTTPFlow], Awaitable[None]]:
    """The boundary: whatever a hook raises becomes a refusal, and if even that fails the flow is killed."""

    @functools.wraps(hook)
    async def guarded(self: Gateway, flow: http.HTTPFlow) -> None:
        try:
            result = hook(self, flow)
            if result is not None:
                await result
        except Exception as e:
            log.error("hook %s failed: %s; refused", hook.__name__, type(e).__name__)
            try:
                await self.failed(flow, hook.__name__)
            except Exception:
                if flow.killable:
                    flow.kill()

    return guarded


class _Abort:
    """What the guarded HTTP stream tells the client when the proxy core gives up (see ``http_stream.Abort``)."""

    def __init__(self, gateway: Gateway, flow: http.HTTPFlow) -> None:
        self._gateway = gateway
        self._flow = flow

    def response(self, code: ErrorCode, *, request: bool) -> http.Response | None:
        try:
            return self._response(code, request=request)
        except Exception as e:
            log.error("an error reply could not be made: %s", type(e).__name__)
            return None

    def _response(self, code: ErrorCode, *, request: bool) -> http.Response | None:
        limits = self._gateway.settings.limits
        if code is ErrorCode.REQUEST_TOO_LARGE:
            message = f"The request body is larger than the gateway's limit of {limits.body_bytes} bytes."
            self._flow.metadata[REFUSAL] = Refusal(413, "request_too_large", message)
            return self._gateway.answer(self._flow, 413, "request_too_large", message)
        if request:
            return None
        words = {
            ErrorCode.RESPONSE_TOO_LARGE: (
                "response_too_large",
                f"The reply is larger than the gateway's limit of {limits.response_bytes} bytes.",
            ),
            ErrorCode.CONNECT_FAILED: ("upstream_unreachable", "The gateway could not connect to the upstream."),
            ErrorCode.RESPONSE_VALIDATION_FAILED: ("upstream_malformed", "The upstream's reply is not valid HTTP."),
        }.get(code, ("upstream_disconnected", "The upstream closed the connection before its reply was complete."))
        exchange: Exchange | None = self._flow.metadata.get(EXCHANGE)
        if exchange is not None:
            exchange.error = words[0]
        return self._gateway.answer(self._flow, 502, *words)

    def stream_tail(self) -> bytes:
        try:
            return self._stream_tail()
        except Exception as e:
            log.error("a stream could not be ended in its own format: %s", type(e).__name__)
            return b""

    def _stream_tail(self) -> bytes:
        stream = self._flow.metadata.get(STREAM)
        if isinstance(stream, StreamBody):
            return stream.tail("upstream_disconnected", "The upstream closed the connection in mid-stream.")
        if FAILED in self._flow.metadata and self._flow.response is not None and callable(self._flow.response.stream):
            rest = self._flow.response.stream(b"")
            return rest if isinstance(rest, bytes) else b"".join(rest)
        return b""


class Gateway:
    """One gateway process: watches the configured hosts, passes all others through."""

    def __init__(
        self,
        settings: Settings,
        pipeline: Pipeline,
        admission: Admission,
        *,
        secure_destinations: Collection[tuple[str, int]] = (),
    ) -> None:
        """``secure_destinations``: host and port of the base-URL listeners' upstreams that speak TLS."""
        self.settings = settings
        self.pipeline = pipeline
        self.admission = admission
        self.draining = False
        self.websockets = Websockets(self)
        self.addons = [self.websockets]
        self._secure = frozenset(secure_destinations)
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._connects: dict[str, tuple[str, int]] = {}
        """Client connection -> where its CONNECT wanted to go."""
        self._certified: set[str] = set()
        """Client connections that showed a certificate of ``access.client_ca``."""

    async def idle(self) -> None:
        """Wait until no request is under way."""
        await self._idle.wait()

    # -- connections ---------------------------------------------------------------------------------------------

    def client_disconnected(self, client: connection.Client) -> None:
        self._connects.pop(client.id, None)
        self._certified.discard(client.id)

    def tls_start_client(self, data: tls.TlsData) -> None:
        """Where ``access.client_ca`` is set, the connection to the proxy itself needs a certificate that it signed."""
        authority = self.settings.access.client_ca
        if authority is None or data.context.client.id in self._connects:
            return
        data.ssl_conn = None  # if what follows fails, there is no connection at all
        data.ssl_conn = connection_for(data, authority)

    def tls_established_client(self, data: tls.TlsData) -> None:
        client = data.context.client
        if client.certificate_list and client.id not in self._connects:
            self._certified.add(client.id)

    def tls_failed_client(self, data: tls.TlsData) -> None:
        found = self.settings.upstream_of(data.context.client.sni or "")
        if found is not None:
            log.warning("a client does not trust the CA for %s: give it the certificate shown at start", found[0])

    @fail_closed
    async def http_connect(self, flow: http.HTTPFlow) -> None:
        """CONNECT: remember where the client wanted to go; refuse where it may not."""
        if flow.response is not None:  # proxy authentication has answered
            return
        if self._uncertified(flow):
            flow.response = plain(403, CERTIFICATE_NEEDED)
            return
        host, port = flow.request.host, flow.request.port
        try:
            await self.admission.destination(host, port)
        except Refused as refused:
            flow.response = plain(403, refused.message + "\n")
            return
        self._connects[flow.client_conn.id] = (host, port)
        found = self.settings.upstream_of(host)
        if found is not None and found[1].resolve_to is not None:
            flow.request.host, flow.request.port = parse_address(found[1].resolve_to)

    def _uncertified(self, flow: http.HTTPFlow) -> bool:
        return self.settings.access.client_ca is not None and flow.client_conn.id not in self._certified

    async def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """The last look before a connection is opened: nothing goes to an address that is not allowed."""
        try:
            if data.server.address is not None:
                await self.admission.connection(data.server.address[0], data.server.address[1])
        except Refused as refused:
            data.server.error = refused.message
        except Exception as e:
            log.error("hook server_connect failed: %s; refused", type(e).__name__)
            data.server.error = "the gateway failed to check this destination"

    def next_layer(self, data: layer.NextLayer) -> None:
        """mitmproxy takes what does not look like HTTP at once (two bytes, a late space) for raw TCP, and relays it.

        On an inspected connection everything is HTTP; a passed-through one (it has no flow) stays as it is.
        """
        chosen = data.layer
        if (isinstance(chosen, layers.TCPLayer) and chosen.flow is not None) or isinstance(chosen, layers.DNSLayer):
            data.layer = layers.HttpLayer(data.context, HTTPMode.transparent)

    # -- requests ------------------------------------------------------------------------------------------------

    @fail_closed
    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Inspected or not? Note what must be refused whatever it holds."""
        if flow.response is not None:  # proxy authentication has answered
            return
        if self._uncertified(flow):
            flow.response = plain(403, CERTIFICATE_NEEDED)
            return
        watched = self._watched(flow)
        if watched is None:
            if self.admission.is_self(flow.request.host, flow.request.port):
                flow.response = plain(400, CALLED_DIRECTLY)
            else:
                flow.request.stream = True
            return
        flow.metadata[WATCHED] = watched
        flow.metadata[http_stream.LIMITS] = (self.settings.limits.body_bytes, self.settings.limits.response_bytes)
        flow.metadata[http_stream.ABORT] = _Abort(self, flow)
        try:
            self.admission.request(
                reverse=watched.reverse,
                headers=list(flow.request.headers.items(multi=True)),
                authority=flow.request.host_header or flow.request.authority,
                sni=flow.client_conn.sni,
                destination=watched.host,
                websockets=self.websockets.speaks(flow, watched),
            )
        except Refused as refused:
            flow.metadata[REFUSAL] = Refusal(refused.status, refused.code, refused.message, rule="admission")

    def _watched(self, flow: http.HTTPFlow) -> Watched | None:
        host, port = self._connects.get(flow.client_conn.id, (flow.request.host, flow.request.port))
        if isinstance(flow.client_conn.proxy_mode, mode_specs.ReverseMode):
            found = self.settings.upstream_of(host)
            if found is None:
                return Watched("reverse", None, None, None, host, port, True)
            return Watched(found[0], found[1].provider, found[1].jurisdiction, None, host, port, True)
        named = host_of(flow.request.host_header or flow.request.authority)
        for candidate in (host, flow.client_conn.sni or "", named):
            found = self.settings.upstream_of(candidate)
            if found is not None:
                name, one = found
                connect_to = parse_address(one.resolve_to) if one.resolve_to else None
                return Watched(name, one.provider, one.jurisdiction, connect_to, host, port, False)
        return None

    @fail_closed
    async def request(self, flow: http.HTTPFlow) -> None:
        """A whole request is here: judge it, record it, then let it go or refuse it."""
        watched: Watched | None = flow.metadata.get(WATCHED)
        if flow.response is not None or watched is None:
            return
        self._enter(flow)
        refusal: Refusal | None = flow.metadata.get(REFUSAL)
        if refusal is None and self.draining:
            refusal = Refusal(503, "draining", "The gateway is shutting down; try again.")
        inbound = inbound_of(flow, watched, flow.request.raw_content or b"")
        plan = await (
            self.pipeline.refuse(inbound, refusal) if refusal else self.websockets.judge(flow, watched, inbound)
        )
        if plan.exchange is not None:
            flow.metadata[EXCHANGE] = plan.exchange
        if isinstance(plan, Refuse):
            flow.response = response_of(plan.reply)
        else:
            apply(flow, watched, plan, self._secure, tunnelled=flow.client_conn.id in self._connects)

    # -- replies -------------------------------------------------------------------------------------------------

    @fail_closed
    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Streams are restored as they pass; everything else waits until it is whole."""
        response = flow.response
        if response is None:
            return
        if WATCHED not in flow.metadata:
            response.stream = True
            return
        response.headers.pop("alt-svc", None)
        exchange: Exchange | None = flow.metadata.get(EXCHANGE)
        if exchange is None or exchange.finished or exchange.sent is None:
            return
        close_if_told(flow, response)
        if exchange.is_stream(response.headers.get("content-type", "")):
            try:
                stream = exchange.open_stream(response.headers.get("content-encoding", ""))
            except WireError as e:
                self._answer_at_once(flow, 502, "upstream_malformed", _unreadable(e), e.code)
                return
            flow.metadata[STREAM] = stream
            if exchange.keeping is not None or exchange.judge is not None:
                flow.metadata[http_stream.GATE] = StreamGate(exchange, stream)
            response.headers.pop("content-length", None)  # restored text and a late error event have other lengths
            if exchange.restoration is not None:
                response.headers.pop("content-encoding", None)
            response.stream = stream

    def _answer_at_once(self, flow: http.HTTPFlow, status: int, code: str, message: str, error: str) -> None:
        """Answer in place of a reply whose head is here and whose body is not: that body is thrown away as it comes."""
        flow.metadata[FAILED] = True
        exchange: Exchange | None = flow.metadata.get(EXCHANGE)
        if exchange is not None:
            exchange.error = error
        flow.response = reply = self.answer(flow, status, code, message)
        left = [reply.raw_content or b""]

        def instead(data: bytes) -> list[bytes]:
            return [left.pop()] if left else []

        reply.stream = instead

    async def stored_objects(self, flow: http.HTTPFlow) -> None:
        """A stream waits at its gate, which stays shut if this fails."""
        await flow.metadata[http_stream.GATE].settle(self.pipeline.let_go)

    @fail_closed
    async def response(self, flow: http.HTTPFlow) -> None:
        """The reply is whole (or has been streamed): restore it, complete the record."""
        exchange: Exchange | None = flow.metadata.get(EXCHANGE)
        response = flow.response
        if self.websockets.switched(flow):
            del flow.metadata[EXCHANGE]  # it is complete when the websocket closes
            self._leave(flow)
            return
        handled = STREAM in flow.metadata or FAILED in flow.metadata
        if exchange is not None and response is not None and exchange.sent is not None and not handled:
            try:
                if response.status_code == SWITCHING_PROTOCOLS:  # what follows would pass unread
                    raise WireError("protocol_switched", "status", "It switches to another protocol than HTTP")
                body = await self.pipeline.restore(
                    exchange,
                    response.raw_content or b"",
                    response.headers.get("content-type", ""),
                    response.headers.get("content-encoding", ""),
                    response.status_code,
                )
                if body is not None and flow.request.method != "HEAD":
                    replace_body(response, body)
                if exchange.restoration is not None and exchange.restoration.counts.withheld:
                    response.headers[WITHHELD_HEADER] = str(exchange.restoration.counts.withheld)
            except Refusal as refusal:
                exchange.error = refusal.code
                flow.response = self.answer(flow, refusal.status, refusal.code, refusal.message)
            except WireError as e:
                exchange.error = e.code
                flow.response = self.answer(flow, 502, "upstream_malformed", _unreadable(e))
        self._leave(flow)

    @fail_closed
    async def error(self, flow: http.HTTPFlow) -> None:
        """The flow broke off on either side: complete the record, or make one for what was refused unread."""
        watched: Watched | None = flow.metadata.get(WATCHED)
        exchange: Exchange | None = flow.metadata.get(EXCHANGE)
        refusal: Refusal | None = flow.metadata.get(REFUSAL)
        if exchange is None and refusal is not None and watched is not None:
            refused = await self.pipeline.refuse(inbound_of(flow, watched, b""), refusal)
            exchange = refused.exchange
            if exchange is not None:
                flow.metadata[EXCHANGE] = exchange
        if exchange is not None and exchange.error is None:
            message = flow.error.msg.lower() if flow.error else ""
            exchange.error = "client_disconnected" if "client" in message else "upstream_disconnected"
        self._leave(flow)

    # -- bookkeeping ---------------------------------------------------------------------------------------------

    def _enter(self, flow: http.HTTPFlow) -> None:
        flow.metadata[COUNTED] = True
        self._in_flight += 1
        self._idle.clear()
        self.pipeline.metrics.in_flight.inc()

    def _leave(self, flow: http.HTTPFlow) -> None:
        exchange: Exchange | None = flow.metadata.get(EXCHANGE)
        if exchange is not None and not exchange.finished:
            exchange.finished = True
            self.pipeline.finish(exchange, flow.response.status_code if flow.response else None)
        if flow.metadata.pop(COUNTED, False):
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()
            self.pipeline.metrics.in_flight.dec()

    async def failed(self, flow: http.HTTPFlow, stage: str) -> None:
        """A hook has failed: refuse, and record that where nothing has been recorded yet."""
        flow.request.stream = False
        exchange: Exchange | None = flow.metadata.get(EXCHANGE)
        if exchange is not None:
            exchange.error = exchange.error or "gateway_error"
        if stage == "error":  # the client has its answer already, or is gone
            self._leave(flow)
        elif stage == "responseheaders":
            self._answer_at_once(flow, 500, "gateway_error", FAILURE, "gateway_error")
        else:
            flow.response = self.answer(flow, 500, "gateway_error", FAILURE)
            if stage == "response":
                self._leave(flow)
            elif stage in ("requestheaders", "request") and exchange is None:
                refusal = Refusal(500, "gateway_error", FAILURE)
                watched = flow.metadata.get(WATCHED) or unknown(flow)
                flow.metadata[EXCHANGE] = (await self.pipeline.refuse(inbound_of(flow, watched, b""), refusal)).exchange

    def answer(self, flow: http.HTTPFlow, status: int, code: str, message: str) -> http.Response:
        """A refusal in the shape of the provider that this flow meant."""
        watched: Watched | None = flow.metadata.get(WATCHED)
        codec = self.pipeline.codec_for(watched.provider if watched else None, flow.request.method, flow.request.path)
        reply = response_of(codec.refusal(status, code, message))
        close_if_told(flow, reply)
        return reply


def _unreadable(error: WireError) -> str:
    return f"The upstream's reply could not be read: {error.message} ({error.where})."


def script_addons() -> Sequence[object]:
    """For ``mitmdump -s``: the whole gateway from ``COATCHECK_CONFIG`` or the defaults."""
    from addons.launch import ScriptGateway

    return [ScriptGateway()]


if __name__ != "addons.gateway":  # loaded by mitmproxy as a script
    addons = script_addons()
