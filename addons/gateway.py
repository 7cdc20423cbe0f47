"""The mitmproxy addon: hooks, and nothing but hooks.

mitmproxy fails open: an exception in a hook is logged and the flow goes on, unmasked. So every hook here has one
outermost boundary (``fail_closed``) that turns any failure into a refusal. What to do with a request is decided in
``pipeline.py``, which knows no mitmproxy; this file translates between the two.

``coatcheck up`` runs it in-process. It also works as ``mitmdump -s`` (see the end of this file), for trying things out.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from mitmproxy import connection, http, tls
from mitmproxy.proxy import mode_specs, server_hooks
from mitmproxy.proxy.layers.http._events import ErrorCode
from OpenSSL import SSL

from addons import http_stream
from addons.admission import Admission, Refused, host_of
from addons.exchange import Exchange, Forward, Refuse, StreamBody
from addons.pipeline import Inbound, Pipeline
from addons.settings import Settings
from addons.settings_sections import parse_address
from addons.wire.types import ErrorReply, WireError

log = logging.getLogger("coatcheck")

EXCHANGE = "coatcheck.exchange"
STREAM = "coatcheck.stream"
PLAN = "coatcheck.plan"
AUTHORITY = "coatcheck.authority"
CERTIFICATE_NEEDED = b"This proxy needs a TLS client certificate (access.client_ca).\n"


@dataclass(frozen=True, slots=True)
class Watched:
    """An inspected flow, as its first hook found it."""

    upstream: str
    provider: str | None
    """None: the endpoint is recognized by path whatever the host."""
    jurisdiction: str | None
    connect_to: tuple[str, int] | None
    host: str
    """As the client asked."""
    port: int
    reverse: bool


class _Abort:
    """What the guarded HTTP stream tells the client when the proxy core gives up (see ``http_stream.Abort``)."""

    def __init__(self, gateway: Gateway, flow: http.HTTPFlow) -> None:
        self._gateway = gateway
        self._flow = flow

    def response(self, code: ErrorCode, *, request: bool) -> http.Response | None:
        if code is ErrorCode.REQUEST_TOO_LARGE:
            limit = self._gateway.settings.limits.body_bytes
            words = (413, "request_too_large", f"The request body is larger than the gateway's limit of {limit} bytes.")
        elif code is ErrorCode.RESPONSE_TOO_LARGE:
            limit = self._gateway.settings.limits.response_bytes
            words = (502, "response_too_large", f"The reply is larger than the gateway's limit of {limit} bytes.")
        elif code is ErrorCode.CONNECT_FAILED:
            words = (502, "upstream_unreachable", "The gateway could not connect to the upstream.")
        elif code is ErrorCode.RESPONSE_VALIDATION_FAILED:
            words = (502, "upstream_malformed", "The upstream's reply is not valid HTTP.")
        elif not request:
            words = (502, "upstream_disconnected", "The upstream closed the connection before its reply was complete.")
        else:
            return None
        return self._gateway.answer(self._flow, *words)

    def stream_tail(self) -> bytes:
        stream = self._flow.metadata.get(STREAM)
        if isinstance(stream, StreamBody):
            return stream.tail("upstream_disconnected", "The upstream closed the connection in mid-stream.")
        return b""


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
                flow.request.stream = False
                flow.response = self.answer(flow, 500, "gateway_error", "The gateway failed to handle this request.")
            except Exception:
                flow.kill()

    return guarded


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
        prepared, data.ssl_conn = data.ssl_conn, None  # if what follows fails, there is no connection at all
        if prepared is not None:
            prepared.get_context().load_verify_locations(str(authority))
            prepared.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
            data.ssl_conn = prepared

    def tls_established_client(self, data: tls.TlsData) -> None:
        client = data.context.client
        if client.certificate_list and client.id not in self._connects:
            self._certified.add(client.id)

    def _uncertified(self, flow: http.HTTPFlow) -> bool:
        return self.settings.access.client_ca is not None and flow.client_conn.id not in self._certified

    @fail_closed
    async def http_connect(self, flow: http.HTTPFlow) -> None:
        """CONNECT: remember where the client wanted to go; refuse where it may not."""
        if self._uncertified(flow):
            flow.response = http.Response.make(403, CERTIFICATE_NEEDED, {"content-type": "text/plain"})
            return
        host, port = flow.request.host, flow.request.port
        try:
            await self.admission.destination(host, port)
        except Refused as refused:
            flow.response = http.Response.make(403, refused.message + "\n", {"content-type": "text/plain"})
            return
        self._connects[flow.client_conn.id] = (host, port)
        found = self.settings.upstream_of(host)
        if found is not None and found[1].resolve_to is not None:
            flow.request.host, flow.request.port = parse_address(found[1].resolve_to)

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

    def tls_failed_client(self, data: tls.TlsData) -> None:
        host = data.context.client.sni or ""
        found = self.settings.upstream_of(host)
        if found is not None:
            log.warning(
                "a client does not trust the CA for upstream %s: give it the certificate shown at start", found[0]
            )

    # -- requests ------------------------------------------------------------------------------------------------

    @fail_closed
    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Inspected or not? Refuse at once what must not even be read."""
        if flow.response is not None:  # proxy authentication has answered
            return
        if self._uncertified(flow):
            flow.response = http.Response.make(403, CERTIFICATE_NEEDED, {"content-type": "text/plain"})
            return
        self._restore_authority(flow)
        reverse = isinstance(flow.client_conn.proxy_mode, mode_specs.ReverseMode)
        watched = self._watched(flow, reverse)
        if watched is None:
            if self.admission.is_self(flow.request.host, flow.request.port):
                flow.response = http.Response.make(
                    400,
                    b"This is a proxy. Set it as HTTPS_PROXY; do not call it directly.\n",
                    {"content-type": "text/plain"},
                )
                return
            flow.request.stream = True
            return
        flow.metadata[PLAN] = watched
        flow.metadata[http_stream.LIMITS] = (self.settings.limits.body_bytes, self.settings.limits.response_bytes)
        flow.metadata[http_stream.ABORT] = _Abort(self, flow)
        try:
            self.admission.request(
                reverse=reverse,
                headers=list(flow.request.headers.items(multi=True)),
                authority=flow.request.host_header or flow.request.authority,
                sni=flow.client_conn.sni,
                destination=watched.host,
            )
        except Refused as refused:
            flow.response = self.answer(flow, refused.status, refused.code, refused.message)

    def _restore_authority(self, flow: http.HTTPFlow) -> None:
        """Undo ``resolve_to``: the flow's host is the name that the client asked for."""
        flow.metadata[AUTHORITY] = self._connects.get(flow.client_conn.id, (flow.request.host, flow.request.port))

    def _watched(self, flow: http.HTTPFlow, reverse: bool) -> Watched | None:
        host, port = flow.metadata[AUTHORITY]
        if reverse:
            found = self.settings.upstream_of(host)
            name, jurisdiction = (found[0], found[1].jurisdiction) if found else ("reverse", None)
            return Watched(name, None, jurisdiction, None, host, port, True)
        for candidate in (
            host,
            flow.client_conn.sni or "",
            host_of(flow.request.host_header or flow.request.authority),
        ):
            found = self.settings.upstream_of(candidate)
            if found is not None:
                name, one = found
                connect_to = parse_address(one.resolve_to) if one.resolve_to else None
                return Watched(name, one.provider, one.jurisdiction, connect_to, host, port, False)
        return None

    @fail_closed
    async def request(self, flow: http.HTTPFlow) -> None:
        """A whole request is here: judge it, record it, then let it go or refuse it."""
        watched: Watched | None = flow.metadata.get(PLAN)
        if flow.response is not None or watched is None:
            return
        if self.draining:
            flow.response = self.answer(flow, 503, "draining", "The gateway is shutting down; try again.")
            return
        self._enter(flow)
        request = flow.request
        plan = await self.pipeline.judge(
            Inbound(
                upstream=watched.upstream,
                provider=watched.provider,
                jurisdiction=watched.jurisdiction,
                method=request.method,
                host=watched.host,
                port=watched.port,
                target=request.path,
                headers=[(k, v) for k, v in request.headers.items(multi=True)],
                body=request.raw_content or b"",
                trailers=bool(request.trailers),
                client_address=_address(flow.client_conn),
                proxy_user=(flow.metadata.get("proxyauth") or (None,))[0],
            )
        )
        if plan.exchange is not None:
            flow.metadata[EXCHANGE] = plan.exchange
        if isinstance(plan, Refuse):
            flow.response = _response(plan.reply)
        else:
            self._send(flow, watched, plan)

    def _send(self, flow: http.HTTPFlow, watched: Watched, plan: Forward) -> None:
        request = flow.request
        if plan.headers is not None:
            request.headers = http.Headers(
                [(k.encode(), v.encode("utf-8", "surrogateescape")) for k, v in plan.headers]
            )
        if plan.path is not None:
            request.path = plan.path
        if plan.body is not None:
            request.headers.pop("content-encoding", None)
            request.headers.pop("transfer-encoding", None)
            request.raw_content = plan.body
            request.headers["content-length"] = str(len(plan.body))
        if plan.identity_reply:
            request.headers["accept-encoding"] = "identity"
        if plan.destination is not None:
            target = plan.destination
            request.scheme, request.host, request.port = target.scheme, target.host, target.port
            request.host_header = _authority(target.scheme, target.host, target.port)
        elif watched.reverse:
            request.scheme = "https" if (watched.host, watched.port) in self._secure else "http"
            request.host_header = _authority(request.scheme, watched.host, watched.port)
        elif watched.connect_to is not None and flow.client_conn.id not in self._connects:
            host_header = request.host_header
            request.host, request.port = watched.connect_to
            request.host_header = host_header
        plan.exchange.sent = time.monotonic()

    # -- replies -------------------------------------------------------------------------------------------------

    @fail_closed
    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Streams are restored as they pass; everything else waits until it is whole."""
        exchange: Exchange | None = flow.metadata.get(EXCHANGE)
        response = flow.response
        if response is None:
            return
        if PLAN not in flow.metadata:
            response.stream = True
            return
        response.headers.pop("alt-svc", None)
        if exchange is None or exchange.finished or exchange.sent is None:
            return
        if exchange.is_stream(response.headers.get("content-type", "")):
            stream = exchange.open_stream(response.headers.get("content-encoding", ""))
            flow.metadata[STREAM] = stream
            if exchange.restoration is not None:
                response.headers.pop("content-length", None)
                response.headers.pop("content-encoding", None)
            response.stream = stream

    @fail_closed
    def response(self, flow: http.HTTPFlow) -> None:
        """The reply is whole (or has been streamed): restore it, complete the record."""
        exchange: Exchange | None = flow.metadata.get(EXCHANGE)
        response = flow.response
        if exchange is not None and response is not None and exchange.sent is not None and STREAM not in flow.metadata:
            try:
                body = exchange.restore_body(
                    response.raw_content or b"",
                    response.headers.get("content-type", ""),
                    response.headers.get("content-encoding", ""),
                )
            except WireError as e:
                exchange.error = e.code
                flow.response = response = self.answer(
                    flow, 502, "upstream_malformed", f"The upstream's reply could not be read: {e.message} ({e.where})."
                )
            else:
                if body is not None and flow.request.method != "HEAD":
                    response.headers.pop("content-encoding", None)
                    response.headers.pop("transfer-encoding", None)
                    response.raw_content = body
                    response.headers["content-length"] = str(len(body))
        self._leave(flow)

    @fail_closed
    def error(self, flow: http.HTTPFlow) -> None:
        """The flow broke off on either side: complete the record."""
        exchange: Exchange | None = flow.metadata.get(EXCHANGE)
        if exchange is not None and exchange.error is None:
            message = flow.error.msg.lower() if flow.error else ""
            exchange.error = "client_disconnected" if "client" in message else "upstream_disconnected"
        self._leave(flow)

    # -- bookkeeping ---------------------------------------------------------------------------------------------

    def _enter(self, flow: http.HTTPFlow) -> None:
        flow.metadata["coatcheck.counted"] = True
        self._in_flight += 1
        self._idle.clear()
        self.pipeline.metrics.in_flight.inc()

    def _leave(self, flow: http.HTTPFlow) -> None:
        exchange: Exchange | None = flow.metadata.get(EXCHANGE)
        if exchange is not None and not exchange.finished:
            exchange.finished = True
            self.pipeline.finish(exchange, flow.response.status_code if flow.response else None)
        if flow.metadata.pop("coatcheck.counted", False):
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()
            self.pipeline.metrics.in_flight.dec()

    def answer(self, flow: http.HTTPFlow, status: int, code: str, message: str) -> http.Response:
        """A refusal in the shape of the provider that this flow meant."""
        watched: Watched | None = flow.metadata.get(PLAN)
        codec = self.pipeline.codec_for(watched.provider if watched else None, flow.request.method, flow.request.path)
        return _response(codec.refusal(status, code, message))


def _response(reply: ErrorReply) -> http.Response:
    return http.Response.make(reply.status, reply.body, dict(reply.headers))


def _authority(scheme: str, host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port == (443 if scheme == "https" else 80) else f"{shown}:{port}"


def _address(client: connection.Client) -> str | None:
    try:
        return str(ipaddress.ip_address(client.peername[0].partition("%")[0]))
    except (ValueError, TypeError, IndexError):
        return None


def script_addons() -> Sequence[object]:
    """For ``mitmdump -s``: the whole gateway from ``COATCHECK_CONFIG`` or the defaults."""
    from addons.launch import ScriptGateway

    return [ScriptGateway()]


if __name__ != "addons.gateway":  # loaded by mitmproxy as a script
    addons = script_addons()
