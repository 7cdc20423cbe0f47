"""What mitmproxy's HTTP layer does not offer to addons: errors in the provider's own shape, at any moment.

mitmproxy answers an upstream that cannot be reached, hangs up or sends too much with an HTML page of its own, or just
cuts the stream. SDKs cannot read that. ``install`` puts a subclass of its ``HttpStream`` in place which asks the flow
(``flow.metadata[ABORT]``, an ``Abort``) what to say instead. It also holds back a response that no hook has seen.
Knows mitmproxy's proxy core; knows nothing of detection, policy or audit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import mitmproxy.proxy.layers.http as core
from mitmproxy import flow as mitm_flow
from mitmproxy import http
from mitmproxy.net.http.http1.read import expected_http_body_size
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.layers.http import DropStream as Drop
from mitmproxy.proxy.layers.http import HttpStream, SendHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook
from mitmproxy.proxy.utils import ReceiveBuffer

ABORT = "coatcheck.abort"
"""Key in ``flow.metadata``: the flow's ``Abort``."""
GATE = "coatcheck.gate"
"""Key in ``flow.metadata``: the ``Gate`` of a reply's stream; absent: everything leaves at once."""
LIMITS = "coatcheck.limits"
"""Key in ``flow.metadata``: ``(request_bytes, response_bytes)``; absent: no limit but mitmproxy's own."""


class Abort(Protocol):
    """What to tell the client when the proxy core gives up on a flow."""

    def response(self, code: ErrorCode, *, request: bool) -> http.Response | None:
        """A whole error reply, if nothing of a reply has been sent yet; None: leave it to mitmproxy."""
        ...

    def stream_tail(self) -> bytes:
        """Bytes that end a reply already under way: an error event in the stream's own format."""
        ...


class Gate(Protocol):
    """Holds back what a stream's callable has answered until an asynchronous hook is through."""

    def waits(self) -> bool:
        """True if what is about to leave must wait for the hook ``stored_objects``."""
        ...

    def opened(self, out: bytes | list[bytes]) -> bytes | list[bytes]:
        """What leaves in place of ``out`` after the hook."""
        ...


@dataclass
class StoredObjectsHook(StartHook):
    """A streamed reply names what the provider stores, and has not left; mitmproxy awaits the addon."""

    flow: http.HTTPFlow


WAITS = 2
"""Once for the judge, once for the vault: what has been judged may name what must be kept."""
DISCARD_FACTOR = 8
"""After refusing an oversized body, read away at most this many times the limit before cutting the connection."""


