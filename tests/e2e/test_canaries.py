"""The no-raw-value oracle: after a session of all kinds of traffic, planted values are nowhere but where they belong.

Searched: all that the provider received, what the gateway printed, every file that it wrote (key and CA aside), its
metrics and health, the audit commands' output, temporary files.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import struct
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.doubles.provider import Provider
from tests.e2e.harness import CANARIES, GatewayProcess, cli
from tests.e2e.leaks import leaked
from tests.e2e.raw import chat, request, through_proxy, tunnel

SECRETS = {**CANARIES, "SECRET": "AKIAIOSFODNN7EXAMPLE", "CALLER": "sk-canary-credential-1"}
TEXT = (
    f"{CANARIES['PERSON']} <{CANARIES['EMAIL_ADDRESS']}>, tel. {CANARIES['PHONE_NUMBER']}, "
    f"card {CANARIES['CREDIT_CARD']}; 身份证号 {CANARIES['CN_RESIDENT_ID']}, 手机 {CANARIES['CN_PHONE']}"
)
NHS = "943 476 5919"


def spellings(value: str) -> Iterator[bytes]:
    """A value as it may lie in a file: raw, escaped, encoded, wide."""
    raw = value.encode()
    yield raw
    yield json.dumps(value)[1:-1].encode()
    yield "".join(f"\\u{ord(char):04x}" for char in value).encode()
    yield urllib.parse.quote(value, safe="").encode()
    yield urllib.parse.quote_plus(value).encode()
    yield value.encode("utf-16-le")
    yield value.encode("utf-16-be")
    yield raw.hex().encode()
    for shift in range(3):  # base64 of the value at any offset within its surroundings
        coded = base64.b64encode(b"\0" * shift + raw)
        yield coded[shift + (1 if shift else 0) : len(coded) - 4]
    bare = "".join(char for char in value if char.isalnum())
    if bare.isdigit():
        yield bare.encode()
        if int(bare) < 2**63:
            yield struct.pack(">q", int(bare))  # as SQLite would keep a number


def found_in(data: bytes, values: dict[str, str]) -> list[str]:
    low = data.lower()
    return [name for name, value in values.items() if any(one.lower() in low for one in set(spellings(value)))]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A gateway after its traffic, the provider that it spoke to, and the place of its temporary files."""
    base = tmp_path_factory.mktemp("canaries")
    temporary = base / "tmp"
    temporary.mkdir()
    with Provider() as provider, Provider(plain=True) as local, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        patch.setenv("LOCAL_KEY", "local-key-1")
        changes = {
            "onprem": {"local": {"url": local.url, "model": "open-model", "api_key_env": "LOCAL_KEY"}},
            "limits": {"body_bytes": 200_000},
            "policy": {
                "rules": [
                    {"name": "no credentials", "when": {"entities": ["SECRET"]}, "action": "block"},
                    {"name": "health stays", "when": {"entities": ["UK_NHS"]}, "action": "reroute", "to": "local"},
                ]
            },
        }
        with GatewayProcess(base / "gateway", provider, changes) as gateway:
            traffic(gateway, provider)
            texts = {
                "healthz": gateway.health().text,
                "metrics": gateway.metrics(),
            }
            database = ("--database", gateway.url)
            records = gateway.audit("--limit", "200")
            texts["audit list"] = cli("audit", "list", "--limit", "200", *database).stdout
            texts["audit list --json"] = json.dumps(records)
            for record in records[:4]:
                texts[f"audit show {record['id']}"] = cli("audit", "show", record["id"], *database).stdout
            files = {str(path): data for path, data in gateway.files().items()}
            files.update({str(path): path.read_bytes() for path in temporary.rglob("*") if path.is_file()})
        texts["output"] = gateway.output
        after = {f"after: {path}": data for path, data in gateway.files().items()}
        yield {
            "sent": list(provider.requests),
            "local": [request for request in local.requests if request.method == "POST"],
            "texts": texts,
            "files": {**files, **after},
            "actions": [record["action"] for record in records],
            "errors": {(record.get("outcome") or {}).get("error") for record in records},
        }


