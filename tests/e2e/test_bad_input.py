"""What is broken, hostile or too large: a clear error in the provider's own shape, a record, nothing forwarded."""

from __future__ import annotations

import gzip
import json
import ssl
import zlib

import anthropic
import httpx
import openai
import pytest

from tests.e2e.harness import GatewayProcess
from tests.e2e.raw import chat, request, straight, through_proxy, tunnel
from tests.e2e.test_openai import EMAIL, ENGLISH, NAME, ask

SECRET_TEXT = f"a line with {NAME} and {EMAIL}"


def refused(gateway, provider, data, status, code, *, host="api.openai.com", reason=None):
    """Send it; check the refusal, its record, and that nothing went out or was quoted."""
    before = len(gateway.decisions())
    answer = through_proxy(gateway.proxy, gateway.trust, data, host=host)
    assert answer.status == status, answer.body
    error = answer.json()["error"]
    assert error["code"] == code if host == "api.openai.com" else code in json.dumps(answer.json())
    assert NAME.encode() not in answer.body and EMAIL.encode() not in answer.body
    assert provider.requests == []
    decisions = gateway.decisions()
    assert len(decisions) == before + 1
    assert decisions[-1]["action"] == "block"
    assert (reason or code) in decisions[-1]["reason"]
    return answer


