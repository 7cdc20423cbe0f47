"""MCP: every place of text in what clients send, every reply restored, errors under the request's id."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.wire import registry
from addons.wire.content import read_body
from addons.wire.mcp import PARAMS, Mcp
from addons.wire.metadata import read_metadata
from tests.addons.wire import positions, positions_mcp
from tests.addons.wire.doubles import VALUES, Restoration

PLACEHOLDER, VALUE = "NAME_K3CCCCCC", VALUES["NAME_K3CCCCCC"]
CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "mail", "arguments": {"to": "a"}}}


def parsed(body: Any) -> Any:
    return Mcp().parse_request(json.dumps(body, ensure_ascii=False).encode())


@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_marker_is_a_segment_and_nothing_else_is(ascii_only: bool) -> None:
    body, count = positions_mcp.requests()
    raw = json.dumps(body, ensure_ascii=ascii_only, indent=1).encode()
    request = Mcp().parse_request(raw)
    found = [marker for s in request.segments for marker in positions.MARKER.findall(s.text)]
    assert sorted(found, key=lambda m: int(m[1:-1])) == [f"⟦{i}⟧" for i in range(count)]
    assert not [s for s in request.segments if positions.KEEP in s.text]
    assert not [s.path for s in request.segments if positions.MARKER.search(s.path)]
    assert request.encode({}) == raw
    sent = request.encode({i: positions.MARKER.sub("[X]", s.text) for i, s in enumerate(request.segments)})
    assert json.loads(sent) == json.loads(positions.MARKER.sub("[X]", json.dumps(body, ensure_ascii=False)))
    assert not request.unreadable


def test_every_method_has_a_fixture() -> None:
    body, _ = positions_mcp.requests()
    told = {message.get("method") for message in body}
    same = {"tools/list", "resources/read", "server/discover", "tasks/update"}
    like = {method for method in PARAMS if any(PARAMS[method] is PARAMS[one] for one in same)}
    assert set(PARAMS) <= told | like


def test_roles_and_what_cannot_be_read() -> None:
    request = parsed(
        [
            CALL,
            {
                "jsonrpc": "2.0",
                "id": 1,
                "result": {
                    "role": "assistant",
                    "content": [
                        {"type": "image", "data": "aGk=", "mimeType": "image/png"},
                        {"type": "audio", "data": "aGk=", "mimeType": "audio/wav"},
                        {"type": "resource", "resource": {"uri": "x://y", "mimeType": "image/png", "blob": "aGk="}},
                        {"type": "resource", "resource": {"uri": "x://y", "mimeType": "text/csv", "blob": "aGk="}},
                    ],
                },
            },
        ]
    )
    assert [(s.role, s.text) for s in request.segments] == [
        ("tool", "a"),
        ("assistant", "x://y"),
        ("assistant", "x://y"),
        ("assistant", "hi"),
    ]
    assert [u.kind.value for u in request.unreadable] == ["image", "audio", "file"]
    last = len(request.segments) - 1
    written = json.loads(request.encode({last: "ho"}))[1]["result"]["content"][3]["resource"]["blob"]
    assert base64.b64decode(written) == b"ho"


@pytest.mark.parametrize("odd", ["Maria Gonzalez", "maria@example.com", "13912345678", "王秀英"])
def test_what_is_no_identifier_is_text_wherever_it_stands(odd: str) -> None:
    for body in (
        {**CALL, "id": odd},
        {**CALL, "method": odd},
        {**CALL, "params": {"name": odd}},
        {**CALL, "method": "tools/list", "params": {"cursor": odd}},
        {**CALL, "params": {"_meta": {"progressToken": odd}}},
        {**CALL, "params": odd},
        {**CALL, odd: 1},
        odd,
        [[odd]],
        {"jsonrpc": "2.0", "id": 1, "result": odd},
    ):
        assert odd in [s.text for s in parsed(body).segments], body


def test_what_goes_back_to_the_server_is_left_as_it_was() -> None:
    state = "eyJ3aG8iOiAibWFyaWFAZXhhbXBsZS5jb20ifQ==.Maria Gonzalez"
    for params in ({"name": "t", "requestState": state}, {"name": "t", "requestState": ""}):
        assert parsed({**CALL, "params": params}).segments == ()
    token = "Ab9/+-_=" * 60
    assert parsed({**CALL, "method": "tools/list", "params": {"cursor": token}}).segments == ()


# Replies


@pytest.mark.parametrize("batch", [True, False])
def test_replies_are_restored_in_every_place(batch: bool) -> None:
    sent, wanted = positions_mcp.replies(PLACEHOLDER), positions_mcp.replies(VALUE)
    pairs = [(sent, wanted)] if batch else list(zip(sent, wanted, strict=True))
    for body, restored in pairs:
        out, facts = Mcp().restore_reply(json.dumps(body).encode(), Restoration())
        assert json.loads(out) == restored
        assert facts.complete
    untouched = json.dumps(positions_mcp.replies("nobody"), indent=3).encode()
    assert Mcp().restore_reply(untouched, Restoration())[0] == untouched


def test_facts_and_what_is_no_json() -> None:
    def facts_of(**reply: Any) -> Any:
        return Mcp().restore_reply(json.dumps({"jsonrpc": "2.0", "id": 1, **reply}).encode(), Restoration())[1]

    assert facts_of(error={"code": 1, "message": "x"}).error_type == "jsonrpc_error"
    assert facts_of(result={"isError": True}).error_type == "tool_error"
    assert facts_of(result={}).error_type is None
    assert Mcp().restore_reply(f"<p>{PLACEHOLDER}".encode(), Restoration())[0] == f"<p>{VALUE}".encode()
    broken = {"resource": {"mimeType": "text/plain", "blob": "no base64 at all!"}}
    raw = json.dumps(broken).encode()
    assert Mcp().restore_reply(raw, Restoration())[0] == raw


def stream(messages: list[Any], *, ends: str = "\n") -> bytes:
    parts = ["id: 1\ndata: \n\n", ": hello\n\n"]
    parts += [f"event: message\nid: {i}\ndata: {json.dumps(m)}\n\n" for i, m in enumerate(messages)]
    return "".join(parts).replace("\n", ends).encode()


def run(codec: Mcp, chunks: list[bytes]) -> tuple[bytes, Any]:
    opened = codec.open_stream(Restoration())
    return b"".join([opened.feed(chunk) for chunk in chunks]) + opened.close(), opened.facts


def received(raw: bytes) -> list[Any]:
    lines = raw.decode().replace("\r\n", "\n").split("\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ") and line[6:].strip()]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_events_are_restored_one_by_one(ends: str) -> None:
    raw = stream([*positions_mcp.replies(PLACEHOLDER), positions_mcp.replies(PLACEHOLDER)[2:4]], ends=ends)
    out, facts = run(Mcp(), [raw])
    assert received(out) == [*positions_mcp.replies(VALUE), positions_mcp.replies(VALUE)[2:4]]
    assert facts.complete
    plain = stream(positions_mcp.replies("nobody"), ends=ends)
    assert run(Mcp(), [plain])[0] == plain


@given(cuts=st.lists(st.integers(0, 4000), max_size=12), spaces=st.sampled_from([None, 1]))
@settings(max_examples=50, deadline=None)
def test_cuts_do_not_show(cuts: list[int], spaces: int | None) -> None:
    raw = stream(positions_mcp.replies(PLACEHOLDER))
    edges = sorted({min(cut * (1 if spaces else 3), len(raw)) for cut in cuts})
    chunks = [raw[a:b] for a, b in zip([0, *edges], [*edges, len(raw)], strict=True)]
    assert run(Mcp(), chunks)[0] == run(Mcp(), [raw])[0]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(
    method=st.sampled_from([*PARAMS, "x/y"]),
    params=st.dictionaries(
        st.sampled_from(["name", "arguments", "uri", "_meta", "inputResponses", "argument", "ref", "cursor", "x"]),
        json_values,
    ),
)
@settings(max_examples=150, deadline=None)
def test_no_shape_breaks_a_round_trip(method: str, params: Any) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    raw = json.dumps(body, ensure_ascii=False).encode()
    request = Mcp().parse_request(raw)
    assert request.encode({}) == raw
    assert json.loads(request.encode({i: s.text for i, s in enumerate(request.segments)})) == json.loads(raw)
    Mcp().restore_reply(raw, Restoration())


# Errors


def test_refusals_name_the_request() -> None:
    codec = Mcp()
    codec.parse_request(json.dumps(CALL).encode())
    refused = codec.refusal(403, "blocked_by_policy", "No.")
    assert json.loads(refused.body) == {
        "jsonrpc": "2.0",
        "id": 7,
        "error": {"code": -32010, "message": "No.", "data": {"code": "blocked_by_policy"}},
    }
    assert (refused.status, refused.headers["x-coatcheck-code"]) == (403, "blocked_by_policy")
    codec.parse_request(json.dumps([CALL, {"jsonrpc": "2.0", "method": "x"}, {**CALL, "id": "b"}]).encode())
    assert [error["id"] for error in json.loads(codec.refusal(503, "draining", "x").body)] == [7, "b"]


@pytest.mark.parametrize(("status", "code", "number"), [(400, "malformed_json", -32700), (500, "x", -32603)])
def test_errors_without_a_known_request_have_no_id(status: int, code: str, number: int) -> None:
    refused = json.loads(Mcp().refusal(status, code, "x").body)
    assert (refused["error"]["code"], "id" in refused) == (number, False)


def test_a_stream_ends_when_all_is_answered_or_with_an_error_of_ours() -> None:
    codec = Mcp()
    codec.parse_request(json.dumps(CALL).encode())
    note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1}}
    answer = {"jsonrpc": "2.0", "id": 7, "result": {}}
    assert not run(codec, [stream([note])])[1].complete
    assert run(codec, [stream([note, answer])])[1].complete
    assert run(codec, [stream([note, [answer]])])[1].complete
    opened = codec.open_stream(Restoration())
    assert opened.feed(b"data: {") == b""
    assert received(opened.error("broke off"))[0]["id"] == 7


def test_each_request_has_a_codec_of_its_own() -> None:
    first, second = (registry.match("mcp", "POST", "/mcp") for _ in range(2))
    assert first is not None
    assert second is not None
    first.codec.parse_request(json.dumps(CALL).encode())
    assert "id" not in json.loads(second.codec.refusal(500, "x", "y").body)
    assert "id" in json.loads(first.codec.refusal(500, "x", "y").body)


@pytest.mark.parametrize("path", ["/", "/mcp", "/v1/chat/completions", "/v1/models"])
def test_all_paths_are_its_own_at_its_hosts_and_none_elsewhere(path: str) -> None:
    for method, name in (("POST", "mcp"), ("GET", "mcp.stream"), ("DELETE", "mcp.session")):
        endpoint = registry.match("mcp", method, path)
        assert (endpoint.name if endpoint else "") == name
        for provider in (None, "openai", "generic"):
            other = registry.match(provider, method, path)
            assert other is None or not other.name.startswith("mcp")
    codec = Mcp("mcp.session")
    assert read_body(codec, None, b"").segments == ()


# Headers


def test_headers_of_the_protocol_are_left_alone_and_mirrored_text_is_read() -> None:
    in_base64 = "=?base64?" + base64.b64encode("王秀英".encode()).decode() + "?="
    headers = [
        ("Mcp-Session-Id", "13912345678-1868a90c"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Last-Event-ID", "maria@example.com/13912345678"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "send_mail"),
        ("Mcp-Name", "people://all?q=maria@example.com"),
        ("Mcp-Param-Who", in_base64),
        ("Mcp-Param-Odd", "=?base64?a?="),
    ]
    head = read_metadata(headers, "/mcp")
    assert [s.text for s in head.segments] == ["people://all?q=maria@example.com", "王秀英", "=?base64?a?="]
    _, sent = head.encode({1: "PERSON_1"})
    assert sent[6] == ("Mcp-Param-Who", "=?base64?" + base64.b64encode(b"PERSON_1").decode() + "?=")
    assert list(head.encode({})[1]) == headers
