"""Headers, query, path and content types."""

from __future__ import annotations

import pytest

from addons.wire.content import read_body
from addons.wire.metadata import read_metadata
from addons.wire.openai_chat import OpenAIChat
from addons.wire.registry import GENERIC, match
from addons.wire.types import UnreadableKind, WireError

HEADERS = (
    ("Authorization", "Bearer maria@example.com"),
    ("Cookie", "user=maria@example.com"),
    ("X-User-Email", "maria@example.com"),
    ("User-Agent", "OpenAI/Python 3.57.0"),
    ("x-stainless-os", "maria@example.com"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"),
    ("x-empty", ""),
)


def test_headers_that_are_text() -> None:
    found = read_metadata(HEADERS, "/v1/x")
    assert [(s.path, s.text) for s in found.segments] == [
        ("header:x-user-email", "maria@example.com"),
        ("header:x-stainless-os", "maria@example.com"),
    ]
    target, headers = found.encode({0: "E_1\r\nX: y"})
    assert target == "/v1/x"
    assert headers[2] == ("X-User-Email", "E_1  X: y")
    assert found.encode({}) == ("/v1/x", list(HEADERS))


def test_query_and_path() -> None:
    target = "/v1/users/maria%40example.com/x?q=Maria+Jansen&api-version=2024-10-21&key=secret&maria%40example.com=1&z"
    found = read_metadata((), target)
    assert [(s.path, s.text) for s in found.segments] == [
        ("path[3]", "maria@example.com"),
        ("query:q", "Maria Jansen"),
        ("query:~3~key", "maria@example.com"),
        ("query:~3", "1"),
    ]
    sent, _ = found.encode({0: "E 1", 1: "王 P", 2: "E_1"})
    assert sent == "/v1/users/E%201/x?q=%E7%8E%8B+P&api-version=2024-10-21&key=secret&E_1=1&z"
    assert not [s for s in read_metadata((), target, free_path=False).segments if s.path.startswith("path")]


@pytest.mark.parametrize(
    ("provider", "method", "path", "name"),
    [
        ("openai", "POST", "/v1/chat/completions", "openai.chat"),
        (None, "post", "/v1/chat/completions", "openai.chat"),
        (None, "POST", "/openai/deployments/gpt-4o/chat/completions", "openai.chat"),
        ("azure", "POST", "/openai/v1/chat/completions", "openai.chat"),
        (None, "POST", "/proxy/v1/messages", "anthropic.messages"),
        ("anthropic", "POST", "/v1/messages/count_tokens", "anthropic.count_tokens"),
        ("anthropic", "GET", "/v1/models", "models"),
        ("openai", "GET", "/v1/models/gpt-4o", "models"),
        ("openai", "POST", "/v1/messages", None),
        ("anthropic", "POST", "/v1/chat/completions", None),
        ("openai", "GET", "/v1/chat/completions", "openai.chat.stored"),
        ("openai", "GET", "/v1/chat/completions/chatcmpl-1/messages", "openai.chat.stored"),
        ("openai", "POST", "/v1/responses", "openai.responses"),
        ("azure", "POST", "/openai/v1/responses", "openai.responses"),
        (None, "POST", "/v1/responses/input_tokens", "openai.responses.input_tokens"),
        ("openai", "POST", "/v1/responses/compact", "openai.responses.compact"),
        ("openai", "GET", "/v1/responses/resp_1/input_items", "openai.responses.stored"),
        ("openai", "DELETE", "/v1/responses/resp_1", "openai.responses.stored"),
        ("openai", "GET", "/v1/responses", None),
        ("openai", "POST", "/v1/conversations", "openai.conversations"),
        ("openai", "GET", "/v1/conversations/conv_1/items", "openai.conversations"),
        ("anthropic", "GET", "/v1/conversations/conv_1", None),
        ("openai", "POST", "/v1/completions", "openai.completions"),
        ("openai", "POST", "/openai/deployments/e/embeddings", "openai.embeddings"),
        ("openai", "POST", "/v1/moderations", "openai.moderations"),
        ("openai", "POST", "/v1/images/generations", "openai.images"),
        ("openai", "POST", "/v1/audio/speech", "openai.speech"),
        ("openai", "POST", "/v1/audio/transcriptions", "openai.transcriptions"),
        ("openai", "POST", "/v1/vector_stores/vs_1/search", "openai.vector_store_search"),
        ("anthropic", "POST", "/v1/messages/batches", "anthropic.batches"),
        ("anthropic", "POST", "/v1/messages/unheard_of", None),
    ],
)
def test_endpoints(provider: str | None, method: str, path: str, name: str | None) -> None:
    endpoint = match(provider, method, path)
    assert (endpoint.name if endpoint else None) == name


def test_content_types() -> None:
    codec = OpenAIChat()
    for kind in ("application/json", "application/json; charset=UTF-8", "application/x+json", "", None):
        assert read_body(codec, kind, b'{"user": "x"}').segments[0].text == "x"
    for kind in ("multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/plain", ""):
        unread = read_body(codec, kind, b"maria")
        assert [part.kind for part in unread.unreadable] == [UnreadableKind.CONTENT_TYPE]
        assert unread.encode({}) == b"maria"
    assert read_body(codec, "text/plain", b"").unreadable == ()
    for kind, code in (
        ("application/json", "malformed_json"),
        ("application/json; charset=utf-16", "unsupported_charset"),
    ):
        with pytest.raises(WireError) as caught:
            read_body(codec, kind, b"maria")
        assert caught.value.code == code
    with pytest.raises(WireError):
        read_body(codec, "text/plain", b"maria").encode({}, model="m")


def test_unknown_endpoints_are_scanned_whole() -> None:
    body = b'{"model": "gpt-4o", "input": [{"role": "user", "content": "Maria"}], "id": "maria@example.com", "n": 5}'
    request = GENERIC.parse_request(body)
    assert [s.text for s in request.segments] == ["Maria", "maria@example.com"]
    assert request.model == "gpt-4o"
    binary = GENERIC.parse_request(b'{"data": "iVBORw0KGgo' + b"aB3/dEfGhIjKlMnO" * 40 + b'"}')
    assert [part.kind for part in binary.unreadable] == [UnreadableKind.IMAGE]


def test_a_resident_id_in_a_path_is_text_whatever_its_last_character() -> None:
    for number in ("11010519491231002X", "13912345678"):
        head = read_metadata([], f"/{number}/v1/chat/completions")
        assert [segment.text for segment in head.segments] == [number]