BROKEN = {
    "cut off": b'{"messages": [{"role": "user", "content": "' + SECRET_TEXT.encode(),
    "not json": SECRET_TEXT.encode(),
    "two documents": chat(SECRET_TEXT) + b"{}",
    "bad escape": b'{"messages": [{"role": "user", "content": "\\x ' + SECRET_TEXT.encode() + b'"}]}',
    "NaN": b'{"temperature": NaN, "messages": []}',
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_malformed_json_is_refused(gateway, provider, body):
    refused(gateway, provider, request(body), 400, "malformed_json")


def test_text_that_is_not_utf8_is_refused(gateway, provider):
    body = b'{"messages": [{"role": "user", "content": "\xff' + SECRET_TEXT.encode() + b'"}]}'
    refused(gateway, provider, request(body), 400, "malformed_utf8")


def test_a_duplicate_key_is_refused_since_two_parsers_may_read_it_differently(gateway, provider):
    body = b'{"messages": [{"role": "user", "content": "x", "content": "' + SECRET_TEXT.encode() + b'"}]}'
    refused(gateway, provider, request(body), 400, "duplicate_key")


def test_a_deep_body_is_refused(gateway, provider):
    refused(gateway, provider, request(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), 400, "too_deep")


def test_an_unknown_content_encoding_is_refused(gateway, provider):
    refused(gateway, provider, request(chat(SECRET_TEXT), content_encoding="compress"), 415, "unsupported_encoding")


def test_a_lying_content_encoding_is_refused(gateway, provider):
    refused(gateway, provider, request(chat(SECRET_TEXT), content_encoding="gzip"), 400, "malformed_encoding")


def test_a_compression_bomb_is_refused(gateway, provider):
    body = gzip.compress(b"[" + b" " * (40 * 1024 * 1024) + b"]")
    refused(gateway, provider, request(body, content_encoding="gzip"), 413, "too_large")


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/x-www-form-urlencoded", ""])
def test_a_body_that_cannot_be_read_is_refused(gateway, provider, kind):
    data = request(SECRET_TEXT.encode(), content_type=kind)
    refused(gateway, provider, data, 403, "blocked_by_policy", reason="unreadable:content_type")


def test_an_oversized_body_is_refused_by_its_declared_length(gateway, provider):
    size = 40 * 1024 * 1024
    answer = refused(gateway, provider, request(b"x" * size), 413, "request_too_large")
    assert str(32 * 1024 * 1024) in answer.json()["error"]["message"]


def test_an_oversized_chunked_body_is_refused(home, provider):
    with GatewayProcess(home, provider, {"limits": {"body_bytes": 2000}}) as gateway:
        head = request(transfer_encoding="chunked")
        chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
        refused(gateway, provider, head + chunk * 4 + b"0\r\n\r\n", 413, "request_too_large")


def test_both_providers_sdks_raise_their_own_exceptions(gateway, provider, oai, claude):
    deep: list = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(openai.BadRequestError) as caught:
        oai.chat.completions.create(model="gpt-4o", messages=ask("hello"), extra_body={"deep": deep})
    assert caught.value.code == "too_deep"
    answer = through_proxy(
        gateway.proxy,
        gateway.trust,
        request(b"{", path="/v1/messages", host="api.anthropic.com"),
        host="api.anthropic.com",
    )
    assert answer.status == 400
    assert answer.json()["type"] == "error"
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_hangs_up(gateway, provider, oai, stream):
    provider.next(hang_up_after=3)
    with pytest.raises(openai.APIError) as caught:
        list(oai.chat.completions.create(model="gpt-4o", messages=ask(ENGLISH), stream=stream))
    assert "closed the connection" in str(caught.value)
    outcome = gateway.audit("--limit", "1")[0]["outcome"]
    assert outcome["error"] == "upstream_disconnected"


def test_a_provider_that_hangs_up_on_the_anthropic_stream(gateway, provider, claude):
    provider.next(hang_up_after=4)
    with (
        pytest.raises(anthropic.APIStatusError) as caught,
        claude.messages.stream(model="claude-sonnet-5", max_tokens=99, messages=ask(ENGLISH)) as stream,
    ):
        list(stream.text_stream)
    assert "closed the connection" in str(caught.value)


def test_a_broken_stream_ends_in_an_error_event(gateway, provider, oai):
    provider.next(broken_after=3)
    with pytest.raises(openai.APIError) as caught:
        list(oai.chat.completions.create(model="gpt-4o", messages=ask(ENGLISH), stream=True))
    assert "could not be read" in str(caught.value)
    assert gateway.audit("--limit", "1")[0]["outcome"]["error"]


def test_a_truncated_reply(gateway, provider, oai):
    provider.next(truncate=True)
    with pytest.raises(openai.APIStatusError) as caught:
        oai.chat.completions.create(model="gpt-4o", messages=ask(ENGLISH))
    assert caught.value.status_code == 502


def test_a_reply_whose_content_type_lies(gateway, provider, oai):
    provider.next(content_type="text/plain")
    answer = oai.chat.completions.with_raw_response.create(model="gpt-4o", messages=ask(ENGLISH))
    assert EMAIL in answer.text


def test_an_upstream_that_cannot_be_reached(home, provider, tmp_path):
    changes = {"upstreams": {"openai": {"resolve_to": "127.0.0.1:9"}}}
    with GatewayProcess(home, provider, changes) as gateway:
        answer = through_proxy(gateway.proxy, gateway.trust, request(chat("hello")))
        assert answer.status == 502
        assert answer.json()["error"]["code"] == "upstream_unreachable"


def test_a_websocket_upgrade_is_refused_with_a_status_on_which_clients_fall_back(gateway, provider):
    data = request(
        method="GET",
        path="/v1/chat/completions",
        upgrade="websocket",
        connection="Upgrade",
        sec_websocket_version="13",
        sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==",
    )
    refused(gateway, provider, data, 426, "websocket_refused")


def test_names_that_disagree_are_refused(gateway, provider):
    refused(gateway, provider, request(chat("hello"), host="api.anthropic.com"), 421, "misdirected")
    answer = through_proxy(
        gateway.proxy, gateway.trust, request(chat("hello"), host="api.openai.com"), host="api.openai.com",
        server_name="api.anthropic.com",
    )  # fmt: skip
    assert answer.status == 421
    assert provider.requests == []


def test_the_proxy_does_not_lead_to_itself(gateway, provider):
    port = int(gateway.proxy.rpartition(":")[2])
    with pytest.raises(ConnectionError, match="403"):
        tunnel(gateway.proxy, "127.0.0.1", port)
    assert straight(gateway.proxy, request(chat("hello"), host=f"127.0.0.1:{port}")).status == 400


def test_other_hosts_pass_as_a_blind_tunnel(gateway, provider):
    before = len(gateway.decisions())
    trust = ssl.create_default_context(cafile=provider.ca)
    with httpx.Client(proxy=gateway.proxy, verify=trust, trust_env=False) as client:
        reply = client.post(f"https://localhost:{provider.port}/v1/chat/completions", content=chat(ENGLISH), headers={
            "authorization": "Bearer k", "content-type": "application/json"})  # fmt: skip
    assert reply.status_code == 200
    assert ENGLISH.encode() in provider.requests[0].body
    assert len(gateway.decisions()) == before


def test_deflate_of_both_kinds_is_read(gateway, provider):
    for packed in (zlib.compress(chat(ENGLISH)), zlib.compress(chat(ENGLISH))[2:-4]):
        answer = through_proxy(gateway.proxy, gateway.trust, request(packed, content_encoding="deflate"))
        assert answer.status == 200
        assert EMAIL.encode() not in provider.requests[-1].body
