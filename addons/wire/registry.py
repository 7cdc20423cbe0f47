"""Which endpoint a request is for: one table.

May import this room only. A host's provider narrows the table; without one (a base-URL gateway) the path alone
decides. Paths match with any prefix before ``/v1`` and in Azure's forms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from addons.wire.anthropic_messages import AnthropicMessages
from addons.wire.generic import Generic
from addons.wire.openai_chat import OpenAIChat
from addons.wire.types import Codec


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method and path of a provider, with its wire format."""

    name: str
    provider: str
    method: str
    path: re.Pattern[str]
    codec: Codec


GENERIC: Codec = Generic()
"""The codec of every path that no endpoint matches."""
_ANTHROPIC = AnthropicMessages()
_COUNT = AnthropicMessages("anthropic.count_tokens")


def _row(name: str, provider: str, method: str, path: str, codec: Codec) -> Endpoint:
    return Endpoint(name, provider, method, re.compile(path), codec)


ENDPOINTS: tuple[Endpoint, ...] = (
    _row("openai.chat", "openai", "POST", r"(?:/[\w.-]+)*/chat/completions/?", OpenAIChat()),
    _row("anthropic.count_tokens", "anthropic", "POST", r"(?:/[\w.-]+)*/v1/messages/count_tokens/?", _COUNT),
    _row("anthropic.messages", "anthropic", "POST", r"(?:/[\w.-]+)*/v1/messages/?", _ANTHROPIC),
    _row("models", "", "GET", r"(?:/[\w.-]+)*/models(?:/[\w.:/-]+)?", GENERIC),
)
"""Tried in order; a provider of ``""`` is any provider."""


def match(provider: str | None, method: str, path: str) -> Endpoint | None:
    """The endpoint of a request; None if no codec knows it, which means ``GENERIC``.

    ``path`` is without query. ``provider`` None matches by path whatever the host; a provider that the table does
    not name (``azure``, a host of one's own) does too, since such servers speak the same dialects.
    """
    known = provider in _PROVIDERS
    for endpoint in ENDPOINTS:
        if endpoint.method == method.upper() and endpoint.path.fullmatch(path):
            if endpoint.provider and known and endpoint.provider != provider:
                continue
            return endpoint
    return None


_PROVIDERS = {endpoint.provider for endpoint in ENDPOINTS if endpoint.provider}
