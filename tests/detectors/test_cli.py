"""``coatcheck detect``: JSONL in order, readable tables, clear errors that quote nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detectors import cli
from detectors.config import DetectorConfig
from detectors.detector import Detector
from detectors.spans import Span


@pytest.fixture(autouse=True)
def patterns(monkeypatch: pytest.MonkeyPatch, detector: Detector) -> None:
    """The shared detector instead of a new one for each call."""

    def build(config: DetectorConfig) -> Detector:
        assert not config.ner.enabled
        return detector

    monkeypatch.setattr(cli, "Detector", build)


def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.app, ["--patterns-only", *arguments], input=stdin)
    return result.exit_code, result.stdout, result.stderr


def test_jsonl_in_order() -> None:
    lines = [{"id": f"r{i}", "text": f"mail user{i}@example.com" if i % 2 else "nothing"} for i in range(150)]
    code, out, err = run("--jsonl", stdin="".join(json.dumps(line) + "\n" for line in lines))
    records = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [record["id"] for record in records] == [line["id"] for line in lines]
    assert records[0]["spans"] == []
    assert records[1]["spans"] == [
        {"start": 5, "end": 22, "entity": "EMAIL_ADDRESS", "score": 1.0, "recognizer": "EmailRecognizer"}
    ]


def test_jsonl_from_a_file_masked(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text('{"id": 7, "text": "张三 anna@example.com"}\n\n{"text": "x"}\n', encoding="utf-8")
    code, out, _ = run("--jsonl", "--masked", str(file))
    records = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(record["id"], record["text"]) for record in records] == [(7, "张三 <EMAIL_ADDRESS>"), (3, "x")]


@pytest.mark.parametrize("bad", ["{anna@example.com", '{"id": 1}', '["anna"]', '{"id": 1, "text": 5}'])
def test_a_bad_line_is_named_not_quoted_and_nothing_before_it_is_lost(bad: str) -> None:
    code, out, err = run("--jsonl", stdin='{"id": 1, "text": "a"}\n' + bad + '\n{"id": 3, "text": "b"}\n')
    assert code == 2
    assert [json.loads(line)["id"] for line in out.splitlines()] == [1]
    assert "line 2" in err
    assert "anna" not in err
    assert "Traceback" not in err


def test_lone_surrogates_and_deep_nesting_are_no_crash() -> None:
    code, out, _ = run("--jsonl", "--masked", stdin='{"id": "\\ud800", "text": "\\ud83d anna@example.com"}\n')
    assert code == 0
    assert json.loads(out) == json.loads(
        '{"id": "\\ud800", "text": "\\ud83d <EMAIL_ADDRESS>", "spans": [{"start": 2, "end": 18,'
        ' "entity": "EMAIL_ADDRESS", "score": 0.95, "recognizer": "EmailRecognizer"}]}'
    )
    code, _, err = run("--jsonl", stdin="[" * 200_000 + "\n")
    assert code == 2
    assert "line 1 is not JSON" in err


def test_text_as_a_table_and_masked() -> None:
    text = "Hello\nwrite to anna@example.com today\n"
    code, out, _ = run(stdin=text)
    assert code == 0
    assert "EMAIL_ADDRESS" in out
    assert run("--masked", stdin=text)[1] == "Hello\nwrite to <EMAIL_ADDRESS> today\n"
    assert "nothing found" in run(stdin="hello")[1]


def test_a_missing_file() -> None:
    code, out, err = run("no-such-file.txt")
    assert (code, out) == (2, "")
    assert "cannot read no-such-file.txt" in err


def test_masked_replaces_from_the_end() -> None:
    spans = [Span(0, 1, "A", 1.0, "r"), Span(2, 3, "B", 1.0, "r")]
    assert cli.masked("x y z", spans) == "<A> <B> z"
