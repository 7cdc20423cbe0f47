"""Gemini: every text path of requests and replies, both framings of streams, offsets, refusals."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.wire import registry
from addons.wire.content import read_body
from addons.wire.gemini import Gemini, GeminiStreaming
from addons.wire.gemini_caches import GeminiCaches
from addons.wire.gemini_content import snake
from addons.wire.stored import NOTHING_STORED, StoredUse
from addons.wire.types import StoredObject, WireError
from tests.addons.wire import positions, positions_gemini
from tests.addons.wire.doubles import VALUES, Restoration

PLACEHOLDER, VALUE = next(iter(VALUES.items()))
GENERATE = Gemini("gemini.generate_content")
STREAM = GeminiStreaming("gemini.stream_generate_content")
REQUESTS: list[Any] = [
    pytest.param(GENERATE, positions_gemini.gemini_request, id="generate"),
    pytest.param(STREAM, positions_gemini.gemini_request, id="stream"),
    pytest.param(Gemini("gemini.count_tokens"), positions_gemini.gemini_request, id="count"),
    pytest.param(Gemini("gemini.batch_embed_contents"), positions_gemini.embed_request, id="embed"),
    pytest.param(Gemini("vertex.predict"), positions_gemini.predict_request, id="predict"),
]
FRAMINGS: list[Any] = [
    pytest.param(positions_gemini.gemini_sse, id="sse"),
    pytest.param(positions_gemini.gemini_array, id="array"),
]


def snaked(value: Any) -> Any:
    """The fixture as a client writes it that spells members in the protocol's own way."""
    if isinstance(value, dict):
        return {snake(key): snaked(child) for key, child in value.items()}
    return [snaked(child) for child in value] if isinstance(value, list) else value


@pytest.mark.parametrize("spelling", ["camel", "snake"])
@pytest.mark.parametrize(("codec", "make"), REQUESTS)
def test_every_marker_is_a_segment_and_is_replaced(codec: Gemini, make: Any, spelling: str) -> None:
    body, count = make()
    if spelling == "snake" and codec.name != "vertex.predict":  # its instances are free-form: one spelling each
        body = snaked(body)
    raw = json.dumps(body, ensure_ascii=False, indent=1).encode()
    request = codec.parse_request(raw)
    found = [marker for s in request.segments for marker in positions.MARKER.findall(s.text)]
    assert sorted(found, key=lambda m: int(m[1:-1])) == [f"⟦{i}⟧" for i in range(count)]
    assert request.encode({}) == raw
    texts = {i: positions.MARKER.sub("[X]", s.text) for i, s in enumerate(request.segments)}
    expected = positions.MARKER.sub("[X]", json.dumps(body, ensure_ascii=False))
    assert json.loads(request.encode(texts)) == json.loads(expected)
    assert not [s for s in request.segments if positions.KEEP in s.text]
    assert len({s.path for s in request.segments}) == len(request.segments)


def test_roles_joins_and_what_cannot_be_read() -> None:
    request = GENERATE.parse_request(json.dumps(positions_gemini.gemini_request()[0]).encode())
    roles = {s.path: s.role for s in request.segments}
    assert roles["$.systemInstruction.parts[0].text"] == "system"
    assert roles["$.contents[0].parts[0].text"] == "user"
    assert roles["$.contents[1].parts[0].text"] == "assistant"
    assert roles["$.contents[2].parts[0].functionResponse.response.found"] == "tool"
    assert [[request.segments[i].path for i in group] for group in request.joins] == [
        ["$.contents[0].parts[0].text", "$.contents[0].parts[1].text"],
        ["$.contents[1].parts[0].text", "$.contents[1].parts[1].text"],
    ]
    assert [u.kind.value for u in request.unreadable] == ["image", "file", "remote", "image"]


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_text_in_base64_is_read_and_written_back(encode: Any) -> None:
    data = encode("To 王秀英?>".encode()).decode()
    body = {"contents": [{"parts": [{"inlineData": {"mimeType": "text/plain", "data": data}}]}]}
    request = GENERATE.parse_request(json.dumps(body).encode())
    assert [s.text for s in request.segments] == ["To 王秀英?>"]
    assert not request.unreadable
    sent = json.loads(request.encode({0: "To X"}))
    assert base64.b64decode(sent["contents"][0]["parts"][0]["inlineData"]["data"]) == b"To X"


