"""Reads a company's own labelled texts: our JSON lines, Presidio's samples, doccano's and Label Studio's exports.

Every mistake is named by file and line (record, in a JSON array), and never by the text itself: offsets outside the
text or that do not give the value quoted beside them, overlaps, labels that do not map. Offsets are code points.
Imports ``sources``, ``labels`` and ``pull_labels``.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from models.errors import ModelError
from models.ner import pull_labels
from models.ner.labels import OUTSIDE, model_label
from models.ner.sources import Record
from models.ner.synthesis import is_han

KIND: Final = "own"
"""``kind`` of such records."""

_SHOWN = 10

_TEXTS = ("text", "full_text", "data", "content")
_SPANS = ("spans", "label", "labels", "entities", "results")
_STARTS = ("start", "start_position", "start_offset")
_ENDS = ("end", "end_position", "end_offset")
_LABELS = ("label", "entity_type", "labels", "entity_group", "entity")
_VALUES = ("entity_value", "text", "word")


class _WrongError(ValueError):
    """What is wrong with a row, without its text."""


def read(folder: Path, labels: Path | None = None) -> list[Record]:
    """All ``*.jsonl`` and ``*.json`` in ``folder``; spans in the guide's or the model's labels.

    ``labels``: a labels file (:func:`models.ner.pull_labels.read`). Raises :class:`ModelError` with the first mistakes.
    """
    given = pull_labels.read(labels) if labels else {}
    files = sorted(path for path in folder.iterdir() if path.suffix in (".jsonl", ".json")) if folder.is_dir() else []
    rows: list[tuple[str, str, str, list[tuple[int, int, str]]]] = []
    wrong: list[str] = []
    for path in files:
        for place, row in _rows(path, wrong):
            try:
                text, spans = parse(row)
            except _WrongError as error:
                wrong.append(f"{place}: {error}")
            else:
                rows.append((place, path.name, text, spans))
    names = _names({label for *_, spans in rows for _, _, label in spans}, given, labels, folder)
    if wrong:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise ModelError(f"{'; '.join(wrong[:_SHOWN])}{more}: correct these, or leave the lines out")
    records = []
    for _, name, text, spans in rows:
        mapped = tuple((start, end, names[label]) for start, end, label in spans if names[label] != OUTSIDE)
        records.append(Record(text, mapped, "zh" if is_han(text) else "en", KIND, name.rpartition(".")[0]))
    return records


def parse(row: Mapping[str, Any]) -> tuple[str, list[tuple[int, int, str]]]:
    """Text and checked spans of one row of any of the forms. Raises ValueError that says what is wrong."""
    row = _label_studio(row)
    text = next((row[key] for key in _TEXTS if isinstance(row.get(key), str)), None)
    if not text:
        raise _WrongError(f"no text (one of {', '.join(_TEXTS)})")
    listed = next((row[key] for key in _SPANS if isinstance(row.get(key), list)), None)
    if listed is None:
        raise _WrongError(f"no list of spans (one of {', '.join(_SPANS)}); an empty one says that there are none")
    spans = sorted(_span(entry, number, text) for number, entry in enumerate(listed, 1))
    for number, (before, after) in enumerate(itertools.pairwise(spans), 1):
        if after[0] < before[1]:
            places = f"{before[0]}-{before[1]}, {after[0]}-{after[1]}"
            raise _WrongError(f"spans {number} and {number + 1} overlap ({places})")
    return text, spans


def _label_studio(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A task of Label Studio's JSON export as a plain row; other rows as they are."""
    data, annotations = row.get("data"), row.get("annotations")
    if not isinstance(data, dict) or not isinstance(annotations, list):
        return row
    done = [entry for entry in annotations if isinstance(entry, dict) and not entry.get("was_cancelled")]
    if len(done) != 1:
        raise _WrongError(f"{len(done)} annotations: export one of each task")
    results = [result for result in done[0].get("result") or () if result.get("type") in ("labels", "hypertextlabels")]
    text = next((data[key] for key in _TEXTS if isinstance(data.get(key), str)), "")
    return {"text": text, "spans": [result.get("value") for result in results]}


def _span(entry: Any, number: int, text: str) -> tuple[int, int, str]:
    value = None
    if isinstance(entry, list | tuple) and len(entry) == 3:
        start, end, label = entry
    elif isinstance(entry, dict):
        start, end, label = (
            next((entry[key] for key in keys if key in entry), None) for keys in (_STARTS, _ENDS, _LABELS)
        )
        value = next((entry[key] for key in _VALUES if isinstance(entry.get(key), str)), None)
    else:
        raise _WrongError(f"span {number} is neither [start, end, label] nor an object")
    if isinstance(label, list):
        if len(label) != 1:
            raise _WrongError(f"span {number} has {len(label)} labels instead of one")
        label = label[0]
    if not isinstance(label, str) or not label:
        raise _WrongError(f"span {number} has no label")
    if type(start) is not int or type(end) is not int:
        raise _WrongError(f"span {number}: start and end are not whole numbers")
    if not 0 <= start < end <= len(text):
        raise _WrongError(f"span {number} ({start}-{end}) does not lie in the text, which has {len(text)} code points")
    if not text[start:end].strip():
        raise _WrongError(f"span {number} ({start}-{end}) covers white space only")
    if value is not None and value != text[start:end]:
        raise _WrongError(
            f"span {number} ({start}-{end}) does not give the value quoted beside it: offsets must count code points, "
            "not bytes or UTF-16 units"
        )
    return start, end, label


def _rows(path: Path, wrong: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows with their places; what is no row goes to ``wrong``."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot read {path}: {type(error).__name__}; it must be UTF-8") from None
    if path.suffix == ".json":
        try:
            rows = json.loads(content)
        except ValueError:
            raise ModelError(f"{path.name} is not JSON") from None
        if not isinstance(rows, list):
            raise ModelError(f"{path.name} holds no array of records")
        numbered = [(f"{path.name}, record {number}", row) for number, row in enumerate(rows, 1)]
    else:
        numbered = []
        for number, line in enumerate(content.split("\n"), 1):
            place = f"{path.name}, line {number}"
            try:
                numbered += [(place, json.loads(line))] if line.strip() else []
            except ValueError:
                wrong.append(f"{place}: not JSON")
    for place, row in numbered:
        if isinstance(row, dict):
            yield place, row
        else:
            wrong.append(f"{place}: not an object")


def _names(found: set[str], given: Mapping[str, str], labels: Path | None, folder: Path) -> dict[str, str]:
    """Each label that occurs, to one of the guide's or to ``O``."""
    plain = {label: label for label in found if model_label(label) is not None and label not in given}
    others = sorted(found - set(plain))
    if not others:
        return plain
    mapped = pull_labels.names(others, given, labels or folder / "labels.yaml")
    return {**plain, **mapped}