class GuardedHttpStream(HttpStream):
    """mitmproxy's HTTP stream, with errors that the client's SDK understands."""

    _discard_left = 0

    def _abort(self) -> Abort | None:
        flow = getattr(self, "flow", None)
        return flow.metadata.get(ABORT) if flow is not None else None

    def check_body_size(self, request: bool) -> layer.CommandGenerator[bool]:
        limits: tuple[int, int] | None = self.flow.metadata.get(LIMITS)
        if limits is None:  # not inspected, or no hook has seen the flow yet: it asks again with the first data
            return (yield from super().check_body_size(request))
        limit = limits[0] if request else limits[1]
        size = len(self.request_body_buf if request else self.response_body_buf)
        try:
            declared = expected_http_body_size(self.flow.request, None if request else self.flow.response)
        except ValueError:
            declared = None
        if max(size, declared or 0) <= limit:
            return False
        yield from self._refuse_size(limit, request=request)
        return True

    def _refuse_size(self, limit: int, *, request: bool) -> layer.CommandGenerator[None]:
        code = ErrorCode.REQUEST_TOO_LARGE if request else ErrorCode.RESPONSE_TOO_LARGE
        self.flow.error = mitm_flow.Error("body larger than the limit")
        abort = self._abort()
        reply = abort.response(code, request=request) if abort else None
        if reply is not None:
            self.flow.response = reply
        yield HttpErrorHook(self.flow)
        self.flow.live = False
        if reply is None:
            message = "body larger than the limit"
            yield SendHttp(ResponseProtocolError(self.stream_id, message, code), self.context.client)
            self.client_state = self.state_errored
        else:
            yield from self._send_whole(reply)
            self.client_state = self.state_discard_request_body if request else self.state_errored
        if request:
            self.request_body_buf = ReceiveBuffer()
            self._discard_left = limit * DISCARD_FACTOR
        else:
            self.response_body_buf = ReceiveBuffer()
            event = RequestProtocolError(self.stream_id, "body larger than the limit", ErrorCode.KILL)
            yield SendHttp(event, self.context.server)
        self.server_state = self.state_errored

    def state_discard_request_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """The refusal is out; read the rest away, since a connection reset would destroy the refusal on its way."""
        if isinstance(event, RequestData):
            self._discard_left -= len(event.data)
            if self._discard_left < 0:
                self.client_state = self.state_errored
                message = "body larger than the limit"
                yield SendHttp(ResponseProtocolError(self.stream_id, message, ErrorCode.KILL), self.context.client)
        elif isinstance(event, RequestEndOfMessage):
            self.client_state = self.state_errored
            yield Drop(self.stream_id)

    def _send_whole(self, reply: http.Response) -> layer.CommandGenerator[None]:
        content = reply.raw_content
        yield SendHttp(ResponseHeaders(self.stream_id, reply, not content), self.context.client)
        if content:
            yield SendHttp(ResponseData(self.stream_id, content), self.context.client)
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)

    def state_stream_response_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, ResponseData) and not event.data:
            return  # an empty HTTP/2 frame; the stream callable takes b"" for the end
        response, gate = self.flow.response, self.flow.metadata.get(GATE)
        if response is None or not callable(response.stream) or gate is None or isinstance(event, ResponseTrailers):
            yield from super().state_stream_response_body(event)
            return
        callback = response.stream
        out = callback(event.data if isinstance(event, ResponseData) else b"")
        for _ in range(WAITS):
            if not gate.waits():
                break
            yield StoredObjectsHook(self.flow)
            out = gate.opened(out)
        response.stream = lambda _: out
        try:
            yield from super().state_stream_response_body(event)
        finally:
            response.stream = callback

    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> layer.CommandGenerator[None]:
        abort = self._abort()
        client_waits = self.client_state == self.state_done
        if abort is None or not isinstance(event, ResponseProtocolError) or not client_waits:
            yield from super().handle_protocol_error(event)
            return
        if self.server_state == self.state_stream_response_body:
            tail = abort.stream_tail()
            gate: Gate | None = self.flow.metadata.get(GATE)
            if gate is not None and gate.waits():
                yield StoredObjectsHook(self.flow)
                out = gate.opened(tail)
                tail = out if isinstance(out, bytes) else b"".join(out)
            yield from self._fail(event)
            if tail:
                yield SendHttp(ResponseData(self.stream_id, tail), self.context.client)
            yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)
        elif self.server_state in (
            self.state_uninitialized,
            self.state_wait_for_response_headers,
            self.state_consume_response_body,
        ):
            reply = abort.response(event.code, request=False)
            if reply is None:
                yield from super().handle_protocol_error(event)
                return
            self.flow.response = reply
            yield from self._fail(event)
            yield from self._send_whole(reply)
        else:
            yield from super().handle_protocol_error(event)
            return
        yield Drop(self.stream_id)

    def _fail(self, event: ResponseProtocolError) -> layer.CommandGenerator[None]:
        self.flow.error = mitm_flow.Error(event.message)
        self.server_state = self.state_errored
        self.client_state = self.state_errored
        yield HttpErrorHook(self.flow)
        self.flow.live = False


def install() -> None:
    """Make mitmproxy's HTTP layers use ``GuardedHttpStream``; doing it again changes nothing."""
    core.HttpStream = GuardedHttpStream  # type: ignore[misc]