@pytest.mark.parametrize("codec", [GENERATE, STREAM])
def test_stored_contents_are_named(codec: Gemini) -> None:
    for name, member in (
        ("cachedContents/abc", "cachedContent"),
        ("projects/1/l/cachedContents/abc", "cached_content"),
    ):
        (named,) = codec.parse_request(json.dumps({"contents": [], member: name}).encode()).stored.named
        assert (named.object, named.where, named.needed) == (StoredObject("cached_content", "abc"), f"$.{member}", True)
    both = b'{"contents": [], "cachedContent": {"x": 1}, "cached_content": "a"}'
    assert [named.object and named.object.id for named in codec.parse_request(both).stored.named] == ["", "a"]
    for nothing in (b'{"contents": []}', b'{"cachedContent": null}', b'{"cachedContent": ""}'):
        assert codec.parse_request(nothing).stored == NOTHING_STORED
    count = Gemini("gemini.count_tokens").parse_request(b'{"contents": [], "cachedContent": "cachedContents/abc"}')
    assert count.stored == NOTHING_STORED


def test_a_cached_content_is_read_and_its_reply_names_it() -> None:
    body, _ = positions_gemini.gemini_request()
    made = {name: body[name] for name in ("contents", "systemInstruction", "tools")} | {"displayName": "Maria"}
    codec = GeminiCaches("gemini.cached_contents")
    request = codec.parse_request(json.dumps(made | {"model": "models/gemini-9", "ttl": "60s"}).encode())
    roles = {s.path: s.role for s in request.segments}
    assert {s.path for s in GENERATE.parse_request(json.dumps(made).encode()).segments} == set(roles)
    assert (roles["$.displayName"], roles["$.systemInstruction.parts[0].text"]) == ("metadata", "system")
    assert "$.ttl" not in roles
    assert (request.model, request.stored.creates) == ("gemini-9", True)
    reply = {"name": "projects/1/locations/l/cachedContents/c-1", "model": "m", "displayName": PLACEHOLDER}
    out, facts = codec.restore_reply(json.dumps(reply).encode(), Restoration())
    assert json.loads(out) == reply | {"displayName": VALUE}
    assert (list(facts.objects), facts.complete) == ([StoredObject("cached_content", "c-1")], True)
    listed = {"cachedContents": [reply], "nextPageToken": "x"}
    assert codec.mentions(json.dumps(listed).encode()) == [(StoredObject("cached_content", "c-1"), ())]
    assert json.loads(codec.restore_reply(json.dumps(listed).encode(), Restoration())[0])["cachedContents"] == [
        reply | {"displayName": VALUE}
    ]
    assert codec.mentions(b"[") == codec.mentions(b"[1]") == []
    failed = codec.restore_reply(b'{"error": {"code": 403, "status": "PERMISSION_DENIED"}}', Restoration())[1]
    assert (failed.error_type, failed.complete) == ("PERMISSION_DENIED", False)


@pytest.mark.parametrize("parent", ["/v1beta", "/v1beta1/projects/p/locations/l"])
def test_methods_of_cached_contents(parent: str) -> None:
    meant = StoredObject("cached_content", "c-1")

    def use(method: str, path: str) -> StoredUse:
        endpoint = registry.match("google", method, parent + path)
        assert endpoint is not None
        assert endpoint.name == "gemini.cached_contents"
        found: StoredUse = read_body(endpoint.codec, None, b"{}" if method in ("POST", "PATCH") else b"").stored  # type: ignore[attr-defined]
        return found

    assert use("POST", "/cachedContents").creates
    assert use("GET", "/cachedContents").lists
    got, changed, gone = (use(method, "/cachedContents/c-1") for method in ("GET", "PATCH", "DELETE"))
    assert [(one.object, one.needed, one.status) for one in (*got.named, *changed.named)] == [(meant, True, 404)] * 2
    assert (got.part_of, got.adds_to, changed.adds_to) == (meant, None, meant)
    assert (gone.deletes, gone.named[0].needed) == (meant, False)


