"""A stand-in for commercial providers, with their true wire formats over real TLS. It quotes what it was asked.

In a test::

    with Provider() as provider:
        client = openai.OpenAI(base_url=provider.url + "/v1", api_key="k", http_client=...verify=provider.ca)
        provider.next(hang_up_after=3)      # the next reply misbehaves; see Manner
        provider.requests[-1].body          # what really arrived

By itself: ``python -m tests.doubles.provider [--port N] [--plain] [--host NAME ...]`` prints one line of JSON
(``port``, ``url``, ``ca``) and runs until SIGTERM or Ctrl-C. Over HTTP: ``POST /_double/next`` with a JSON object of
Manner's fields (a list of them queues several), ``GET /_double/requests``, ``POST /_double/clear``.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import collections
import json
import signal
import ssl
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.doubles import anthropic_messages, http1, http2, openai_chat, openai_responses
from tests.doubles.formats import ApiError, Ids, dump
from tests.doubles.http1 import HEAD_LIMIT, Reply, Request
from tests.doubles.manner import Manner, from_headers
from tests.doubles.tls import ThrowawayCa

HOSTS = ("api.openai.com", "api.anthropic.com")
LOOPBACK = ("localhost", "127.0.0.1")


class Provider:
    """The double, on a loopback port, in a thread of its own for the length of a ``with`` block."""

    def __init__(
        self,
        *,
        hosts: Sequence[str] = HOSTS,
        port: int = 0,
        plain: bool = False,
        over_http2: bool = False,
        manner: Manner | None = None,
        directory: Path | None = None,
    ) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="coatcheck-double-") if directory is None else None
        where = directory or Path(self._scratch.name if self._scratch else ".")
        self._port = port
        self._context: ssl.SSLContext | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._ended = asyncio.Event()
        self._ids = Ids()
        self._stored: dict[str, dict[str, Any]] = {}
        self._next: collections.deque[Mapping[str, Any]] = collections.deque()
        self.ca = where / "ca.pem"
        """The CA certificate that clients must trust. It exists unless the double is plain."""
        self.manner = manner or Manner()
        """How all replies are given, but for what ``next`` and ``x-double-*`` headers say."""
        self.requests: list[Request] = []
        """All that was received, oldest first, but for the double's own control paths."""
        self.connections = 0
        """How many connections were accepted."""
        if not plain:
            self._context = ThrowawayCa(where).server_context(
                [*hosts, *LOOPBACK], ["h2", "http/1.1"] if over_http2 else ["http/1.1"]
            )

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        """Base URL on loopback, without a path."""
        return f"{'http' if self._context is None else 'https'}://127.0.0.1:{self._port}"

    def next(self, **changes: Any) -> None:
        """Give the next reply (that has none queued before it) in a manner with these fields changed."""
        Manner().but(changes)
        self._next.append(changes)

    def clear(self) -> None:
        """Forget requests, queued manners and the count of ids, as if newly started."""
        self.requests.clear()
        self._next.clear()
        self._stored.clear()
        self.connections = 0
        self._ids = Ids()

    def start(self) -> None:
        """Listen; returns when connections are accepted. Raises OSError if the port is taken."""
        self._thread = threading.Thread(target=self._run, name="provider-double", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self.stop()
            raise self._failure

    def stop(self) -> None:
        """Stop listening, drop all connections, remove the CA."""
        if self._thread is not None:
            if self._loop is not None and self._failure is None:
                self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()
            self._thread = None
        if self._scratch is not None:
            self._scratch.cleanup()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        open_ones: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            task = asyncio.current_task()
            assert task is not None
            open_ones[writer] = task
            try:
                secured = writer.get_extra_info("ssl_object")
                spoken = secured.selected_alpn_protocol() if secured else None
                serve = http2.serve_connection if spoken == "h2" else http1.serve_connection
                await serve(reader, writer, self._answer)
            except asyncio.CancelledError:
                writer.transport.abort()  # the double ends: no time for TLS to say goodbye
            finally:
                del open_ones[writer]

        try:
            server = await asyncio.start_server(
                accept,
                "127.0.0.1",
                self._port,
                ssl=self._context,
                ssl_shutdown_timeout=1 if self._context else None,
                limit=HEAD_LIMIT,
                backlog=512,
            )
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        self._loop = asyncio.get_running_loop()
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._ended.wait()
        server.close()
        for task in open_ones.values():
            task.cancel()
        await asyncio.gather(*open_ones.values(), return_exceptions=True)

    async def _answer(self, request: Request) -> tuple[Reply, Manner]:
        if request.path.startswith("/_double/"):
            return self._control(request), Manner()
        self.requests.append(request)
        manner = self.manner.but(self._next.popleft()) if self._next else self.manner
        try:
            manner = manner.but(from_headers({name.lower(): value for name, value in request.headers}))
            reply = self._reply(request, manner)
        except (ApiError, ValueError) as error:
            status = error.status if isinstance(error, ApiError) else 400
            reply = self._refuse(request, status, str(error))
        return _spoil(request, reply, manner), manner

    def _control(self, request: Request) -> Reply:
        match request.method, request.path:
            case "GET", "/_double/requests":
                return Reply(200, [dump([_as_json(one) for one in self.requests])])
            case "POST", "/_double/next":
                given = json.loads(request.body)
                for changes in given if isinstance(given, list) else [given]:
                    try:
                        self.next(**changes)
                    except ValueError as error:
                        return Reply(400, [dump({"error": str(error)})])
                return Reply(200, [dump({"queued": len(self._next)})])
            case "POST", "/_double/clear":
                self.clear()
                return Reply(200, [b"{}"])
        return Reply(404, [dump({"error": "the double's own paths are next, requests and clear"})])

    def _reply(self, request: Request, manner: Manner) -> Reply:
        anthropic = is_anthropic(request)
        key = request.header("authorization") or (request.header("x-api-key") if anthropic else "")
        if not key:
            raise ApiError(401, "x-api-key header is required" if anthropic else "You didn't provide an API key.")
        if anthropic and not request.header("anthropic-version"):
            raise ApiError(400, "anthropic-version: header is required")
        if request.method == "GET":
            return self._get(request, anthropic)
        try:
            body = json.loads(request.body)
        except ValueError:
            raise ApiError(400, "We could not parse the JSON body of your request.") from None
        if not isinstance(body, dict):
            raise ApiError(400, "The body of your request must be a JSON object.")
        if manner.status is not None:
            raise ApiError(manner.status, _quote(request.path, body))
        match request.path:
            case "/v1/chat/completions":
                return openai_chat.chat(body, manner, self._ids)
            case "/v1/responses":
                reply, done = openai_responses.responses(body, manner, self._ids)
                self._stored[done["id"]] = done
                return reply
            case "/v1/completions":
                return openai_chat.completions(body, manner, self._ids)
            case "/v1/embeddings":
                return openai_chat.embeddings(body, manner)
            case "/v1/messages":
                return anthropic_messages.messages(body, manner, self._ids)
            case "/v1/messages/count_tokens":
                return anthropic_messages.count_tokens(body)
        raise ApiError(404, f"Invalid URL (POST {request.path})")

    def _get(self, request: Request, anthropic: bool) -> Reply:
        if request.path == "/v1/models":
            return anthropic_messages.models() if anthropic else openai_chat.models()
        stored = self._stored.get(request.path.removeprefix("/v1/responses/"))
        if stored is not None:
            return Reply(200, [dump(stored)])
        raise ApiError(404, f"Invalid URL (GET {request.path})")

    def _refuse(self, request: Request, status: int, message: str) -> Reply:
        if is_anthropic(request):
            request_id = self._ids.new("req_")
            body = anthropic_messages.error_body(status, message, request_id)
            return Reply(status, [dump(body)], headers=[("request-id", request_id)])
        return Reply(status, [dump(openai_chat.error_body(status, message))])


def is_anthropic(request: Request) -> bool:
    """Which dialect a request speaks: by its path, or by Anthropic's own header."""
    return request.path.startswith("/v1/messages") or bool(request.header("anthropic-version"))


def _quote(path: str, body: Mapping[str, Any]) -> str:
    """An error message that quotes the prompt, as real ones do."""
    try:
        if path == "/v1/responses":
            text = openai_responses.asked(body).text
        else:
            text = (anthropic_messages if path.startswith("/v1/messages") else openai_chat).asked(body).text
    except ApiError as error:
        text = error.message
    return f"Your request could not be served: {text}"


def _spoil(request: Request, reply: Reply, manner: Manner) -> Reply:
    """Put the events that should not be there into a stream."""
    if not reply.stream:
        return reply
    pieces = list(reply.pieces)
    if manner.error_after is not None:
        message = _quote(request.path, json.loads(request.body))
        if is_anthropic(request):
            failed = anthropic_messages.error_event(message)
        elif request.path == "/v1/responses":
            failed = openai_responses.error_event(message)
        else:
            failed = b"data: " + dump(openai_chat.error_body(500, message)) + b"\n\n"
        pieces = [*pieces[: manner.error_after], failed]
    if manner.broken_after is not None:
        pieces.insert(manner.broken_after, b'data: {"choices": [{"index": 0, "del\n\n')
    return Reply(reply.status, pieces, reply.content_type, reply.stream, reply.headers)


def _as_json(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.path,
        "target": request.target,
        "headers": [list(pair) for pair in request.headers],
        "body": base64.b64encode(request.body).decode(),
        "text": request.body.decode("utf-8", "replace"),
        "sni": request.server_name,
    }


def main() -> None:
    """Run the double as a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.doubles.provider", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="http instead of https")
    parser.add_argument("--http2", action="store_true", help="offer HTTP/2 beside HTTP/1.1")
    parser.add_argument("--host", action="append", help="a name in the certificate (default: the two providers')")
    options = parser.parse_args()
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    hosts = options.host or HOSTS
    with Provider(hosts=hosts, port=options.port, plain=options.plain, over_http2=options.http2) as provider:
        ca = None if options.plain else str(provider.ca)
        print(json.dumps({"port": provider.port, "url": provider.url, "ca": ca}), flush=True)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
