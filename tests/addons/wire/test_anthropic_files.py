"""Anthropic's files and batches: what their paths mean, and where a client is sent for a batch's results."""

from __future__ import annotations

import json
from typing import Any

import pytest

from addons.reading import Reading
from addons.wire import registry
from addons.wire.anthropic_messages import AnthropicMessages
from addons.wire.content import read_body
from addons.wire.metadata import read_metadata
from addons.wire.openai_chat import OpenAIChat
from addons.wire.openai_responses import OpenAIResponses
from addons.wire.types import Codec, KnowsBaseUrl, StoredObject
from tests.addons.wire.doubles import Restoration

URL = "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results"
FILE = StoredObject("file", "file_011CNha8iCJcU1wXNR6q4V8w")


@pytest.mark.parametrize(
    ("method", "path", "named", "deletes"),
    [
        ("GET", "/v1/files/file_1", ("file", "file_1"), None),
        ("GET", "/proxy/v1/files/file_1/content", ("file", "file_1"), None),
        ("DELETE", "/v1/files/file_1", ("file", "file_1"), ("file", "file_1")),
        ("DELETE", "/v1/messages/batches/msgbatch_1", ("batch", "msgbatch_1"), ("batch", "msgbatch_1")),
        ("POST", "/v1/messages/batches/msgbatch_1/cancel", ("batch", "msgbatch_1"), None),
    ],
)
def test_a_path_names_its_object(method: str, path: str, named: Any, deletes: Any) -> None:
    endpoint = registry.match("anthropic", method, path)
    assert endpoint is not None
    use = endpoint.codec.parse_empty().stored  # type: ignore[attr-defined]
    assert (use.named[0].object, use.named[0].needed, use.deletes) == (named, deletes is None, deletes)
    refusal = json.loads(endpoint.codec.refusal(404, "stored_state", "gone").body)
    assert (refusal["type"], refusal["error"]["type"]) == ("error", "not_found_error")


@pytest.mark.parametrize("provider", ["anthropic", None])
def test_batches_are_anthropics_whatever_the_host(provider: str | None) -> None:
    for method, path in (("POST", ""), ("GET", ""), ("GET", "/m"), ("POST", "/m/cancel"), ("GET", "/m/results")):
        endpoint = registry.match(provider, method, "/v1/messages/batches" + path)
        assert endpoint is not None
        assert endpoint.name == "anthropic.batches"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/v1/messages/batches", "/v1/messages/batches/msgbatch_1"])
def test_a_base_url_leads_to_the_results_by_their_path(method: str, path: str) -> None:
    if method == "POST" and path.endswith("_1"):
        path += "/cancel"
    endpoint = registry.match(None, method, path)
    assert endpoint is not None and isinstance(endpoint.codec, KnowsBaseUrl)
    behind = endpoint.codec.for_base_url()
    batch = {"id": "msgbatch_1", "type": "message_batch", "results_url": URL}
    other = "https://storage.example.com/signed?of=NAME_K3CCCCCC"
    for url, told in ((URL, URL.removeprefix("https://api.anthropic.com")), (None, None), (other, None)):
        for reply in ({**batch, "results_url": url}, {"data": [{**batch, "results_url": url}], "has_more": False}):
            raw = json.dumps(reply).encode()
            out, facts = behind.restore_reply(raw, Restoration())
            new = json.loads(out)
            new = new["data"][0] if "data" in new else new
            assert new["results_url"] == (told if url != other else "https://storage.example.com/signed?of=王秀英")
            if url != other:
                assert endpoint.codec.restore_reply(raw, Restoration())[0] == raw
            assert facts.complete
    plain, bound = (read_body(codec, "application/json", b'{"requests": []}') for codec in (endpoint.codec, behind))
    assert plain.stored == bound.stored  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("more", "creates"),
    [
        ({}, False),
        ({"container": None, "tools": [{"name": "f"}]}, False),
        ({"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]}, True),
        ({"container": "container_1"}, True),
    ],
)
def test_tools_may_make_files_and_the_reply_names_them(more: Any, creates: bool) -> None:
    codec = AnthropicMessages()
    request = codec.parse_request(json.dumps({"model": "m", "messages": [], **more}).encode())
    assert request.stored.creates is creates
    result = {"type": "bash_code_execution_result", "content": [{"file_id": FILE.id}, {"file_id": None}, 7]}
    block = {"type": "bash_code_execution_tool_result", "tool_use_id": "t", "content": result}
    message = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "x"}, block, 7]}
    assert list(codec.restore_reply(json.dumps(message).encode(), Restoration())[1].objects) == [FILE]
    results = registry.match("anthropic", "GET", "/v1/messages/batches/m/results")
    assert results is not None
    lines = [json.dumps({"custom_id": "1", "result": {"type": "succeeded", "message": message}}), '{"file_id"', "[]"]
    assert list(results.codec.restore_reply("\n".join(lines).encode(), Restoration())[1].objects) == [FILE]
    stream = codec.open_stream(Restoration())
    event = {"type": "content_block_start", "index": 0, "content_block": block}
    stream.feed(f"event: content_block_start\ndata: {json.dumps(event)}\n\n".encode())
    assert list(stream.facts.objects) == [FILE]


def part(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, **more}


BY_ID: list[tuple[Codec, str, Any, str]] = [
    (AnthropicMessages(), "messages", part("document", source=part("file", file_id=FILE.id)), "file"),
    (AnthropicMessages(), "messages", part("container_upload", file_id=FILE.id), "file"),
    (AnthropicMessages(), "messages", part("image", source=part("file", file_id=FILE.id)), "image"),
    (OpenAIChat(), "messages", part("file", file={"file_id": FILE.id}), "file"),
    (OpenAIResponses(), "input", part("input_file", file_id=FILE.id), "file"),
    (OpenAIResponses(), "input", part("input_image", file_id=FILE.id), "image"),
]


def reading(codec: Codec, member: str, content: Any) -> Reading:
    body = {"model": "m", member: [{"role": "user", "content": [content]}], "store": False}
    return Reading(codec.parse_request(json.dumps(body).encode()), read_metadata((), "/"))


@pytest.mark.parametrize(("codec", "member", "content", "kind"), BY_ID)
def test_a_file_by_its_id_is_unreadable_unless_it_is_known(codec: Codec, member: str, content: Any, kind: str) -> None:
    read = reading(codec, member, content)
    assert [(one.object, one.needed) for one in read.stored.named] == [(FILE, False)]
    read.know({})
    assert ([one.kind for one in read.unreadable], read.leans_on_files) == ([kind], False)
    read.know({FILE: {}})
    assert (list(read.unreadable), read.leans_on_files) == ([], True)


@pytest.mark.parametrize(
    ("codec", "member", "content"),
    [
        (AnthropicMessages(), "messages", part("document", source=part("file"))),
        (AnthropicMessages(), "messages", part("image", source=part("base64", data="iVBORw0KGgo=", file_id=FILE.id))),
        (OpenAIResponses(), "input", part("input_image", image_url="data:image/png;base64,AA==", file_id=FILE.id)),
        (OpenAIChat(), "messages", part("file", file={"file_id": {"id": FILE.id}})),
    ],
)
def test_what_is_sent_beside_an_id_is_not_known_by_it(codec: Codec, member: str, content: Any) -> None:
    read = reading(codec, member, content)
    read.know({FILE: {}})
    assert read.unreadable
    assert not read.leans_on_files
