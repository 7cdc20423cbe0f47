"""A remote MCP server behind the gateway: JSON and events, batches, sessions, refusals; nothing planted leaves."""

from __future__ import annotations

import base64
import json

import httpx
import pytest

from tests.doubles.mcp import HOST, SESSION, McpServer
from tests.e2e.harness import GatewayProcess
from tests.e2e.leaks import leaked
from tests.e2e.test_openai import CHINESE, EMAIL, ENGLISH, PLANTED

ENDPOINT = f"https://{HOST}/mcp"
ACCEPT = {"accept": "application/json, text/event-stream"}
IN_SESSION = {**ACCEPT, "mcp-session-id": SESSION, "mcp-protocol-version": "2025-11-25"}


@pytest.fixture(scope="module")
def running_server():
    with McpServer() as server:
        yield server


@pytest.fixture
def server(running_server):
    running_server.clear()
    return running_server


@pytest.fixture(scope="module")
def behind(running_server, tmp_path_factory):
    to = {"resolve_to": f"127.0.0.1:{running_server.port}", "ca_file": str(running_server.ca)}
    changes = {"upstreams": {"tools": {"provider": "mcp", "hosts": [HOST], **to}}}
    with GatewayProcess(tmp_path_factory.mktemp("mcp"), None, changes) as process:
        yield process


@pytest.fixture
def http(behind, server):
    with httpx.Client(proxy=behind.proxy, verify=behind.trust, trust_env=False, timeout=60) as client:
        yield client


def request(method, params, key=7):
    return {"jsonrpc": "2.0", "id": key, "method": method, "params": params}


def call(text, tool="echo", key=7):
    return request(
        "tools/call",
        {"name": tool, "arguments": {"text": text, "in": {"json": json.dumps({"a": text}, ensure_ascii=False)}}},
        key,
    )


def events(reply):
    assert reply.headers["content-type"].startswith("text/event-stream")
    data = [line.removeprefix("data: ") for line in reply.text.split("\n") if line.startswith("data: ")]
    return [json.loads(one) for one in data if one.strip()]


