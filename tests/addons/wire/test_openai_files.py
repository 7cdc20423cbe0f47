"""Files of lines and of text, put together again; and what paths of stored files have to do with the vault."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.wire import registry
from addons.wire.file_content import kind_of, parse_file, pieces
from addons.wire.jsonl import lines, parse_lines
from addons.wire.openai_batches import parse_batch, parse_examples
from addons.wire.openai_files import restore_file
from addons.wire.types import UnreadableKind, WireError
from tests.addons.wire.doubles import VALUES, Restoration

LINE = {"custom_id": "request-1", "method": "POST", "url": "/v1/chat/completions"}
CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hello Bo"}]}
ENDS = st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\n \t\r\n"])
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)


@given(st.lists(st.tuples(TEXTS, ENDS), max_size=6), st.booleans(), st.booleans())
def test_lines_come_back_and_only_what_changes_changes(given: list[tuple[str, bytes]], mark: bool, ended: bool) -> None:
    data = [json.dumps({"a": text}).encode() for text, _ in given]
    ends = [end for _, end in given]
    if ends and not ended:
        ends[-1] = b""
    body = (b"\xef\xbb\xbf" if mark else b"") + b"".join(one + end for one, end in zip(data, ends, strict=True))
    request = parse_file(body, "application/jsonl")
    assert request.encode({}) == body
    if not given:
        return
    read = parse_batch(b"".join(json.dumps({**LINE, "body": CHAT}).encode() + end for end in ends))
    changed = {i: "Hello PERSON_X" for i, one in enumerate(read.segments) if one.text == "Hello Bo"}
    assert len(changed) == len(given)
    assert read.encode(changed) == read.encode({}).replace(b"Hello Bo", b"Hello PERSON_X")


@given(st.lists(st.sampled_from([b"{}", b"", b" ", b"\r"]), max_size=8))
def test_lines_are_counted_as_editors_do(given: list[bytes]) -> None:
    body = b"\n".join(given)
    assert [line.number for line in lines(body)] == [i for i, one in enumerate(given, 1) if one.strip()]
    assert all(body[line.start : line.end] == line.data for line in lines(body))


@given(st.lists(st.sampled_from(["word " * 900, "\n", "\n\n", "x" * 20_000, "行" * 3000]), max_size=12))
def test_a_text_is_cut_at_line_ends_only(given: list[str]) -> None:
    text = "".join(given)
    cut = pieces(text)
    assert "".join(cut) == text
    assert all(one.endswith("\n") for one in cut[:-1])


@pytest.mark.parametrize(
    ("text", "where", "code"),
    [
        (b'{"body": {}}\n{"body": }', "line 2", "malformed_json"),
        (b'\n\n{"custom_id": "1"}', "line 3", "malformed_line"),
        (b'{"body": {"a": 1, "a": 2}}', "line 1", "duplicate_key"),
        (b'{"url": "/v1/responses", "body": {"input": "x", "previous_response_id": "r"}}', "line 1", "stored_state"),
        (b'{"body": {}}\n\xff', "line 2", "malformed_utf8"),
    ],
)
def test_a_bad_line_is_told_by_its_number(text: bytes, where: str, code: str) -> None:
    with pytest.raises(WireError) as caught:
        parse_batch(text)
    assert (caught.value.code, caught.value.where.partition(",")[0]) == (code, where)


def test_a_batch_line_is_read_by_its_endpoint() -> None:
    tools = [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"to": "Bo"}'}}]}]
    bodies = [
        ("/v1/chat/completions", {"messages": tools}, "[1].body.messages[0].tool_calls[0].function.arguments.$.to"),
        ("/chat/completions", CHAT, "[1].body.messages[0].content"),
        ("/openai/deployments/d/embeddings", {"input": ["Bo"]}, "[1].body.input[0]"),
        ("/v1/unknown", {"anything": "Bo"}, "[1].body.anything"),
    ]
    for url, body, path in bodies:
        read = parse_batch(json.dumps({**LINE, "url": url, "body": body}).encode())
        assert [one.path for one in read.segments] == [path]
    both = parse_batch(json.dumps({**LINE, "custom_id": "for Bo", "body": CHAT}).encode())
    assert (both.segments[0].path, both.segments[0].role) == ("[1].custom_id", "metadata")
    out = json.loads(both.encode({0: "for X", 1: "Hello X"}))
    assert (out["custom_id"], out["body"]["messages"][0]["content"]) == ("for X", "Hello X")


def test_examples_to_train_on_are_read_in_all_their_forms() -> None:
    given = [
        {"messages": CHAT["messages"]},
        {"input": {"messages": CHAT["messages"]}, "preferred_output": CHAT["messages"]},
        {"prompt": "Hello Bo", "completion": "Hello Bo"},
    ]
    read = parse_examples(b"\n".join(json.dumps(one).encode() for one in given))
    assert [one.text for one in read.segments] == ["Hello Bo"] * 5
    with pytest.raises(WireError, match="line 1"):
        parse_lines(b"[", lambda data: parse_examples(data))


@pytest.mark.parametrize(
    ("content", "media", "kind"),
    [
        (b"Hello", "", None),
        ("你好".encode(), "text/plain", None),
        (b"x = 1\n", "application/octet-stream", None),
        (b"Hello", "application/pdf", UnreadableKind.FILE),
        (b"Hello", "image/png", UnreadableKind.IMAGE),
        (b"Hello", "application/x-other-charset", UnreadableKind.FILE),
        (b"junk %PDF-1.4", "text/plain", UnreadableKind.FILE),
        (b"a\x00b", "text/plain", UnreadableKind.BINARY),
        ("Hé".encode("latin-1"), "text/plain", UnreadableKind.BINARY),
        ("Hello".encode("utf-16"), "text/plain", UnreadableKind.BINARY),
        (b"From: a\r\nMIME-Version: 1.0\r\n\r\n", "text/plain", UnreadableKind.FILE),
        (b"{\\rtf1 Bo}", "text/plain", UnreadableKind.FILE),
        (b"RIFF\x00\x00\x00\x00WAVE", "text/plain", UnreadableKind.AUDIO),
    ],
)
def test_a_file_is_text_only_if_it_is_and_says_so(content: bytes, media: str, kind: Any) -> None:
    assert kind_of(content, media) is kind
    assert [one.kind for one in parse_file(content, media).unreadable] == ([] if kind is None else [kind])


def test_files_are_restored_as_what_they_are() -> None:
    token, value = "PERSON_K1AAAAAA", VALUES["PERSON_K1AAAAAA"]
    reply = {"object": "chat.completion", "choices": [{"message": {"role": "assistant", "content": f"Hi {token}"}}]}
    result = {"id": "r", "custom_id": token, "response": {"status_code": 200, "body": reply}, "error": None}
    body = b"\xef\xbb\xbf" + json.dumps(result).encode() + b"\r\n\r\nnot json " + token.encode()
    first, _, last = restore_file(body, Restoration()).removeprefix(b"\xef\xbb\xbf").partition(b"\r\n\r\n")
    read = json.loads(first)
    assert read["custom_id"] == value
    assert read["response"]["body"]["choices"][0]["message"]["content"] == f"Hi {value}"
    assert last.decode() == f"not json {value}"
    whole = json.dumps({"a": token}, indent=2).encode()
    assert json.loads(restore_file(whole, Restoration())) == {"a": value}
    assert restore_file(token.encode() + b"\xff", Restoration()) == token.encode() + b"\xff"
    assert restore_file(b"", Restoration()) == b""


@pytest.mark.parametrize(
    ("method", "path", "named", "part_of", "deletes"),
    [
        ("GET", "/v1/files/file-1", ("file", "file-1"), None, None),
        ("GET", "/openai/files/file-1/content", ("file", "file-1"), None, None),
        ("DELETE", "/v1/files/file-1", ("file", "file-1"), None, ("file", "file-1")),
        ("GET", "/v1/batches/batch_1", ("batch", "batch_1"), ("batch", "batch_1"), None),
        ("POST", "/openai/v1/batches/batch_1/cancel", ("batch", "batch_1"), ("batch", "batch_1"), None),
        ("GET", "/v1/fine_tuning/jobs/ftjob-1/events", ("job", "ftjob-1"), ("job", "ftjob-1"), None),
    ],
)
def test_a_path_names_its_object(method: str, path: str, named: Any, part_of: Any, deletes: Any) -> None:
    endpoint = registry.match("openai", method, path)
    assert endpoint is not None
    use = endpoint.codec.parse_empty().stored  # type: ignore[attr-defined]
    assert (use.named[0].object, use.named[0].needed) == (named, deletes is None)
    assert (use.part_of, use.deletes, use.creates) == (part_of, deletes, False)


def test_anthropics_batches_are_read_and_their_results_restored() -> None:
    made = registry.match("anthropic", "POST", "/v1/messages/batches")
    results = registry.match("anthropic", "GET", "/v1/messages/batches/msgbatch_1/results")
    assert made is not None and results is not None
    body = {"requests": [{"custom_id": "request-1", "params": {**CHAT, "max_tokens": 9}}]}
    request = made.codec.parse_request(json.dumps(body).encode())
    assert [one.path for one in request.segments] == ["$.requests[0].params.messages[0].content"]
    use = request.stored  # type: ignore[attr-defined]
    assert (use.creates, use.named[0].object) == (True, None)
    reply = {"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended", "results_url": None}
    assert list(made.codec.restore_reply(json.dumps(reply).encode(), Restoration())[1].objects) == [
        ("batch", "msgbatch_1")
    ]
    asked = results.codec.parse_empty().stored  # type: ignore[attr-defined]
    assert (asked.named[0].object, asked.named[0].needed) == (("batch", "msgbatch_1"), True)
    message = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi NAME_K3CCCCCC"}]}
    line = {"custom_id": "request-1", "result": {"type": "succeeded", "message": message}}
    out, facts = results.codec.restore_reply(json.dumps(line).encode() + b"\n", Restoration())
    assert json.loads(out)["result"]["message"]["content"][0]["text"] == "Hi 王秀英"
    assert facts.complete
    refusal = json.loads(results.codec.refusal(404, "stored_state", "gone").body)
    assert refusal["type"] == "error"