@pytest.mark.parametrize(
    ("path", "name", "model"),
    [
        ("/v1beta/models/gemini-2.5-flash:generateContent", "gemini.generate_content", "gemini-2.5-flash"),
        ("/v1/models/g-1:streamGenerateContent", "gemini.stream_generate_content", "g-1"),
        ("/v1beta1/projects/p/locations/l/publishers/google/models/g:countTokens", "gemini.count_tokens", "g"),
        ("/v1/projects/p/locations/l/endpoints/123:generateContent", "gemini.generate_content", "123"),
        ("/v1/projects/p/locations/l/publishers/google/models/t-5:predict", "vertex.predict", "t-5"),
        (
            "/v1/projects/p/locations/l/publishers/anthropic/models/c@20250514:rawPredict",
            "anthropic.messages",
            "c@20250514",
        ),
        ("/v1/projects/p/locations/l/publishers/anthropic/models/c:streamRawPredict", "anthropic.messages", "c"),
        (
            "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict",
            "anthropic.count_tokens",
            None,
        ),
        ("/v1beta/tunedModels/t:embedContent", "gemini.embed_content", "t"),
    ],
)
@pytest.mark.parametrize("provider", ["google", None])
def test_the_path_names_method_and_model(path: str, name: str, model: str | None, provider: str | None) -> None:
    endpoint = registry.match(provider, "POST", path)
    assert endpoint is not None
    assert endpoint.name == endpoint.codec.name == name
    assert endpoint.codec.parse_request(b"{}").model == model
    assert registry.match("openai", "POST", path) is None


