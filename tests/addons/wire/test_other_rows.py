"""Which endpoint a path is for, at the hosts that are neither OpenAI's nor Anthropic's, and in Azure's forms."""

from __future__ import annotations

import pytest

from addons.wire import registry
from addons.wire.content import read_body
from addons.wire.types import WireError

ROWS = [
    ("mistral", "/v1/chat/completions", "mistral.chat"),
    ("mistral", "/v1/fim/completions", "mistral.fim"),
    ("mistral", "/v1/agents/completions", "mistral.agents"),
    ("mistral", "/v1/embeddings", "mistral.embeddings"),
    ("mistral", "/v1/conversations", None),
    ("mistral", "/v1/ocr", None),
    ("cohere", "/v2/chat", "cohere.chat"),
    ("cohere", "/v2/embed", "cohere.embed"),
    ("cohere", "/v2/rerank", "cohere.rerank"),
    ("cohere", "/v1/chat", None),
    ("cohere", "/compatibility/v1/chat/completions", "openai.chat"),
    ("ollama", "/api/chat", "ollama.chat"),
    ("ollama", "/api/generate", "ollama.generate"),
    ("ollama", "/api/embed", "ollama.embed"),
    ("ollama", "/api/embeddings", "ollama.embed"),
    ("ollama", "/v1/chat/completions", "openai.chat"),
    ("ollama", "/v1/messages", "anthropic.messages"),
    ("ollama", "/api/create", None),
    ("google", "/v1beta/openai/chat/completions", "openai.chat"),
    ("google", "/v1/projects/p/locations/l/endpoints/openapi/chat/completions", "openai.chat"),
    ("google", "/v1/projects/p/locations/l/publishers/mistralai/models/m-1:rawPredict", "mistral.chat"),
    ("google", "/v1beta/cachedContents", "gemini.cached_contents"),
    ("google", "/v1beta/interactions", None),
    ("google", "/v1beta/models/g:batchGenerateContent", None),
    ("openai", "/openai/deployments/my-gpt/chat/completions", "openai.chat"),
    ("openai", "/openai/v1/chat/completions", "openai.chat"),
    ("openai", "/openai/deployments/my-gpt/embeddings", "openai.embeddings"),
    ("openai", "/openai/v1/responses", "openai.responses"),
    ("openai", "/api/chat", None),
    ("mistral", "/v1/conversations/conv_1", "mistral.conversations"),
    ("mistral", "/v1/conversations/conv_1/restart", "mistral.conversations"),
    (None, "/v1/chat/completions", "openai.chat"),
    (None, "/v1/embeddings", "openai.embeddings"),
    (None, "/v1/fim/completions", "mistral.fim"),
    (None, "/api/chat", "ollama.chat"),
    (None, "/v2/rerank", "cohere.rerank"),
]


@pytest.mark.parametrize(("provider", "path", "name"), ROWS)
def test_a_path_is_for_one_endpoint(provider: str | None, path: str, name: str | None) -> None:
    endpoint = registry.match(provider, "POST", path)
    assert (endpoint.name if endpoint is not None else None) == name
    assert registry.match(provider, "post", path) == endpoint
    assert endpoint is None or endpoint.codec.name in (name, "openai.chat")


@pytest.mark.parametrize("path", ["/v1/conversations", "/v1/conversations/conv_1", "/v1/conversations/conv_1/history"])
def test_what_mistral_has_stored_is_not_handed_out(path: str) -> None:
    endpoint = registry.match("mistral", "GET", path)
    assert endpoint is not None
    for body in (b"", b"{}"):
        with pytest.raises(WireError) as caught:
            read_body(endpoint.codec, "application/json", body)
        assert (caught.value.code, caught.value.where) == ("stored_state", "path")
    assert b'"object": "error"' in endpoint.codec.refusal(400, "stored_state", "x").body
    assert registry.match("mistral", "DELETE", path) is None