def test_a_session_from_its_beginning_to_its_end(http, server):
    client = {"name": "test", "version": "1", "title": "Maria Gonzalez's client"}
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    reply = http.post(ENDPOINT, headers=ACCEPT, json=request("initialize", hello))
    assert reply.headers["mcp-session-id"] == SESSION
    assert reply.json()["result"]["protocolVersion"] == "2025-11-25"
    ready = http.post(ENDPOINT, headers=IN_SESSION, json={"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (ready.status_code, ready.content) == (202, b"")
    assert http.post(ENDPOINT, headers=IN_SESSION, json=request("tools/list", {})).json()["result"]["tools"]
    with http.stream("GET", ENDPOINT, headers={**IN_SESSION, "last-event-id": "e-13800138000"}) as listening:
        listening.read()
        assert events(listening)[0]["params"]["data"] == {"text": "ready"}
        assert "id: e-13800138000\n" in listening.text
    assert http.delete(ENDPOINT, headers=IN_SESSION).status_code == 204
    assert [one.method for one in server.requests] == ["POST", "POST", "POST", "GET", "DELETE"]
    assert {one.header("mcp-session-id") for one in server.requests[1:]} == {SESSION}
    assert leaked(server.requests, ["Maria Gonzalez"]) == []


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize("manner", [{}, {"ascii": True, "encoding": "gzip"}, {"chunk": 3}])
def test_a_tool_is_called_and_answers_in_json(http, server, text, manner):
    server.next(**manner)
    sent = call(text)
    result = http.post(ENDPOINT, headers=IN_SESSION, json=sent).json()["result"]
    assert result["structuredContent"]["arguments"] == sent["params"]["arguments"]
    assert json.loads(result["content"][0]["text"].removeprefix("You wrote: ")) == sent["params"]["arguments"]
    assert leaked(server.requests, PLANTED) == []


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize("manner", [{}, {"chunk": 7}, {"wire": 5, "encoding": "gzip"}])
def test_a_tool_answers_in_events_and_asks_between(http, server, text, manner):
    server.next(**manner)
    sent = call(text, "slow")
    progress, question, answer = events(http.post(ENDPOINT, headers=IN_SESSION, json=sent))
    assert json.loads(progress["params"]["message"].removeprefix("Reading ")) == sent["params"]["arguments"]
    assert text in json.loads(question["params"]["message"][6:-1])["text"]
    assert answer["result"]["structuredContent"]["arguments"] == sent["params"]["arguments"]
    filled = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": {"who": text}}}
    assert http.post(ENDPOINT, headers=IN_SESSION, json=filled).status_code == 202
    assert json.loads(server.requests[-1].body)["result"]["action"] == "accept"
    assert leaked(server.requests, PLANTED) == []


def test_prompts_resources_completions_and_methods_nobody_knows(http, server):
    def ask(method, params):
        return http.post(ENDPOINT, headers=IN_SESSION, json=request(method, params)).json()

    got = ask("prompts/get", {"name": "p", "arguments": {"who": ENGLISH}})
    assert json.loads(got["result"]["messages"][0]["content"]["text"]) == {"who": ENGLISH}
    uri = f"people://all?mail={EMAIL}"
    text, blob = ask("resources/read", {"uri": uri})["result"]["contents"]
    assert (text["uri"], text["text"], base64.b64decode(blob["blob"]).decode()) == (uri, uri, uri)
    offered = ask(
        "completion/complete", {"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": EMAIL}}
    )
    assert offered["result"]["completion"]["values"] == [EMAIL]
    assert EMAIL in ask("acme/unheard_of", {"deep": [{"mail": EMAIL}]})["error"]["message"]
    assert len(server.requests) == 4
    assert leaked(server.requests, PLANTED) == []


def test_a_batch_and_an_id_that_is_personal(http, server):
    answers = http.post(ENDPOINT, headers=IN_SESSION, json=[call(ENGLISH, key=EMAIL), call(CHINESE, key=2)]).json()
    assert [one["id"] for one in answers] == [EMAIL, 2]
    assert [one["result"]["structuredContent"]["arguments"]["text"] for one in answers] == [ENGLISH, CHINESE]
    assert leaked(server.requests, PLANTED) == []


def test_a_value_comes_back_to_the_request_that_sent_it_only(http, server):
    http.post(ENDPOINT, headers=IN_SESSION, json=call(EMAIL))
    placeholder = json.loads(server.requests[-1].body)["params"]["arguments"]["text"]
    assert EMAIL not in placeholder
    for key in ("sk-1", "sk-2"):
        asked = http.post(ENDPOINT, headers={**IN_SESSION, "authorization": f"Bearer {key}"}, json=call(placeholder))
        assert asked.json()["result"]["structuredContent"]["arguments"]["text"] == placeholder


def test_what_mirrors_the_body_in_headers_is_masked_alike(http, server):
    uri = f"people://all?mail={EMAIL}"
    encoded = "=?base64?" + base64.b64encode(EMAIL.encode()).decode() + "?="
    mirrored = {"mcp-method": "resources/read", "mcp-name": uri, "mcp-param-mail": encoded}
    http.post(ENDPOINT, headers={**IN_SESSION, **mirrored}, json=request("resources/read", {"uri": uri}))
    (sent,) = server.requests
    assert sent.header("mcp-name") == json.loads(sent.body)["params"]["uri"]
    mail = base64.b64decode(sent.header("mcp-param-mail")[9:-2]).decode()
    assert sent.header("mcp-name").endswith(mail)
    assert leaked(server.requests, PLANTED) == []


def test_refusals_and_errors_are_json_rpc(http, server, behind):
    image = {"type": "image", "data": base64.b64encode(b"\x89PNG").decode(), "mimeType": "image/png"}
    shown = {"jsonrpc": "2.0", "id": 9, "result": {"role": "user", "model": "m", "content": image}}
    refused = http.post(ENDPOINT, headers=IN_SESSION, json=[request("ping", {}, 8), shown])
    assert (refused.status_code, refused.headers["x-coatcheck-code"]) == (403, "blocked_by_policy")
    assert [(one["id"], one["error"]["data"]["code"]) for one in refused.json()] == [(8, "blocked_by_policy")]
    broken = http.post(ENDPOINT, headers={**IN_SESSION, "content-type": "application/json"}, content=b'{"jsonrpc": ')
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, -32700)
    assert server.requests == []
    server.next(status=400)
    assert EMAIL in http.post(ENDPOINT, headers=IN_SESSION, json=call(EMAIL)).json()["error"]["message"]
    server.next(hang_up_after=2)
    assert events(http.post(ENDPOINT, headers=IN_SESSION, json=call(EMAIL, "slow")))[-1]["id"] == 7
    assert leaked(server.requests, PLANTED) == []
    recorded = {(one["upstream"], one["endpoint"]) for one in behind.decisions()}
    assert ("tools", "mcp") in recorded
