"""mitmproxy's flows to the pipeline's values and back."""

from __future__ import annotations

import dataclasses

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from addons.exchange import Destination, Exchange, Forward
from addons.resigning import host_of as signed_host
from addons.translation import Watched, apply, authority, client_address, inbound_of, plain, replace_body, response_of
from addons.wire.openai_chat import OpenAIChat
from addons.wire.types import ErrorReply

WATCHED = Watched("openai", "openai", "US", None, "api.openai.com", 443, False)


def flow(body: bytes = b"{}", **headers: str) -> http.HTTPFlow:
    made = tflow.tflow()
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    made.request = http.Request.make(
        "POST", "https://api.openai.com/v1/chat/completions?q=1", body, http.Headers(pairs)
    )
    return made


def exchange() -> Exchange:
    return Exchange(OpenAIChat(), "0198", "openai", None, 1000)


def test_inbound() -> None:
    made = flow(b"{}", authorization="Bearer k")
    made.request.headers.add("x-twice", "1")
    made.request.headers.add("x-twice", "2")
    made.metadata["proxyauth"] = ("maria", "secret")
    read = inbound_of(made, WATCHED, b"{}")
    assert (read.upstream, read.provider, read.host, read.port) == ("openai", "openai", "api.openai.com", 443)
    assert read.target == "/v1/chat/completions?q=1"
    assert [value for name, value in read.headers if name == "x-twice"] == ["1", "2"]
    assert (read.proxy_user, read.trailers, read.client_address) == ("maria", False, "127.0.0.1")
    assert not read.reverse
    assert inbound_of(made, dataclasses.replace(WATCHED, reverse=True), b"").reverse
    made.request.trailers = http.Headers([(b"x-late", b"1")])
    assert inbound_of(made, WATCHED, b"").trailers


def test_what_is_signed_for_a_base_url_listener_names_the_upstream() -> None:
    watched = Watched("bedrock", "bedrock", None, None, "bedrock.example.com", 443, True)
    asked = flow(host="api.openai.com")
    assert signed_host(inbound_of(asked, watched, b"")) == "bedrock.example.com"
    assert signed_host(inbound_of(asked, dataclasses.replace(watched, reverse=False), b"")) == "api.openai.com"


def test_nothing_planned_changes_nothing() -> None:
    made = flow(b"{}", accept_encoding="br", content_encoding="gzip", x_odd="\u00e9")
    before = made.request.get_state()
    plan = Forward(exchange())
    apply(made, WATCHED, plan, [], tunnelled=True)
    assert made.request.get_state() == before
    assert plan.exchange.sent is not None


def test_body_path_and_headers_are_replaced() -> None:
    made = flow(b"zipped", content_encoding="gzip", transfer_encoding="chunked")
    headers = [("content-encoding", "gzip"), ("transfer-encoding", "chunked"), ("x-raw", "\udce9"), ("x-two", "1"),
               ("x-two", "2")]  # fmt: skip
    apply(made, WATCHED, Forward(exchange(), b'{"a": 1}', "/v1/x?y=2", headers, None, True), [], tunnelled=True)
    request = made.request
    assert request.raw_content == b'{"a": 1}'
    assert request.headers["content-length"] == "8"
    assert "content-encoding" not in request.headers and "transfer-encoding" not in request.headers
    assert request.path == "/v1/x?y=2"
    assert (b"x-raw", b"\xe9") in request.headers.fields, "bytes that are no UTF-8 stay as they came"
    assert request.headers.get_all("x-two") == ["1", "2"]
    assert request.headers["accept-encoding"] == "identity"


def test_a_rerouted_request_goes_elsewhere() -> None:
    made = flow()
    plan = Forward(exchange(), b"{}", "/v1/chat/completions", [], Destination("http", "127.0.0.1", 8082), True)
    apply(made, WATCHED, plan, [], tunnelled=True)
    assert (made.request.scheme, made.request.host, made.request.port) == ("http", "127.0.0.1", 8082)
    assert made.request.host_header == "127.0.0.1:8082"


@pytest.mark.parametrize(("secure", "scheme"), [([("up.example.com", 8443)], "https"), ([], "http")])
def test_a_base_url_listener_speaks_as_its_upstream_does(secure: list[tuple[str, int]], scheme: str) -> None:
    made = flow(host="127.0.0.1:8080")
    apply(made, Watched("reverse", None, None, None, "up.example.com", 8443, True), Forward(exchange()), secure,
          tunnelled=False)  # fmt: skip
    assert made.request.scheme == scheme
    assert made.request.host_header == "up.example.com:8443"


@pytest.mark.parametrize("tunnelled", [True, False])
def test_a_resolved_address_keeps_the_name(tunnelled: bool) -> None:
    made = flow(host="api.openai.com")
    watched = Watched("openai", "openai", None, ("127.0.0.1", 9), "api.openai.com", 443, False)
    apply(made, watched, Forward(exchange()), [], tunnelled=tunnelled)
    assert made.request.host_header == "api.openai.com"
    assert (made.request.host == "127.0.0.1") is not tunnelled


def test_small_ones() -> None:
    assert authority("https", "::1", 443) == "[::1]"
    assert authority("http", "::1", 8080) == "[::1]:8080"
    assert authority("http", "example.com", 80) == "example.com"
    refusal = response_of(ErrorReply(403, {"content-type": "application/json"}, b"{}"))
    assert (refusal.status_code, refusal.content, refusal.headers["content-length"]) == (403, b"{}", "2")
    assert plain(400, "no\n").headers["content-type"].startswith("text/plain")
    message = http.Response.make(200, b"x", {"content-encoding": "gzip"})
    replace_body(message, b"plain")
    assert message.content == b"plain"
    client = tflow.tclient_conn()
    for peer, expected in ((("fe80::1%eth0", 1), "fe80::1"), (("a socket", 1), None), ((), None)):
        client.peername = peer
        assert client_address(client) == expected
