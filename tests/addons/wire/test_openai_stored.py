"""Which stored object a path means, and what becomes of requests to it and replies from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from addons.wire import registry
from addons.wire.openai_stored import StoredState
from addons.wire.stored import CODE, explain
from tests.addons.wire.doubles import Restoration

PLACEHOLDER, VALUE = "PERSON_K1AAAAAA", 'Maria "Mia" Jansen'
RESP, CONV, CHAT = ("response", "resp_1"), ("conversation", "conv_1"), ("completion", "chatcmpl-1")
PATHS: list[Any] = [
    ("GET", "/v1/responses/resp_1", RESP, None, RESP, None),
    ("GET", "/v1/responses/resp_1/input_items", RESP, None, RESP, None),
    ("POST", "/v1/responses/resp_1/cancel", RESP, RESP, RESP, None),
    ("DELETE", "/v1/responses/resp_1", RESP, None, None, RESP),
    ("GET", "/openai/v1/responses/resp_1", RESP, None, RESP, None),
    ("GET", "/v1/conversations/conv_1", CONV, None, CONV, None),
    ("POST", "/v1/conversations/conv_1", CONV, CONV, CONV, None),
    ("DELETE", "/v1/conversations/conv_1", CONV, None, None, CONV),
    ("GET", "/v1/conversations/conv_1/items", CONV, None, CONV, None),
    ("POST", "/v1/conversations/conv_1/items", CONV, CONV, CONV, None),
    ("GET", "/v1/conversations/conv_1/items/msg_1", CONV, None, CONV, None),
    ("DELETE", "/v1/conversations/conv_1/items/msg_1", CONV, None, None, ("item", "msg_1")),
    ("GET", "/v1/chat/completions/chatcmpl-1", CHAT, None, CHAT, None),
    ("POST", "/v1/chat/completions/chatcmpl-1", CHAT, CHAT, CHAT, None),
    ("GET", "/v1/chat/completions/chatcmpl-1/messages", CHAT, None, CHAT, None),
    ("DELETE", "/v1/chat/completions/chatcmpl-1", CHAT, None, None, CHAT),
]


def codec_of(method: str, path: str) -> StoredState:
    endpoint = registry.match("openai", method, path)
    assert endpoint is not None
    assert isinstance(endpoint.codec, StoredState)
    return endpoint.codec


@pytest.mark.parametrize(("method", "path", "meant", "adds_to", "part_of", "deletes"), PATHS)
@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_path_names_its_object(
    method: str, path: str, meant: Any, adds_to: Any, part_of: Any, deletes: Any, body: bytes
) -> None:
    codec = codec_of(method, path)
    use = (codec.parse_request(body) if body else codec.parse_empty()).stored
    (named,) = use.named
    assert (named.object, named.needed, named.status) == (meant, method != "DELETE", 404)
    assert (use.adds_to, use.part_of, use.deletes, use.creates) == (adds_to, part_of, deletes, False)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/chat/completions"),
        ("GET", "/v1/conversations"),
        ("GET", "/v1/responses/resp_1/else"),
        ("GET", "/v1/conversations/conv_1/else"),
        ("GET", "/v1/responses/a b"),
    ],
)
def test_what_names_no_object_leans_on_something_unknown(method: str, path: str) -> None:
    (named,) = codec_of(method, path).parse_empty().stored.named
    assert (named.object, named.needed) == (("", ""), True)


def test_a_new_conversation_leans_on_nothing_but_a_vault() -> None:
    body = {"items": [{"role": "user", "content": "Hello Bo"}], "metadata": {"who": "Bo"}}
    request = codec_of("POST", "/v1/conversations").parse_request(json.dumps(body).encode())
    (named,) = request.stored.named
    assert (named.object, request.stored.creates) == (None, True)
    assert [(segment.role, segment.text) for segment in request.segments] == [("user", "Hello Bo"), ("metadata", "Bo")]


def test_why_it_is_refused_is_told_apart() -> None:
    (named,) = codec_of("GET", "/v1/responses/resp_1").parse_empty().stored.named
    off, unknown = explain(named, kept=False), explain(named, kept=True)
    assert "does not keep" in off and "does not know" in unknown
    assert "resp_1" not in off + unknown
    assert json.loads(codec_of("GET", "/v1/responses/r").refusal(404, CODE, off).body)["error"]["code"] == CODE


MESSAGE = {"type": "message", "id": "msg_1", "role": "user", "content": [{"type": "input_text", "text": PLACEHOLDER}]}
REPLIES: list[Any] = [
    ({"object": "list", "data": [MESSAGE], "has_more": False, "first_id": "msg_1"}, [("item", "msg_1")]),
    (MESSAGE, [("item", "msg_1")]),
    ({"object": "conversation", "id": "conv_1", "metadata": {"who": PLACEHOLDER}}, [CONV]),
    ({"object": "response", "id": "resp_1", "status": "queued", "output": [MESSAGE]}, [RESP, ("item", "msg_1")]),
    (
        {"object": "response", "id": "resp_1", "status": "failed", "error": {"code": "x", "message": PLACEHOLDER}},
        [RESP],
    ),
    ({"object": "list", "data": [{"id": "chatcmpl-1-0", "role": "user", "content": f"To {PLACEHOLDER}"}]}, []),
    ({"object": "chat.completion", "id": "chatcmpl-1", "choices": [{"message": {"content": PLACEHOLDER}}]}, [CHAT]),
]


@pytest.mark.parametrize(("answer", "named"), REPLIES)
def test_what_is_read_back_is_restored_and_named(answer: Any, named: Any) -> None:
    restored, facts = codec_of("GET", "/v1/responses/resp_1").restore_reply(json.dumps(answer).encode(), Restoration())
    assert PLACEHOLDER.encode() not in restored
    assert json.dumps(VALUE)[1:-1] in json.dumps(json.loads(restored))
    assert list(facts.objects) == named
    assert facts.complete
