"""Measures one detector on one set: asks, compares, and takes the time of each kind of text.

Imports ``readers``, ``counting``, ``figures``, ``sets``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from models.ner.measure.classes import area, class_of_label
from models.ner.measure.counting import compare
from models.ner.measure.figures import FIGURES, Figure, Sums, Value, value
from models.ner.measure.readers import Answer, Reader, StoredReader
from models.ner.measure.sets import MarkedSet
from models.ner.sources import Record

WHOLE = "all"
_SPEED_CHARACTERS = 120_000
"""Below it, the start of a command drowns what the text takes."""
_LANGUAGES = {"en": "English", "zh": "Chinese"}


@dataclass(slots=True)
class Result:
    """One detector on one set."""

    detector: str
    answers: list[Answer]
    sums: dict[str, Sums]
    """By language; ``all`` holds every record."""
    speeds: dict[str, float] = field(default_factory=dict)
    """Characters a second of processor time, by kind of text."""

    def value(self, figure: Figure, language: str) -> Value | None:
        """A figure over the records of one language."""
        sums = self.sums.get(language)
        return value(figure, sums) if sums else None


def measure(reader: Reader, marked: MarkedSet, *, speed: bool = True) -> Result:
    """Ask and compare, then ask again for the speed. Raises :class:`ModelError` where the detector fails."""
    answers, _ = reader.read([record.text for record in marked.records])
    scope = marked_classes(marked)
    sums: dict[str, Sums] = defaultdict(Sums)
    for record, answer in zip(marked.records, answers, strict=True):
        tally = compare(record, answer, scope)
        for language in (WHOLE, record.lang):
            sums[language].per_record.append(tally)
    return Result(reader.name, answers, dict(sums), _speeds(reader, marked.records) if speed else {})


def marked_classes(marked: MarkedSet) -> frozenset[str] | None:
    """The classes that a partly marked set marks; None where everything is marked."""
    if not marked.partly_marked:
        return None
    kinds = {class_of_label(label) for record in marked.records for _, _, label in record.spans}
    return frozenset(kind for kind in kinds if kind)


def _speeds(reader: Reader, records: Sequence[Record]) -> dict[str, float]:
    """Characters a second of processor time, by kind of text; empty for stored answers."""
    if isinstance(reader, StoredReader):
        return {}
    groups: dict[str, list[str]] = defaultdict(list)
    for record in records:
        groups[kind_of_text(record)].append(record.text)
    speeds = {}
    for kind, texts in sorted(groups.items()):
        load = _load(texts)
        _, seconds = reader.read(load)
        if seconds:
            speeds[kind] = sum(map(len, load)) / seconds
    return speeds


def _load(texts: Sequence[str]) -> list[str]:
    """At least ``_SPEED_CHARACTERS``, no text twice: detectors remember what they have seen."""
    load, length, number = list(texts), sum(map(len, texts)), 0
    while 0 < length < _SPEED_CHARACTERS:
        number += 1
        again = [f"{text}\n{number}" for text in texts]
        load += again
        length += sum(map(len, again))
    return load


def kind_of_text(record: Record) -> str:
    """``English prose``, ``Chinese prose``, ``technical text`` …: what a speed is given for."""
    if area(record.kind) == "technical":
        return "technical text"
    return f"{_LANGUAGES.get(record.lang, 'other')} prose"


def languages(results: Sequence[Result]) -> list[str]:
    """``all`` first, then by name."""
    names = {language for result in results for language in result.sums}
    return sorted(names, key=lambda name: (name != WHOLE, name))


def shown(figure: Figure, results: Sequence[Result]) -> list[str]:
    """Languages to show a figure for: coverage by language, as the aims have it; all else for the whole set."""
    names = languages(results)
    return names[1:] if figure.by_language and len(names) > 1 else names[:1]


def figures_of(marked: MarkedSet) -> tuple[Figure, ...]:
    """The figures that can be given for this set."""
    if not marked.partly_marked:
        return FIGURES
    return tuple(figure for figure in FIGURES if "uncovered" in figure.name and "identifying" not in figure.name)
