"""The stock ``boto3`` through the gateway: Converse, InvokeModel, their streams, and whose signature arrives."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from tests.addons.wire import positions, positions_bedrock
from tests.doubles.bedrock import HOST, Bedrock
from tests.e2e.harness import GatewayProcess
from tests.e2e.leaks import leaked, readable
from tests.e2e.raw import request, through_proxy
from tests.e2e.test_openai import CHINESE, EMAIL, ENGLISH, NAME, PLANTED
from tests.e2e.test_positions import only, value_of

CALLERS, GATEWAYS = "AKIACALLER0000000001", "AKIAGATEWAY000000001"
SECRETS = {CALLERS: "the caller's own secret", GATEWAYS: "the gateway's own secret"}
CLAUDE = "us.anthropic.claude-sonnet-4-20250514-v1:0"
ARN = f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/{CLAUDE}"
TOOLS = {"tools": [{"toolSpec": {"name": "send_mail", "description": "Send.", "inputSchema": {"json": {}}}}]}


@pytest.fixture(scope="module")
def running():
    with Bedrock(SECRETS) as double:
        yield double


@pytest.fixture
def bedrock(running):
    running.clear()
    return running


def gateway_for(double: Bedrock, directory: Any, aws: dict[str, Any] | None, **changes: Any) -> GatewayProcess:
    upstream = {"resolve_to": f"127.0.0.1:{double.port}", "ca_file": str(double.ca), **({"aws": aws} if aws else {})}
    return GatewayProcess(directory, None, {"upstreams": {"bedrock": upstream}, **changes})


def own_keys(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("AWS_ACCESS_KEY_ID", GATEWAYS)
    patch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS[GATEWAYS])


@pytest.fixture(scope="module")
def gateway(running, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        own_keys(patch)
        with gateway_for(running, tmp_path_factory.mktemp("signing"), {"keys": "environment"}) as process:
            yield process


def client_of(gateway: GatewayProcess, key: str = CALLERS) -> Any:
    settings = Config(proxies={"https": gateway.proxy}, retries={"total_max_attempts": 1})
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=SECRETS[key],
        verify=str(gateway.ca),
        config=settings,
    )


@pytest.fixture
def client(gateway, bedrock):
    with contextlib.closing(client_of(gateway)) as client:
        yield client


def ask(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": text}]}]


@pytest.mark.parametrize("model", [CLAUDE, ARN])
@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_converse(client, bedrock, text, model):
    answer = client.converse(modelId=model, messages=ask(text), system=[{"text": f"{NAME} is the boss."}])
    assert answer["output"]["message"]["content"] == [{"text": f"You wrote: {text}"}]
    assert answer["usage"]["inputTokens"] == 7
    assert bedrock.signers == [GATEWAYS]
    assert leaked(bedrock.requests, [*PLANTED, CALLERS]) == []


def test_what_is_not_changed_keeps_its_callers_signature(client, bedrock):
    client.converse(modelId=CLAUDE, messages=ask("Two and two?"))
    assert bedrock.signers == [CALLERS]
    client.invoke_model(
        modelId=CLAUDE, body=json.dumps({"max_tokens": 9, "messages": [{"role": "user", "content": "?"}]})
    )
    assert bedrock.signers == [CALLERS, CALLERS]


def streamed(client: Any, model: str = CLAUDE, **request: Any) -> tuple[str, list[str], list[dict[str, Any]], str]:
    text, calls, citations, stop = "", {}, [], ""
    with contextlib.closing(client.converse_stream(modelId=model, **request)["stream"]) as stream:
        for event in stream:
            delta = event.get("contentBlockDelta", {}).get("delta", {})
            text += delta.get("text", "")
            if "toolUse" in delta:
                index = event["contentBlockDelta"]["contentBlockIndex"]
                calls[index] = calls.get(index, "") + delta["toolUse"]["input"]
            if "citation" in delta:
                citations.append(delta["citation"])
            stop = event.get("messageStop", {}).get("stopReason", stop)
    return text, list(calls.values()), citations, stop


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize(
    "manner", [{"piece": 1}, {"piece": 7}, {"chunk": 5}, {"wire": 3}, {"ascii": True, "chunk": 11}]
)
def test_a_stream_however_it_is_cut(client, bedrock, text, manner):
    bedrock.next(**manner)
    said, _, _, stop = streamed(client, messages=ask(text))
    assert (said, stop) == (f"You wrote: {text}", "end_turn")
    assert bedrock.signers == [GATEWAYS]
    assert leaked(bedrock.requests, [*PLANTED, CALLERS]) == []


def test_tools_whole_and_streamed_and_their_results(client, bedrock):
    message = client.converse(modelId=CLAUDE, messages=ask(ENGLISH), toolConfig=TOOLS)["output"]["message"]
    use = message["content"][1]["toolUse"]
    bedrock.next(piece=3, chunk=9)
    _, calls, _, stop = streamed(client, messages=ask(ENGLISH), toolConfig=TOOLS)
    assert stop == "tool_use"
    for arguments in (use["input"], json.loads(calls[0])):
        assert arguments["text"] == ENGLISH
        assert json.loads(arguments["nested"]["json"])["text"] == ENGLISH
    result = {"toolUseId": use["toolUseId"], "content": [{"json": {"sent_to": EMAIL}}, {"text": NAME}]}
    history = [*ask(ENGLISH), message, {"role": "user", "content": [{"toolResult": result}]}]
    answer = client.converse(modelId=CLAUDE, messages=history)
    said = answer["output"]["message"]["content"][0]["text"]
    assert said == "The tool said: " + json.dumps({"sent_to": EMAIL}) + f"\n{NAME}"
    assert leaked(bedrock.requests, PLANTED) == []


def test_signed_reasoning_goes_back_as_it_came(client, bedrock):
    request = {"modelId": CLAUDE, "messages": ask(ENGLISH), "additionalModelRequestFields": {"thinking": {}}}
    message = client.converse(**request)["output"]["message"]
    history = [*ask(ENGLISH), message, *ask(f"And {EMAIL}?")]
    said = client.converse(**{**request, "messages": history})["output"]["message"]["content"][-1]["text"]
    assert said == f"You wrote: And {EMAIL}?"
    assert leaked(bedrock.requests, PLANTED) == []


def test_documents_and_citations_whose_offsets_are_dropped(client, bedrock):
    document = {
        "format": "txt",
        "name": f"Letter to {NAME}",
        "source": {"text": ENGLISH},
        "citations": {"enabled": True},
    }
    content = [{"document": document}, {"text": f"Who is {NAME}?"}]
    asked = [{"role": "user", "content": content}]
    block = client.converse(modelId=CLAUDE, messages=asked)["output"]["message"]["content"][0]["citationsContent"]
    assert block["content"] == [{"text": f"You wrote: Who is {NAME}?"}]
    _, _, citations, _ = streamed(client, messages=asked)
    for citation in (block["citations"][0], citations[0]):
        assert citation["title"] == f"Letter to {NAME}"
        assert citation["sourceContent"] == [{"text": ENGLISH}]
        assert citation["location"] == {"documentChar": {"documentIndex": 0}}
    assert "_" not in json.loads(bedrock.requests[0].body)["messages"][0]["content"][0]["document"]["name"]
    assert leaked(bedrock.requests, PLANTED) == []


BODIES = {
    CLAUDE: lambda text: {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": text}],
    },
    "amazon.nova-lite-v1:0": lambda text: {"messages": ask(text)},
    "meta.llama3-8b-instruct-v1:0": lambda text: {"prompt": text},
}


def said_in(document: dict[str, Any]) -> str:
    """The text of a reply, or of a piece of one, of any of these models."""
    delta = document.get("contentBlockDelta", document).get("delta", {})
    if "output" in document:
        return str(document["output"]["message"]["content"][0]["text"])
    if isinstance(document.get("content"), list):
        return str(document["content"][0]["text"])
    return str(document.get("generation") or delta.get("text") or "")


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize("model", BODIES)
def test_invoke_model_whole_and_streamed(client, bedrock, model, text):
    body = json.dumps(BODIES[model](text))
    whole = json.loads(client.invoke_model(modelId=model, body=body)["body"].read())
    assert said_in(whole) == f"You wrote: {text}"
    for manner in ({"piece": 1}, {"chunk": 7, "piece": 4}):
        bedrock.next(**manner)
        reply = client.invoke_model_with_response_stream(modelId=model, body=body)
        with contextlib.closing(reply["body"]) as events:
            documents = [json.loads(event["chunk"]["bytes"]) for event in events]
        assert "".join(map(said_in, documents)) == f"You wrote: {text}"
    assert bedrock.signers == [GATEWAYS] * 3
    assert leaked(bedrock.requests, [*PLANTED, CALLERS]) == []


def test_counts_and_embeddings(client, bedrock):
    inner = json.dumps(BODIES[CLAUDE](CHINESE)).encode()
    assert client.count_tokens(modelId=CLAUDE, input={"invokeModel": {"body": inner}})["inputTokens"] > 0
    assert client.count_tokens(modelId=CLAUDE, input={"converse": {"messages": ask(ENGLISH)}})["inputTokens"] > 0
    found = client.invoke_model(modelId="amazon.titan-embed-text-v2:0", body=json.dumps({"inputText": ENGLISH}))
    assert len(json.loads(found["body"].read())["embedding"]) == 4
    assert leaked(bedrock.requests, PLANTED) == []


def test_refusals_and_errors_are_the_sdks_own(client, bedrock):
    picture = {"image": {"format": "png", "source": {"bytes": b"\x89PNG\r\n\x1a\n"}}}
    with pytest.raises(client.exceptions.AccessDeniedException, match="image content cannot be inspected"):
        client.converse(modelId=CLAUDE, messages=[{"role": "user", "content": [picture]}])
    assert bedrock.requests == []
    bedrock.next(status=400)
    with pytest.raises(client.exceptions.ValidationException, match=EMAIL):
        client.converse(modelId=CLAUDE, messages=ask(ENGLISH))


def test_streams_that_fail_or_are_spoiled(client, bedrock):
    bedrock.fail_after = 2
    with pytest.raises(EventStreamError, match="Failed at: You wrote"):
        streamed(client, messages=ask(ENGLISH))
    bedrock.fail_after, bedrock.spoil_at = None, 3
    with pytest.raises(EventStreamError, match="checksum"):
        streamed(client, messages=ask(ENGLISH))
    bedrock.spoil_at = None
    bedrock.next(hang_up_after=4)
    with pytest.raises(EventStreamError, match="closed the connection"):
        streamed(client, messages=ask(ENGLISH))


def test_a_signature_in_the_query_is_refused(gateway, client, bedrock):
    body = json.dumps({"messages": ask("Two and two?")}).encode()
    path = f"/model/{CLAUDE}/converse?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={'0' * 64}"
    answer = through_proxy(gateway.proxy, gateway.trust, request(body, path=path, host=HOST), host=HOST)
    assert answer.status == 400
    assert json.loads(answer.body)["code"] == "presigned_refused"
    assert bedrock.requests == []


def test_without_keys_of_its_own(bedrock, home, monkeypatch):
    with gateway_for(bedrock, home, None) as gateway, contextlib.closing(client_of(gateway)) as client:
        with pytest.raises(ClientError, match=r"upstreams\.bedrock\.aws") as refused:
            client.converse(modelId=CLAUDE, messages=ask(ENGLISH))
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
        assert bedrock.requests == []
        assert gateway.decisions()[-1]["reason"] == "error:no_signing_keys"
        client.converse(modelId=CLAUDE, messages=ask("Two and two?"))
        assert bedrock.signers == [CALLERS]
        monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-test")
        bearing = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            verify=str(gateway.ca),
            config=Config(proxies={"https": gateway.proxy}),
        )
        with contextlib.closing(bearing):
            answer = bearing.converse(modelId=CLAUDE, messages=ask(ENGLISH))
        assert answer["output"]["message"]["content"] == [{"text": f"You wrote: {ENGLISH}"}]
        assert bedrock.signers == [CALLERS, "bearer"]
    assert leaked(bedrock.requests, PLANTED) == []


def test_keys_of_a_profile(bedrock, home, monkeypatch, tmp_path):
    shared = tmp_path / "credentials"
    shared.write_text(f"[llm]\naws_access_key_id={GATEWAYS}\naws_secret_access_key={SECRETS[GATEWAYS]}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))
    with (
        gateway_for(bedrock, home, {"keys": "profile", "profile": "llm"}) as gateway,
        contextlib.closing(client_of(gateway)) as client,
    ):
        client.converse(modelId=CLAUDE, messages=ask(ENGLISH))
    assert bedrock.signers == [GATEWAYS]


def test_observing_changes_no_signature(bedrock, home):
    with (
        gateway_for(bedrock, home, None, policy={"mode": "observe"}) as gateway,
        contextlib.closing(client_of(gateway)) as client,
    ):
        client.converse(modelId=CLAUDE, messages=ask(ENGLISH))
    assert bedrock.signers == [CALLERS]


def test_behind_a_base_url_all_is_signed_anew(bedrock, home, monkeypatch):
    """The caller signed for the gateway's address, which the provider would not take."""
    own_keys(monkeypatch)
    aws = {"keys": "environment", "region": "us-east-1"}
    upstream = {"hosts": ["127.0.0.1"], "ca_file": str(bedrock.ca), "aws": aws}
    changes = {"upstreams": {"bedrock": upstream}}
    with GatewayProcess(home, None, changes, ["--reverse", f"https://127.0.0.1:{bedrock.port}"]) as gateway:
        client = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=gateway.base_urls[0],
            aws_access_key_id=CALLERS,
            aws_secret_access_key=SECRETS[CALLERS],
        )
        with contextlib.closing(client):
            for text in (ENGLISH, "Two and two?"):
                answer = client.converse(modelId=CLAUDE, messages=ask(text))
                assert answer["output"]["message"]["content"] == [{"text": f"You wrote: {text}"}]
            assert streamed(client, messages=ask(CHINESE))[0] == f"You wrote: {CHINESE}"
    assert bedrock.signers == [GATEWAYS] * 3
    assert leaked(bedrock.requests, [*PLANTED, CALLERS]) == []


