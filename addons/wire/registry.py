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
from addons.wire.openai_responses import OpenAIResponses
from addons.wire.openai_stored import stored
from addons.wire.openai_text import (
    COMPLETIONS,
    EMBEDDINGS,
    IMAGES,
    MODERATIONS,
    SPEECH,
    TRANSCRIPTIONS,
    VECTOR_SEARCH,
)
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
_CHAT_STORED = stored("openai.chat.stored")
_RESPONSES_STORED = stored("openai.responses.stored")
_CONVERSATIONS = stored("openai.conversations")
_INPUT_TOKENS = OpenAIResponses("openai.responses.input_tokens", stored_state=True)
_COUNT = AnthropicMessages("anthropic.count_tokens")


def _row(name: str, provider: str, method: str, path: str, codec: Codec) -> Endpoint:
    return Endpoint(name, provider, method, re.compile(path), codec)


def _openai(name: str, methods: str, path: str, codec: Codec) -> tuple[Endpoint, ...]:
    """Rows of OpenAI's for these methods; ``path`` is what follows any prefix."""
    return tuple(_row(name, "openai", method, r"(?:/[\w.-]+)*" + path, codec) for method in methods.split())


ENDPOINTS: tuple[Endpoint, ...] = (
    _row("openai.chat", "openai", "POST", r"(?:/[\w.-]+)*/chat/completions/?", OpenAIChat()),
    *_openai("openai.chat.stored", "GET POST", r"/chat/completions(?:/.*)?", _CHAT_STORED),
    *_openai("openai.responses", "POST", r"/responses/?", OpenAIResponses()),
    *_openai("openai.responses.input_tokens", "POST", r"/responses/input_tokens/?", _INPUT_TOKENS),
    *_openai("openai.responses.stored", "GET POST", r"/responses/.+", _RESPONSES_STORED),
    *_openai("openai.conversations", "GET POST", r"/conversations(?:/.*)?", _CONVERSATIONS),
    *_openai("openai.completions", "POST", r"/completions/?", COMPLETIONS),
    *_openai("openai.embeddings", "POST", r"/embeddings/?", EMBEDDINGS),
    *_openai("openai.moderations", "POST", r"/moderations/?", MODERATIONS),
    *_openai("openai.images", "POST", r"/images/(?:generations|edits|variations)/?", IMAGES),
    *_openai("openai.speech", "POST", r"/audio/speech/?", SPEECH),
    *_openai("openai.transcriptions", "POST", r"/audio/(?:transcriptions|translations)/?", TRANSCRIPTIONS),
    *_openai("openai.vector_store_search", "POST", r"/vector_stores/[\w-]+/search/?", VECTOR_SEARCH),
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
