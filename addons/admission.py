"""Who may use the gateway and where it will connect: checked before anything is read.

Answers threats.md, "The gateway itself": open proxy and SSRF, Host/SNI mismatch, web pages in the user's browser that
call the base-URL listener. Imports no mitmproxy.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence


class Refused(Exception):
    """Not admitted; ``code`` is stable, ``message`` names what and what to do, and quotes nothing."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class Admission:
    """The rules of one gateway.

    ``listeners``: where it listens. ``allowed_hosts``/``allowed_origins``: what the base-URL listener accepts besides
    its own address. ``guard_private``: refuse private and link-local destinations (set where the listener is reachable
    from other machines). ``configured``: ``host:port`` pairs named in the configuration, always allowed.
    """

    def __init__(
        self,
        listeners: Sequence[tuple[str, int]],
        *,
        allowed_hosts: Sequence[str] = (),
        allowed_origins: Sequence[str] = (),
        guard_private: bool = False,
        configured: Sequence[tuple[str, int]] = (),
    ) -> None:
        self.listeners = list(listeners)
        self._allowed_hosts = {host.lower() for host in allowed_hosts}
        self._allowed_origins = {origin.rstrip("/").lower() for origin in allowed_origins}
        self._guard_private = guard_private
        self._configured = {(host.lower(), port) for host, port in configured}

    def is_self(self, host: str, port: int) -> bool:
        """True if this destination is one of our own listeners (it would loop)."""
        return any(port == ours and _same_machine(host, at) for at, ours in self.listeners)

    async def destination(self, host: str, port: int) -> None:
        """A client's CONNECT. Raises Refused."""
        if self.is_self(host, port):
            raise Refused(403, "proxy_loop", "The proxy does not connect to itself.")
        await self.connection(host, port)

    async def connection(self, host: str, port: int) -> None:
        """A connection about to be opened. Raises Refused."""
        if not self._guard_private or (host.lower(), port) in self._configured:
            return
        for address in await _addresses(host, port):
            if not address.is_global:
                raise Refused(403, "private_destination", "The gateway does not connect to private addresses.")

    def request(
        self,
        *,
        reverse: bool,
        headers: Sequence[tuple[str, str]],
        authority: str,
        sni: str | None,
        destination: str,
        websockets: bool = False,
    ) -> None:
        """An inspected request's head. ``websockets``: an upgrade here leads to messages that are inspected. Raises
        Refused."""
        given = {name.lower(): value for name, value in headers}
        upgrades = given.get("upgrade", "").lower() == "websocket" and not websockets
        if upgrades or ":protocol" in given:
            # 426 is the status on which the clients that try websockets first fall back to HTTP
            raise Refused(426, "websocket_refused", "Websockets are not inspected here; use HTTP.")
        if reverse:
            self._from_web_page(given)
            if not self._host_expected(authority):
                raise Refused(
                    421,
                    "unexpected_host",
                    "The Host header is not this gateway's. Use its address, or list the name in access.allowed_hosts.",
                )
            return
        names = {host_of(authority), host_of(destination)} | ({host_of(sni)} if sni else set())
        names.discard("")
        if len(names) > 1:
            raise Refused(421, "misdirected", "CONNECT host, TLS server name and Host header do not agree.")

    def _from_web_page(self, headers: dict[str, str]) -> None:
        origin = headers.get("origin", "").rstrip("/").lower()
        if origin in self._allowed_origins and origin:
            return
        site = headers.get("sec-fetch-site", "").lower()
        if origin or site in ("cross-site", "same-site"):
            raise Refused(
                403,
                "web_page",
                "Requests from web pages are refused. List the page's origin in access.allowed_origins if it is yours.",
            )

    def _host_expected(self, authority: str) -> bool:
        host = host_of(authority)
        if not host:
            return False
        return (
            host in ("localhost", "127.0.0.1", "::1")
            or host in self._allowed_hosts
            or authority.lower() in self._allowed_hosts
            or any(host == at.lower() for at, _ in self.listeners)
        )


def host_of(authority: str) -> str:
    """Host without port, brackets or the root's dot; lower case."""
    match = re.fullmatch(r"\[([^\]]*)\](?::\d*)?|([^:]*)(?::\d*)?", authority)
    host = (match[1] or match[2] or "") if match else authority
    return host.lower().rstrip(".")


def _same_machine(host: str, listener: str) -> bool:
    if host == listener:
        return True
    name = host_of(host)
    try:
        local = ipaddress.ip_address(name).is_loopback
    except ValueError:
        local = name == "localhost"
    return local or listener in ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound


async def _addresses(host: str, port: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        return [ipaddress.ip_address(host.partition("%")[0])]
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return []  # mitmproxy will fail to resolve it as well, and say so
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
