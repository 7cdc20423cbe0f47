"""The position matrix of Gemini, Vertex, Mistral, Cohere and Ollama through real gateways: mask, block, reroute.

Under mask one request holds a value of its own at every path; under block each path is sent alone. None of these
formats has a native twin on the premises, so what the policy reroutes is refused.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.addons.wire import positions, positions_dialects, positions_gemini
from tests.doubles.other_providers import OtherProviders
from tests.e2e.harness import GatewayProcess
from tests.e2e.leaks import readable
from tests.e2e.raw import Answer, request, through_proxy
from tests.e2e.test_positions import only, value_of

GOOGLE, MISTRAL, COHERE, OLLAMA = (
    "generativelanguage.googleapis.com",
    "api.mistral.ai",
    "api.cohere.com",
    "ollama.com",
)
VERTEX = "us-central1-aiplatform.googleapis.com"
MODELS = "/v1beta/models/gemini-2.5-flash"
ON_VERTEX = "/v1/projects/p/locations/us-central1/publishers/google/models"
ENDPOINTS: dict[str, tuple[Any, str, str]] = {
    "gemini.generate_content": (positions_gemini.gemini_request, GOOGLE, f"{MODELS}:generateContent"),
    "gemini.stream_generate_content": (positions_gemini.gemini_request, GOOGLE, f"{MODELS}:streamGenerateContent"),
    "gemini.count_tokens": (positions_gemini.gemini_request, VERTEX, f"{ON_VERTEX}/gemini-2.5-flash:countTokens"),
    "gemini.batch_embed_contents": (positions_gemini.embed_request, GOOGLE, f"{MODELS}:batchEmbedContents"),
    "vertex.predict": (positions_gemini.predict_request, VERTEX, f"{ON_VERTEX}/text-embedding-005:predict"),
    "mistral.chat": (positions_dialects.mistral_chat, MISTRAL, "/v1/chat/completions"),
    "mistral.fim": (positions_dialects.mistral_fim, MISTRAL, "/v1/fim/completions"),
    "mistral.embeddings": (positions_dialects.mistral_embeddings, MISTRAL, "/v1/embeddings"),
    "cohere.chat": (positions_dialects.cohere_chat, COHERE, "/v2/chat"),
    "cohere.embed": (positions_dialects.cohere_embed, COHERE, "/v2/embed"),
    "cohere.rerank": (positions_dialects.cohere_rerank, COHERE, "/v2/rerank"),
    "ollama.chat": (positions_dialects.ollama_chat, OLLAMA, "/api/chat"),
    "ollama.generate": (positions_dialects.ollama_generate, OLLAMA, "/api/generate"),
    "ollama.embed": (positions_dialects.ollama_embed, OLLAMA, "/api/embed"),
}


def body_of(endpoint: str, make: Any) -> bytes:
    return json.dumps(positions.fill(ENDPOINTS[endpoint][0]()[0], make), ensure_ascii=False).encode()


def markers(endpoint: str) -> list[str]:
    return [f"⟦{number}⟧" for number in range(ENDPOINTS[endpoint][0]()[1])]


def send(gateway: GatewayProcess, endpoint: str, body: bytes) -> Answer:
    _, host, path = ENDPOINTS[endpoint]
    return through_proxy(gateway.proxy, gateway.trust, request(body, path=path, host=host), host=host)


def gateway_for(provider: OtherProviders, directory: Any, action: str) -> GatewayProcess:
    policy: dict[str, Any] = {"unreadable": "allow", "default": "mask"}
    changes: dict[str, Any] = {"policy": policy}
    if action == "block":
        policy["entities"] = {"EMAIL_ADDRESS": "block"}
    elif action == "reroute":
        policy["entities"] = {"EMAIL_ADDRESS": {"action": "reroute", "to": "local"}}
        changes["onprem"] = {"local": {"url": "http://127.0.0.1:9", "model": "open-model"}}
    to = {"resolve_to": f"127.0.0.1:{provider.port}", "ca_file": str(provider.ca)}
    changes["upstreams"] = dict.fromkeys(("google", "vertex", "mistral", "cohere", "ollama"), to)
    return GatewayProcess(directory / action, None, changes)


@pytest.fixture(scope="module", params=["mask", "block", "reroute"])
def acting(request, running_others, tmp_path_factory):
    with gateway_for(running_others, tmp_path_factory.mktemp("positions"), request.param) as gateway:
        yield request.param, gateway


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_position(endpoint, acting, others):
    action, gateway = acting
    expected = markers(endpoint)
    if action == "mask":
        answer = send(gateway, endpoint, body_of(endpoint, value_of))
        assert len(others.requests) == 1, answer.body
        text = readable(others.requests[0])
        assert [marker for marker in expected if value_of(marker) in text] == []
        assert positions.KEEP in text or endpoint.rpartition(".")[2] in ("fim", "embeddings", "rerank", "embed")
        record = gateway.audit("--limit", "1")[0]
        assert (record["action"], record["endpoint"]) == ("mask", endpoint)
        assert b"EMAIL_ADDRESS_" not in answer.body
        return

    def refused(marker: str) -> tuple[str, int]:
        return marker, send(gateway, endpoint, body_of(endpoint, only(int(marker[1:-1])))).status

    with ThreadPoolExecutor(4) as pool:
        statuses = dict(pool.map(refused, expected))
    assert {marker: status for marker, status in statuses.items() if status < 400} == {}
    if action == "block":
        assert set(statuses.values()) == {403}
    assert others.requests == []
    records = gateway.audit("--limit", str(len(expected)))
    assert {record["action"] for record in records} == {"block"}
