"""The stock ``openai`` package's files and batches through a gateway: what leaves, what comes back, and for whom."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import openai
import pytest

from tests.doubles.openai_files import Files
from tests.e2e.harness import GatewayProcess
from tests.e2e.leaks import leaked

NAME, EMAIL = "Maria Gonzalez", "maria.gonzalez@example.com"
EN, ZH = f"Please write to {NAME} ({EMAIL}).", "请给张伟打电话，手机 13912345678。"
PLANTED = [NAME, EMAIL, "张伟", "13912345678"]
MODEL = "gpt-5.1"


def line(number: str, text: str, url: str = "/v1/chat/completions") -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": text}]} if "chat" in url else {"input": text}
    return {"custom_id": number, "method": "POST", "url": url, "body": {"model": MODEL, **body}}


def jsonl(*lines: Any) -> bytes:
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in lines)


BATCH = jsonl(line("request-1", EN), line(EMAIL, ZH), line("request-3", EN, "/v1/responses"), line("4", EN, "/v1/none"))


@pytest.fixture(scope="module")
def running():
    with Files() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(running, tmp_path_factory):
    rules = [
        {"name": "local", "when": {"endpoints": ["openai.files"], "entities": ["IBAN_CODE"]}, "action": "reroute"},
        {"name": "none", "when": {"endpoints": ["openai.files"], "entities": ["CREDIT_CARD"]}, "action": "block"},
    ]
    policy = {"rules": rules, "reroute_to": "here", "unreadable": {"audio": "allow"}}
    changes = {"policy": policy, "onprem": {"here": {"url": "http://127.0.0.1:9"}}}
    with GatewayProcess(tmp_path_factory.mktemp("files"), running, changes) as process:
        yield process


@pytest.fixture
def provider(running):
    running.clear()
    return running


def client(gateway: GatewayProcess, key: str) -> openai.OpenAI:
    http = openai.DefaultHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
    return openai.OpenAI(api_key=key, max_retries=0, http_client=http)


@pytest.fixture
def oai(gateway, provider):
    with client(gateway, "sk-test-1") as one:
        yield one


@pytest.fixture
def stranger(gateway, provider):
    with client(gateway, "sk-test-2") as other:
        yield other


def run_batch(oai: openai.OpenAI, content: bytes = BATCH, **more: Any) -> Any:
    file = oai.files.create(file=(f"{NAME}.jsonl", content), purpose="batch")
    made = oai.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", **more)
    return file, oai.batches.retrieve(made.id)


def test_a_batch_comes_back_with_what_was_sent(oai, provider):
    file, batch = run_batch(oai, metadata={"for": EMAIL})
    assert file.filename == f"{NAME}.jsonl"
    assert batch.metadata == {"for": EMAIL}
    assert leaked(provider.requests, PLANTED) == []
    assert not [value for value in PLANTED for _, held in provider.files.values() if value.encode() in held]
    results = [json.loads(one) for one in oai.files.content(batch.output_file_id).text.splitlines()]
    assert [one["custom_id"] for one in results] == ["request-1", EMAIL, "request-3"]
    said = [one["response"]["body"] for one in results]
    assert EN in said[0]["choices"][0]["message"]["content"]
    assert ZH in said[1]["choices"][0]["message"]["content"]
    assert EN in said[2]["output"][0]["content"][0]["text"]
    failed = json.loads(oai.files.content(batch.error_file_id).text)
    assert EN in failed["error"]["message"]
    assert oai.files.content(file.id).content == BATCH
    assert oai.files.retrieve(file.id).filename == f"{NAME}.jsonl"
    assert oai.batches.cancel(batch.id).metadata == {"for": EMAIL}
    sent = [json.loads(one) for one in provider.files[file.id][1].splitlines()]
    assert [one["custom_id"] == was for one, was in zip(sent, ["request-1", EMAIL], strict=False)] == [True, False]
    assert [set(one) for one in sent] == [{"custom_id", "method", "url", "body"}] * 4


def test_lists_are_restored_as_far_as_they_are_the_callers(oai, stranger, provider):
    file, batch = run_batch(oai, metadata={"for": EMAIL})
    theirs = stranger.files.create(file=("王芳 13812345678.txt", ZH.encode()), purpose="assistants")
    mine = {one.id: one.filename for one in oai.files.list()}
    assert mine[file.id] == f"{NAME}.jsonl"
    assert "13812345678" not in mine[theirs.id]
    assert {one.id: one.filename for one in stranger.files.list()}[theirs.id] == "王芳 13812345678.txt"
    assert [one.metadata for one in oai.batches.list()] == [{"for": EMAIL}]
    assert [one.metadata == {"for": EMAIL} for one in stranger.batches.list()] == [False]
    second = oai.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    listed = {one.id: one for one in oai.batches.list()}[second.id]
    assert EN in oai.files.content(listed.output_file_id).text
    assert batch.id != second.id


def test_two_keys_do_not_meet(oai, stranger, provider):
    (mine, my_batch), (theirs, their_batch) = run_batch(oai), run_batch(stranger)
    assert provider.files[mine.id][1] != provider.files[theirs.id][1]
    asks = [
        lambda: stranger.files.content(mine.id),
        lambda: stranger.files.content(my_batch.output_file_id),
        lambda: oai.files.retrieve(theirs.id),
        lambda: oai.batches.retrieve(their_batch.id),
    ]
    provider.requests.clear()
    for ask in asks:
        with pytest.raises(openai.NotFoundError) as caught:
            ask()
        assert caught.value.code == "stored_state"
    with pytest.raises(openai.BadRequestError) as refused:
        oai.batches.create(input_file_id=theirs.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert refused.value.code == "stored_state"
    assert provider.requests == []
    assert EN in stranger.files.content(their_batch.output_file_id).text
    assert EN in oai.files.content(my_batch.output_file_id).text


def test_what_is_deleted_is_forgotten(oai, provider):
    file, _ = run_batch(oai)
    assert oai.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError) as caught:
        oai.files.content(file.id)
    assert caught.value.code == "stored_state"


@pytest.mark.parametrize(
    ("purpose", "name", "content"),
    [
        ("assistants", "notes.txt", f"{EN}\n\n{ZH}\n".encode()),
        ("user_data", "table.csv", f"who,mail\n{NAME},{EMAIL}\n".encode()),
        (
            "user_data",
            "data.json",
            json.dumps({"who": [NAME, "张伟"], "mail": EMAIL}, indent=1, ensure_ascii=False).encode(),
        ),
        ("evals", "items.jsonl", b"\xef\xbb\xbf" + jsonl({"item": {"q": EN}}, {"item": {"q": ZH}})),
        ("fine-tune", "train.jsonl", jsonl({"messages": [{"role": "user", "content": EN}]}, {"prompt": ZH})),
        ("assistants", "plain.md", b"# Nothing\r\n\r\nof anybody's\r\n"),
    ],
)
def test_files_of_text_go_masked_and_come_back(oai, provider, purpose, name, content):
    file = oai.files.create(file=(name, content), purpose=purpose)
    held = provider.files[file.id][1]
    assert not [value for value in PLANTED if value.encode() in held]
    assert leaked(provider.requests, PLANTED) == []
    assert (held == content) is (name == "plain.md")
    assert oai.files.content(file.id).content == content


def test_a_job_is_made_of_a_file(oai, stranger, provider):
    file = oai.files.create(file=("t.jsonl", jsonl({"prompt": EN, "completion": ZH})), purpose="fine-tune")
    assert oai.fine_tuning.jobs.create(training_file=file.id, model="gpt-4o-mini").training_file == file.id
    with pytest.raises(openai.BadRequestError):
        stranger.fine_tuning.jobs.create(training_file=file.id, model="gpt-4o-mini")


REFUSED: list[Any] = [
    ("batch", "b.jsonl", BATCH + b'{"custom_id": "x", "body": \n', 400, "malformed_json", "line 5"),
    ("batch", "b.jsonl", BATCH + b"\r\n\r\n[]\r\n", 400, "malformed_line", "line 7"),
    ("batch", "b.jsonl", BATCH + jsonl(line("5", "card 4111 1111 1111 1111")), 403, "blocked_by_policy", "rule 'none'"),
    (
        "batch",
        "b.jsonl",
        jsonl(line("1", "IBAN GB82 WEST 1234 5698 7654 32")),
        400,
        "reroute_unsupported",
        "openai.files",
    ),
    ("fine-tune", "t.jsonl", b"hello\n", 400, "malformed_json", "line 1"),
    ("assistants", "cv.pdf", b"%PDF-1.7 \xff", 403, "blocked_by_policy", "file content"),
    ("assistants", "cv.txt", b"%PDF-1.7 \xff", 403, "blocked_by_policy", "file content"),
    ("assistants", "nul.txt", b"Maria\x00Gonzalez", 403, "blocked_by_policy", "binary content"),
    ("vision", "p.png", b"\x89PNG\r\n\x1a\n", 403, "blocked_by_policy", "image content"),
]


@pytest.mark.parametrize(("purpose", "name", "content", "status", "code", "said"), REFUSED)
def test_what_cannot_go_is_refused_whole(oai, provider, purpose, name, content, status, code, said):
    with pytest.raises(openai.APIStatusError) as caught:
        oai.files.create(file=(name, content), purpose=purpose)
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert said in caught.value.message
    assert not [value for value in PLANTED if value in caught.value.message]
    assert provider.requests == []


def test_an_unreadable_part_is_named_by_its_line(oai, provider):
    picture = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]
    body = {"model": MODEL, "messages": [{"role": "user", "content": picture}]}
    content = jsonl(line("1", "Hello"), {**line("2", ""), "body": body})
    with pytest.raises(openai.PermissionDeniedError, match=r"image content.*line 2"):
        oai.files.create(file=("b.jsonl", content), purpose="batch")
    assert provider.requests == []


def test_a_request_may_name_a_file_of_the_callers(oai, stranger, provider):
    file = oai.files.create(file=("notes.txt", f"{EN} {ZH}".encode()), purpose="user_data")
    chat = [{"type": "file", "file": {"file_id": file.id}}, {"type": "text", "text": "Who?"}]
    items = [{"type": "input_file", "file_id": file.id}, {"type": "input_text", "text": "Who?"}]
    provider.next(say=provider.files[file.id][1].decode())  # it has read the file
    said = oai.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": chat}])
    assert said.choices[0].message.content == f"{EN} {ZH}"
    provider.next(say=provider.files[file.id][1].decode())
    response = oai.responses.create(model=MODEL, input=[{"role": "user", "content": items}])
    assert response.output_text == f"{EN} {ZH}"
    named = {**line("1", ""), "body": {"model": MODEL, "messages": [{"role": "user", "content": chat}]}}
    assert oai.files.create(file=("b.jsonl", jsonl(named)), purpose="batch").status == "processed"
    provider.requests.clear()
    with pytest.raises(openai.PermissionDeniedError, match="Upload the file through the gateway"):
        stranger.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": chat}])
    with pytest.raises(openai.PermissionDeniedError, match="Upload the file through the gateway"):
        stranger.responses.create(model=MODEL, input=[{"role": "user", "content": items}])
    with pytest.raises(openai.PermissionDeniedError, match="line 1"):
        stranger.files.create(file=("b.jsonl", jsonl(named)), purpose="batch")
    assert provider.requests == []


CARD = "4111 1111 1111 1111"
ODD_PLACES = [
    ("batch", CARD, jsonl(line("1", "Hello")), {}),
    ("batch", "b.jsonl", jsonl({**line(CARD, "Hello")}), {}),
    ("batch", "b.jsonl", jsonl({**line("1", "Hello"), "note": {CARD: 1}}), {}),
    ("batch", "b.jsonl", jsonl(line("1", CARD, "/v1/none")), {}),
    ("fine-tune", "t.jsonl", jsonl({"prompt": "Hello", "reference": [CARD]}), {}),
    ("user_data", "a.json", json.dumps({"a": {CARD: []}}).encode(), {}),
    ("user_data", "a.txt", b"Hello", {"note": CARD}),
    (f"for {CARD}", "a.txt", b"Hello", {}),
]


@pytest.mark.parametrize(("purpose", "name", "content", "more"), ODD_PLACES)
def test_nothing_of_a_form_is_passed_over(oai, provider, purpose, name, content, more):
    with pytest.raises(openai.PermissionDeniedError, match="rule 'none'"):
        oai.files.create(file=(name, content), purpose=purpose, extra_body=more)
    assert provider.requests == []


def test_odd_ways(oai, gateway, provider):
    file, batch = run_batch(oai)
    with pytest.raises(openai.BadRequestError) as caught:
        oai.files.content(file.id, extra_headers={"Range": "bytes=0-10"})
    assert caught.value.code == "range_refused"
    with pytest.raises(openai.BadRequestError) as caught:
        oai.uploads.create(bytes=3, filename="a.txt", mime_type="text/plain", purpose="assistants")
    assert caught.value.code == "upload_parts_refused"
    heard = oai.audio.transcriptions.create(file=("a.mp3", b"ID3\x00\xff"), model="whisper-1", prompt=NAME)
    assert heard.text == f"It says {NAME}."
    plain = httpx.Request("POST", "https://x.example", files={"file": ("b.jsonl", BATCH)}, data={"purpose": "batch"})
    plain.read()
    headers = {"content-type": plain.headers["content-type"], "content-encoding": "gzip", "authorization": "Bearer k"}
    with httpx.Client(proxy=gateway.proxy, verify=gateway.trust) as http:
        url = "https://api.openai.com/openai/files?api-version=2025-04-01"
        sent = http.post(url, headers=headers, content=gzip.compress(plain.content))
    assert (sent.status_code, sent.json()["purpose"]) == (200, "batch")
    assert leaked(provider.requests, PLANTED) == []
    assert batch.status == "completed"
