"""``--jsonl``: one line out for each line in, in order, each span with its action; errors that quote nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.detector import Detector
from detectors.errors import DetectorError
from detectors.jsonl import BadLine, masked, run_jsonl
from detectors.spans import Span


class Letters:
    """Finds every capital letter, X as an organization; refuses texts with a question mark."""

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        if any("?" in text for text in texts):
            raise DetectorError("recognizer Letters failed")
        return [
            [
                Span(i, i + 1, "ORGANIZATION" if char == "X" else "PERSON", 0.98765, "Letters")
                for i, char in enumerate(text)
                if "A" <= char <= "Z"
            ]
            for text in texts
        ]


def actions(text: str, spans: Sequence[Span]) -> list[str]:
    return ["allow" if span.entity == "ORGANIZATION" else "mask" for span in spans]


def answers(*lines: str, **options: Any) -> tuple[int, list[dict[str, Any]]]:
    out = io.StringIO()
    held = run_jsonl(Letters(), [line + "\n" for line in lines], out, actions, **options)
    return held, [json.loads(line) for line in out.getvalue().splitlines()]


def test_all_spans_each_with_its_action() -> None:
    held, (record,) = answers('{"id": "a", "text": "X张A"}')
    spans = [
        {"start": 0, "end": 1, "entity": "ORGANIZATION", "score": 0.9877, "recognizer": "Letters", "action": "allow"},
        {"start": 2, "end": 3, "entity": "PERSON", "score": 0.9877, "recognizer": "Letters", "action": "mask"},
    ]
    assert record == {"id": "a", "spans": spans}
    assert held == 1


def test_masked_has_only_what_does_not_go_out_and_the_text_without_it() -> None:
    held, (record,) = answers('{"id": 7, "text": "X张A"}', only_masked=True)
    assert held == 1
    assert record["text"] == "X张<PERSON>"
    assert [(span["start"], span["entity"], span["action"]) for span in record["spans"]] == [(2, "PERSON", "mask")]


def test_in_order_empty_lines_left_out_and_a_number_for_a_missing_id() -> None:
    lines = [json.dumps({"id": i, "text": "A" if i % 2 else ""}) for i in range(150)]
    _, records = answers(*lines, "", '{"text": "B"}')
    assert [record["id"] for record in records] == [*range(150), 152]
    assert [len(record["spans"]) for record in records] == [i % 2 for i in range(150)] + [1]


def test_a_filter_drops_spans_after_the_policy_saw_them_all() -> None:
    seen: list[int] = []

    def counting(text: str, spans: Sequence[Span]) -> list[str]:
        seen.append(len(spans))
        return actions(text, spans)

    out = io.StringIO()
    run_jsonl(Letters(), ['{"text": "XA"}\n'], out, counting, wanted=lambda span: span.entity == "PERSON")
    assert seen == [2]
    assert [span["entity"] for span in json.loads(out.getvalue())["spans"]] == ["PERSON"]


@pytest.mark.parametrize("bad", ["{anna@example.com", '{"id": 1}', '["anna"]', '{"id": 1, "text": 5}', "[" * 200_000])
def test_a_bad_line_is_named_not_quoted_and_nothing_before_it_is_lost(bad: str) -> None:
    out = io.StringIO()
    with pytest.raises(BadLine, match="line 2 ") as caught:
        run_jsonl(Letters(), ['{"id": 1, "text": "a"}\n', bad + "\n", '{"id": 3, "text": "b"}\n'], out, actions)
    assert [json.loads(line)["id"] for line in out.getvalue().splitlines()] == [1]
    assert "anna" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_a_line_that_the_detector_cannot_answer_is_named() -> None:
    out = io.StringIO()
    lines = [json.dumps({"id": i, "text": "a?" if i == 3 else "A"}) + "\n" for i in range(1, 6)]
    with pytest.raises(DetectorError, match="line 3: recognizer Letters failed"):
        run_jsonl(Letters(), lines, out, actions)
    assert [json.loads(line)["id"] for line in out.getvalue().splitlines()] == [1, 2]


def test_lone_surrogates_leave_as_they_came(detector: Detector) -> None:
    out = io.StringIO()
    line = '{"id": "\\ud800", "text": "\\ud83d anna@example.com"}\n'
    run_jsonl(detector, [line], out, lambda text, spans: ["mask"] * len(spans), only_masked=True)
    out.getvalue().encode("utf-8")
    record = json.loads(out.getvalue())
    assert (record["id"], record["text"]) == ("\ud800", "\ud83d <EMAIL_ADDRESS>")
    assert [(span["start"], span["end"]) for span in record["spans"]] == [(2, 18)]


@given(st.lists(st.tuples(st.text(max_size=5), st.text(min_size=1, max_size=5)), max_size=6), st.text(max_size=5))
def test_masked_keeps_all_else(parts: list[tuple[str, str]], rest: str) -> None:
    text, spans = "", []
    for plain, value in parts:
        spans.append(Span(len(text + plain), len(text + plain + value), "E", 1.0, "r"))
        text += plain + value
    assert masked(text + rest, spans) == "".join(plain + "<E>" for plain, _ in parts) + rest
