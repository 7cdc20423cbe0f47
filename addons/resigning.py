"""Which requests are signed anew, and with what: between the pipeline and ``signing.py``. No mitmproxy, no own I/O.

A request keeps its caller's signature as long as nothing under it changes. Refused, before anything is sent: a changed
request where no keys are configured, and a signature in the query.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from addons.exchange import Forward
from addons.recording import Inbound
from addons.settings_sections import Upstream
from addons.signing import (
    TOLERANCE_S,
    AwsKeys,
    Caller,
    Headers,
    SigningRefused,
    caller_of,
    is_presigned,
    region_of,
    service_of,
    sign,
)

log = logging.getLogger("coatcheck")


class KeysLike(Protocol):
    """What is needed of ``aws_keys.AwsKeyring``."""

    async def keys(self, upstream: str) -> AwsKeys | None: ...


class _NoKeys:
    async def keys(self, upstream: str) -> AwsKeys | None:
        return None


NO_KEYS: KeysLike = _NoKeys()
"""A gateway without AWS."""


class Resigner:
    """Signs what must be signed anew."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        keys: KeysLike,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._upstreams = upstreams
        self._keys = keys
        self._now = now

    async def signed(self, inbound: Inbound, forward: Forward) -> Forward:
        """What is sent, under a signature that holds if the caller's did. Raises SigningRefused."""
        if is_presigned(inbound.target):
            raise SigningRefused(
                400,
                "presigned_refused",
                "A signature in the query is not accepted: sign in the Authorization header. Nothing was sent.",
            )
        caller = caller_of(inbound.headers)
        host = host_of(inbound)
        if caller is None or not changed(inbound, forward, caller, host):
            return forward
        keys = await self._keys.keys(inbound.upstream)
        if keys is None:
            raise SigningRefused(
                403,
                "no_signing_keys",
                "The request had to be changed, so its AWS signature no longer holds, and the gateway has no AWS keys "
                f"of its own to sign it with: set upstreams.{inbound.upstream}.aws. Nothing was sent.",
            )
        self._mind_the_clock(caller)
        one = self._upstreams.get(inbound.upstream)
        region = (one.aws.region if one and one.aws else None) or region_of(inbound.host) or caller.region
        if region is None:
            raise SigningRefused(
                400, "no_region", f"No region to sign for is known: set upstreams.{inbound.upstream}.aws.region."
            )
        body = inbound.body if forward.body is None else forward.body
        headers = sign(
            inbound.method,
            host,
            forward.path or inbound.target,
            inbound.headers if forward.headers is None else forward.headers,
            body,
            keys,
            region=region,
            service=service_of(caller),
        )
        return dataclasses.replace(forward, headers=headers)

    def _mind_the_clock(self, caller: Caller) -> None:
        """Who is wrong is not known; AWS will say so of a signature, so the log says it first."""
        apart = abs((self._now() - caller.time).total_seconds()) if caller.time else 0.0
        if apart > TOLERANCE_S:
            log.warning(
                "a caller's clock and the gateway's are %d s apart; AWS refuses signatures more than %d s off",
                apart,
                TOLERANCE_S,
            )


def host_of(inbound: Inbound) -> str:
    """The ``Host`` that the upstream will see: the caller's, or of a base-URL listener the upstream's own."""
    given = next((value for name, value in inbound.headers if name.lower() == "host"), "")
    if given and not inbound.reverse:
        return given
    host = f"[{inbound.host}]" if ":" in inbound.host else inbound.host
    return host if inbound.port in (80, 443) else f"{host}:{inbound.port}"


def changed(inbound: Inbound, forward: Forward, caller: Caller, host: str) -> bool:
    """True if anything under the caller's signature is other than it was."""
    if forward.body is not None and forward.body != inbound.body:
        return True
    if forward.path is not None and forward.path != inbound.target:
        return True
    before = _signed(inbound.headers, caller)
    after = before if forward.headers is None else _signed(forward.headers, caller)
    if forward.identity_reply and "accept-encoding" in caller.signed:
        after = {**after, "accept-encoding": ["identity"]}
    return before != after or (bool(before.get("host")) and before["host"] != [host])


def _signed(headers: Headers, caller: Caller) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        if name.lower() in caller.signed:
            found.setdefault(name.lower(), []).append(value)
    return found
