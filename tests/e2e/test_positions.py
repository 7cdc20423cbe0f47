"""The position matrix through a real gateway: a value in every text path of every endpoint, under three actions.

Under mask and reroute one request holds a value of its own at every path, so that a failure names the path; under block
each path is sent alone, since one finding anywhere is enough to refuse.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.addons.wire import positions, positions_anthropic
from tests.doubles.provider import Provider
from tests.e2e.harness import GatewayProcess
from tests.e2e.leaks import readable
from tests.e2e.raw import Answer, request, through_proxy

OPENAI, ANTHROPIC = ("api.openai.com", "/v1/chat/completions"), ("api.anthropic.com", "/v1/messages")
ENDPOINTS = {
    "openai.chat": (positions.openai_request, *OPENAI),
    "anthropic.messages": (positions_anthropic.anthropic_request, *ANTHROPIC),
    "anthropic.count_tokens": (positions_anthropic.anthropic_request, ANTHROPIC[0], "/v1/messages/count_tokens"),
    "generic": (positions.openai_request, OPENAI[0], "/v1/not-yet-known"),
}
REROUTED = ["openai.chat", "anthropic.messages", "anthropic.count_tokens"]
HEAD = {"header": {"x_end_user": "h@example.com"}, "query": "?who=q%40example.com&n%40example.com=1"}


def value_of(marker: str) -> str:
    """An e-mail address of this marker's own."""
    return f"canary{marker[1:-1]}.person@example.com"


def only(number: int) -> Any:
    return lambda marker: value_of(marker) if marker == f"⟦{number}⟧" else "plain"


def readable_parts(value: Any) -> Any:
    """The fixture without the parts that no codec can read: those are refused, wherever a value stands."""
    if isinstance(value, list):
        return [readable_parts(item) for item in value if not unreadable(item)]
    if isinstance(value, dict):
        return {key: readable_parts(item) for key, item in value.items()}
    return value