def traffic(gateway: GatewayProcess, provider: Provider) -> None:
    key = SECRETS["CALLER"]
    http = openai.DefaultHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
    with openai.OpenAI(api_key=key, max_retries=0, http_client=http) as client:

        def ask(text: str, **more):
            return client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": text}], user=CANARIES["EMAIL_ADDRESS"], **more
            )

        answer = ask(TEXT).choices[0].message.content
        assert TEXT in answer
        assert TEXT in "".join(c.choices[0].delta.content or "" for c in ask(TEXT, stream=True) if c.choices)
        tool = {"type": "function", "function": {"name": "send", "parameters": {"type": "object"}}}
        assert ask(TEXT, tools=[tool]).choices[0].message.tool_calls
        ask(f"The patient's NHS number is {NHS}. {TEXT}")
        with pytest.raises(openai.PermissionDeniedError):
            ask(f"my key is {SECRETS['SECRET']} {TEXT}")
        for spoiled in ({"status": 400}, {"status": 500}, {"truncate": True}, {"content_type": "text/html"},
                        {"encoding": "gzip"}, {"hang_up_after": 1}):  # fmt: skip
            provider.next(**spoiled)
            with contextlib.suppress(openai.APIError):
                ask(TEXT)
        for spoiled in ({"error_after": 2}, {"broken_after": 2}, {"hang_up_after": 3}, {"wire": 7}, {"encoding": "br"}):
            provider.next(**spoiled)
            with contextlib.suppress(openai.APIError):
                list(ask(TEXT, stream=True))
    auth = {"authorization": f"Bearer {key}"}
    send = [
        request(b'{"messages": "' + TEXT.encode(), **auth),
        request(TEXT.encode(), content_type="text/plain", **auth),
        request(chat(TEXT), content_encoding="gzip", **auth),
        request(chat(TEXT), path=f"/v1/{CANARIES['EMAIL_ADDRESS']}/x?q={CANARIES['CN_PHONE']}", **auth),
        request(chat(TEXT), path=f"/v1/chat/completions?{CANARIES['EMAIL_ADDRESS']}={CANARIES['CN_PHONE']}", **auth),
        request(chat(TEXT), x_user=CANARIES["EMAIL_ADDRESS"], x_phone=CANARIES["PHONE_NUMBER"], **auth),
        request(chat(TEXT, **{CANARIES["EMAIL_ADDRESS"]: {CANARIES["CN_PHONE"]: TEXT}}), **auth),
        request(chat("x", model=CANARIES["EMAIL_ADDRESS"])[:-1] + b',"model":1}', **auth),
        request(chat(TEXT) + b" " * 300_000, **auth),
        request(json.dumps({"input": [TEXT, {"deep": [TEXT]}]}).encode(), path="/v1/unheard-of", **auth),
    ]
    for data in send:
        through_proxy(gateway.proxy, gateway.trust, data)
    hang_up(gateway, request(chat(TEXT), length=5000, **auth))
    provider.next(gap_ms=20)
    hang_up(gateway, request(chat(TEXT, stream=True), **auth), 200)


def hang_up(gateway: GatewayProcess, data: bytes, after: int = 0) -> None:
    """Send, read a little, and be gone without a word."""
    with tunnel(gateway.proxy, "api.openai.com") as outer:
        inner = gateway.trust.wrap_socket(outer, server_hostname="api.openai.com")
        inner.sendall(data)
        if after:
            inner.recv(after)
        inner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        inner.close()


def test_the_session_was_a_real_one(session):
    assert {"mask", "reroute", "block"} <= set(session["actions"])
    assert len(session["sent"]) >= 12
    assert len(session["local"]) == 1
    assert {"malformed_json", "http_400", "upstream_disconnected"} <= session["errors"]


def test_nothing_crossed(session):
    values = {name: value for name, value in SECRETS.items() if name != "CALLER"}
    for sent in session["sent"]:
        body = sent.raw.replace(f"authorization: Bearer {SECRETS['CALLER']}".encode(), b"")
        assert found_in(body, values) == [], sent.target
    assert leaked(session["sent"], values.values()) == []


def test_the_callers_key_did_not_reach_the_premises_server(session):
    assert found_in(b"".join(request.raw for request in session["local"]), {"CALLER": SECRETS["CALLER"]}) == []


def test_nothing_was_printed_or_shown(session):
    for name, text in session["texts"].items():
        assert text, name
        assert found_in(text.encode(), {**SECRETS, "NHS": NHS}) == [], name
    assert "Traceback" not in session["texts"]["output"]


def test_nothing_lies_in_a_file(session):
    assert any(name.endswith("audit.db") for name in session["files"])
    assert any(name.endswith("-wal") for name in session["files"])
    for name, data in session["files"].items():
        assert found_in(data, {**SECRETS, "NHS": NHS}) == [], Path(name).name


@pytest.mark.parametrize("value", SECRETS.values(), ids=SECRETS.keys())
def test_the_search_would_find_them(value):
    around = f"before {value} after"
    for data in (
        around.encode(),
        json.dumps({"x": around}).encode(),
        base64.b64encode(around.encode()),
        base64.b64encode(b"1" + around.encode()),
        base64.b64encode(b"12" + around.encode()),
        urllib.parse.quote(around).encode(),
        around.encode("utf-16"),
    ):
        assert found_in(data, {"it": value}) == ["it"]
