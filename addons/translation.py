"""Between mitmproxy's flows and the pipeline's values: a flow in, an ``Inbound`` out; a plan in, a flow changed.

Knows mitmproxy and the pipeline; decides nothing.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Collection
from dataclasses import dataclass

from mitmproxy import connection, http

from addons.exchange import Forward
from addons.recording import Inbound
from addons.wire.types import ErrorReply


@dataclass(frozen=True, slots=True)
class Watched:
    """An inspected flow, as its first hook found it."""

    upstream: str
    provider: str | None
    """None: the endpoint is recognized by path whatever the host (a base-URL listener before an unknown one)."""
    jurisdiction: str | None
    connect_to: tuple[str, int] | None
    host: str
    """As the client asked."""
    port: int
    reverse: bool


def inbound_of(flow: http.HTTPFlow, watched: Watched, body: bytes) -> Inbound:
    """The request as the pipeline reads it."""
    request = flow.request
    return Inbound(
        upstream=watched.upstream,
        provider=watched.provider,
        jurisdiction=watched.jurisdiction,
        method=request.method,
        host=watched.host,
        port=watched.port,
        target=request.path,
        headers=[(name, value) for name, value in request.headers.items(multi=True)],
        body=body,
        trailers=bool(request.trailers),
        client_address=client_address(flow.client_conn),
        proxy_user=(flow.metadata.get("proxyauth") or (None,))[0],
        reverse=watched.reverse,
    )


def apply(
    flow: http.HTTPFlow, watched: Watched, plan: Forward, secure: Collection[tuple[str, int]], *, tunnelled: bool
) -> None:
    """Change the request to what the plan says, and nothing else.

    ``secure``: destinations of base-URL listeners that speak TLS. ``tunnelled``: the client came by CONNECT, where
    ``connect_to`` is in force already.
    """
    request = flow.request
    if plan.headers is not None:
        pairs = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in plan.headers]
        request.headers = http.Headers(pairs)
    if plan.path is not None:
        request.path = plan.path
    if plan.body is not None:
        replace_body(request, plan.body)
    if plan.identity_reply:
        request.headers["accept-encoding"] = "identity"
    if plan.destination is not None:
        target = plan.destination
        request.scheme, request.host, request.port = target.scheme, target.host, target.port
        request.host_header = authority(target.scheme, target.host, target.port)
    elif watched.reverse:
        request.scheme = "https" if (watched.host, watched.port) in secure else "http"
        request.host_header = authority(request.scheme, watched.host, watched.port)
    elif watched.connect_to is not None and not tunnelled:
        host_header = request.host_header
        request.host, request.port = watched.connect_to
        request.host_header = host_header
    plan.exchange.sent = time.monotonic()


def response_of(reply: ErrorReply) -> http.Response:
    """A refusal as mitmproxy sends it."""
    return http.Response.make(reply.status, reply.body, dict(reply.headers))


def plain(status: int, text: str) -> http.Response:
    """An answer to somebody who is not an SDK."""
    return http.Response.make(status, text.encode(), {"content-type": "text/plain; charset=utf-8"})


def replace_body(message: http.Message, body: bytes) -> None:
    """Put an identity-encoded body in place of the one that came."""
    message.headers.pop("content-encoding", None)
    message.headers.pop("transfer-encoding", None)
    message.raw_content = body
    message.headers["content-length"] = str(len(body))


def authority(scheme: str, host: str, port: int) -> str:
    """A ``Host`` header: the port only where it is not the scheme's own."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port == (443 if scheme == "https" else 80) else f"{shown}:{port}"


def client_address(client: connection.Client) -> str | None:
    """The client's IP address, without zone."""
    try:
        return str(ipaddress.ip_address(client.peername[0].partition("%")[0]))
    except (ValueError, TypeError, IndexError):
        return None


def close_if_told(flow: http.HTTPFlow, response: http.Response) -> None:
    """mitmproxy closes both sides where a request says ``connection: close``, as rerouted ones do: tell the client."""
    if flow.request.headers.get("connection", "").lower() == "close" and not flow.request.is_http2:
        response.headers["connection"] = "close"


def unknown(flow: http.HTTPFlow) -> Watched:
    """A flow that failed before its upstream was known."""
    return Watched("unknown", None, None, None, flow.request.host, flow.request.port, False)
