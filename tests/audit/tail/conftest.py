"""The ledger of the export tests, and receivers on loopback that fail in the ways real ones do."""

from __future__ import annotations

import contextlib
import http.server
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.audit.exports.conftest import ledger, recorded, run

__all__ = ["ledger", "recorded", "run"]

LIMIT_S = 10.0
"""For what must come; nothing waits for it to pass."""


@dataclass
class Hook:
    """A webhook that answers what it is told to, in turn, and then 200; what it accepted is kept apart."""

    answers: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    """Sent along with each answer."""
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    accepted: list[bytes] = field(default_factory=list)
    came: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)
    """The status of each answer, as it was given; 0: hung up without one."""
    url: str = ""


@pytest.fixture
def hook() -> Iterator[Hook]:
    told = Hook()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.asked.append(({key.lower(): value for key, value in self.headers.items()}, body))
            status = told.answers.pop(0) if told.answers else 200
            if status:
                if status == 200:
                    told.accepted.append(body)
                self.send_response(status)
                for name, value in told.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()
            else:
                self.close_connection = True
            told.came.put(status)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield told
        server.shutdown()
        thread.join()


@dataclass
class Listener:
    """A syslog receiver over TCP: the bytes of each connection, in order."""

    port: int
    connections: queue.SimpleQueue[bytes] = field(default_factory=queue.SimpleQueue)
    hang_up: int = 0
    """So many connections are reset as soon as they come."""
    hung: queue.SimpleQueue[None] = field(default_factory=queue.SimpleQueue)


@contextlib.contextmanager
def listening(wrap: Callable[[socket.socket], socket.socket] = lambda one: one) -> Iterator[Listener]:
    """Accepts connections until it is left; each is read until its end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        told = Listener(server.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    plain, _ = server.accept()
                except OSError:
                    return
                if told.hang_up:
                    told.hang_up -= 1
                    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    plain.close()
                    told.hung.put(None)
                    continue
                data = b""
                with contextlib.suppress(OSError), wrap(plain) as opened:
                    opened.settimeout(LIMIT_S)
                    while part := opened.recv(65536):
                        data += part
                told.connections.put(data)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield told
        finally:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join()
