"""Reroute, block, observe, base URL, drain: what the policy and the command line can make of a gateway."""

from __future__ import annotations

import json
import signal
import threading

import anthropic
import httpx
import openai
import pytest

from models.llm import MODEL_NAME, LocalLlm
from tests.doubles.provider import Provider
from tests.e2e.harness import GatewayProcess, cli
from tests.e2e.leaks import leaked
from tests.e2e.raw import chat, request, straight
from tests.e2e.test_openai import CHINESE, EMAIL, ENGLISH, NAME, PLANTED, ask

HEALTH = "The patient's NHS number is 943 476 5919. Say hello in one word."
KEY = "my key is AKIAIOSFODNN7EXAMPLE"


@pytest.fixture(scope="module")
def llm():
    with LocalLlm() as server:
        yield server


@pytest.fixture(scope="module")
def own_provider():
    with Provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def strict(llm, own_provider, tmp_path_factory):
    """Health data is rerouted, credentials are blocked, and the real OpenAI cannot be reached at all."""
    changes = {
        "onprem": {"local": {"url": llm.url, "model": MODEL_NAME}},
        "policy": {
            "rules": [
                {"name": "no credentials", "when": {"entities": ["SECRET"]}, "action": "block"},
                {"name": "health stays", "when": {"entities": ["UK_NHS"]}, "action": "reroute", "to": "local"},
            ]
        },
    }
    with GatewayProcess(tmp_path_factory.mktemp("strict"), own_provider, changes) as gateway:
        yield gateway


@pytest.fixture
def strict_oai(strict, own_provider):
    own_provider.clear()
    http = openai.DefaultHttpxClient(proxy=strict.proxy, verify=strict.trust)
    with openai.OpenAI(api_key="sk-test-1", max_retries=0, http_client=http) as client:
        yield client


@pytest.fixture
def strict_claude(strict, own_provider):
    own_provider.clear()
    http = anthropic.DefaultHttpxClient(proxy=strict.proxy, verify=strict.trust)
    with anthropic.Anthropic(api_key="sk-ant-test-1", max_retries=0, http_client=http) as client:
        yield client


def test_a_rerouted_question_is_answered_by_the_open_model(strict, strict_oai, own_provider):
    answer = strict_oai.chat.completions.create(model="gpt-4o", messages=ask(HEALTH), max_tokens=16)
    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens > 0
    assert own_provider.requests == []
    record = strict.audit("--limit", "1")[0]
    assert (record["action"], record["route"], record["rule"]) == ("reroute", "local", "health stays")


def test_a_rerouted_stream(strict_oai, strict_claude, own_provider):
    said = ""
    for chunk in strict_oai.chat.completions.create(model="gpt-4o", messages=ask(HEALTH), max_tokens=16, stream=True):
        said += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    assert said
    with strict_claude.messages.stream(model="claude-sonnet-5", max_tokens=16, messages=ask(HEALTH)) as stream:
        assert "".join(stream.text_stream)
    assert strict_claude.messages.count_tokens(model="claude-sonnet-5", messages=ask(HEALTH)).input_tokens > 0
    assert own_provider.requests == []


def test_a_rerouted_chinese_stream_begins_as_the_sdk_needs(strict_claude):
    with strict_claude.messages.stream(
        model="claude-sonnet-5",
        max_tokens=12,
        system="NHS number 943 476 5919",
        messages=ask("写一首关于秋天的诗"),
        extra_body={"temperature": 0},
    ) as stream:
        assert "".join(stream.text_stream)
        assert stream.get_final_message().role == "assistant"


def test_an_offline_provider_does_not_stop_a_reroute(llm, home):
    changes = {
        "upstreams": {"openai": {"resolve_to": "127.0.0.1:9"}},
        "onprem": {"local": {"url": llm.url, "model": MODEL_NAME}},
        "policy": {"rules": [{"name": "all", "when": {"upstreams": ["openai"]}, "action": "reroute", "to": "local"}]},
    }
    with GatewayProcess(home, None, changes) as gateway:
        http = openai.DefaultHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
        with openai.OpenAI(api_key="sk-test-1", max_retries=0, http_client=http) as client:
            answer = client.chat.completions.create(model="gpt-4o", messages=ask("Say hello."), max_tokens=8)
    assert answer.choices[0].message.content