def test_claude_at_vertex_keeps_its_version() -> None:
    endpoint = registry.match("google", "POST", "/v1/projects/p/locations/l/publishers/anthropic/models/c:rawPredict")
    assert endpoint is not None
    body = {"anthropic_version": "vertex-2023-10-16", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
    assert [s.path for s in endpoint.codec.parse_request(json.dumps(body).encode()).segments] == [
        "$.messages[0].content"
    ]


def test_replies_are_restored_in_every_place() -> None:
    make = positions_gemini.gemini_reply
    for codec in (GENERATE, STREAM):
        restored, facts = codec.restore_reply(json.dumps(make(f"x {PLACEHOLDER}!"), indent=2).encode(), Restoration())
        assert json.loads(restored) == make(f"x {VALUE}!")
        assert (facts.model, facts.input_tokens, facts.output_tokens) == ("gemini-2.5-flash", 5, 7)
        assert facts.complete
        assert facts.finish_reasons == ["STOP"]
    untouched = json.dumps(make("nothing"), indent=3).encode()
    assert GENERATE.restore_reply(untouched, Restoration())[0] == untouched


def test_errors_are_restored_and_pages_that_are_no_json_too() -> None:
    error = {"error": {"code": 400, "message": f"bad: {PLACEHOLDER}", "status": "INVALID_ARGUMENT"}}
    restored, facts = GENERATE.restore_reply(json.dumps(error).encode(), Restoration())
    assert json.loads(restored)["error"]["message"] == f"bad: {VALUE}"
    assert (facts.error_type, facts.complete) == ("INVALID_ARGUMENT", False)
    assert GENERATE.restore_reply(f"<p>{PLACEHOLDER}".encode(), Restoration())[0] == f"<p>{VALUE}".encode()
    in_array = json.dumps([error]).encode()
    assert json.loads(STREAM.restore_reply(in_array, Restoration())[0])[0]["error"]["message"] == f"bad: {VALUE}"


def run(chunks: list[bytes]) -> tuple[bytes, Any]:
    stream = STREAM.open_stream(Restoration())
    return b"".join([stream.feed(chunk) for chunk in chunks]) + stream.close(), stream.facts


def chunks_of(stream: bytes) -> list[Any]:
    text = stream.decode()
    if text.lstrip().startswith("["):
        found: list[Any] = json.loads(text)
        return found
    return [json.loads(line[6:]) for line in text.replace("\r\n", "\n").split("\n") if line.startswith("data: ")]


def collected(stream: bytes) -> list[Any]:
    """What a client puts together: for each candidate its parts in order, texts of one kind joined."""
    said: dict[int, list[list[Any]]] = {}
    for chunk in chunks_of(stream):
        for candidate in chunk["candidates"]:
            parts = said.setdefault(candidate["index"], [])
            for part in candidate.get("content", {}).get("parts", ()):
                call = part.get("functionCall", {})
                kind = "thought" if part.get("thought") else "text" if "text" in part else "other"
                value = part.get("text")
                if call.get("partialArgs"):
                    (arg,) = call["partialArgs"]
                    kind, value = arg["jsonPath"], arg["stringValue"]
                if value is None:
                    parts.append(["other", json.dumps(part, ensure_ascii=False)])
                elif parts and parts[-1][0] == kind:
                    parts[-1][1] += value
                else:
                    parts.append([kind, value])
            if "finishMessage" in candidate:
                parts.append(["finish", candidate["finishMessage"]])
    return sorted(said.items())


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize("make", FRAMINGS)
def test_streams_are_restored_whatever_the_pieces(make: Any, size: int) -> None:
    for value in (PLACEHOLDER, PLACEHOLDER[:-1], f"{PLACEHOLDER} and {PLACEHOLDER[:5]}"):
        out, facts = run([make(value, size)])
        assert collected(out) == collected(make(value.replace(PLACEHOLDER, VALUE), size))
        assert facts.complete
        assert (facts.input_tokens, facts.output_tokens, facts.model) == (5, 7, "gemini-2.5-flash")
        assert positions_gemini.SIGNATURE.encode() in out


@pytest.mark.parametrize("make", FRAMINGS)
def test_a_stream_without_placeholders_leaves_byte_for_byte(make: Any) -> None:
    raw = make("nobody", 3)
    assert run([raw])[0] == raw
    escaped = raw.replace(b"nob", b"\\u006eob")
    assert run([escaped])[0] == escaped


@pytest.mark.parametrize("make", FRAMINGS)
def test_cuts_do_not_show(make: Any) -> None:
    raw = make(f'{PLACEHOLDER} 王秀英 \\ " 😀', 9)
    expected = run([raw])[0]
    assert run([raw[i : i + 1] for i in range(len(raw))])[0] == expected
    for cut in range(0, len(raw), 3):
        assert run([raw[:cut], raw[cut:]])[0] == expected


@pytest.mark.parametrize("make", FRAMINGS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_random_cuts_do_not_show(make: Any, data: st.DataObject) -> None:
    raw = make(PLACEHOLDER + data.draw(st.text(max_size=5)), data.draw(st.integers(1, 20)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=12)))
    chunks = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert run(chunks)[0] == run([raw])[0]


@pytest.mark.parametrize("make", FRAMINGS)
def test_a_stream_that_breaks_off_gives_what_was_held_back(make: Any) -> None:
    raw = make(PLACEHOLDER[:6], 100)
    at = raw.index(b"Dear")
    cut = raw[: raw.index(b"\r\n\r\n" if raw.startswith(b"data") else b",\r\n", at)]
    out, facts = run([cut])
    assert not facts.complete
    assert f"Dear {PLACEHOLDER[:6]}" in "".join(
        text for _, parts in collected(out if raw.startswith(b"data") else out + b"]") for _, text in parts
    )


@pytest.mark.parametrize("error", [{"code": 503, "message": f"late: {PLACEHOLDER}", "status": "UNAVAILABLE"}])
def test_errors_in_mid_stream_are_restored(error: Any) -> None:
    event = json.dumps({"error": error})
    chunk = json.dumps({"candidates": [{"content": {"parts": [{"text": PLACEHOLDER[:6]}]}, "index": 0}]})
    for raw in (f"data: {chunk}\n\ndata: {event}\n\n", f"[{chunk},\n{event}]"):
        out, facts = run([raw.encode()])
        *said, last = chunks_of(out)
        assert "".join(c["candidates"][0]["content"]["parts"][0]["text"] for c in said) == PLACEHOLDER[:6]
        assert last["error"]["message"] == f"late: {VALUE}"
        assert (facts.error_type, facts.complete) == ("UNAVAILABLE", False)


def test_an_error_that_comes_as_one_object_in_the_arrays_place() -> None:
    out, facts = run([json.dumps({"error": {"code": 400, "message": PLACEHOLDER}}).encode()])
    assert json.loads(out)["error"]["message"] == VALUE
    assert facts.complete


def test_our_own_error_ends_the_stream_in_its_framing() -> None:
    chunk = json.dumps({"candidates": [{"content": {"parts": [{"text": "a"}]}, "index": 0}]})
    for raw in (f"data: {chunk}\n\n", f"[{chunk}", f"[{chunk},"):
        stream = STREAM.open_stream(Restoration())
        out = stream.feed(raw.encode()) + stream.error("broke")
        assert chunks_of(out)[-1]["error"]["status"] == "INTERNAL"
        assert stream.feed(b"more") == stream.close() == b""
    assert chunks_of(STREAM.open_stream(Restoration()).error("broke"))[0]["error"]["message"] == "broke"


@pytest.mark.parametrize("raw", [b"data: {broken\n\n", b"[{broken}]", b"[1, {]", b'[{"a": 1} x'])
def test_what_is_no_json_is_an_error(raw: bytes) -> None:
    with pytest.raises(WireError) as caught:
        run([raw])
    assert caught.value.code == "malformed_event"


def test_a_blocked_prompt_is_a_proper_end() -> None:
    _, facts = run([b'data: {"promptFeedback": {"blockReason": "SAFETY"}}\n\n'])
    assert facts.complete
    assert facts.finish_reasons == ["SAFETY"]


SAID = f"王 {PLACEHOLDER} likes tea. 再见 {PLACEHOLDER}."


def grounded(text: str, spans: list[tuple[int, int, str]]) -> dict[str, Any]:
    segments = [
        {"segment": {"startIndex": a, "endIndex": b, "text": quote} if a else {"endIndex": b, "text": quote}}
        for a, b, quote in spans
    ]
    citation = {"startIndex": spans[0][0], "endIndex": spans[0][1], "uri": "https://example.com"}
    return {
        "content": {"role": "model", "parts": [{"text": text}]},
        "finishReason": "STOP",
        "index": 0,
        "groundingMetadata": {"groundingSupports": segments},
        "citationMetadata": {"citationSources": [citation]},
    }


def span_of(text: str, quote: str) -> tuple[int, int, str]:
    at = len(text[: text.index(quote)].encode())
    return at, at + len(quote.encode()), quote


def test_byte_offsets_are_moved_to_the_restored_text() -> None:
    quotes = [f"{PLACEHOLDER} likes tea.", "再见", SAID]
    candidate = grounded(SAID, [span_of(SAID, quote) for quote in quotes])
    restored = SAID.replace(PLACEHOLDER, VALUE)
    for whole in (True, False):
        if whole:
            out, _ = GENERATE.restore_reply(json.dumps({"candidates": [candidate]}).encode(), Restoration())
            got = json.loads(out)["candidates"][0]
        else:
            head = {"candidates": [{"content": {"parts": [{"text": SAID[:9]}]}, "index": 0}]}
            last = candidate | {"content": {"role": "model", "parts": [{"text": SAID[9:]}]}}
            out, _ = run([f"data: {json.dumps(c)}\n\n".encode() for c in (head, {"candidates": [last]})])
            got = chunks_of(out)[-1]["candidates"][0]
        raw = restored.encode()
        supports = [s["segment"] for s in got["groundingMetadata"]["groundingSupports"]]
        for segment, quote in zip(supports, quotes, strict=True):
            assert segment["text"] == quote.replace(PLACEHOLDER, VALUE)
            assert raw[segment.get("startIndex", 0) : segment["endIndex"]].decode() == segment["text"]
        (citation,) = got["citationMetadata"]["citationSources"]
        assert raw[citation["startIndex"] : citation["endIndex"]].decode() == f"{VALUE} likes tea."


def test_offsets_that_lie_nowhere_are_dropped() -> None:
    inside = span_of(SAID, PLACEHOLDER[4:] + " likes")
    other = (0, 5, "what it never said")
    candidate = grounded(SAID, [inside, other, span_of(SAID, "tea")])
    out, _ = GENERATE.restore_reply(json.dumps({"candidates": [candidate]}).encode(), Restoration())
    got = [s["segment"] for s in json.loads(out)["candidates"][0]["groundingMetadata"]["groundingSupports"]]
    assert (got[0]["startIndex"], got[0]["endIndex"]) == (None, None)
    assert got[1]["endIndex"] is None
    raw = SAID.replace(PLACEHOLDER, VALUE).encode()
    assert raw[got[2]["startIndex"] : got[2]["endIndex"]] == b"tea"


@pytest.mark.parametrize(
    ("status", "word"), [(400, "INVALID_ARGUMENT"), (403, "PERMISSION_DENIED"), (503, "UNAVAILABLE")]
)
def test_refusals_are_googles_status(status: int, word: str) -> None:
    refusal = GENERATE.refusal(status, "blocked_by_policy", "Not 王's day")
    error = json.loads(refusal.body)["error"]
    assert (refusal.status, error["code"], error["status"], error["message"]) == (status, status, word, "Not 王's day")
    assert error["details"][0]["reason"] == "BLOCKED_BY_POLICY"
