"""HTTP as no SDK would send it: raw bytes, over TLS through CONNECT or straight to a base-URL listener."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """A whole HTTP reply."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname and parts.port
    return parts.hostname, parts.port


def tunnel(proxy: str, host: str, port: int = 443) -> socket.socket:
    """A CONNECT tunnel. Raises ConnectionError with the proxy's status if it is refused."""
    connection = socket.create_connection(_address(proxy), 30)
    connection.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(4096)
        if not data:
            break
        head += data
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        connection.close()
        raise ConnectionError(status)
    return connection


def through_proxy(
    proxy: str, trust: ssl.SSLContext, data: bytes, *, host: str = "api.openai.com", server_name: str | None = None
) -> Answer:
    """Send raw bytes to ``host`` through the proxy, with TLS inside; read one reply."""
    with tunnel(proxy, host) as outer, trust.wrap_socket(outer, server_hostname=server_name or host) as inner:
        inner.sendall(data)
        return read(inner)


def straight(url: str, data: bytes) -> Answer:
    """Send raw bytes to a listener; read one reply."""
    with socket.create_connection(_address(url), 30) as connection:
        connection.sendall(data)
        return read(connection)


def read(connection: socket.socket) -> Answer:
    reply = http.client.HTTPResponse(connection)
    reply.begin()
    return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())


def request(
    body: bytes = b"",
    *,
    method: str = "POST",
    path: str = "/v1/chat/completions",
    host: str = "api.openai.com",
    length: int | None = None,
    **headers: str,
) -> bytes:
    """A request's bytes; underscores in header names stand for hyphens."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    given = {"content_type": "application/json", "authorization": "Bearer sk-test-1", **headers}
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in given.items() if value]
    if body or length is not None:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chat(text: str, **more: Any) -> bytes:
    """A chat request's body."""
    return json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **more}).encode()
