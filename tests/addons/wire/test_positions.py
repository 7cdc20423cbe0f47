"""Every text path of every endpoint: found, replaced, restored; nothing else touched."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.wire.anthropic_messages import AnthropicMessages
from addons.wire.generic import Generic
from addons.wire.openai_chat import OpenAIChat
from addons.wire.types import Codec, WireError
from tests.addons.wire import positions, positions_anthropic
from tests.addons.wire.doubles import VALUES, Restoration

PLACEHOLDER, VALUE = next(iter(VALUES.items()))
CASES: list[Any] = [
    pytest.param(OpenAIChat(), positions.openai_request, id="openai.chat"),
    pytest.param(AnthropicMessages(), positions_anthropic.anthropic_request, id="anthropic.messages"),
    pytest.param(
        AnthropicMessages("anthropic.count_tokens"), positions_anthropic.anthropic_request, id="anthropic.count_tokens"
    ),
]
STREAMS: list[Any] = [
    pytest.param(OpenAIChat(), positions.openai_stream, id="openai.chat"),
    pytest.param(AnthropicMessages(), positions_anthropic.anthropic_stream, id="anthropic.messages"),
]


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize(("codec", "make"), CASES)
def test_every_marker_is_a_segment_and_is_replaced(codec: Codec, make: Any, ascii_only: bool) -> None:
    body, count = make()
    raw = json.dumps(body, ensure_ascii=ascii_only, indent=1).encode()
    request = codec.parse_request(raw)
    found = [marker for s in request.segments for marker in positions.MARKER.findall(s.text)]
    assert sorted(found, key=lambda m: int(m[1:-1])) == [f"⟦{i}⟧" for i in range(count)]
    assert request.encode({}) == raw
    texts = {i: positions.MARKER.sub("[X]", s.text) for i, s in enumerate(request.segments)}
    sent = request.encode(texts)
    expected = positions.MARKER.sub("[X]", json.dumps(body, ensure_ascii=False))
    assert json.loads(sent) == json.loads(expected)
    assert not [s for s in request.segments if positions.KEEP in s.text and "data" not in s.path]


@pytest.mark.parametrize(("codec", "make"), CASES)
def test_paths_never_quote_names_that_may_be_data(codec: Codec, make: Any) -> None:
    request = codec.parse_request(json.dumps(make()[0]).encode())
    assert not [s.path for s in request.segments if positions.MARKER.search(s.path)]
    assert len({s.path for s in request.segments}) == len(request.segments)


def test_what_cannot_be_read_is_named() -> None:
    chat = OpenAIChat().parse_request(json.dumps(positions.openai_request()[0]).encode())
    assert [(u.path, u.kind.value) for u in chat.unreadable] == [
        ("$.messages[2].content[2]", "image"),
        ("$.messages[2].content[2].image_url.url", "image"),
        ("$.messages[2].content[3]", "image"),
        ("$.messages[2].content[3].image_url.url", "image"),
        ("$.messages[2].content[4]", "audio"),
        ("$.messages[2].content[5].file.file_data", "file"),
        ("$.messages[2].content[6].file.file_id", "file"),
    ]
    message = AnthropicMessages().parse_request(json.dumps(positions_anthropic.anthropic_request()[0]).encode())
    assert [u.kind.value for u in message.unreadable] == ["image", "image", "image", "file", "remote", "file", "file"]


def test_text_in_base64_is_read_and_written_back() -> None:
    request = AnthropicMessages().parse_request(json.dumps(positions_anthropic.anthropic_request()[0]).encode())
    (index,) = [i for i, s in enumerate(request.segments) if "plain KEEPmarker text" in s.text]
    sent = json.loads(request.encode({index: "plain 王秀英 text"}))
    data = sent["messages"][0]["content"][4]["source"]["data"]
    assert base64.b64decode(data).decode() == "plain 王秀英 text"


def test_adjoining_texts_are_joined_and_an_image_parts_them() -> None:
    content = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    body = {"model": "m", "messages": [{"role": "user", "content": [*content, image, *content, *content]}]}
    request = OpenAIChat().parse_request(json.dumps(body).encode())
    assert [[request.segments[i].text for i in group] for group in request.joins] == [["a", "b"], ["a", "b", "a", "b"]]


@pytest.mark.parametrize(
    ("codec", "make"),
    [
        pytest.param(OpenAIChat(), positions.openai_reply, id="openai.chat"),
        pytest.param(AnthropicMessages(), positions_anthropic.anthropic_reply, id="anthropic.messages"),
    ],
)
def test_replies_are_restored_in_every_place(codec: Codec, make: Any) -> None:
    raw = json.dumps(make(f"Dear {PLACEHOLDER}!"), indent=2).encode()
    restored, facts = codec.restore_reply(raw, Restoration())
    assert json.loads(restored) == make(f"Dear {VALUE}!")
    assert (facts.input_tokens, facts.output_tokens, facts.complete) == (5, 7, True)
    assert facts.finish_reasons
    untouched = json.dumps(make("nothing here"), indent=3).encode()
    assert codec.restore_reply(untouched, Restoration())[0] == untouched


@pytest.mark.parametrize("codec", [OpenAIChat(), AnthropicMessages(), Generic()])
def test_errors_quote_the_prompt_and_pages_that_are_no_json_too(codec: Codec) -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": f"bad: {PLACEHOLDER}"}}
    restored, facts = codec.restore_reply(json.dumps(error).encode(), Restoration())
    assert json.loads(restored)["error"]["message"] == f"bad: {VALUE}"
    assert facts.error_type == "invalid_request_error"
    assert codec.restore_reply(f"<p>{PLACEHOLDER}".encode(), Restoration())[0] == f"<p>{VALUE}".encode()
    assert codec.restore_reply(b"\xff\xfe", Restoration())[0] == b"\xff\xfe"


def run(codec: Codec, chunks: list[bytes]) -> tuple[bytes, Any]:
    stream = codec.open_stream(Restoration())
    return b"".join([stream.feed(chunk) for chunk in chunks]) + stream.close(), stream.facts


def collected(stream: bytes) -> dict[Any, str]:
    """The texts that a client puts together, by place."""
    texts: dict[Any, str] = {}

    def add(key: Any, value: Any) -> None:
        if isinstance(value, str):
            texts[key] = texts.get(key, "") + value

    for block in stream.decode().split("\n\n"):
        data = next((line[6:] for line in block.split("\n") if line.startswith("data: ")), "[DONE]")
        event = json.loads(data) if data != "[DONE]" else {}
        for choice in event.get("choices", ()):
            for name, value in choice["delta"].items():
                add((choice["index"], name), value)
            for call in choice["delta"].get("tool_calls", ()):
                add((choice["index"], "tool", call["index"]), call["function"]["arguments"])
        for name in ("text", "partial_json", "thinking", "signature"):
            add((event.get("index"), name), event.get("delta", {}).get(name))
        add("cited", event.get("delta", {}).get("citation", {}).get("cited_text"))
        if "content" in event.get("content_block", {}):
            add("result", json.dumps(event["content_block"]["content"], ensure_ascii=False))
    return texts


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize(("codec", "make"), STREAMS)
def test_streams_are_restored_whatever_the_pieces(codec: Codec, make: Any, size: int) -> None:
    for value in (PLACEHOLDER, PLACEHOLDER[:-1], f"{PLACEHOLDER} and {PLACEHOLDER[:5]}"):
        out, facts = run(codec, [make(value, size)])
        assert collected(out) == collected(make(value.replace(PLACEHOLDER, VALUE), size))
        assert facts.complete
        assert facts.output_tokens in (7, 9)


@pytest.mark.parametrize(("codec", "make"), STREAMS)
def test_a_stream_without_placeholders_leaves_byte_for_byte(codec: Codec, make: Any) -> None:
    raw = make("nobody", 3).replace(b"\n", b"\r\n")
    assert run(codec, [raw])[0] == raw


@pytest.mark.parametrize("ends", [b"\n", b"\r", b"\r\n"])
@pytest.mark.parametrize(("codec", "make"), STREAMS)
def test_cuts_do_not_show(codec: Codec, make: Any, ends: bytes) -> None:
    raw = b"\xef\xbb\xbf: hello\n\n" + make(f"{PLACEHOLDER} 王", 9)
    raw = raw.replace(b"\n", ends)
    expected = run(codec, [raw])[0]
    assert run(codec, [raw[i : i + 1] for i in range(len(raw))])[0] == expected
    for cut in range(0, len(raw), 1 if ends == b"\r\n" else 13):
        assert run(codec, [raw[:cut], raw[cut:]])[0] == expected


@pytest.mark.parametrize(("codec", "make"), STREAMS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_random_cuts_do_not_show(codec: Codec, make: Any, data: st.DataObject) -> None:
    raw = make(PLACEHOLDER, data.draw(st.integers(1, 20)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=12)))
    chunks = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert run(codec, chunks)[0] == run(codec, [raw])[0]


@pytest.mark.parametrize(("codec", "make"), STREAMS)
def test_a_stream_that_breaks_off_gives_what_was_held_back(codec: Codec, make: Any) -> None:
    raw = make(PLACEHOLDER[:6], 3)
    marker = b'"stop_reason": "end_turn"' if b"message_stop" in raw else b'"finish_reason": "stop"'
    cut = raw[: raw.index(marker)]
    cut = cut[: cut.rindex(b"\n\n") + 2]
    out, facts = run(codec, [cut])
    assert collected(out) == collected(cut)
    assert not facts.complete


@pytest.mark.parametrize("codec", [OpenAIChat(), AnthropicMessages(), Generic()])
def test_what_is_odd_passes_restored(codec: Codec) -> None:
    for data in (f'{{"x": NaN, "y": "{PLACEHOLDER}"}}', f'["{PLACEHOLDER}"]', "7"):
        out, _ = run(codec, [f"data: {data}\n\n".encode()])
        assert PLACEHOLDER.encode() not in out


BROKEN = ("{broken " + PLACEHOLDER, "[1," + "[" * 500 + PLACEHOLDER)


@pytest.mark.parametrize("data", BROKEN)
@pytest.mark.parametrize("codec", [OpenAIChat(), AnthropicMessages()])
def test_an_event_that_is_no_json_is_an_error(codec: Codec, data: str) -> None:
    with pytest.raises(WireError) as caught:
        run(codec, [f"data: {data}\n\n".encode()])
    assert caught.value.code == "malformed_event"


@pytest.mark.parametrize("data", BROKEN)
def test_an_unknown_stream_may_hold_anything(data: str) -> None:
    out, _ = run(Generic(), [f"data: {data}\n\n".encode(), b"data: \xff\n\n"])
    assert PLACEHOLDER.encode() not in out
    assert out.endswith(b"data: \xff\n\n")


@pytest.mark.parametrize("codec", [OpenAIChat(), AnthropicMessages(), Generic()])
def test_error_events_in_mid_stream_are_restored(codec: Codec) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": PLACEHOLDER}}
    out, facts = run(codec, [positions.sse([("error", error)])])
    assert json.loads(re.sub(rb".*data: ", b"", out, flags=re.DOTALL))["error"]["message"] == VALUE
    assert facts.error_type == "overloaded_error"
    assert not facts.complete
