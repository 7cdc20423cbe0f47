"""Reads labelled text: the open sets (JSON lines, gzip) and the hand-written, marked-up prompts.

Pure reading and mapping of labels; what is made of it is ``data.py``'s matter. Imports only ``labels``.
The data is not part of the repository: the user names its folder.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from models.errors import ModelError
from models.ner.labels import IGNORE, model_label

Spans = tuple[tuple[int, int, str], ...]

_MARK = re.compile(r"\[\[([A-Z_]+):(.*?)\]\]", re.DOTALL)
_RECORD = re.compile(r"(?m)^=====[ \t]*\n")
_HANDLE = re.compile(r"(?<![\w.])@\w{2,}")

# Chinese is the smallest set and the language that matters as much as English; German is only there so that other
# Latin languages are not forgotten.
_SHARE = {
    "btc": 0.6,
    "wnut17_train": 0.8,
    "wikigold": 1.0,
    "sec_filings": 0.5,
    "crossner": 0.7,
    "uner_zh_gsdsimp": 1.0,
    "germeval_de": 0.3,
}


@dataclass(frozen=True, slots=True)
class Record:
    """One labelled text. Offsets are code points; labels are the guide's, or the model's once mapped."""

    text: str
    spans: Spans
    lang: str
    kind: str
    source: str

    def in_model_labels(self) -> Record:
        """The same text with the model's labels; what patterns find is left out."""
        mapped = ((start, end, model_label(label)) for start, end, label in self.spans)
        return replace(self, spans=tuple((start, end, label) for start, end, label in mapped if label))


def parse_markup(body: str) -> tuple[str, Spans]:
    """``[[LABEL:value]]`` markup to plain text and spans."""
    parts: list[str] = []
    spans: list[tuple[int, int, str]] = []
    length = position = 0
    for mark in _MARK.finditer(body):
        before, value = body[position : mark.start()], mark[2]
        start = length + len(before)
        spans.append((start, start + len(value), mark[1]))
        parts += (before, value)
        length = start + len(value)
        position = mark.end()
    parts.append(body[position:])
    return "".join(parts), tuple(spans)


def read_prompts(folder: Path) -> Iterator[Record]:
    """The hand-written prompts, ``*.txt`` in ``folder``; spans in the guide's labels."""
    for path in sorted(folder.glob("*.txt")):
        yield from read_prompt_file(path)


def read_prompt_file(path: Path) -> Iterator[Record]:
    """The prompts of one file. Raises :class:`ModelError` naming file and record."""
    for number, raw in enumerate(_RECORD.split(path.read_text(encoding="utf-8")), 1):
        if not raw.strip():
            continue
        header, _, body = raw.lstrip("\n").partition("\n")
        facts = dict(pair.split("=", 1) for pair in header.lstrip("# ").split() if "=" in pair)
        if not header.startswith("#") or "lang" not in facts:
            raise ModelError(f"{path.name}, record {number}: the first line is no header such as '# lang=en kind=chat'")
        text, spans = parse_markup(body.rstrip("\n"))
        yield Record(text, spans, facts["lang"], facts.get("kind", ""), path.stem)


def read_open_sets(folder: Path) -> Iterator[Record]:
    """The open sets in ``folder``, thinned out to a fixed share each; spans in the model's labels."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        name = path.name.removesuffix(".jsonl.gz")
        share = _SHARE.get(name, 1.0)
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                text: str = row["text"]
                if fraction(text) >= share:
                    continue
                spans = tuple((start, end, label) for start, end, label in row["spans"])
                language = row.get("lang") or ("zh" if "zh" in name else "de" if "_de" in name else "en")
                yield Record(text, _repair(name, text, spans), language, "open", name)


def _repair(source: str, text: str, spans: Spans) -> Spans:
    """Where a set is known to contradict the others, make it neutral or add what it leaves out."""
    repaired = []
    for start, end, label in spans:
        hashtag = "#" in text[max(start - 1, 0) : end]
        street = source == "sec_filings" and label == "LOCATION" and any(char.isdigit() for char in text[start:end])
        repaired.append((start, end, IGNORE if hashtag or street else label))
    if source == "wnut17_train":
        taken = {place for start, end, _ in spans for place in range(start, end)}
        repaired += [(m.start(), m.end(), "USERNAME") for m in _HANDLE.finditer(text) if m.start() not in taken]
    return tuple(sorted(repaired))


def fraction(text: str) -> float:
    """A number in [0, 1) that depends on the text alone: for splits that survive reordering."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def is_development(record: Record) -> bool:
    """Whether a record belongs to the development set: a tenth of the prompts, a fiftieth of the open sets."""
    return fraction("split:" + record.text) < (0.02 if record.kind == "open" else 0.1)
