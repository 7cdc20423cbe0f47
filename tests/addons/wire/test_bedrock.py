"""Bedrock's codecs: every position, every stream however it is cut, and what is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from addons.wire import registry
from addons.wire.bedrock_converse import BedrockConverse
from addons.wire.bedrock_invoke import BedrockCount, BedrockInvoke
from addons.wire.bedrock_other import BedrockOther
from addons.wire.types import UnreadableKind, WireError
from tests.addons.wire import positions, positions_bedrock
from tests.addons.wire.doubles import VALUES, Restoration
from tests.addons.wire.test_eventstream import cut
from tests.doubles.bedrock import event, frame

PERSON, EMAIL, CHINESE = VALUES
CONVERSE, INVOKE = BedrockConverse("bedrock.converse_stream"), BedrockInvoke("bedrock.invoke_stream")


def test_every_position_of_a_request() -> None:
    body, count = positions_bedrock.converse_request()
    raw = json.dumps(body, ensure_ascii=False).encode()
    request = CONVERSE.parse_request(raw)
    text = "\n".join(segment.text for segment in request.segments)
    assert [f"⟦{i}⟧" for i in range(count) if f"⟦{i}⟧" not in text] == []
    assert positions.KEEP not in text
    assert request.encode({}) == raw
    masked = request.encode({i: one.text.replace("⟦", "P_") for i, one in enumerate(request.segments)})
    assert "⟦" not in masked.decode()
    assert masked.decode().count(positions.KEEP) == raw.decode().count(positions.KEEP)
    kinds = [part.kind for part in request.unreadable]
    assert sorted(kinds) == sorted([*[UnreadableKind.IMAGE] * 4, *[UnreadableKind.FILE] * 2, UnreadableKind.AUDIO])
    assert [request.segments[i].path for i in request.joins[0]] == [
        "$.messages[0].content[0].text",
        "$.messages[0].content[1].text",
    ]


def test_every_position_of_a_reply() -> None:
    body, count = positions_bedrock.converse_reply()
    raw = json.dumps(positions.fill(body, lambda marker: f"{PERSON} {marker}"), ensure_ascii=False).encode()
    restored, facts = CONVERSE.restore_reply(raw, Restoration())
    assert PERSON not in restored.decode()
    assert restored.decode().count("Mia") == count
    assert (facts.complete, facts.input_tokens, facts.output_tokens) == (True, 3, 4)
    assert facts.finish_reasons == ["end_turn"]
    plain = json.dumps(body).encode()
    assert CONVERSE.restore_reply(plain, Restoration())[0] == plain


def test_documents_in_text_formats_are_read_and_named_without_underscores() -> None:
    source = {"bytes": base64.b64encode(CHINESE.encode()).decode()}
    document = {"format": "csv", "name": "Maria Jansen", "source": source}
    body = json.dumps({"messages": [{"role": "user", "content": [{"document": document}]}]}).encode()
    request = CONVERSE.parse_request(body)
    assert request.unreadable == ()
    assert [one.text for one in request.segments] == ["Maria Jansen", CHINESE]
    sent = json.loads(request.encode({0: "PERSON_K1AAAAAA", 1: "x"}))["messages"][0]["content"][0]["document"]
    assert (sent["name"], base64.b64decode(sent["source"]["bytes"])) == ("PERSON K1AAAAAA", b"x")
    remote = {"format": "pdf", "name": "a", "source": {"s3Location": {"uri": "s3://b/k"}}}
    body = json.dumps({"messages": [{"role": "user", "content": [{"document": remote}]}]}).encode()
    assert [one.kind for one in CONVERSE.parse_request(body).unreadable] == [UnreadableKind.REMOTE]


def frames_in(data: bytes) -> list[tuple[dict[str, Any], Any]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(one.headers, json.loads(one.payload)) for one in buffer]


def delta(index: int, **value: Any) -> bytes:
    return event("contentBlockDelta", {"contentBlockIndex": index, "delta": value})


ARGUMENTS = json.dumps({"to": EMAIL, "who": PERSON})
CONVERSE_STREAM = b"".join(
    [
        event("messageStart", {"role": "assistant"}),
        *[delta(0, reasoningContent={"text": piece}) for piece in (PERSON[:4], PERSON[4:])],
        delta(0, reasoningContent={"signature": "c2ln"}),
        event("contentBlockStop", {"contentBlockIndex": 0}),
        *[delta(1, text=piece) for piece in ("Hi ", PERSON[:3], PERSON[3:9], PERSON[9:] + " and ", CHINESE[:-1])],
        delta(2, text="other"),
        delta(1, text=CHINESE[-1]),
        delta(1, text=" PERSON_K"),
        event("contentBlockStop", {"contentBlockIndex": 1}),
        event("contentBlockStart", {"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}),
        *[delta(3, toolUse={"input": ARGUMENTS[at : at + 4]}) for at in range(0, len(ARGUMENTS), 4)],
        event("contentBlockStop", {"contentBlockIndex": 3}),
        delta(4, toolResult=[{"text": PERSON[:5]}]),
        delta(4, toolResult=[{"text": PERSON[5:]}, {"json": {"a": EMAIL}}]),
        delta(4, citation={"title": PERSON, "location": {"documentChar": {"documentIndex": 0, "start": 7, "end": 9}}}),
        delta(4, text="PERSON"),
        event("messageStop", {"stopReason": "tool_use", "additionalModelResponseFields": {"s": EMAIL}}),
        event("newEvent", {"about": PERSON}),
        event("metadata", {"usage": {"inputTokens": 5, "outputTokens": 6}}),
    ]
)


def whole(codec: Any, data: bytes, points: list[int] | None = None) -> tuple[bytes, Any]:
    """The output of a stream cut at these points, as the gateway drives it; an error ends it in an error event."""
    stream = codec.open_stream(Restoration())
    out = b""
    try:
        for piece in cut(data, points or []):
            out += stream.feed(piece)
        out += stream.close()
    except WireError as e:
        out += stream.error(e.message)
    return out, stream.facts


def test_a_converse_stream() -> None:
    out, facts = whole(CONVERSE, CONVERSE_STREAM)
    texts: dict[tuple[int, str], str] = {}
    for headers, data in frames_in(out):
        if headers[":event-type"] != "contentBlockDelta":
            continue
        for kind, value in data["delta"].items():
            key = (data["contentBlockIndex"], kind)
            if kind == "text":
                texts[key] = texts.get(key, "") + value
            elif kind == "toolUse":
                texts[key] = texts.get(key, "") + value["input"]
            elif kind == "toolResult":
                texts[key] = texts.get(key, "") + "".join(part.get("text", "") for part in value)
            elif kind == "reasoningContent":
                texts[key] = texts.get(key, "") + value.get("text", "")
            else:
                assert value["title"] == VALUES[PERSON]
                assert value["location"]["documentChar"] == {"documentIndex": 0, "start": None, "end": None}
    assert texts == {
        (0, "reasoningContent"): PERSON,
        (1, "text"): f"Hi {VALUES[PERSON]} and {VALUES[CHINESE]} PERSON_K",
        (2, "text"): "other",
        (3, "toolUse"): json.dumps({"to": VALUES[EMAIL], "who": VALUES[PERSON]}, ensure_ascii=False),
        (4, "toolResult"): VALUES[PERSON],
        (4, "text"): "PERSON",
    }
    assert frames_in(out)[-2][1]["about"] == VALUES[PERSON]
    assert (facts.complete, facts.input_tokens, facts.output_tokens) == (True, 5, 6)
    plain = b"".join([event("messageStart", {"role": "assistant"}), delta(0, text="plain"), delta(0, image={})])
    assert whole(CONVERSE, plain)[0] == plain


def chunk(document: Any) -> bytes:
    return event("chunk", {"bytes": base64.b64encode(json.dumps(document, indent=1).encode()).decode()})


METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 5, "outputTokenCount": 6}}
SAID = ["Hi ", PERSON[:4], PERSON[4:], " 和 ", CHINESE]
INVOKE_STREAMS: dict[str, list[Any]] = {
    "anthropic": [
        {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 5}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *[{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": one}} for one in SAID],
        {"type": "content_block_stop", "index": 0},
        {"type": "message_stop", **METRICS},
    ],
    "nova": [
        {"messageStart": {"role": "assistant"}},
        *[{"contentBlockDelta": {"delta": {"text": one}, "contentBlockIndex": 0}} for one in SAID],
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": {"inputTokens": 5, "outputTokens": 6}}, **METRICS},
    ],
    "openai": [
        *[{"choices": [{"index": 0, "delta": {"content": one}, "finish_reason": None}]} for one in SAID],
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], **METRICS},
    ],
    "llama": [
        *[{"generation": one, "stop_reason": None} for one in SAID],
        {"generation": "", "stop_reason": "stop", **METRICS},
    ],
    "titan": [
        *[{"outputText": one, "index": 0, "completionReason": None} for one in SAID[:-1]],
        {"outputText": SAID[-1], "completionReason": "FINISH", **METRICS},
    ],
    "mistral": [
        *[{"outputs": [{"text": one, "stop_reason": None}]} for one in SAID[:-1]],
        {"outputs": [{"text": SAID[-1], "stop_reason": "stop"}], **METRICS},
    ],
    "cohere": [
        *[{"event_type": "text-generation", "text": one, "is_finished": False} for one in SAID],
        {"event_type": "stream-end", "is_finished": True, "response": {"text": "".join(SAID)}, **METRICS},
    ],
    "deepseek": [
        *[{"choices": [{"text": one, "stop_reason": None}]} for one in SAID[:-1]],
        {"choices": [{"text": SAID[-1], "stop_reason": "stop"}], **METRICS},
    ],
    "cut short": [{"generation": one} for one in ("Hi ", PERSON, " PERSON_K1")],
}


def piece_of(document: Any) -> str:
    if "choices" in document:
        choice = document["choices"][0]
        return str(choice.get("text") or choice.get("delta", {}).get("content") or "")
    if "outputs" in document:
        return str(document["outputs"][0]["text"])
    nested = document.get("contentBlockDelta", document).get("delta", {})
    return str(
        nested.get("text") or document.get("generation") or document.get("outputText") or document.get("text") or ""
    )


@pytest.mark.parametrize("vendor", INVOKE_STREAMS)
def test_invoke_streams(vendor: str) -> None:
    data = b"".join(map(chunk, INVOKE_STREAMS[vendor]))
    out, facts = whole(INVOKE, data)
    documents = [json.loads(base64.b64decode(payload["bytes"])) for _, payload in frames_in(out)]
    said = "".join(map(piece_of, documents))
    if vendor == "cut short":
        assert said == f"Hi {VALUES[PERSON]} PERSON_K1"
        assert not facts.complete
        return
    assert said == f"Hi {VALUES[PERSON]} 和 {VALUES[CHINESE]}"
    assert (facts.complete, facts.input_tokens, facts.output_tokens) == (True, 5, 6)
    if vendor == "cohere":
        assert documents[-1]["response"]["text"] == said
    plain = b"".join(map(chunk, INVOKE_STREAMS[vendor][:1]))
    assert whole(INVOKE, plain)[0] == plain


AGENT_STREAM = b"".join(
    [
        event("chunk", {"bytes": base64.b64encode(f"Hi {PERSON[:5]}".encode()).decode()}),
        event("chunk", {"bytes": base64.b64encode(f"{PERSON[5:]}, PERSON".encode()).decode()}),
        event("trace", {"sessionId": "s", "trace": {"text": EMAIL}}),
    ]
)
STREAMS = [
    (CONVERSE, CONVERSE_STREAM),
    (BedrockOther(), AGENT_STREAM),
    (CONVERSE, CONVERSE_STREAM[:-9]),
    (CONVERSE, CONVERSE_STREAM[:900] + b"\x00" + CONVERSE_STREAM[901:]),
    (
        CONVERSE,
        event("messageStart", {}) + delta(0, text="PERSON_K") + frame("exception", "throttlingException", b"{}"),
    ),
    (CONVERSE, delta(0, text="PERSON_K") + frame("initial", "x", b"{}") + event("messageStop", {})),
    (CONVERSE, delta(0, text="PERSON_K") + frame("event", "contentBlockDelta", b"{") + event("messageStop", {})),
    *[(INVOKE, b"".join(map(chunk, documents))) for documents in INVOKE_STREAMS.values()],
    (INVOKE, chunk({"generation": "PERSON_K"}) + event("chunk", {"bytes": "?"}) + chunk({"generation": "x"})),
]


@given(st.sampled_from(range(len(STREAMS))), st.lists(st.integers(min_value=0, max_value=1 << 16), max_size=40))
def test_no_cut_shows(which: int, points: list[int]) -> None:
    codec, data = STREAMS[which]
    assert whole(codec, data, points)[0] == whole(codec, data)[0]


@pytest.mark.parametrize("which", range(len(STREAMS)))
def test_one_byte_at_a_time(which: int) -> None:
    codec, data = STREAMS[which]
    assert whole(codec, data, list(range(len(data))))[0] == whole(codec, data)[0]


@pytest.mark.parametrize("which", [2, 3, 5, 6, len(STREAMS) - 1])
def test_bad_frames_end_a_stream_in_an_exception_and_what_was_held_back_comes_before(which: int) -> None:
    codec, data = STREAMS[which]
    out, facts = whole(codec, data)
    frames = frames_in(out)
    assert frames[-1][0][":exception-type"] == "modelStreamErrorException"
    assert facts.complete is False
    if which in (5, 6):
        assert frames[-2][1]["delta"] == {"text": "PERSON_K"}


def test_exceptions_and_errors_are_restored() -> None:
    message = json.dumps({"message": f"Bad: {PERSON}"}).encode()
    out, facts = whole(CONVERSE, delta(0, text="PERSON_K") + frame("exception", "validationException", message))
    assert [data.get("message") for _, data in frames_in(out)] == [None, None, f"Bad: {VALUES[PERSON]}"]
    assert facts.error_type == "validationException"
    from addons.wire.eventstream import frame_bytes, headers_bytes

    told = [(":message-type", "error"), (":error-code", "Oops"), (":error-message", PERSON)]
    out, facts = whole(CONVERSE, frame_bytes(headers_bytes(told), b""))
    buffer = EventStreamBuffer()
    buffer.add_data(out)
    assert next(buffer).headers[":error-message"] == VALUES[PERSON]
    assert facts.error_type == "Oops"


INNER = {"anthropic_version": "bedrock-2023-05-31", "messages": [{"role": "user", "content": "Mar\u00eda"}]}


def test_a_count_reads_the_body_that_it_counts() -> None:
    body = base64.b64encode(json.dumps(INNER).encode()).decode()
    raw = json.dumps({"input": {"invokeModel": {"body": body, "note": "x y"}}}).encode()
    request = BedrockCount().parse_request(raw)
    assert [(one.path, one.text) for one in request.segments] == [
        ("$.input.invokeModel.note", "x y"),
        ("$.input.invokeModel.body.messages[0].content", "María"),
    ]
    assert request.encode({1: "María"}) == raw
    sent = json.loads(request.encode({0: "z", 1: "PERSON_1"}))["input"]["invokeModel"]
    assert sent["note"] == "z"
    assert json.loads(base64.b64decode(sent["body"]))["messages"][0]["content"] == "PERSON_1"
    with pytest.raises(WireError):
        BedrockCount().parse_request(b'{"input": {"invokeModel": {"body": "?"}}}')
    plain = BedrockCount().parse_request(b'{"input": {"converse": {"messages": [{"content": [{"text": "Maria"}]}]}}}')
    assert [one.text for one in plain.segments] == ["Maria"]


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ({"anthropic_version": "bedrock-2023-05-31", "system": "a b", "messages": []}, ["a b"]),
        ({"schemaVersion": "messages-v1", "system": [{"text": "a b"}]}, ["a b"]),
        ({"messages": [{"role": "user", "content": [{"text": "a b"}]}]}, ["a b"]),
        ({"messages": [{"role": "user", "content": "a b"}]}, ["a b"]),
        ({"inputText": "a b", "textGenerationConfig": {"stopSequences": ["c d"]}}, ["a b", "c d"]),
        ({"prompt": "a b", "max_gen_len": 9}, ["a b"]),
        ({"message": "a b", "chat_history": [{"role": "USER", "message": "c d"}]}, ["a b", "c d"]),
        ({"texts": ["a b"], "input_type": "search_query"}, ["a b", "search_query"]),
        ({"query": "a b", "documents": ["c d"]}, ["a b", "c d"]),
        ("a b", ["a b"]),
    ],
)
def test_bodies_of_all_vendors_are_read(body: Any, texts: list[str]) -> None:
    assert [one.text for one in INVOKE.parse_request(json.dumps(body).encode()).segments] == texts


@pytest.mark.parametrize(
    "reply",
    [
        {"type": "message", "content": [{"type": "text", "text": PERSON}], "stop_reason": "end_turn"},
        {"output": {"message": {"content": [{"text": PERSON}]}}, "stopReason": "end_turn"},
        {"object": "chat.completion", "choices": [{"message": {"content": PERSON}}]},
        {"choices": [{"message": {"content": PERSON}, "stop_reason": "stop"}]},
        {"outputs": [{"text": PERSON}]},
        {"results": [{"outputText": PERSON}]},
        {"embedding": [0.5, 0.25], "note": PERSON},
    ],
)
def test_replies_of_all_vendors_are_restored(reply: Any) -> None:
    restored, facts = INVOKE.restore_reply(json.dumps(reply).encode(), Restoration())
    assert VALUES[PERSON] in json.dumps(json.loads(restored), ensure_ascii=False).replace('\\"', '"')
    assert facts.complete


def test_errors() -> None:
    refusal = CONVERSE.refusal(403, "blocked_by_policy", "No 王")
    assert refusal.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert json.loads(refusal.body) == {"message": "No 王", "code": "blocked_by_policy"}
    kinds = [CONVERSE.refusal(status, "x", "y").headers["x-amzn-errortype"] for status in (400, 413, 429, 500, 503)]
    assert kinds == ["ValidationException", "ValidationException", "ThrottlingException",
                     "InternalServerException", "ServiceUnavailableException"]  # fmt: skip
    for codec in (CONVERSE, INVOKE, BedrockOther()):
        told, facts = codec.restore_reply(json.dumps({"message": EMAIL}).encode(), Restoration())
        assert json.loads(told) == {"message": VALUES[EMAIL]}
        assert facts.error_type == "error"


MODEL = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.anthropic.claude-v2%3A1"


@pytest.mark.parametrize(
    ("provider", "method", "path", "name"),
    [
        ("bedrock", "POST", MODEL + "/converse", "bedrock.converse"),
        ("bedrock", "POST", MODEL + "/converse-stream", "bedrock.converse_stream"),
        (None, "POST", "/model/amazon.nova-lite-v1:0/invoke", "bedrock.invoke"),
        ("bedrock", "POST", "/model/a.b/invoke-with-response-stream", "bedrock.invoke_stream"),
        ("bedrock", "POST", "/model/a.b/count-tokens", "bedrock.count_tokens"),
        ("bedrock", "POST", "/guardrail/g1/version/DRAFT/apply", "bedrock.guardrail"),
        ("bedrock", "POST", "/agents/A/agentAliases/B/sessions/C/text", "bedrock.other"),
        ("bedrock", "GET", "/async-invoke", "bedrock.other"),
        ("bedrock", "POST", "/openai/v1/chat/completions", "openai.chat"),
        ("bedrock", "POST", "/v1/messages", "anthropic.messages"),
        (None, "POST", "/agents/A/agentAliases/B/sessions/C/text", None),
        ("openai", "POST", MODEL + "/converse", None),
    ],
)
def test_rows(provider: str | None, method: str, path: str, name: str | None) -> None:
    endpoint = registry.match(provider, method, path)
    assert (endpoint.name if endpoint is not None else None) == name
    if name == "bedrock.converse":
        assert endpoint is not None
        model = endpoint.codec.parse_request(b"{}").model
        assert model == "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-v2:1"
