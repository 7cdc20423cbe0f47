"""From marked text to tables: sets are read, detectors asked, files written."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

import pytest

from models.errors import ModelError
from models.ner.evaluate import Detectors, Outputs, evaluate, write

DAY = date(2026, 11, 24)

PROMPTS = """# lang=en kind=chat
[[PERSON:Anna Kowalski]] wrote to [[EMAIL_ADDRESS:anna@example.com]].
=====
# lang=zh kind=note
[[PERSON:王小明]]来了。
=====
# lang=en kind=code
import os
"""

MAIL = (
    "import json, re, sys\n"
    "for line in sys.stdin:\n"
    "    row = json.loads(line)\n"
    "    found = re.finditer(r'[a-z]+@[a-z.]+[a-z]', row['text'])\n"
    "    spans = [{'start': m.start(), 'end': m.end(), 'entity': 'EMAIL'} for m in found]\n"
    "    print(json.dumps({'id': row['id'], 'spans': spans}))\n"
)


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "all.txt").write_text(PROMPTS, encoding="utf-8")
    return folder


@pytest.fixture
def command(tmp_path: Path) -> str:
    script = tmp_path / "mail.py"
    script.write_text(MAIL, encoding="utf-8")
    return f"mail={sys.executable} {script}"


def quiet(_: str) -> None:
    return None


def test_two_detectors_stand_side_by_side(prompts: Path, command: str, tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    spans = [[{"start": 0, "end": 13, "entity": "PERSON", "score": 0.9}], [], []]
    answers.write_text("".join(json.dumps({"id": n, "spans": s}) + "\n" for n, s in enumerate(spans)), encoding="utf-8")
    [(marked, results)] = evaluate([str(prompts)], Detectors((command,), (), (f"stored={answers}",)), quiet)
    assert [result.detector for result in results] == ["mail", "stored"]
    assert results[0].sums["en"].counts["seen", "EMAIL_ADDRESS"] == 1
    assert results[1].sums["en"].counts["seen", "PERSON"] == 1
    assert results[1].sums["zh"].counts["seen", "PERSON"] == 0
    assert set(results[0].speeds) <= {"English prose", "Chinese prose", "technical text"}
    assert not results[1].speeds
    outputs = Outputs(tmp_path / "o.json", tmp_path / "o.md", tmp_path / "o.tsv")
    tables = write([(marked, results)], outputs, DAY, quiet)
    assert "| mail | stored |" in tables
    assert "Kowalski" not in tables
    assert "Kowalski" not in (tmp_path / "o.json").read_text(encoding="utf-8")
    assert "\tmail\ten\tchat\tPERSON\t-\t[[Anna Kowalski]] wrote to" in (tmp_path / "o.tsv").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))["sets"][0]["records"] == 3


def test_a_set_can_be_named(prompts: Path, command: str) -> None:
    [(marked, _)] = evaluate([f"hand-marked={prompts}"], Detectors((command,)), quiet)
    assert marked.name == "hand-marked"


def test_what_cannot_be_measured_is_said(prompts: Path, command: str, tmp_path: Path) -> None:
    def message(data: list[str], detectors: Detectors) -> str:
        with pytest.raises(ModelError) as caught:
            evaluate(data, detectors, quiet)
        return str(caught.value)

    assert "same name" in message([str(prompts)], Detectors((command, command)))
    assert "does not exist" in message([str(tmp_path / "nowhere")], Detectors((command,)))
    assert "one --data" in message([str(prompts), str(prompts)], Detectors((), (), ("a=b.jsonl",)))
    broken = f"broken={sys.executable} -c 'raise SystemExit(3)'"
    assert "exit status 3" in message([str(prompts)], Detectors((broken,)))
    assert "cannot run" in message([str(prompts)], Detectors(("absent=/nowhere/at/all",)))
    silent = f"silent={sys.executable} -c 'pass'"
    assert "no answer to 2 of 2 texts" in message([str(prompts)], Detectors((silent,)))


def test_a_file_that_cannot_be_written_is_said(prompts: Path, command: str, tmp_path: Path) -> None:
    measured = evaluate([str(prompts)], Detectors((command,)), quiet)
    with pytest.raises(ModelError, match="cannot write"):
        write(measured, Outputs(json=tmp_path / "no" / "folder.json"), DAY, quiet)
