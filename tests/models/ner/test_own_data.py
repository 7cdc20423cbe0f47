"""A company's own texts: four forms, and mistakes named by file and line, never by the text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelError
from models.ner import data, own_data
from models.ner.sources import Record

TEXT = "Anna Kowalski, 14 March 1961"
SPANS = [(0, 13, "PERSON"), (15, 28, "DATE_OF_BIRTH")]

FORMS: dict[str, dict[str, Any]] = {
    "ours": {"text": TEXT, "spans": [[0, 13, "PERSON"], [15, 28, "DATE_OF_BIRTH"]]},
    "presidio": {
        "full_text": TEXT,
        "spans": [
            {"entity_type": "DOB", "entity_value": "14 March 1961", "start_position": 15, "end_position": 28},
            {"entity_type": "PERSON", "entity_value": "Anna Kowalski", "start_position": 0, "end_position": 13},
        ],
    },
    "presidio results": {
        "text": TEXT,
        "results": [
            {"entity_type": "PERSON", "start": 0, "end": 13, "score": 0.9},
            {"entity_type": "dob", "start": 15, "end": 28, "score": 0.6},
        ],
    },
    "doccano": {"id": 7, "text": TEXT, "label": [[0, 13, "PER"], [15, 28, "Birth-Date"]]},
    "doccano relations": {
        "text": TEXT,
        "entities": [
            {"id": 1, "label": "name", "start_offset": 0, "end_offset": 13},
            {"id": 2, "label": "birthday", "start_offset": 15, "end_offset": 28},
        ],
        "relations": [],
    },
    "label studio": {
        "data": {"text": TEXT},
        "annotations": [
            {"was_cancelled": True, "result": []},
            {
                "result": [
                    {"type": "labels", "value": {"start": 0, "end": 13, "text": "Anna Kowalski", "labels": ["PER"]}},
                    {"type": "labels", "value": {"start": 15, "end": 28, "labels": ["DOB"]}},
                    {"type": "choices", "value": {"choices": ["good"]}},
                ]
            },
        ],
    },
    "label studio, minimal": {
        "text": TEXT,
        "label": [
            {"start": 0, "end": 13, "text": "Anna Kowalski", "labels": ["Person"]},
            {"start": 15, "end": 28, "text": "14 March 1961", "labels": ["DOB"]},
        ],
    },
}


def _folder(tmp_path: Path, *rows: object, name: str = "ours.jsonl") -> Path:
    folder = tmp_path / "own"
    folder.mkdir(exist_ok=True)
    text = json.dumps(list(rows)) if name.endswith(".json") else "".join(json.dumps(row) + "\n" for row in rows)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_record(tmp_path: Path, form: dict[str, Any], name: str) -> None:
    (record,) = own_data.read(_folder(tmp_path, form, name=name))
    assert record == Record(TEXT, tuple(SPANS), "en", "own", "a")


def test_labels_of_the_guide_stay_what_they_are_and_others_may_be_dropped(tmp_path: Path) -> None:
    folder = _folder(
        tmp_path, {"text": "AB-1 x 王小明", "spans": [[0, 4, "PASSPORT"], [5, 6, "MISC"], [7, 10, "PERSON"]]}
    )
    (record,) = own_data.read(folder)
    assert record.spans == ((0, 4, "PASSPORT"), (7, 10, "PERSON"))
    assert record.lang == "zh"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": TEXT, "spans": [[0, 99, "PERSON"]]}, r"span 1 \(0-99\) does not lie in the text, which has 28"),
        ({"text": TEXT, "spans": [[5, 5, "PERSON"]]}, r"\(5-5\) does not lie"),
        ({"text": TEXT, "spans": [[-1, 3, "PERSON"]]}, "does not lie"),
        ({"text": TEXT, "spans": [["0", 3, "PERSON"]]}, "not whole numbers"),
        ({"text": TEXT, "spans": [[True, 3, "PERSON"]]}, "not whole numbers"),
        ({"text": TEXT, "spans": [[0, 13, ""]]}, "has no label"),
        ({"text": TEXT, "spans": [[0, 13]]}, "neither"),
        ({"text": TEXT, "spans": [[0, 13, ["PERSON", "AGE"]]]}, "2 labels instead of one"),
        ({"text": TEXT, "spans": [[14, 15, "PERSON"]]}, "white space only"),
        ({"text": TEXT, "spans": [[0, 13, "PERSON"], [5, 20, "PERSON"]]}, r"spans 1 and 2 overlap \(0-13, 5-20\)"),
        ({"text": TEXT, "spans": [{"start": 1, "end": 14, "label": "PERSON", "text": "Anna Kowalski"}]}, "UTF-16"),
        ({"text": TEXT}, "no list of spans"),
        ({"spans": []}, "no text"),
        ({"text": "", "spans": []}, "no text"),
        ({"data": {"text": TEXT}, "annotations": [{"result": []}, {"result": []}]}, "2 annotations"),
        ([1, 2], "not an object"),
    ],
)
def test_mistakes_are_named_by_file_and_line_and_quote_nothing(tmp_path: Path, row: object, message: str) -> None:
    folder = _folder(tmp_path, FORMS["ours"], row, name="tickets.jsonl")
    with pytest.raises(ModelError, match=rf"tickets\.jsonl, line 2: .*{message}") as caught:
        own_data.read(folder)
    assert "Anna" not in str(caught.value)
    (folder / "tickets.jsonl").unlink()
    _folder(tmp_path, FORMS["ours"], row, name="tickets.json")
    with pytest.raises(ModelError, match=r"tickets\.json, record 2: "):
        own_data.read(folder)


def test_ten_mistakes_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    folder = _folder(tmp_path, *[{"text": TEXT, "spans": [[0, 99, "PERSON"]]}] * 13)
    with pytest.raises(ModelError, match=r"line 10: .*; and 3 more: correct these"):
        own_data.read(folder)


def test_lines_that_are_no_json_and_files_that_are_no_text_are_named(tmp_path: Path) -> None:
    folder = _folder(tmp_path, FORMS["ours"])
    (folder / "b.jsonl").write_text('{"text": "Anna\n', encoding="utf-8")
    with pytest.raises(ModelError, match=r"b\.jsonl, line 1: not JSON"):
        own_data.read(folder)
    (folder / "b.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match=r"cannot read .*b\.jsonl.*UTF-8"):
        own_data.read(folder)
    (folder / "b.jsonl").rename(folder / "b.json")
    (folder / "b.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match=r"b\.json holds no array"):
        own_data.read(folder)


def test_labels_that_do_not_map_are_listed_and_a_file_is_written(tmp_path: Path) -> None:
    folder = _folder(tmp_path, {"text": TEXT, "spans": [[0, 13, "Kunde"], [15, 28, "DOB"]]})
    with pytest.raises(ModelError, match=r"do not map: Kunde; fill in .*labels\.yaml"):
        own_data.read(folder)
    labels = folder / "labels.yaml"
    labels.write_text(labels.read_text(encoding="utf-8").replace("'?'", "PERSON"), encoding="utf-8")
    assert own_data.read(folder, labels)[0].spans == tuple(SPANS)


def test_own_texts_go_into_one_of_both_sets(tmp_path: Path) -> None:
    rows = [
        {
            "text": f"Case {number}: Anna Kowalski called.",
            "spans": [[len(f"Case {number}: "), len(f"Case {number}: ") + 13, "PERSON"]],
        }
        for number in range(60)
    ]
    recipe = data.Recipe(variants=0, per_template=0, code=0, logs=0, noise=0)
    built = data.build(_folder(tmp_path, *rows, name="crm.jsonl"), tmp_path / "out", recipe)
    held_out = {record.text for record in data.read(built.dev) if record.source == "crm"}
    trained = [record.text for record in data.read(built.train) if record.source == "crm"]
    assert held_out
    assert not held_out & set(trained)
    assert len(trained) == 60 - len(held_out)
    assert data.read_sources(tmp_path / "out")["crm"] == len(trained)
