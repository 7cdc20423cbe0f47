"""The position matrix of the Responses API through a real gateway: a value in every text path, under three actions.

One gateway masks; another reroutes e-mail addresses to a model on the premises and blocks card numbers.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.addons.wire import positions
from tests.addons.wire.positions_responses import responses_request
from tests.doubles.openai_platform import Platform
from tests.doubles.provider import Provider
from tests.e2e.harness import GatewayProcess
from tests.e2e.leaks import leaked, readable
from tests.e2e.raw import Answer, request, through_proxy

CARD = "4111 1111 1111 1111"
UNREADABLE = {"input_image", "input_audio", "input_file", "image", "computer_call_output", "image_generation_call"}


def value_of(marker: str) -> str:
    """An e-mail address of this marker's own."""
    return f"canary{marker[1:-1]}.person@example.com"


def only(number: int, value: str) -> Any:
    return lambda marker: value if marker == f"⟦{number}⟧" else "plain"


def readable_parts(value: Any) -> Any:
    """The fixture without the parts that no codec can read: those are refused, wherever a value stands."""
    if isinstance(value, list):
        return [
            readable_parts(item) for item in value if not isinstance(item, dict) or item.get("type") not in UNREADABLE
        ]
    if isinstance(value, dict):
        return {key: readable_parts(item) for key, item in value.items()}
    return value


def fixture() -> dict[str, Any]:
    return {**readable_parts(responses_request()[0]), "stream": False, "tool_choice": "none"}


def body_of(make: Any) -> bytes:
    return json.dumps(positions.fill(fixture(), make), ensure_ascii=False).encode()


def markers() -> list[str]:
    found = set(positions.MARKER.findall(json.dumps(fixture(), ensure_ascii=False)))
    return sorted(found, key=lambda m: int(m[1:-1]))


def send(gateway: GatewayProcess, body: bytes) -> Answer:
    return through_proxy(gateway.proxy, gateway.trust, request(body, path="/v1/responses"))


@pytest.fixture(scope="module")
def doubles():
    with Platform() as provider, Provider(plain=True) as local:
        yield provider, local


@pytest.fixture(scope="module")
def masking(doubles, tmp_path_factory):
    with GatewayProcess(tmp_path_factory.mktemp("mask"), doubles[0]) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def acting(doubles, tmp_path_factory):
    directory = tmp_path_factory.mktemp("act")
    (directory / "key").write_text("local-key-1")
    entities = {"EMAIL_ADDRESS": {"action": "reroute", "to": "local"}, "CREDIT_CARD": "block"}
    changes = {
        "policy": {"default": "mask", "entities": entities},
        "onprem": {"local": {"url": doubles[1].url, "model": "open-model", "api_key_file": str(directory / "key")}},
    }
    with GatewayProcess(directory / "gateway", doubles[0], changes) as gateway:
        yield gateway


@pytest.fixture
def provider(doubles):
    for double in doubles:
        double.clear()
    return doubles[0]


def test_mask_every_position(masking, provider):
    expected = markers()
    assert len(expected) > 100
    body = body_of(value_of)
    answer = send(masking, body)
    assert len(provider.requests) == 1, answer.body
    text = readable(provider.requests[0])
    assert [marker for marker in expected if value_of(marker) in text] == []
    placeholders = set(re.findall(r"EMAIL_ADDRESS_[0-9A-Z]+", text))
    assert len(placeholders) == len(expected), "each value has a placeholder of its own, and none was dropped"
    assert b"EMAIL_ADDRESS_" not in answer.body
    shape = re.sub(r"EMAIL_ADDRESS_[0-9A-Z]+", "⟦⟧", provider.requests[0].body.decode())
    assert json.loads(shape) == json.loads(re.sub(r"canary\d+\.person@example\.com", "⟦⟧", body.decode()))


def test_block_every_position(acting, provider):
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda m: (m, send(acting, body_of(only(int(m[1:-1]), CARD))).status), markers())
        assert [marker for marker, status in found if status != 403] == []
    assert provider.requests == []


