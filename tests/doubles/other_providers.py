"""A stand-in for Google, Mistral, Cohere and Ollama: ``Provider`` with their wire formats, told apart by host and path.

In a test::

    with OtherProviders() as provider:
        provider.next(piece=1, chunk=5)
        provider.requests[-1].body
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from tests.doubles import anthropic_messages, cohere, gemini, gemini_caches, mistral, ollama
from tests.doubles.formats import ApiError, dump
from tests.doubles.http1 import Reply, Request
from tests.doubles.manner import Manner
from tests.doubles.provider import Provider

HOSTS = (
    "generativelanguage.googleapis.com",
    "aiplatform.googleapis.com",
    "us-central1-aiplatform.googleapis.com",
    "api.mistral.ai",
    "api.cohere.com",
    "ollama.com",
)


class OtherProviders(Provider):
    """The double, on a loopback port, for the length of a ``with`` block."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"hosts": HOSTS, **options})
        self.caches = gemini_caches.Caches()

    def _reply(self, request: Request, manner: Manner) -> Reply:
        speaks = dialect(request)
        if speaks is None or (request.method == "GET" and speaks != "caches"):
            return super()._reply(request, manner)
        if speaks != "ollama" and not any(map(request.header, ("authorization", "x-goog-api-key"))):
            raise ApiError(401, "The request names no key.")
        body = json.loads(request.body or b"{}")
        if manner.status is not None:
            raise ApiError(manner.status, f"Your request could not be served: {_texts(body)}")
        if speaks == "claude":
            return anthropic_messages.messages({"model": "claude", **body}, manner, self._ids)
        if speaks == "caches":
            return self.caches.answered(request.method, request.path, body, manner, self._ids)
        if speaks == "google":
            body = self.caches.begun(body)
            return gemini.answered(request.path, urlsplit(request.target).query, body, manner, self._ids)
        match speaks, request.path:
            case "mistral", "/v1/chat/completions":
                return mistral.chat(body, manner, self._ids)
            case "mistral", "/v1/fim/completions":
                return mistral.fim(body, manner, self._ids)
            case "mistral", "/v1/embeddings":
                return mistral.embeddings(body, manner)
            case "cohere", "/v2/chat":
                return cohere.chat(body, manner, self._ids)
            case "cohere", "/v2/embed":
                return cohere.embed(body, self._ids)
            case "cohere", "/v2/rerank":
                return cohere.rerank(body, self._ids)
            case "ollama", "/api/chat":
                return ollama.chat(body, manner)
            case "ollama", "/api/generate":
                return ollama.generate(body, manner)
            case "ollama", "/api/embed":
                return ollama.embed(body)
        raise ApiError(404, f"Invalid URL (POST {request.path})")

    def _refuse(self, request: Request, status: int, message: str) -> Reply:
        match dialect(request):
            case "google" | "caches":
                failed: Any = gemini.error_body(status, message)
                if "streamGenerateContent" in request.path and "alt=sse" not in request.target:
                    failed = [failed]
            case "mistral":
                failed = mistral.error_body(status, message)
            case "cohere":
                failed = cohere.error_body(message)
            case "ollama":
                failed = ollama.error_body(message)
            case _:
                return super()._refuse(request, status, message)
        return Reply(status, [dump(failed)])


def dialect(request: Request) -> str | None:
    """Which provider a request is for: by its host, as all that it says is true of one of them alone."""
    host = request.header("host").partition(":")[0]
    for name, ending in (("mistral", "mistral.ai"), ("cohere", "cohere.com"), ("ollama", "ollama.com")):
        if host.endswith(ending):
            return name
    if gemini_caches.PATH.fullmatch(request.path):
        return "caches"
    if gemini.METHOD.fullmatch(request.path):
        return "claude" if "/publishers/anthropic/" in request.path else "google"
    return None


def _texts(value: Any) -> str:
    """All strings of a body: an error message that quotes the prompt, as real ones do."""
    if isinstance(value, dict):
        return " ".join(_texts(item) for item in value.values())
    if isinstance(value, list):
        return " ".join(_texts(item) for item in value)
    return value if isinstance(value, str) else ""
