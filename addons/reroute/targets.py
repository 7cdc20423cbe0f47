"""A request's new destination when it may not leave the premises: address, path, headers, body.

Rules for this file: no mitmproxy, no network. Headers go by a list of what may stay, so that no credential of the
caller, known or yet to be invented, reaches the local server or its log. The only file read is a target's
``api_key_file``, at every request, so that a rotated key is in force at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from addons.reroute.errors import RerouteError
from addons.reroute.fields import fit_body
from addons.settings_sections import OnPrem

__all__ = ["RerouteError", "Rerouted", "rewrite", "speaks"]

PATHS: Final = {
    "openai.chat": "/v1/chat/completions",
    "openai.responses": "/v1/responses",
    "openai.completions": "/v1/completions",
    "openai.embeddings": "/v1/embeddings",
    "anthropic.messages": "/v1/messages",
    "anthropic.count_tokens": "/v1/messages/count_tokens",
}
"""The path of each endpoint below a server's base URL, whatever prefix the client's own path had."""

KEPT_HEADERS: Final = frozenset(
    {
        "accept",
        "anthropic-version",
        "content-type",
        "idempotency-key",
        "traceparent",
        "tracestate",
        "user-agent",
        "x-request-id",
    }
)
"""What stays of the client's headers. ``host`` and framing are the new connection's own matter."""

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Rerouted:
    """What is sent, and where."""

    scheme: str
    host: str
    port: int
    target: str
    """Request target: the path. The client's query is dropped: it addresses the provider, and may carry a key."""
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    """Without ``host`` and ``content-length``."""
    body: bytes = field(repr=False)


def speaks(target: OnPrem, endpoint: str) -> bool:
    """True if the server answers ``endpoint`` natively."""
    provider = endpoint.partition(".")[0]
    return endpoint in PATHS and (provider in target.speaks or endpoint in target.speaks)


def check_spoken(name: str, target: OnPrem, endpoint: str) -> None:
    """Raises RerouteError if the upstream ``name`` does not answer ``endpoint``: a file has no place there."""
    if not speaks(target, endpoint):
        raise RerouteError(
            "reroute_unsupported",
            f"The policy keeps this request on the premises, and {name!r} there does not speak {endpoint}.",
        )


def rewrite(
    name: str,
    target: OnPrem,
    endpoint: str,
    method: str,
    path: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
) -> Rerouted:
    """The request as the on-prem upstream ``name`` gets it. ``body`` has the right model name already.

    ``path`` is the client's; the endpoint's own path below the target's URL takes its place. Raises RerouteError if the
    target does not speak the endpoint, the body leans on the provider's stored state, or the target's own key cannot be
    read.
    """
    check_spoken(name, target, endpoint)
    if method.upper() != "POST":
        raise RerouteError("reroute_unsupported", f"Only POST requests to {endpoint} can be rerouted.", 405)
    url = urlsplit(target.url)
    kept = [(key, value) for key, value in headers if key.lower() in KEPT_HEADERS]
    return Rerouted(
        scheme=url.scheme,
        host=url.hostname or "",
        port=url.port or _PORTS[url.scheme],
        target=url.path.rstrip("/").removesuffix("/v1") + PATHS[endpoint],
        headers=(*kept, *_credentials(name, target, endpoint)),
        body=fit_body(endpoint, body, target.keep_fields),
    )


def _credentials(name: str, target: OnPrem, endpoint: str) -> list[tuple[str, str]]:
    key = _key(name, target)
    if key is None:
        return []
    bearer = [("authorization", f"Bearer {key}")]
    # Servers of Anthropic's format expect one or the other; both name the same key.
    return [*bearer, ("x-api-key", key)] if endpoint.startswith("anthropic.") else bearer


def _key(name: str, target: OnPrem) -> str | None:
    """The server's own key. Raises RerouteError where one is configured and cannot be had."""
    if target.api_key_env is not None:
        key, source = os.environ.get(target.api_key_env, ""), "api_key_env"
    elif target.api_key_file is not None:
        source = "api_key_file"
        try:
            key = target.api_key_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            key = ""
    else:
        return None
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable():
        raise RerouteError("reroute_key", f"The key of {name!r} (its `{source}`) is missing or cannot be used.", 500)
    return key
