"""Answers of detectors: read strictly, matched by id."""

from __future__ import annotations

import json

import pytest

from models.errors import ModelError
from models.ner.measure.readers import CommandReader, Finding, named, parse


def line(identity: object, *spans: dict[str, object]) -> str:
    return json.dumps({"id": identity, "spans": spans})


def test_answers_are_matched_by_id_and_may_lack_score_and_action() -> None:
    lines = [
        line(1, {"start": 0, "end": 2, "entity": "GPE"}),
        "",
        line(0, {"start": 1, "end": 2, "entity": "X", "score": 0.5, "action": "allow"}),
    ]
    assert parse(lines, ["ab", "cd"], "peer") == [
        [Finding(1, 2, "X", 0.5, "allow")],
        [Finding(0, 2, "GPE", 1.0, "allow")],
    ]
    assert parse([line(0, {"start": 0, "end": 1, "entity": "EMAIL"})], ["a"], "peer")[0][0].masked


@pytest.mark.parametrize(
    "bad",
    [
        "no json",
        "[]",
        line(7),
        line(0, {"start": 0, "end": 9, "entity": "X"}),
        line(0, {"start": 1, "end": 1, "entity": "X"}),
        line(0, {"start": 0, "end": 1}),
    ],
)
def test_bad_answers_name_detector_and_line(bad: str) -> None:
    with pytest.raises(ModelError, match="'peer', line 2"):
        parse(["", bad], ["text"], "'peer'")


def test_a_missing_answer_is_not_taken_for_nothing_found() -> None:
    with pytest.raises(ModelError, match="no answer to 1 of 2 texts, the first of them id 1"):
        parse([line(0)], ["a", "b"], "peer")


def test_the_start_of_a_command_is_taken_off_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    took = iter([2.0, 3.0, 2.1])
    monkeypatch.setattr(CommandReader, "_run", lambda self, texts: ([[] for _ in texts], next(took)))
    reader = CommandReader("any", "true")
    assert reader.read(["a", "b"]) == ([[], []], 1.0)
    assert reader.read(["a"]) == ([[]], None)  # too little to be told from the start


def test_names() -> None:
    assert named("our model=work/m") == ("our model", "work/m")
    assert named("coatcheck detect - --jsonl") == ("coatcheck detect - --jsonl", "coatcheck detect - --jsonl")
    assert named("/path/a=b") == ("/path/a=b", "/path/a=b")
