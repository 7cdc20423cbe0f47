"""The stock ``anthropic`` package's batches and files through a gateway: what leaves, what comes back, and for whom."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest

from tests.doubles.anthropic_files import Claude
from tests.e2e.harness import GatewayProcess
from tests.e2e.leaks import leaked

NAME, EMAIL, PHONE = "Maria Gonzalez", "maria.gonzalez@example.com", "13912345678"
EN, ZH = f"Please write to {NAME} ({EMAIL}).", f"请给张伟打电话，手机 {PHONE}。"
PLANTED = [NAME, EMAIL, "张伟", PHONE]
MODEL = "claude-sonnet-5"


def one(custom_id: str, content: Any, **more: Any) -> dict[str, Any]:
    params = {"model": MODEL, "max_tokens": 99, "messages": [{"role": "user", "content": content}], **more}
    return {"custom_id": custom_id, "params": params}


def broken(custom_id: str, content: str) -> dict[str, Any]:
    request = one(custom_id, content)
    del request["params"]["max_tokens"]
    return request


BATCH = [one("request-1", EN, metadata={"user_id": EMAIL}), one(PHONE, ZH, system=EN), broken("request-3", EN)]


@pytest.fixture(scope="module")
def running():
    with Claude() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(running, tmp_path_factory):
    rules = [
        {"name": "none", "when": {"entities": ["CREDIT_CARD"]}, "action": "block"},
        {"name": "local", "when": {"entities": ["IBAN_CODE"]}, "action": "reroute"},
    ]
    policy = {"rules": rules, "reroute_to": "here"}
    changes = {"policy": policy, "onprem": {"here": {"url": "http://127.0.0.1:9"}}}
    with GatewayProcess(tmp_path_factory.mktemp("claude"), running, changes) as process:
        yield process


@pytest.fixture
def provider(running):
    running.clear()
    return running


def client(gateway: GatewayProcess, key: str) -> anthropic.Anthropic:
    http = anthropic.DefaultHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
    return anthropic.Anthropic(api_key=key, max_retries=0, http_client=http)


@pytest.fixture
def claude(gateway, provider):
    with client(gateway, "sk-ant-test-1") as mine:
        yield mine


@pytest.fixture
def stranger(gateway, provider):
    with client(gateway, "sk-ant-test-2") as other:
        yield other


def results(claude: anthropic.Anthropic, key: str) -> dict[str, Any]:
    return {line.custom_id: line.result for line in claude.messages.batches.results(key)}


def test_a_batch_comes_back_with_what_was_sent(claude, provider):
    made = claude.messages.batches.create(requests=BATCH)
    assert (made.processing_status, made.results_url) == ("in_progress", None)
    got = results(claude, made.id)
    assert list(got) == ["request-3", PHONE, "request-1"]
    assert EN in got["request-1"].message.content[0].text
    assert ZH in got[PHONE].message.content[0].text
    assert EN in got["request-3"].error.error.message
    assert leaked(provider.requests, PLANTED) == []
    sent = json.loads(provider.requests[0].body)
    assert [request["custom_id"] == was["custom_id"] for request, was in zip(sent["requests"], BATCH, strict=True)] == [
        True,
        False,
        True,
    ]
    batch = claude.messages.batches.retrieve(made.id)
    assert batch.request_counts.succeeded == 2
    assert batch.results_url == f"https://api.anthropic.com/v1/messages/batches/{made.id}/results"
    assert [request.path for request in provider.requests][1:3] == [
        f"/v1/messages/batches/{made.id}",
        f"/v1/messages/batches/{made.id}/results",
    ]


def test_a_batch_is_listed_canceled_and_deleted(claude, stranger, provider):
    made, theirs = (who.messages.batches.create(requests=[one("1", EN)]) for who in (claude, stranger))
    assert {batch.id for batch in claude.messages.batches.list()} == {made.id, theirs.id}
    assert claude.messages.batches.cancel(made.id).processing_status == "canceling"
    assert results(claude, made.id)["1"].type == "canceled"
    assert claude.messages.batches.delete(made.id).type == "message_batch_deleted"
    provider.requests.clear()
    with pytest.raises(anthropic.NotFoundError) as caught:
        claude.messages.batches.retrieve(made.id)
    assert caught.value.body["error"]["code"] == "stored_state"
    assert provider.requests == []


def test_two_keys_do_not_meet(claude, stranger, provider):
    mine, theirs = (who.messages.batches.create(requests=BATCH) for who in (claude, stranger))
    first, second = (json.loads(request.body) for request in provider.requests)
    assert first["requests"][0]["params"]["messages"] != second["requests"][0]["params"]["messages"]
    my_file, their_file = (who.beta.files.upload(file=("a.txt", EN.encode())) for who in (claude, stranger))
    claude.messages.batches.retrieve(mine.id)
    stranger.messages.batches.retrieve(theirs.id)
    provider.requests.clear()
    asks = [
        lambda: stranger.messages.batches.results(mine.id),
        lambda: claude.messages.batches.cancel(theirs.id),
        lambda: stranger.get(f"/v1/messages/batches/{mine.id}/results", cast_to=object),
        lambda: claude.beta.files.download(their_file.id),
        lambda: stranger.beta.files.retrieve_metadata(my_file.id),
    ]
    for ask in asks:
        with pytest.raises(anthropic.NotFoundError) as caught:
            ask()
        assert caught.value.body["error"]["code"] == "stored_state"
    assert provider.requests == []
    for who, batch in ((stranger, theirs), (claude, mine), (stranger, theirs)):
        assert EN in results(who, batch.id)["request-1"].message.content[0].text
    assert claude.beta.files.download(my_file.id).read() == EN.encode()
    assert stranger.beta.files.download(their_file.id).read() == EN.encode()


@pytest.mark.parametrize(
    ("name", "content", "media"),
    [
        ("notes.txt", f"{EN}\n\n{ZH}\n".encode(), "text/plain"),
        ("table.csv", f"who,mail\n{NAME},{EMAIL}\n".encode(), "text/csv"),
        (
            "data.json",
            json.dumps({"who": [NAME, "张伟"], "mail": EMAIL}, indent=1, ensure_ascii=False).encode(),
            "application/json",
        ),
        (f"{NAME}.md", b"# Nothing\r\n\r\nof anybody's\r\n", "text/markdown"),
    ],
)
def test_files_of_text_go_masked_and_come_back(claude, stranger, provider, name, content, media):
    made = claude.beta.files.upload(file=(name, content, media))
    assert (made.filename, made.type) == (name, "file")
    assert leaked(provider.requests, PLANTED) == []
    assert not [value for value in PLANTED if value.encode() in provider.files[made.id][1]]
    assert claude.beta.files.download(made.id).read() == content
    assert claude.beta.files.retrieve_metadata(made.id).filename == name
    assert [file.filename for file in claude.beta.files.list()] == [name]
    assert [file.filename == name for file in stranger.beta.files.list()] == [NAME not in name]
    assert claude.beta.files.delete(made.id).type == "file_deleted"
    with pytest.raises(anthropic.NotFoundError):
        claude.beta.files.retrieve_metadata(made.id)


def of_file(file_id: str, kind: str = "document") -> list[dict[str, Any]]:
    part = {"type": "container_upload", "file_id": file_id}
    if kind != "container_upload":
        part = {"type": kind, "source": {"type": "file", "file_id": file_id}}
    return [part, {"type": "text", "text": "Who is it?"}]


def test_a_message_may_name_a_file_of_the_callers(claude, stranger, provider):
    file = claude.beta.files.upload(file=("notes.txt", f"{EN} {ZH}".encode()))
    for kind in ("document", "container_upload"):
        ask = [{"role": "user", "content": of_file(file.id, kind)}]
        said = claude.beta.messages.create(model=MODEL, max_tokens=99, messages=ask).content[0].text
        assert EN in said and ZH in said
        with claude.beta.messages.stream(model=MODEL, max_tokens=99, messages=ask) as stream:
            assert "".join(stream.text_stream) == said
    batch = claude.messages.batches.create(requests=[one("1", of_file(file.id))])
    assert EN in results(claude, batch.id)["1"].message.content[0].text
    assert leaked(provider.requests, PLANTED) == []
    provider.requests.clear()
    for who, named in ((stranger, file.id), (claude, "file_011CNha8iCJcU1wXNR6q4V8w")):
        with pytest.raises(anthropic.PermissionDeniedError, match="Upload the file through the gateway"):
            who.beta.messages.create(model=MODEL, max_tokens=99, messages=[{"role": "user", "content": of_file(named)}])
    text = {"type": "text", "text": "IBAN GB82 WEST 1234 5698 7654 32"}
    with pytest.raises(anthropic.BadRequestError) as caught:
        claude.beta.messages.create(
            model=MODEL, max_tokens=99, messages=[{"role": "user", "content": [*of_file(file.id), text]}]
        )
    assert caught.value.body["error"]["code"] == "reroute_stored_state"
    assert provider.requests == []


def test_what_a_tool_has_made_is_handed_out_restored(claude, stranger, provider):
    tools = [{"type": "code_execution_20250825", "name": "code_execution"}]
    ask = [{"role": "user", "content": EN}]
    said = claude.beta.messages.create(model=MODEL, max_tokens=99, messages=ask, tools=tools).content
    batch = claude.messages.batches.create(requests=[one("1", EN, tools=tools)])
    of_batch = results(claude, batch.id)["1"].message.content
    for made in (blocks[-1].content.content[0].file_id for blocks in (said, of_batch)):
        assert EN.encode() in claude.beta.files.download(made).read()
        with pytest.raises(anthropic.NotFoundError):
            stranger.beta.files.download(made)
    assert leaked(provider.requests, PLANTED) == []


@pytest.mark.parametrize(
    ("name", "content", "code", "said"),
    [
        ("cv.pdf", b"%PDF-1.7 \xff", "blocked_by_policy", "file content"),
        ("cv.txt", b"%PDF-1.7 \xff", "blocked_by_policy", "file content"),
        ("p.png", b"\x89PNG\r\n\x1a\n", "blocked_by_policy", "image content"),
        ("a.txt", b"card 4111 1111 1111 1111", "blocked_by_policy", "rule 'none'"),
        ("a.txt", b"IBAN GB82 WEST 1234 5698 7654 32", "reroute_unsupported", "anthropic.files"),
    ],
)
def test_what_cannot_go_is_refused(claude, provider, name, content, code, said):
    with pytest.raises(anthropic.APIStatusError, match=said) as caught:
        claude.beta.files.upload(file=(name, content))
    assert caught.value.body["error"]["code"] == code
    assert provider.requests == []


def test_one_request_of_a_batch_refuses_it_whole(claude, provider):
    image = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}]
    for bad in (one("2", image), one("2", "card 4111 1111 1111 1111")):
        with pytest.raises(anthropic.PermissionDeniedError):
            claude.messages.batches.create(requests=[one("1", "Hello"), bad])
    assert provider.requests == []


def test_results_come_through_a_base_url_too(tmp_path):
    """The URL of the results names the provider's own host; the SDK would go there, past the gateway."""
    with Claude(plain=True) as plain, GatewayProcess(tmp_path, None, {}, ["--reverse", plain.url]) as gateway:
        with anthropic.Anthropic(api_key="k", base_url=gateway.base_urls[0], max_retries=0) as claude:
            for content in (EN, "Hello"):
                batch = claude.messages.batches.create(requests=[one("1", content)])
                assert content in results(claude, batch.id)["1"].message.content[0].text
                path = f"/v1/messages/batches/{batch.id}/results"
                assert claude.messages.batches.retrieve(batch.id).results_url == path
                assert path in [batch.results_url for batch in claude.messages.batches.list()]
        assert leaked(plain.requests, PLANTED) == []
