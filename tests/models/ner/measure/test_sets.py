"""Marked text from folders and files, and complaints that name the place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from models.errors import ModelError
from models.ner.measure.sets import read

GOOD = {"text": "Anna called.", "spans": [[0, 4, "PERSON"]]}


def test_a_folder_and_a_file_of_prompts(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("# lang=en kind=chat\n[[PERSON:Anna]]\n", encoding="utf-8")
    (tmp_path / "zh.txt").write_text("# lang=zh kind=chat\n[[PERSON:王芳]]\n", encoding="utf-8")
    [both] = read(tmp_path)
    assert [record.lang for record in both.records] == ["en", "zh"]
    [one] = read(tmp_path / "zh.txt")
    assert (one.name, len(one.records)) == ("zh", 1)


@pytest.mark.parametrize("name", ["set.jsonl", "set.jsonl.gz"])
def test_json_lines_also_packed(tmp_path: Path, name: str) -> None:
    rows = [GOOD, {"text": "王小明来了", "spans": [[0, 3, "PERSON"]]}, {**GOOD, "lang": "de", "kind": "open"}]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    prompts, opens = read(tmp_path / name)
    assert [record.lang for record in prompts.records] == ["en", "zh"]  # told from the script
    assert opens.partly_marked and not prompts.partly_marked
    assert opens.records[0].lang == "de"


def test_of_a_data_folder_only_the_held_out_part(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    records = [f"# lang=en kind=chat\nText number {number} for [[PERSON:Anna]]\n" for number in range(100)]
    (tmp_path / "prompts" / "a.txt").write_text("=====\n".join(records), encoding="utf-8")
    [held_out] = read(tmp_path)
    assert held_out.name == "held-out prompts"
    assert 0 < len(held_out.records) < 30


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"text": "Anna", "spans": [[0, 5, "PERSON"]]}, "line 2: a span does not lie in its text of 4 characters"),
        ({"text": "Anna", "spans": [[2, 2, "PERSON"]]}, "line 2: a span does not lie"),
        ({"text": "Anna", "spans": [[0, 4]]}, "line 2: expected"),
        ({"text": 7, "spans": []}, 'line 2: "text" is not a string'),
    ],
)
def test_bad_lines_are_named_and_not_quoted(tmp_path: Path, row: object, complaint: str) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n{json.dumps(row)}\n", encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        read(path)
    assert complaint in str(caught.value)
    assert "Anna" not in str(caught.value)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no marked text"):
        read(tmp_path)
