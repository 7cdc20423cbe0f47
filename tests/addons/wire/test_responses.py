"""OpenAI's Responses: every text path of requests, replies and streams, and what refers to stored state."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession
from addons.wire.openai_responses import OpenAIResponses
from addons.wire.openai_responses_stream import MAX_WAITING
from addons.wire.types import Restoration as RestorationLike
from addons.wire.types import WireError
from detectors.spans import Span
from tests.addons.wire import positions
from tests.addons.wire.doubles import VALUES, Restoration
from tests.addons.wire.positions_responses import (
    responses_reply,
    responses_request,
    responses_stream,
)
from tests.addons.wire.test_odd_shapes import mutated
from tests.doubles.responses_script import numbered, whole_stream

PLACEHOLDER, VALUE = next(iter(VALUES.items()))
CODEC = OpenAIResponses()
NAME = '王"秀"英'
SESSION = MaskingSession(PlaceholderKey(bytes(32), 1), Scope("tenant"))
REAL = SESSION.mask(NAME, [Span(0, len(NAME), "PERSON", 0.9, "test")])


def run(chunks: list[bytes], restoration: RestorationLike | None = None) -> tuple[bytes, Any]:
    stream = CODEC.open_stream(restoration or Restoration())
    return b"".join([stream.feed(chunk) for chunk in chunks]) + stream.close(), stream.facts


def events(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in data.decode().split("\n") if line.startswith("data: {")]


def told(data: bytes) -> dict[Any, str]:
    """Texts that a client puts together from pieces, by place."""
    texts: dict[Any, str] = {}
    for event in events(data):
        if event["type"].endswith(".delta"):
            where = tuple(event.get(f"{name}_index", 0) for name in ("output", "content", "summary", "command"))
            delta = event["delta"] if isinstance(event["delta"], dict) else {"": event["delta"]}
            for name, text in delta.items():
                key = (event["type"].removesuffix(".delta"), *where, name)
                texts[key] = texts.get(key, "") + text
    return texts


def done(data: bytes) -> dict[Any, str]:
    """The same texts as the events say them that close them."""
    texts: dict[Any, str] = {}
    for event in events(data):
        base = event["type"].removesuffix(".done")
        where = tuple(event.get(f"{name}_index", 0) for name in ("output", "content", "summary", "command"))
        if event["type"] == "response.shell_call_output_content.done":
            texts |= {(base, *where, name): event["output"][0][name] for name in ("stdout", "stderr")}
        elif event["type"].endswith(".done"):
            for name in ("text", "refusal", "arguments", "input", "code", "command"):
                if name in event:
                    texts[base, *where, ""] = event[name]
    return texts


# -- requests ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_marker_is_a_segment_and_is_replaced(ascii_only: bool) -> None:
    body, count = responses_request()
    raw = json.dumps(body, ensure_ascii=ascii_only, indent=1).encode()
    request = CODEC.parse_request(raw)
    found = [marker for s in request.segments for marker in positions.MARKER.findall(s.text)]
    assert sorted(found, key=lambda m: int(m[1:-1])) == [f"⟦{i}⟧" for i in range(count)]
    assert count > 100
    assert request.encode({}) == raw
    texts = {i: positions.MARKER.sub("[X]", s.text) for i, s in enumerate(request.segments)}
    assert json.loads(request.encode(texts)) == json.loads(
        positions.MARKER.sub("[X]", json.dumps(body, ensure_ascii=False))
    )
    assert [s.path for s in request.segments if positions.KEEP in s.text] == []
    assert not [s.path for s in request.segments if positions.MARKER.search(s.path)]
    assert len({s.path for s in request.segments}) == len(request.segments)


def test_roles() -> None:
    request = CODEC.parse_request(json.dumps(responses_request()[0]).encode())
    roles = {s.path: s.role for s in request.segments}
    assert roles["$.instructions"] == roles["$.input[0].content"] == "system"
    assert roles["$.input[1].content[0].text"] == "user"
    assert roles["$.input[2].content[0].text"] == roles["$.input[4].arguments.$.email"] == "assistant"
    assert roles["$.input[5].output.$.found"] == roles["$.input[6].output[0].text"] == "tool"
    assert roles["$.tools[0].description"] == "schema"
    assert roles["$.metadata.customer"] == roles["$.user"] == "metadata"


def test_what_cannot_be_read_is_named() -> None:
    request = CODEC.parse_request(json.dumps(responses_request()[0]).encode())
    assert [(u.path, u.kind.value) for u in request.unreadable] == [
        ("$.input[1].content[2]", "image"),
        ("$.input[1].content[2].image_url", "image"),
        ("$.input[1].content[3]", "image"),
        ("$.input[1].content[3].image_url", "image"),
        ("$.input[1].content[4].file_data", "file"),
        ("$.input[1].content[5].file_url", "remote"),
        ("$.input[1].content[6].file_id", "file"),
        ("$.input[1].content[7]", "audio"),
        ("$.input[6].output[1]", "image"),
        ("$.input[6].output[1].image_url", "image"),
        ("$.input[18].output", "image"),
        ("$.input[18].output.image_url", "image"),
        ("$.input[19].result", "image"),
        ("$.input[20].outputs[1].url", "image"),
    ]


def test_files_of_a_container_are_named() -> None:
    container = {"type": "auto", "file_ids": ["file-1"]}
    tools = [
        {"type": "code_interpreter", "container": container},
        {"type": "image_generation", "input_image_mask": {"image_url": "data:image/png;base64,AA=="}},
    ]
    request = CODEC.parse_request(json.dumps({"input": "x", "tools": tools}).encode())
    assert [u.kind.value for u in request.unreadable] == ["file", "image", "image"]


def test_a_string_is_an_input() -> None:
    request = CODEC.parse_request(json.dumps({"model": "m", "input": "to Maria", "stream": True}).encode())
    assert [(s.path, s.role, s.text) for s in request.segments] == [("$.input", "user", "to Maria")]
    assert (request.model, request.stream) == ("m", True)


def test_text_in_a_data_url_is_read_and_written_back() -> None:
    part = {"type": "input_file", "file_data": "data:text/plain;base64,TWFyaWE=", "filename": "a.txt"}
    body = {"input": [{"role": "user", "content": [part]}]}
    request = CODEC.parse_request(json.dumps(body).encode())
    (index,) = [i for i, s in enumerate(request.segments) if s.text == "Maria"]
    assert request.unreadable == ()
    sent = json.loads(request.encode({index: "王"}))
    assert sent["input"][0]["content"][0]["file_data"] == "data:text/plain;base64,546L"


def test_adjoining_texts_are_joined() -> None:
    content = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]
    request = CODEC.parse_request(json.dumps({"input": [{"role": "user", "content": content}]}).encode())
    assert [[request.segments[i].text for i in group] for group in request.joins] == [["a", "b"]]


@pytest.mark.parametrize("body", [{"input": 5}, {"input": {"role": "user", "content": "Maria"}}, ["Maria"], "Maria"])
def test_odd_shapes_are_read_as_free_data(body: Any) -> None:
    texts = [s.text for s in CODEC.parse_request(json.dumps(body).encode()).segments]
    assert ("Maria" in texts) is ("Maria" in json.dumps(body))


def test_probabilities_in_the_history_go_when_anything_is_replaced() -> None:
    logprobs = [{"token": "Maria", "logprob": -0.1, "bytes": [77, 97], "top_logprobs": []}]
    part = {"type": "output_text", "text": "Maria", "annotations": [], "logprobs": logprobs}
    body = {"input": [{"role": "assistant", "type": "message", "content": [part]}, {"role": "user", "content": "x"}]}
    raw = json.dumps(body).encode()
    request = CODEC.parse_request(raw)
    assert request.encode({}) == raw
    (index,) = [i for i, s in enumerate(request.segments) if s.path.endswith("content[0].text")]
    sent = json.loads(request.encode({index: "PERSON_X"}))
    assert sent["input"][0]["content"][0] == part | {"text": "PERSON_X", "logprobs": []}
    assert "Maria" in [s.text for s in request.segments if s.path.endswith("token")]


def test_an_earlier_turns_placeholder_means_nothing_to_a_later_flow() -> None:
    """Why stored state is refused: the next request's flow does not know what the stored text's placeholders mean."""
    later = MaskingSession(PlaceholderKey(bytes(32), 1), Scope("tenant"))
    other = later.mask("Bo", [Span(0, 2, "PERSON", 0.9, "test")])
    raw = json.dumps(response_of(cited(f"{REAL} and {other}"))).encode()
    restored = json.loads(CODEC.restore_reply(raw, later.restoration())[0])
    assert restored["output"][0]["content"][0]["text"] == f"{REAL} and Bo"


# -- stored state ------------------------------------------------------------------------------------------------------

LEANING: list[Any] = [
    ({"previous_response_id": "resp_1"}, "$.previous_response_id"),
    ({"conversation": "conv_1"}, "$.conversation"),
    ({"conversation": {"id": "conv_1"}}, "$.conversation"),
    ({"background": True}, "$.background"),
    ({"context_management": [{"type": "compaction"}]}, "$.context_management"),
    ({"input": [{"role": "user", "content": "x"}, {"type": "item_reference", "id": "msg_1"}]}, "$.input[1]"),
    ({"input": [{"id": "msg_1"}]}, "$.input[0]"),
    ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, "$.input[0]"),
    ({"input": [{"type": "compaction_trigger"}]}, "$.input[0]"),
]


@pytest.mark.parametrize(("more", "where"), LEANING)
def test_a_request_that_leans_on_stored_state_is_refused(more: Any, where: str) -> None:
    raw = json.dumps({"model": "m", "input": "x"} | more).encode()
    with pytest.raises(WireError) as caught:
        CODEC.parse_request(raw)
    assert (caught.value.code, caught.value.where, caught.value.status) == ("stored_state", where, 400)
    counting = OpenAIResponses("openai.responses.input_tokens", stored_state=True)
    assert counting.parse_request(raw).encode({}) == raw


@pytest.mark.parametrize(
    "more",
    [
        {"previous_response_id": None, "conversation": None, "background": False, "context_management": []},
        {"store": True},
        {"background": True, "stream": True},
        {"prompt": {"id": "pmpt_1"}},
    ],
)
def test_a_stateless_request_is_not(more: Any) -> None:
    raw = json.dumps({"model": "m", "input": "x"} | more).encode()
    assert CODEC.parse_request(raw).encode({}) == raw


# -- replies -----------------------------------------------------------------------------------------------------------


def test_replies_are_restored_in_every_place() -> None:
    raw = json.dumps(responses_reply(PLACEHOLDER), indent=2).encode()
    restored, facts = CODEC.restore_reply(raw, Restoration())
    assert json.loads(restored) == responses_reply(VALUE)
    assert (facts.model, facts.input_tokens, facts.output_tokens, facts.complete) == ("gpt-5.1", 5, 7, True)
    assert facts.finish_reasons == ["completed"]
    untouched = json.dumps(responses_reply("nothing here"), indent=3).encode()
    assert CODEC.restore_reply(untouched, Restoration())[0] == untouched


def test_failed_and_incomplete_responses_are_whole_replies() -> None:
    failed = {"object": "response", "status": "failed", "error": {"code": "server_error", "message": PLACEHOLDER}}
    restored, facts = CODEC.restore_reply(json.dumps(failed).encode(), Restoration())
    assert json.loads(restored)["error"]["message"] == VALUE
    assert (facts.error_type, facts.complete, facts.finish_reasons) == ("server_error", True, ["failed"])
    cut = {"object": "response", "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    facts = CODEC.restore_reply(json.dumps(cut).encode(), Restoration())[1]
    assert (facts.complete, facts.finish_reasons) == (True, ["max_output_tokens"])
    error = {"error": {"type": "invalid_request_error", "message": f"bad: {PLACEHOLDER}"}}
    restored, facts = CODEC.restore_reply(json.dumps(error).encode(), Restoration())
    assert json.loads(restored)["error"]["message"] == f"bad: {VALUE}"
    assert not facts.complete
    assert CODEC.restore_reply(f"<p>{PLACEHOLDER}".encode(), Restoration())[0] == f"<p>{VALUE}".encode()


def cited(text: str, *marked: str, logprobs: bool = True) -> dict[str, Any]:
    """A part whose annotations point at ``marked`` in its text."""
    spans = [(text.index(word), text.index(word) + len(word)) for word in marked]
    urls = [{"type": "url_citation", "title": "t", "url": "u", "start_index": a, "end_index": b} for a, b in spans]
    files = [{"type": "file_citation", "file_id": "file-1", "filename": "f", "index": b} for _, b in spans]
    tokens = [{"token": text, "logprob": -0.5, "bytes": None, "top_logprobs": []}] if logprobs else []
    return {"type": "output_text", "text": text, "annotations": [*urls, *files], "logprobs": tokens}


def response_of(*parts: dict[str, Any]) -> dict[str, Any]:
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": list(parts)}
    return responses_reply("x") | {"output": [item]}


@pytest.mark.parametrize("restoration", [Restoration(), SESSION.restoration()])
def test_annotations_point_where_they_pointed(restoration: Any) -> None:
    token, value = (PLACEHOLDER, VALUE) if isinstance(restoration, Restoration) else (REAL, NAME)
    text = "Dear {0}, see [site] and [other], {0}'s own."
    words = ("Dear", "[site]", "[other]", "own")
    before = cited(text.format(token), *words, token)
    after = cited(text.format(value), *words, value, logprobs=False)
    restored = json.loads(CODEC.restore_reply(json.dumps(response_of(before)).encode(), restoration)[0])
    assert restored["output"][0]["content"] == [after]
    for annotation in restored["output"][0]["content"][0]["annotations"][:5]:
        assert text.format(value)[annotation["start_index"] : annotation["end_index"]] in (*words, value)


def test_an_offset_inside_a_placeholder_becomes_its_nearest_end() -> None:
    part = cited(f"Dear {PLACEHOLDER}, hello")
    part["annotations"] = [
        {"type": "url_citation", "url": "u", "title": "t", "start_index": 9, "end_index": 12},
        {"type": "file_path", "file_id": "f", "index": 1000},
    ]
    restored = json.loads(CODEC.restore_reply(json.dumps(response_of(part)).encode(), Restoration())[0])
    first, second = restored["output"][0]["content"][0]["annotations"]
    assert (first["start_index"], first["end_index"]) == (5, 5 + len(VALUE))
    assert second["index"] == 1000 + len(VALUE) - len(PLACEHOLDER)


def test_probabilities_stay_where_nothing_was_restored() -> None:
    parts = [cited(f"to {PLACEHOLDER}"), cited("to nobody")]
    restored = json.loads(CODEC.restore_reply(json.dumps(response_of(*parts)).encode(), Restoration())[0])
    assert [len(part["logprobs"]) for part in restored["output"][0]["content"]] == [0, 1]


# -- streams -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize("given", [PLACEHOLDER, PLACEHOLDER[:-1], f"{PLACEHOLDER} and {PLACEHOLDER[:5]}"])
def test_streams_are_restored_whatever_the_pieces(given: str, size: int) -> None:
    raw = responses_stream(given, size)
    out, facts = run([raw])
    wanted = responses_stream(given.replace(PLACEHOLDER, VALUE), size)
    assert told(out) == told(wanted)
    assert done(out) == told(out)
    assert [e["sequence_number"] for e in events(out)] == list(range(len(events(raw))))
    assert [e["type"] for e in events(out)] == [e["type"] for e in events(raw)]
    others = [e for e in events(wanted) if not e["type"].endswith(".delta")]
    assert [e["type"] for e in others] == [e["type"] for e in events(out) if not e["type"].endswith(".delta")]
    assert [{**e, "sequence_number": 0} for e in events(out) if not e["type"].endswith(".delta")] == [
        {**e, "sequence_number": 0} for e in others
    ]
    assert (facts.complete, facts.finish_reasons, facts.output_tokens) == (True, ["completed"], 7)


@pytest.mark.parametrize("size", [1, 5, 100])
def test_the_real_restorer_escapes_as_the_place_demands(size: int) -> None:
    out, _ = run([responses_stream(REAL, size)], SESSION.restoration())
    assert told(out) == told(responses_stream(NAME, size))
    assert done(out) == told(out)
    final = events(out)[-1]["response"]
    assert final == responses_reply(NAME)
    assert REAL.encode() not in out
    nested = [
        json.dumps({"json": json.dumps({"x": who}, ensure_ascii=False)}, ensure_ascii=False) for who in (REAL, NAME)
    ]
    before, after = (
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": one} for one in nested
    )
    raw = positions.sse([*whole_stream(responses_reply("x") | {"output": [before]}, size)])
    out, _ = run([raw], SESSION.restoration())
    assert "".join(told(out).values()) == nested[1]
    assert events(out)[-1]["response"]["output"] == [after]


def test_a_stream_without_placeholders_leaves_byte_for_byte() -> None:
    raw = responses_stream("nobody", 3).replace(b"\n", b"\r\n")
    assert run([raw])[0] == raw


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_cuts_do_not_show(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 20))
    raw = responses_stream(f"{PLACEHOLDER} 王", size)
    if data.draw(st.booleans()):
        raw = raw.replace(b"\n", b"\r\n")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=12)))
    chunks = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert run(chunks)[0] == run([raw])[0]


def test_one_byte_at_a_time() -> None:
    raw = responses_stream(REAL, 9)
    assert (
        run([raw[i : i + 1] for i in range(len(raw))], SESSION.restoration())[0]
        == (run([raw], SESSION.restoration())[0])
    )


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.integers(1, 6)), max_size=40),
    st.sampled_from(["response.output_text", "response.function_call_arguments"]),
)
@settings(max_examples=80, deadline=None)
def test_runs_that_alternate_stay_one_to_one(turns: list[tuple[int, int]], base: str) -> None:
    text = f'["to {PLACEHOLDER}", "{PLACEHOLDER[:7]}", "{PLACEHOLDER}"]'
    at = [0, 0, 0]

    def script() -> Any:
        for run_of, size in [*turns, (0, 999), (1, 999), (2, 999)]:
            piece = text[at[run_of] : at[run_of] + size]
            at[run_of] += size
            yield f"{base}.delta", {"output_index": run_of, "content_index": 0, "delta": piece}
        for run_of in (0, 1, 2):
            yield f"{base}.done", {"output_index": run_of, "content_index": 0}

    given_events = numbered(script())
    out = events(run([positions.sse([*given_events])], Restoration())[0])
    assert [(e["type"], e["sequence_number"], e["output_index"]) for e in out] == [
        (e["type"], e["sequence_number"], e["output_index"]) for _, e in given_events
    ]
    said = ["", "", ""]
    for event in out:
        said[event["output_index"]] += event.get("delta", "")
    value = VALUE.replace('"', '\\"') if "arguments" in base else VALUE
    assert said == [text.replace(PLACEHOLDER, value)] * 3


def test_item_ids_that_change_from_event_to_event_do_not_part_a_run() -> None:
    pieces = [PLACEHOLDER[:4], PLACEHOLDER[4:9], PLACEHOLDER[9:]]
    raw = positions.sse(
        [
            ("", {"type": "response.output_text.delta", "item_id": f"m{i}", "output_index": 0, "delta": piece})
            for i, piece in enumerate(pieces)
        ]
    )
    assert "".join(told(run([raw])[0]).values()) == VALUE


def test_a_piece_waits_for_its_successor_and_no_longer() -> None:
    stream = CODEC.open_stream(Restoration())
    delta = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0}
    first, second = (positions.sse([("", {**delta, "delta": text})]) for text in ("Dear ", "PERS"))
    assert stream.feed(first) == b""
    assert stream.feed(second) == first
    assert stream.close() == second


def test_a_run_that_never_ends_does_not_keep_the_rest_back() -> None:
    stream = CODEC.open_stream(Restoration())
    stuck = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": PLACEHOLDER[:5]}
    other = positions.sse([("", {"type": "response.web_search_call.searching", "output_index": 1})])
    out = stream.feed(positions.sse([("", stuck)]) + other * (MAX_WAITING + 5))
    assert out.count(b"searching") > 0
    rest = stream.close()
    assert told(out + rest)["response.output_text", 0, 0, 0, 0, ""] == PLACEHOLDER[:5]
    assert events(out + rest)[-1]["delta"] == PLACEHOLDER[:5]


@pytest.mark.parametrize("size", [1, 4, 200])
def test_annotations_in_a_stream_agree_with_the_whole(size: int) -> None:
    text = f"Dear {PLACEHOLDER}, see [site]; {PLACEHOLDER} and [other]."
    raw = positions.sse([*whole_stream(response_of(cited(text, "Dear", "[site]", "[other]")), size)])
    out = events(run([raw])[0])
    final = out[-1]["response"]["output"][0]["content"][0]
    added = [e["annotation"] for e in out if e["type"] == "response.output_text.annotation.added"]
    assert sorted(added, key=json.dumps) == sorted(final["annotations"], key=json.dumps)
    assert final == cited(text.replace(PLACEHOLDER, VALUE), "Dear", "[site]", "[other]", logprobs=False)
    restored = [e for e in out if e["type"] == "response.output_text.delta"]
    given = [e for e in events(raw) if e["type"] == "response.output_text.delta"]
    for before, after in zip(given, restored, strict=True):
        assert after["logprobs"] == (before["logprobs"] if before["delta"] == after["delta"] else [])
    assert any(not event["logprobs"] for event in restored)
    assert next(e for e in out if e["type"] == "response.output_text.done")["logprobs"] == []


@pytest.mark.parametrize("kind", ["response.failed", "response.incomplete"])
def test_streams_that_end_otherwise(kind: str) -> None:
    delta = {"type": "response.output_text.delta", "output_index": 0, "delta": f"{PLACEHOLDER} and {PLACEHOLDER[:4]}"}
    response = responses_reply("x") | {"status": kind.partition(".")[2]}
    if kind == "response.failed":
        response["error"] = {"code": "server_error", "message": PLACEHOLDER}
    out, facts = run([positions.sse([("", delta), (kind, {"type": kind, "response": response})])])
    assert "".join(told(out).values()) == f"{VALUE} and {PLACEHOLDER[:4]}"
    assert facts.complete is (kind == "response.incomplete")
    assert facts.error_type == ("server_error" if kind == "response.failed" else None)
    assert PLACEHOLDER.encode() not in out


def test_error_events_are_restored_and_end_the_runs() -> None:
    delta = {"type": "response.output_text.delta", "output_index": 0, "delta": PLACEHOLDER[:4]}
    error = {"type": "error", "code": "server_error", "message": PLACEHOLDER, "param": None, "sequence_number": 9}
    out, facts = run([positions.sse([("", delta), ("error", error)])])
    assert [e.get("delta", e.get("message")) for e in events(out)] == [PLACEHOLDER[:4], VALUE]
    assert (facts.error_type, facts.complete) == ("server_error", False)


def test_a_stream_that_breaks_off_gives_what_was_held_back() -> None:
    raw = responses_stream(PLACEHOLDER[:6], 3)
    cut = raw[: raw.index(b"event: response.output_text.done")]
    out, facts = run([cut])
    assert told(out) == told(cut)
    assert not facts.complete


def test_our_own_error_comes_after_what_was_held_back() -> None:
    stream = CODEC.open_stream(Restoration())
    delta = {"type": "response.output_text.delta", "output_index": 0, "delta": "x" + PLACEHOLDER[:4]}
    assert stream.feed(positions.sse([("", {**delta, "sequence_number": 4})])) == b""
    first, second = events(stream.error("It broke"))
    assert first["delta"] == "x" + PLACEHOLDER[:4]
    assert (second["type"], second["message"], second["sequence_number"]) == ("error", "It broke", 5)
    assert second["error"]["code"] == second["code"] == "gateway_stream_error"
    assert stream.feed(b"data: {}\n\n") == b""


def test_audio_passes_and_what_is_odd_is_restored() -> None:
    audio = {"type": "response.audio.delta", "delta": PLACEHOLDER}
    spoken = [
        {"type": "response.audio.transcript.delta", "delta": piece} for piece in (PLACEHOLDER[:5], PLACEHOLDER[5:])
    ]
    out, _ = run([positions.sse([("", audio), *[("", one) for one in spoken]])])
    assert told(out) == {
        ("response.audio", 0, 0, 0, 0, ""): PLACEHOLDER,
        ("response.audio.transcript", 0, 0, 0, 0, ""): VALUE,
    }
    delta = f'{{"type": "x.delta", "output_index": 0, "logprobs": [NaN], "delta": "{PLACEHOLDER}"}}'
    for data in (f'{{"x": NaN, "y": "{PLACEHOLDER}"}}', f'["{PLACEHOLDER}"]', "7", delta):
        out, _ = run([f"data: {data}\n\n".encode()])
        assert PLACEHOLDER.encode() not in out


def test_an_event_that_is_no_json_is_an_error() -> None:
    with pytest.raises(WireError) as caught:
        run([b"data: {broken\n\n"])
    assert caught.value.code == "malformed_event"


def test_odd_shapes() -> None:
    """What is not of the API's shape: nothing crosses unscanned, nothing raises, cuts do not show."""
    rng = random.Random(7)
    body, reply = responses_request()[0], responses_reply(f"Dear {PLACEHOLDER}")
    refused: Counter[str] = Counter()
    for _ in range(60):
        raw = json.dumps({key: mutated(value, rng) for key, value in body.items()}).encode()
        try:
            request = CODEC.parse_request(raw)
        except WireError as error:
            refused[error.code] += 1
            continue
        assert request.encode({}) == raw
        sent = request.encode({i: positions.MARKER.sub("[X]", s.text) for i, s in enumerate(request.segments)})
        assert not positions.MARKER.search(json.dumps(json.loads(sent), ensure_ascii=False))
        restored, _ = CODEC.restore_reply(json.dumps(mutated(reply, rng)).encode(), Restoration())
        assert PLACEHOLDER.encode() not in restored
    assert set(refused) <= {"stored_state"}
    assert refused.total() < 30
    for _ in range(8):
        blocks = []
        for block in responses_stream(f"{PLACEHOLDER} x", 9).decode().split("\n\n"):
            head, mark, data = block.partition("data: ")
            blocks.append(head + mark + (json.dumps(mutated(json.loads(data), rng)) if data else data))
        raw = "\n\n".join(blocks).encode()
        assert run([raw[i : i + 97] for i in range(0, len(raw), 97)])[0] == run([raw])[0]
