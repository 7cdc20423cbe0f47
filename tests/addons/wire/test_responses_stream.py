"""OpenAI's Responses: what streams become, whatever their pieces and cuts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.wire.openai_responses_stream import MAX_WAITING
from addons.wire.types import WireError
from tests.addons.wire import positions
from tests.addons.wire.doubles import Restoration
from tests.addons.wire.positions_responses import responses_reply, responses_stream
from tests.addons.wire.responses_client import (
    CODEC,
    NAME,
    PLACEHOLDER,
    REAL,
    SESSION,
    VALUE,
    cited,
    done,
    events,
    response_of,
    run,
    told,
)
from tests.doubles.responses_script import numbered, whole_stream


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
    assert final == cited(text.replace(PLACEHOLDER, VALUE), "Dear", "[site]", "[other]")
    restored = [e for e in out if e["type"] == "response.output_text.delta"]
    assert all("".join(one["token"] for one in e["logprobs"]) == e["delta"] for e in restored)
    (closed,) = [e for e in out if e["type"] == "response.output_text.done"]
    assert "".join(one["token"] for one in closed["logprobs"]) == closed["text"]


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
