"""Writes misses and false alarms with their surroundings, for a person to read. The only part that shows the data.

Only into the file that was asked for. Imports ``counting``, ``run``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from models.ner.measure.classes import NEUTRAL, class_of_label
from models.ner.measure.counting import judged_of, overlaps
from models.ner.measure.readers import Finding
from models.ner.measure.run import Result, marked_classes
from models.ner.measure.sets import MarkedSet
from models.ner.sources import Record

_BEFORE, _AFTER = 40, 20


def write(path: Path, measured: Sequence[tuple[MarkedSet, Sequence[Result]]]) -> int:
    """One line each, tab-separated: what, set, detector, language, kind, label, said, text. Returns how many."""
    lines = [
        line
        for marked, results in measured
        for result in results
        for record, answer in zip(marked.records, result.answers, strict=True)
        for line in _of_record(record, answer, marked, result.detector)
    ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", errors="backslashreplace")
    return len(lines)


def _of_record(record: Record, answer: Sequence[Finding], marked: MarkedSet, detector: str) -> Iterator[str]:
    name = marked.name
    for span in record.spans:
        if span[2] in NEUTRAL or class_of_label(span[2]) is None:
            continue
        touching = [finding for finding in answer if overlaps(finding, span)]
        covered = {place for finding in touching if finding.masked for place in range(finding.start, finding.end)}
        missed = sum(place not in covered and not record.text[place].isspace() for place in range(span[0], span[1]))
        if missed:
            what = "missed" if not touching else "part missed" if covered else "allowed"
            said = ", ".join(f"{finding.entity} {finding.score:.2f}" for finding in touching) or "-"
            yield _line(what, name, detector, record, span[2], said, span[0], span[1])
    for finding in judged_of(record, answer, marked_classes(marked)):
        if not any(overlaps(finding, span) for span in record.spans):
            what = "false alarm" if finding.masked else "false, allowed"
            yield _line(
                what, name, detector, record, finding.entity, f"{finding.score:.2f}", finding.start, finding.end
            )


def _line(what: str, name: str, detector: str, record: Record, label: str, said: str, start: int, end: int) -> str:
    before, value, after = (
        record.text[max(0, start - _BEFORE) : start],
        record.text[start:end],
        record.text[end : end + _AFTER],
    )
    shown = f"{before}[[{value}]]{after}".replace("\n", "⏎").replace("\t", " ")
    return "\t".join((what, name, detector, record.lang, record.kind, label, said, shown))
