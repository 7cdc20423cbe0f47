"""Reads marked text to measure on: hand-marked prompts, the held-out part of a data folder, any JSON lines.

Imports ``sources``. Every complaint names file and line, and never quotes the text.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models.errors import ModelError
from models.ner.sources import Record, is_development, read_open_sets, read_prompt_file, read_prompts

OPEN: Final = "open"
"""Kind of a text from an open set: only names and places are marked in it."""


@dataclass(frozen=True, slots=True)
class MarkedSet:
    """Records that are measured together."""

    name: str
    records: tuple[Record, ...]

    @property
    def partly_marked(self) -> bool:
        """Whether only some labels are marked, so that nothing can be said about the others or about false alarms."""
        return any(record.kind == OPEN for record in self.records)


def read(path: Path) -> list[MarkedSet]:
    """The sets in ``path``.

    A folder of ``*.txt`` prompts is one set. A folder as ``models data --open-data`` takes it gives the held-out parts
    of its prompts and of its open sets; one that ``models data`` wrote gives its ``dev.jsonl``, split likewise. A file
    is read as prompts (``.txt``) or as JSON lines (``.jsonl``, ``.jsonl.gz``). Raises :class:`ModelError`.
    """
    if path.is_dir():
        found = _folder(path)
    elif path.suffix == ".txt" and path.is_file():
        found = [(path.stem, list(read_prompt_file(path)))]
    elif path.is_file():
        found = _by_kind(path.name.partition(".")[0], list(read_jsonl(path)))
    else:
        raise ModelError(f"{path} does not exist: give a folder of prompts, a .txt file or a .jsonl file")
    sets = [MarkedSet(name, tuple(records)) for name, records in found if records]
    if not sets:
        raise ModelError(f"no marked text in {path}: expected prompts (*.txt) or JSON lines (*.jsonl, *.jsonl.gz)")
    return sets


def _folder(path: Path) -> list[tuple[str, list[Record]]]:
    if (path / "dev.jsonl").is_file():
        return _by_kind(path.name, list(read_jsonl(path / "dev.jsonl")))
    if (path / "prompts").is_dir() or any(path.glob("*.jsonl.gz")):
        prompts = read_prompts(path / "prompts") if (path / "prompts").is_dir() else iter(())
        return [
            ("held-out prompts", [record for record in prompts if is_development(record)]),
            ("held-out open sets", [record for record in read_open_sets(path) if is_development(record)]),
        ]
    return [(path.name, list(read_prompts(path)))]


def _by_kind(name: str, records: list[Record]) -> list[tuple[str, list[Record]]]:
    opens = [record for record in records if record.kind == OPEN]
    rest = [record for record in records if record.kind != OPEN]
    return [(f"{name}, prompts" if opens else name, rest), (f"{name}, open sets", opens)]


def read_jsonl(path: Path) -> Iterator[Record]:
    """One record a line: ``{"text", "spans": [[start, end, label], ...]}``, offsets in code points.

    ``lang``, ``kind`` and ``source`` may stand beside; a missing ``lang`` is told from the script.
    """
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _record(line, f"{path.name}, line {number}", path.name.partition(".")[0])


def _record(line: str, where: str, source: str) -> Record:
    try:
        row: dict[str, Any] = json.loads(line)
        text = row["text"]
        spans = tuple((start, end, label) for start, end, label in row["spans"])
    except (ValueError, TypeError, KeyError):
        raise ModelError(f'{where}: expected {{"text": ..., "spans": [[start, end, label], ...]}}') from None
    if not isinstance(text, str):
        raise ModelError(f'{where}: "text" is not a string')
    for start, end, label in spans:
        if not (type(start) is int and type(end) is int and isinstance(label, str) and 0 <= start < end <= len(text)):
            raise ModelError(
                f"{where}: a span does not lie in its text of {len(text)} characters: offsets are code points, "
                "the end is exclusive"
            )
    return Record(text, spans, str(row.get("lang") or _language(text)), str(row.get("kind", "")), source)


def _language(text: str) -> str:
    letters = [char for char in text if char.isalpha()]
    chinese = sum("\u4e00" <= char <= "\u9fff" for char in letters)
    return "zh" if letters and chinese >= 0.2 * len(letters) else "en"
