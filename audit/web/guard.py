"""What stands before every request and after every answer: Host, cross-site, size; the headers. ASGI, imports nothing.

A page of another site may not ask here at all (Fetch Metadata, Origin), and a name that somebody's DNS points at this
machine is not ours (Host). Links from elsewhere may open a page: that is a navigation, and the session's cookie, which
is SameSite=Strict, does not come along.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

type Scope = MutableMapping[str, Any]
type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger("coatcheck.audit.web")

MAX_BODY = 64 * 1024
MAX_TARGET = 16 * 1024
SAFE = ("GET", "HEAD")
CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Guard:
    """Wraps an application. ``hosts``: the names under which it may be reached, in lower case, without a port."""

    def __init__(self, application: Application, hosts: Collection[str], *, tls: bool) -> None:
        self._application = application
        self._hosts = frozenset(hosts)
        self._added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        if tls:
            self._added.append((b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        refused = self._refused(scope)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(name, value) for name, value in message.get("headers", ()) if name.lower() != b"server"]
                given = {name.lower() for name, _ in headers}
                headers += [pair for pair in self._added if pair[0] not in given]
                if b"cache-control" not in given:
                    headers.append((b"cache-control", b"no-store"))
                message = {**message, "headers": headers}
            await send(message)

        if refused is not None:
            await _answer(sending, *refused)
            return
        try:
            await self._application(scope, _limited(receive), sending)
        except Exception as error:  # it was answered; its text may hold what was asked for, so it goes no further
            _log.error("A request failed with %s.", type(error).__name__)

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        hosts = headers.get("host", [])
        if len(hosts) != 1 or host_name(hosts[0]) not in self._hosts:
            return 421, "This server does not go by that name. Start it with --host-name to add one.\n"
        if len(scope.get("raw_path") or b"") + len(scope.get("query_string", b"")) > MAX_TARGET:
            return 414, "The address is too long.\n"
        if any(not value.isdigit() or int(value) > MAX_BODY for value in headers.get("content-length", [])):
            return 413, "The body is too long.\n"
        site = headers.get("sec-fetch-site", ["none"])[-1]
        if site not in ("same-origin", "none") and not _is_navigation(scope, headers):
            return 403, "Another site may not ask here.\n"
        if scope["method"] not in SAFE:
            origin = headers.get("origin")
            if origin is not None and urlsplit(origin[-1]).netloc.lower() != hosts[0].lower():
                return 403, "Another site may not ask here.\n"
        return None


def host_name(host: str) -> str:
    """The name in a Host header, without its port; brackets of IPv6 stay."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.partition(":")[0]


def _is_navigation(scope: Scope, headers: dict[str, list[str]]) -> bool:
    """Somebody followed a link: a page may be shown, nothing may be done."""
    return (
        scope["method"] in SAFE
        and headers.get("sec-fetch-mode") == ["navigate"]
        and headers.get("sec-fetch-dest") == ["document"]
        and not str(scope["path"]).startswith("/api/")
    )


def _limited(receive: Receive) -> Receive:
    """Bodies that come without a length end at the limit: what is beyond it reads as a client that went away."""
    count = 0

    async def receiving() -> Message:
        nonlocal count
        message = await receive()
        count += len(message.get("body", b""))
        return {"type": "http.disconnect"} if count > MAX_BODY else message

    return receiving


async def _answer(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