def unreadable(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    source = item.get("source")
    kind = source.get("type") if isinstance(source, dict) else None
    media = source.get("media_type") if isinstance(source, dict) else None
    return (
        item.get("type") in ("image_url", "input_audio", "image", "container_upload")
        or (item.get("type") == "file" and "file" in item)
        or (item.get("type") == "document" and (kind in ("url", "file") or media == "application/pdf"))
    )


def body_of(endpoint: str, make: Any) -> bytes:
    fixture, _ = ENDPOINTS[endpoint][0]()
    body = positions.fill(readable_parts(fixture), make)
    body["stream"] = False
    if "tool_choice" in body:
        body["tool_choice"] = "none"  # the double would have to know all the tools
    return json.dumps(body, ensure_ascii=False).encode()


def markers(endpoint: str) -> list[str]:
    fixture = readable_parts(ENDPOINTS[endpoint][0]()[0])
    return sorted(set(positions.MARKER.findall(json.dumps(fixture, ensure_ascii=False))), key=lambda m: int(m[1:-1]))


def send(gateway: GatewayProcess, endpoint: str, body: bytes, query: str = "", **headers: str) -> Answer:
    _, host, path = ENDPOINTS[endpoint]
    version = {"anthropic_version": "2023-06-01"} if host == ANTHROPIC[0] else {}
    data = request(body, path=path + query, host=host, **version, **headers)
    return through_proxy(gateway.proxy, gateway.trust, data, host=host)


@pytest.fixture(scope="module")
def doubles():
    with Provider() as provider, Provider(plain=True) as local:
        yield provider, local


def gateway_for(doubles: Any, directory: Any, action: str) -> GatewayProcess:
    provider, local = doubles
    policy: dict[str, Any] = {"unreadable": "block", "default": "mask"}
    if action == "block":
        policy["entities"] = {"EMAIL_ADDRESS": "block"}
    elif action == "reroute":
        policy["entities"] = {"EMAIL_ADDRESS": {"action": "reroute", "to": "local"}}
    changes = {"policy": policy, "onprem": {"local": {"url": local.url, "model": "open-model"}}}
    return GatewayProcess(directory / action, provider, changes)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("positions")


@pytest.fixture(scope="module")
def masking(doubles, home):
    with gateway_for(doubles, home, "mask") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def blocking(doubles, home):
    with gateway_for(doubles, home, "block") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def rerouting(doubles, home):
    with gateway_for(doubles, home, "reroute") as gateway:
        yield gateway


@pytest.fixture
def provider(doubles):
    doubles[0].clear()
    doubles[1].clear()
    return doubles[0]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_mask_every_position(endpoint, masking, provider):
    expected = markers(endpoint)
    assert len(expected) > 40
    answer = send(masking, endpoint, body_of(endpoint, value_of), HEAD["query"], **HEAD["header"])
    assert len(provider.requests) == 1, answer.body
    text = readable(provider.requests[0])
    assert [marker for marker in expected if value_of(marker) in text] == []
    assert [value for value in ("h@example.com", "q@example.com", "n@example.com") if value in text] == []
    placeholders = set(re.findall(r"EMAIL_ADDRESS_[0-9A-Z]+", text))
    assert len(placeholders) == len(expected) + 3, "each value has a placeholder of its own, and none was dropped"
    decision = masking.audit("--limit", "1")[0]
    assert (decision["action"], decision["endpoint"]) == ("mask", endpoint)
    assert b"EMAIL_ADDRESS_" not in answer.body


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_is_masked_is_otherwise_as_it_was(endpoint, masking, provider):
    body = body_of(endpoint, value_of)
    send(masking, endpoint, body)
    received = provider.requests[0].body.decode()
    shape = re.sub(r"EMAIL_ADDRESS_[0-9A-Z]+", "⟦⟧", received)
    given = re.sub(r"canary\d+\.person@example\.com", "⟦⟧", body.decode())
    assert json.loads(shape) == json.loads(given)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_block_every_position(endpoint, blocking, provider):
    expected = markers(endpoint)

    def blocked(marker: str) -> tuple[str, int]:
        return marker, send(blocking, endpoint, body_of(endpoint, only(int(marker[1:-1])))).status

    with ThreadPoolExecutor(8) as pool:
        passed = [marker for marker, status in pool.map(blocked, expected) if status != 403]
    assert passed == []
    assert send(blocking, endpoint, body_of(endpoint, lambda _: "plain"), HEAD["query"]).status == 403
    assert send(blocking, endpoint, body_of(endpoint, lambda _: "plain"), **HEAD["header"]).status == 403
    assert provider.requests == []


@pytest.mark.parametrize("endpoint", REROUTED)
def test_reroute_every_position(endpoint, rerouting, provider, doubles):
    local = doubles[1]
    expected = markers(endpoint)

    with ThreadPoolExecutor(8) as pool:
        bodies = [body_of(endpoint, only(int(marker[1:-1]))) for marker in expected]
        list(pool.map(lambda body: send(rerouting, endpoint, body), bodies))
    assert provider.requests == [], "nothing at all goes to the provider"
    arrived = [one for one in local.requests if one.method == "POST"]
    records = rerouting.audit("--limit", str(len(expected)))
    assert {record["action"] for record in records} <= {"reroute", "block"}
    assert len(arrived) == sum(record["action"] == "reroute" for record in records) > 0
    assert {record["reason"] for record in records if record["action"] == "block"} <= {"error:reroute_unsupported"}


@pytest.mark.parametrize("stream", [False, True])
def test_a_rerouted_reply_tells_the_client_that_its_connection_ends(stream, rerouting, provider):
    body = {"model": "m", "messages": [{"role": "user", "content": "to a@example.com"}], "stream": stream}
    answer = send(rerouting, "openai.chat", json.dumps(body).encode())
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", ["openai.chat", "anthropic.messages"])
def test_every_position_of_a_reply_is_restored(endpoint, stream, masking, provider):
    """The double quotes its last message; the codecs' own matrix has every path of a reply."""
    value = "reply.person@example.com"
    body = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": f"to {value}"}], "stream": stream}
    if endpoint == "openai.chat":
        tool: dict[str, Any] = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    else:
        tool = {"name": "f", "input_schema": {"type": "object"}}
    for more in ({}, {"tools": [tool]}):
        answer = send(masking, endpoint, json.dumps(body | more).encode())
        assert answer.status == 200
        assert b"EMAIL_ADDRESS_" not in answer.body
        assert value in said(answer.body, stream)
    assert value.encode() not in b"".join(one.raw for one in provider.requests)


def said(body: bytes, stream: bool) -> str:
    """The text of a reply, its pieces joined."""
    if not stream:
        return body.decode()
    out = []
    for line in body.decode().splitlines():
        if line.startswith("data: {"):
            out += texts(json.loads(line[6:]))
    return "".join(out)


def texts(value: Any, name: str = "") -> list[str]:
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in texts(item, key)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item, name)]
    return [value] if isinstance(value, str) and name in ("content", "text", "arguments", "partial_json") else []