def test_the_callers_credentials_do_not_reach_the_premises_server(home):
    with Provider(plain=True) as local, Provider() as provider:
        local.manner = local.manner.but({})
        changes = {
            "onprem": {"local": {"url": local.url, "model": "open-model", "api_key_env": "LOCAL_KEY"}},
            "policy": {"rules": [{"name": "all", "when": {"endpoints": ["*"]}, "action": "reroute", "to": "local"}]},
        }
        import os

        os.environ["LOCAL_KEY"] = "local-key-1"
        try:
            with GatewayProcess(home, provider, changes) as gateway:
                http = openai.DefaultHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
                with openai.OpenAI(
                    api_key="sk-test-1", organization="org-1", project="proj-1", max_retries=0, http_client=http
                ) as client:
                    client.chat.completions.create(model="gpt-4o", messages=ask("hello"))
        finally:
            del os.environ["LOCAL_KEY"]
        received = local.requests[-1]
        assert provider.requests == []
    assert received.header("authorization") == "Bearer local-key-1"
    assert b"sk-test-1" not in received.raw and b"org-1" not in received.raw
    assert json.loads(received.body)["model"] == "open-model"


def test_blocked_in_the_sdks_own_exception(strict, strict_oai, strict_claude, own_provider):
    with pytest.raises(openai.PermissionDeniedError) as first:
        strict_oai.chat.completions.create(model="gpt-4o", messages=ask(KEY))
    with pytest.raises(anthropic.PermissionDeniedError) as second:
        strict_claude.messages.create(model="claude-sonnet-5", max_tokens=9, messages=ask(KEY))
    for caught in (first, second):
        assert "no credentials" in str(caught.value)
        assert "AKIA" not in str(caught.value)
    assert own_provider.requests == []
    assert strict.audit("--limit", "1")[0]["rule"] == "no credentials"


def test_observe_changes_nothing_and_records_what_it_would_have_done(home, provider):
    with GatewayProcess(home, provider, {"policy": {"mode": "observe"}}) as gateway:
        http = openai.DefaultHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
        with openai.OpenAI(api_key="sk-test-1", max_retries=0, http_client=http) as client:
            client.chat.completions.create(model="gpt-4o", messages=ask(ENGLISH))
            image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
            client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": [image]}])
        records = gateway.audit()
    assert ENGLISH in json.loads(provider.requests[0].body)["messages"][0]["content"]
    assert [record["would_action"] for record in records] == ["block", "mask"]
    assert {record["action"] for record in records} == {"allow"}


def test_a_base_url_gateway_in_front_of_plain_http(home):
    with Provider(plain=True) as plain, GatewayProcess(home, None, {}, ["--reverse", plain.url]) as gateway:
        base = gateway.base_urls[0]
        with openai.OpenAI(api_key="k", base_url=f"{base}/v1", max_retries=0) as client:
            answer = client.chat.completions.create(model="gpt-4o", messages=ask(ENGLISH))
            assert answer.choices[0].message.content == f"You wrote: {ENGLISH}"
        with (
            anthropic.Anthropic(api_key="k", base_url=base, max_retries=0) as client,
            client.messages.stream(model="claude-sonnet-5", max_tokens=99, messages=ask(CHINESE)) as stream,
        ):
            assert "".join(stream.text_stream) == f"You wrote: {CHINESE}"
        assert [record["endpoint"] for record in gateway.audit()] == ["anthropic.messages", "openai.chat"]
        assert leaked(plain.requests, PLANTED) == []
        count = len(plain.requests)
        own = base.removeprefix("http://")
        for headers, status in (
            ({"origin": "https://page.example.com"}, 403),
            ({"sec_fetch_site": "cross-site"}, 403),
            ({"host": "rebound.example.com"}, 421),
        ):
            host = headers.pop("host", own)
            answer = straight(base, request(chat("hello"), host=host, **headers))
            assert answer.status == status
            assert answer.json()["error"]["code"] in ("web_page", "unexpected_host")
        assert len(plain.requests) == count


def test_a_base_url_gateway_reads_its_upstreams_own_dialect(home):
    site = {"upstreams": {"site": {"provider": "mistral", "hosts": ["localhost"]}}}
    with Provider(plain=True) as plain:
        with GatewayProcess(home, None, site, ["--reverse", f"http://localhost:{plain.port}"]) as gateway:
            with openai.OpenAI(api_key="k", base_url=f"{gateway.base_urls[0]}/v1", max_retries=0) as client:
                answer = client.chat.completions.create(model="mistral-large-latest", messages=ask(ENGLISH))
                assert answer.choices[0].message.content == f"You wrote: {ENGLISH}"
            assert [(record["upstream"], record["endpoint"]) for record in gateway.audit()] == [
                ("site", "mistral.chat")
            ]
        assert leaked(plain.requests, PLANTED) == []


