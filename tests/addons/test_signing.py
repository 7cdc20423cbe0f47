"""Signatures made anew: against AWS's published example, and a verifier that knows no botocore."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

import botocore.auth
import pytest

from addons.exchange import Exchange, Forward
from addons.recording import Inbound
from addons.resigning import NO_KEYS, Resigner
from addons.settings import Settings
from addons.signing import AwsKeys, SigningRefused, caller_of, is_presigned, key_id, region_of, sign
from addons.wire.generic import Generic
from tests.doubles import sigv4
from tests.hidden import hide

CALLERS, OURS = AwsKeys("AKIACALLER", "callers secret"), AwsKeys("AKIAOURS", "our secret", "our token")
SECRETS = {"AKIACALLER": "callers secret", "AKIAOURS": "our secret"}
HOST, TARGET = "bedrock-runtime.eu-west-1.amazonaws.com", "/model/anthropic.claude-v2%3A1/converse"
BODY = b'{"messages": []}'


def test_the_published_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """``get-vanilla`` of AWS's test suite for Signature Version 4."""
    moment = dt.datetime(2015, 8, 30, 12, 36, tzinfo=dt.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
    keys = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    host = "example.amazonaws.com"
    headers = sign("GET", host, "/", [], b"", keys, region="us-east-1", service="service")
    expected = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    assert dict(headers)["Authorization"].endswith(f"SignedHeaders=host;x-amz-date, Signature={expected}")
    given = [("Host", host), *headers]
    assert sigv4.verify("GET", "/", given, b"", {"AKIDEXAMPLE": keys.secret_key})[1:] == ("us-east-1", "service")


def signed_by(keys: AwsKeys, body: bytes = BODY, *more: tuple[str, str]) -> list[tuple[str, str]]:
    first = [("Host", HOST), ("Content-Type", "application/json"), *more]
    return sign("POST", HOST, TARGET, first, body, keys, region="eu-west-1", service="bedrock")


def test_nothing_of_the_callers_signature_is_left() -> None:
    before = signed_by(
        AwsKeys("AKIACALLER", "callers secret", "callers token"),
        BODY,
        ("Content-MD5", "x"),
        ("X-Amz-Content-SHA256", "0" * 64),
        ("x-amzn-bedrock-trace", "ENABLED"),
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("X-Amz-Region-Set", "*"),
    )
    after = sign("POST", HOST, TARGET, before, b"{}", OURS, region="eu-west-1", service="bedrock")
    assert sigv4.verify("POST", TARGET, after, b"{}", SECRETS) == ("AKIAOURS", "eu-west-1", "bedrock")
    names = [name.lower() for name, _ in after]
    assert len(names) == len(set(names))
    assert not {"content-md5", "x-amz-checksum-crc32", "x-amz-region-set"} & set(names)
    assert "callers" not in str(after) and "AKIACALLER" not in str(after)
    assert dict(after)["X-Amz-Security-Token"] == "our token"
    assert "x-amzn-bedrock-trace" in dict(after)["Authorization"]
    with pytest.raises(sigv4.BadSignature):
        sigv4.verify("POST", TARGET, after, b"{ }", SECRETS)


@pytest.mark.parametrize(
    "more", [("X-Amz-Content-SHA256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), ("Content-Encoding", "aws-chunked")]
)
def test_a_body_signed_piece_by_piece_is_refused(more: tuple[str, str]) -> None:
    with pytest.raises(SigningRefused) as caught:
        sign("POST", HOST, TARGET, [more], BODY, OURS, region="eu-west-1", service="bedrock")
    assert caught.value.code == "streaming_payload"


def test_an_unsigned_payload_is_signed() -> None:
    headers = sign(
        "POST", HOST, TARGET, [("Host", HOST), ("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")], BODY, OURS,
        region="eu-west-1", service="bedrock",
    )  # fmt: skip
    assert sigv4.verify("POST", TARGET, headers, BODY, SECRETS)[0] == "AKIAOURS"


def test_without_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "botocore")
    with pytest.raises(SigningRefused, match="no botocore"):
        signed_by(OURS)


@pytest.mark.parametrize(
    ("host", "region"),
    [
        (HOST, "eu-west-1"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com.", "us-gov-west-1"),
        ("vpce-0a1b-2c.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com", "ap-southeast-2"),
        ("bedrock-mantle.us-west-2.api.aws", "us-west-2"),
        ("bedrock-runtime.eu-west-1.amazonaws.com.example.com", None),
        ("llm.example.com", None),
    ],
)
def test_the_region_is_in_the_hosts_name(host: str, region: str | None) -> None:
    assert region_of(host) == region


def test_a_caller_is_its_key() -> None:
    first, second = (dict(signed_by(CALLERS, body))["Authorization"] for body in (b"a", b"b"))
    assert first != second
    assert key_id(first) == key_id(second) == "AKIACALLER"
    assert key_id("Bearer bedrock-api-key-x") is None
    caller = caller_of(signed_by(CALLERS))
    assert caller is not None and (caller.region, caller.service) == ("eu-west-1", "bedrock")
    assert caller_of([("authorization", "Bearer x")]) is None


@pytest.mark.parametrize("name", ["X-Amz-Signature", "x-amz-credential", "X%2DAmz%2DAlgorithm"])
def test_presigned(name: str) -> None:
    assert is_presigned(f"/x?a=1&{name}=")
    assert not is_presigned("/x?signature=1")


class Keys:
    async def keys(self, upstream: str) -> AwsKeys | None:
        return OURS


def inbound(headers: list[tuple[str, str]], host: str = HOST, *, reverse: bool = False) -> Inbound:
    return Inbound("bedrock", "bedrock", None, "POST", host, 443, TARGET, headers, BODY, reverse=reverse)


def forward(**changes: Any) -> Forward:
    return Forward(Exchange(Generic(), "id", "bedrock", None, 99), **changes)


def resigner(keys: Any = None, **more: Any) -> Resigner:
    return Resigner(Settings().upstreams, keys or Keys(), **more)


@pytest.mark.parametrize(
    ("changes", "signer"),
    [
        ({}, "AKIACALLER"),
        ({"body": BODY}, "AKIACALLER"),
        ({"identity_reply": True}, "AKIACALLER"),
        ({"body": b"{}"}, "AKIAOURS"),
        ({"path": TARGET + "?q=1"}, "AKIAOURS"),
        ({"headers": "unsigned"}, "AKIACALLER"),
        ({"headers": "signed"}, "AKIAOURS"),
    ],
)
async def test_what_is_signed_anew(changes: dict[str, Any], signer: str) -> None:
    given = signed_by(CALLERS, BODY, ("x-amzn-bedrock-request-metadata", "Maria"), ("x-team", "Maria"))
    edited = {"unsigned": "x-team", "signed": "x-amzn-bedrock-request-metadata"}
    if "headers" in changes:
        changed = edited[changes["headers"]]
        changes = {"headers": [(name, "PERSON_1" if name == changed else value) for name, value in given]}
    sent = await resigner().signed(inbound(given), forward(**changes))
    headers = given if sent.headers is None else list(sent.headers)
    body = BODY if sent.body is None else sent.body
    assert sigv4.verify("POST", sent.path or TARGET, headers, body, SECRETS)[0] == signer


async def test_behind_a_base_url_the_host_is_another() -> None:
    given = sign(
        "POST",
        "127.0.0.1:8080",
        TARGET,
        [("Host", "127.0.0.1:8080")],
        BODY,
        CALLERS,
        region="eu-west-1",
        service="bedrock",
    )
    sent = await resigner().signed(inbound([("Host", "127.0.0.1:8080"), *given], reverse=True), forward())
    assert sent.headers is not None
    arrived = [("Host", HOST), *[(name, value) for name, value in sent.headers if name != "Host"]]
    assert sigv4.verify("POST", TARGET, arrived, BODY, SECRETS)[0] == "AKIAOURS"


async def test_bearer_keys_pass() -> None:
    given = [("authorization", "Bearer bedrock-api-key-x")]
    assert (await resigner().signed(inbound(given), forward(body=b"{}"))).headers is None


async def test_without_keys_and_without_a_region() -> None:
    with pytest.raises(SigningRefused) as caught:
        await resigner(NO_KEYS).signed(inbound(signed_by(CALLERS)), forward(body=b"{}"))
    assert (caught.value.status, caught.value.code) == (403, "no_signing_keys")
    unscoped = [("authorization", "AWS4-ECDSA-P256-SHA256 Credential=AKIACALLER/x, SignedHeaders=host, Signature=0")]
    with pytest.raises(SigningRefused) as caught:
        await resigner().signed(inbound(unscoped, host="llm.example.com"), forward(body=b"{}"))
    assert caught.value.code == "no_region"


async def test_clocks_that_differ_are_told(caplog: pytest.LogCaptureFixture) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=400)
    with caplog.at_level(logging.WARNING, "coatcheck"):
        await resigner().signed(inbound(signed_by(CALLERS)), forward(body=b"{}"))
        assert not caplog.records
        await resigner(now=lambda: later).signed(inbound(signed_by(CALLERS)), forward(body=b"{}"))
    assert "clock" in caplog.text and "secret" not in caplog.text