def test_reroute_every_position(acting, provider, doubles):
    expected = markers()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda m: send(acting, body_of(only(int(m[1:-1]), value_of(m)))), expected))
    assert provider.requests == [], "nothing at all goes to the provider"
    records = acting.audit("--limit", str(len(expected)))
    assert {(record["action"], record["endpoint"]) for record in records} <= {
        ("reroute", "openai.responses"),
        ("block", "openai.responses"),
    }
    arrived = [one for one in doubles[1].requests if one.method == "POST"]
    assert len(arrived) == sum(record["action"] == "reroute" for record in records)


@pytest.mark.parametrize("stream", [False, True])
def test_a_rerouted_conversation_is_answered_on_the_premises(acting, provider, doubles, stream):
    """Unmasked, since it stays; the provider's own fields, tools and reasoning are left out."""
    history = [
        {"role": "user", "content": "to maria.gonzalez@example.com"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "done"},
        {"role": "user", "content": "and to maria.gonzalez@example.com"},
    ]
    tools = [{"type": "web_search"}]
    body = {"model": "gpt-5.1", "input": history, "store": False, "tools": tools, "stream": stream}
    answer = send(acting, json.dumps(body).encode())
    assert answer.status == 200
    told = [json.loads(line[6:]) for line in answer.body.decode().split("\n") if line.startswith("data: ")]
    reply = told[-1]["response"] if stream else answer.json()
    said = "You wrote: and to maria.gonzalez@example.com"
    assert reply["output"][0]["content"][0]["text"] == said
    if stream:
        assert "".join(event["delta"] for event in told if event["type"] == "response.output_text.delta") == said
    (arrived,) = [one for one in doubles[1].requests if one.method == "POST"]
    sent = json.loads(arrived.body)
    assert (arrived.path, sent["model"]) == ("/v1/responses", "open-model")
    assert [item.get("type", "message") for item in sent["input"]] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]
    assert "tools" not in sent
    assert "store" not in sent
    assert leaked(provider.requests, ["maria.gonzalez@example.com"]) == []
    assert arrived.header("authorization") == "Bearer local-key-1"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"model": "m", "prompt": "to maria.gonzalez@example.com"}),
        ("/v1/embeddings", {"model": "m", "input": "to maria.gonzalez@example.com"}),
    ],
)
def test_completions_and_embeddings_are_rerouted(acting, provider, doubles, path, body):
    data = request(json.dumps(body).encode(), path=path)
    through_proxy(acting.proxy, acting.trust, data)
    assert provider.requests == []
    assert [one.path for one in doubles[1].requests if one.method == "POST"] == [path]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"prompt": ["x", "⟦0⟧"], "suffix": "⟦1⟧", "stop": ["⟦2⟧"], "user": "⟦3⟧"}),
        ("/v1/embeddings", {"input": ["x", "⟦0⟧"], "user": "⟦1⟧"}),
        ("/v1/moderations", {"input": [{"type": "text", "text": "⟦0⟧"}]}),
        ("/v1/images/generations", {"prompt": "⟦0⟧", "user": "⟦1⟧", "safety_identifier": "⟦2⟧"}),
        ("/v1/audio/speech", {"input": "⟦0⟧", "instructions": "⟦1⟧"}),
        ("/v1/vector_stores/vs_1/search", {"query": ["⟦0⟧"], "filters": {"type": "eq", "key": "k", "value": "⟦1⟧"}}),
    ],
)
def test_other_endpoints_mask_and_block_every_position(masking, acting, provider, path, body):
    raw = json.dumps(positions.fill(body, value_of)).encode()
    through_proxy(masking.proxy, masking.trust, request(raw, path=path))
    (arrived,) = provider.requests
    assert "canary" not in readable(arrived)
    found = positions.MARKER.findall(json.dumps(body, ensure_ascii=False))
    assert len(set(re.findall(r"EMAIL_ADDRESS_[0-9A-Z]+", readable(arrived)))) == len(found)
    for number in range(len(found)):
        one = json.dumps(positions.fill(body, only(number, CARD))).encode()
        assert through_proxy(acting.proxy, acting.trust, request(one, path=path)).status == 403
    assert len(provider.requests) == 1