def position_bodies(make: Any) -> bytes:
    return json.dumps(positions.fill(positions_bedrock.converse_request()[0], make), ensure_ascii=False).encode()


@pytest.mark.parametrize("action", ["mask", "block", "reroute"])
def test_every_position(bedrock, home, action):
    policy: dict[str, Any] = {"unreadable": "allow", "default": "mask"}
    changes: dict[str, Any] = {"policy": policy}
    if action == "block":
        policy["entities"] = {"EMAIL_ADDRESS": "block"}
    elif action == "reroute":
        policy["entities"] = {"EMAIL_ADDRESS": {"action": "reroute", "to": "local"}}
        changes["onprem"] = {"local": {"url": "http://127.0.0.1:9", "model": "open-model"}}
    markers = [f"⟦{number}⟧" for number in range(positions_bedrock.converse_request()[1])]
    with gateway_for(bedrock, home, None, **changes) as gateway:

        def send(body: bytes) -> Any:
            path = f"/model/{CLAUDE}/converse"
            head = {"authorization": "Bearer bedrock-api-key-test"}
            return through_proxy(gateway.proxy, gateway.trust, request(body, path=path, host=HOST, **head), host=HOST)

        if action == "mask":
            answer = send(position_bodies(value_of))
            assert len(bedrock.requests) == 1, answer.body
            text = readable(bedrock.requests[0])
            assert [marker for marker in markers if value_of(marker) in text] == []
            assert positions.KEEP in text
        else:
            statuses = {marker: send(position_bodies(only(int(marker[1:-1])))).status for marker in markers}
            assert {marker: status for marker, status in statuses.items() if status < 400} == {}
            assert bedrock.requests == []
        records = gateway.audit("--limit", str(len(markers)))
        assert {(one["action"], one["endpoint"]) for one in records} == {
            ("mask" if action == "mask" else "block", "bedrock.converse")
        }
