"""Measures one detector on one set: asks it by kind of text, so that each kind has its speed, and compares.

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


def measure(reader: Reader, marked: MarkedSet) -> Result:
    """Ask and compare. Raises :class:`ModelError` where the detector fails."""
    answers, speeds = _ask(reader, marked.records)
    scope = None
    if marked.partly_marked:
        kinds = {class_of_label(label) for record in marked.records for _, _, label in record.spans}
        scope = frozenset(kind for kind in kinds if kind)
    sums: dict[str, Sums] = defaultdict(Sums)
    for record, answer in zip(marked.records, answers, strict=True):
        tally = compare(record, answer, scope)
        for language in (WHOLE, record.lang):
            sums[language].per_record.append(tally)
    return Result(reader.name, answers, dict(sums), speeds)


def _ask(reader: Reader, records: Sequence[Record]) -> tuple[list[Answer], dict[str, float]]:
    if isinstance(reader, StoredReader):
        return reader.read([record.text for record in records])[0], {}
    groups: dict[str, list[int]] = defaultdict(list)
    for number, record in enumerate(records):
        groups[kind_of_text(record)].append(number)
    answers: list[Answer] = [[] for _ in records]
    speeds = {}
    for name, numbers in groups.items():
        texts = [records[number].text for number in numbers]
        found, seconds = reader.read(texts)
        for number, answer in zip(numbers, found, strict=True):
            answers[number] = answer
        if seconds:
            speeds[name] = sum(map(len, texts)) / seconds
    return answers, speeds


def kind_of_text(record: Record) -> str:
    """``English prose``, ``Chinese prose``, ``technical text`` …: what a speed is given for."""
    if area(record.kind) == "technical":
        return "technical text"
    return f"{_LANGUAGES.get(record.lang, 'other')} prose"


def languages(results: Sequence[Result]) -> list[str]:
    """``all`` first, then by name."""
    names = {language for result in results for language in result.sums}
    return sorted(names, key=lambda name: (name != WHOLE, name))


def figures_of(marked: MarkedSet) -> tuple[Figure, ...]:
    """The figures that can be given for this set."""
    if not marked.partly_marked:
        return FIGURES
    return tuple(figure for figure in FIGURES if "uncovered" in figure.name and "identifying" not in figure.name)