def test_several_base_urls_have_a_listener_each_and_https_upstreams_are_verified(home, provider):
    roots = {"upstreams": {"openai": {"ca_file": str(provider.ca), "resolve_to": None}}}
    with Provider(plain=True) as plain:
        arguments = ["--reverse", plain.url, "--reverse", f"https://localhost:{provider.port}"]
        with GatewayProcess(home, None, roots, arguments) as gateway:
            for base in gateway.base_urls:
                with openai.OpenAI(api_key="k", base_url=f"{base}/v1", max_retries=0) as client:
                    assert client.chat.completions.create(model="gpt-4o", messages=ask(ENGLISH)).choices
        assert len(plain.requests) == len(provider.requests) == 1
        assert provider.requests[0].header("host") == f"localhost:{provider.port}"
        assert leaked([*plain.requests, *provider.requests], PLANTED) == []


def test_sigterm_lets_a_stream_under_way_finish(home, provider):
    with GatewayProcess(home, provider) as gateway:
        provider.next(piece=4, gap_ms=100)
        http = openai.DefaultHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
        with openai.OpenAI(api_key="sk-test-1", max_retries=0, http_client=http) as client:
            said, signalled = "", False
            for chunk in client.chat.completions.create(model="gpt-4o", messages=ask(ENGLISH), stream=True):
                said += chunk.choices[0].delta.content or ""
                if said and not signalled:
                    gateway.process.send_signal(signal.SIGTERM)
                    signalled = True
        assert said == f"You wrote: {ENGLISH}"
        assert gateway.process.wait(60) == 0
        assert "ready" in gateway.output and "stopped" in gateway.output
        record = gateway.audit()[0]
        assert record["outcome"]["status"] == 200


def test_health_and_metrics(gateway, oai, provider):
    oai.chat.completions.create(model="gpt-4o", messages=ask(ENGLISH))
    state = gateway.health()
    assert state.status_code == 200
    assert state.json()["ready"] and state.json()["database"] and state.json()["detector"]
    text = gateway.metrics()
    assert 'coatcheck_requests_total{action="mask",endpoint="openai.chat",upstream="openai"}' in text
    assert "coatcheck_ready 1.0" in text
    assert NAME not in text and EMAIL not in text


def test_two_callers_do_not_restore_each_others_placeholders(gateway, provider):
    def ask_as(key, text):
        http = openai.DefaultHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
        with openai.OpenAI(api_key=key, max_retries=0, http_client=http) as client:
            return client.chat.completions.create(model="gpt-4o", messages=ask(text)).choices[0].message.content

    ask_as("sk-of-ann", f"Write to {EMAIL}")
    theirs = json.loads(provider.requests[-1].body)["messages"][0]["content"].removeprefix("Write to ")
    assert theirs.startswith("EMAIL_ADDRESS_")
    assert ask_as("sk-of-bob", f"Who is {theirs}?") == f"You wrote: Who is {theirs}?"
    ask_as("sk-of-bob", f"Write to {EMAIL}")
    assert theirs.encode() not in provider.requests[-1].body


def test_many_callers_at_once_each_get_their_own(gateway, provider):
    answers: dict[int, str | None] = {}

    def one(i):
        http = openai.DefaultHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
        with openai.OpenAI(api_key=f"sk-{i}", max_retries=0, http_client=http) as client:
            text = f"Write to person{i}@example.com and copy other{i}@example.org."
            answers[i] = client.chat.completions.create(model="gpt-4o", messages=ask(text)).choices[0].message.content

    threads = [threading.Thread(target=one, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(16):
        assert answers[i] == f"You wrote: Write to person{i}@example.com and copy other{i}@example.org."


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["up", "--reverse", "ftp://x"], "--reverse, URL number 1"),
        (["up", "--config", "absent.yaml"], "absent.yaml"),
        (["up", "--listen", "nonsense"], "HOST:PORT"),
        (["up", "--listen", "0.0.0.0:0"], "access"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(arguments, words):
    done = cli(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_busy_port_is_named(gateway, tmp_path):
    port = gateway.proxy.rpartition(":")[2]
    done = cli("up", "--listen", f"127.0.0.1:{port}", COATCHECK_STATE_DIR=str(tmp_path))
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr and "--listen" in done.stderr


def test_health_is_not_ready_on_a_database_that_cannot_be_opened(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    done = cli("up", "--listen", "127.0.0.1:0", COATCHECK__DATABASE=f"sqlite:///{blocker}/audit.db")
    assert done.returncode == 1
    assert "audit" in done.stderr and "Traceback" not in done.stderr


def test_httpx_through_the_proxy_to_a_plain_http_site_is_left_alone(gateway):
    with Provider(plain=True) as site, httpx.Client(proxy=gateway.proxy, trust_env=False) as client:
        reply = client.post(
            f"{site.url.replace('127.0.0.1', 'localhost')}/v1/chat/completions",
            content=chat(ENGLISH),
            headers={"authorization": "Bearer k", "content-type": "application/json"},
        )
        assert reply.status_code == 200
        assert ENGLISH.encode() in site.requests[0].body
