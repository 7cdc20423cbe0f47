"""Streams whose pieces say what they belong to: OpenAI's Responses, as the generic codec restores them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession
from addons.wire.generic import Generic
from detectors.spans import Span
from tests.doubles.formats import Ids
from tests.doubles.manner import Manner
from tests.doubles.openai_responses import responses

NAME = '王"秀"英'
SESSION = MaskingSession(PlaceholderKey(bytes(32), 1), Scope("tenant"))
PLACEHOLDER = SESSION.mask(NAME, [Span(0, len(NAME), "PERSON", 0.9, "test")])
TOOL = {"type": "function", "name": "note", "parameters": {"type": "object"}}


def stream(said: str, piece: int, *, tools: bool = False) -> bytes:
    body = {"model": "m", "input": said, "stream": True, **({"tools": [TOOL]} if tools else {})}
    return b"".join(responses(body, Manner().but({"piece": piece}), Ids())[0].pieces)


def restored(data: bytes, cuts: tuple[int, ...] = ()) -> bytes:
    opened = Generic().open_stream(SESSION.restoration())
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    out = [opened.feed(data[begin:end]) for begin, end in zip(edges, edges[1:], strict=False)]  # noqa: RUF007
    return b"".join(out) + opened.close()


def events(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in data.decode().split("\n") if line.startswith("data: ")]


def joined(data: bytes, kind: str) -> str:
    return "".join(event["delta"] for event in events(data) if event["type"] == kind)


@pytest.mark.parametrize("piece", [1, 3, 7, 100])
def test_text_pieces_are_restored_across_events_and_stay_one_to_one(piece: int) -> None:
    raw = stream(f"Dear {PLACEHOLDER}", piece)
    out = restored(raw)
    assert joined(out, "response.output_text.delta") == f"You wrote: Dear {NAME}"
    assert [event["sequence_number"] for event in events(out)] == list(range(len(events(raw))))
    assert events(out)[-1]["response"]["output"][0]["content"][0]["text"] == f"You wrote: Dear {NAME}"


@pytest.mark.parametrize("piece", [1, 4, 100])
def test_tool_arguments_are_escaped_as_their_place_demands(piece: int) -> None:
    out = restored(stream(f"Dear {PLACEHOLDER}", piece, tools=True))
    arguments = json.loads(joined(out, "response.function_call_arguments.delta"))
    assert arguments["text"] == f"Dear {NAME}"
    assert json.loads(arguments["nested"]["json"])["text"] == f"Dear {NAME}"
    done = next(event for event in events(out) if event["type"] == "response.function_call_arguments.done")
    assert json.loads(done["arguments"]) == arguments


@given(st.lists(st.integers(0, 10_000), max_size=6).map(tuple), st.sampled_from([1, 5]))
def test_the_cuts_do_not_matter(cuts: tuple[int, ...], piece: int) -> None:
    raw = stream(f"Dear {PLACEHOLDER}, hello", piece)
    assert restored(raw, cuts) == restored(raw)


EVENTS = st.lists(
    st.sampled_from(
        [
            json.dumps({"type": "a.delta", "output_index": 0, "delta": PLACEHOLDER[:6]}),
            json.dumps({"type": "a.delta", "output_index": 0, "delta": PLACEHOLDER[6:] + " and " + PLACEHOLDER[:3]}),
            json.dumps({"type": "a.delta", "output_index": 1, "delta": "x"}),
            json.dumps({"type": "a.done", "output_index": 0}),
            json.dumps({"type": "other", "text": PLACEHOLDER}),
            "no JSON",
            '["a list"]',
            "[DONE]",
            ": ping",
        ]
    ),
    max_size=8,
)


@given(EVENTS, st.sampled_from(["\n", "\r\n", "\r"]), st.lists(st.integers(0, 10_000), max_size=8).map(tuple))
def test_no_cut_lets_a_line_end_or_an_event_overtake_another(lines: list[str], end: str, cuts: tuple[int, ...]) -> None:
    raw = "".join(f"{line if line[0] == ':' else f'data: {line}'}{end}{end}" for line in lines).encode()
    whole = restored(raw)
    assert restored(raw, cuts) == whole
    assert restored(raw, tuple(range(len(raw)))) == whole
    others = [line for line in lines if '"delta"' not in line and "text" not in line]
    told = [line.removeprefix("data: ") for line in re.split("[\r\n]+", whole.decode())]
    assert [line for line in told if line in others] == others


def test_runs_that_alternate_are_kept_apart() -> None:
    half = len(PLACEHOLDER) // 2
    pieces = [(0, PLACEHOLDER[:half]), (1, "x" + PLACEHOLDER[:half]), (0, PLACEHOLDER[half:]), (1, PLACEHOLDER[half:])]
    raw = "".join(
        f"data: {json.dumps({'type': 'a.delta', 'output_index': i, 'delta': text})}\n\n" for i, text in pieces
    )
    raw += "".join(f"data: {json.dumps({'type': 'a.done', 'output_index': i})}\n\n" for i in (0, 1))
    said = {0: "", 1: ""}
    for event in events(restored(raw.encode())):
        said[event["output_index"]] += event.get("delta", "")
    assert said == {0: NAME, 1: f"x{NAME}"}


def test_a_stream_that_breaks_off_gives_what_was_held_back() -> None:
    raw = f"data: {json.dumps({'type': 'a.delta', 'delta': 'tail ' + PLACEHOLDER[:6]})}\n\n".encode()
    assert joined(restored(raw), "a.delta") == f"tail {PLACEHOLDER[:6]}"
