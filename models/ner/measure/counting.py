"""Compares the answer to one record with its marks. Pure arithmetic: counters that can be added up and drawn again.

Keys are tuples of words, so that a figure is a sum of some counters over a sum of others (``figures``). What is neutral
counts neither way: persons of history, spans that a set does not mark, plain dates, private network addresses (the
guide's writers differed).
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from models.ner.measure import checksums
from models.ner.measure.classes import (
    DATE,
    HARMLESS,
    NEUTRAL,
    area,
    class_of_label,
    classes_of_entity,
)
from models.ner.measure.readers import Finding
from models.ner.sources import Record

Key = tuple[str, ...]
Gold = tuple[int, int, str]

ALL: Final = "all"
MASKED: Final = "masked"
_ADDRESS: Final = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d/]|\.\d)")
_PRIVATE: Final = tuple(ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_NOT_JUDGED: Final = frozenset({DATE, "NRP", "NORP"})


@dataclass(slots=True)
class Tally:
    """What one record adds to the figures."""

    counts: Counter[Key] = field(default_factory=Counter)
    scored: list[tuple[float, bool]] = field(default_factory=list)
    """Score of each finding that is judged, and whether it was right."""
    wrong_types: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(label marked, entity said) where something was seen and called something else."""


def compare(record: Record, findings: Sequence[Finding], marked: frozenset[str] | None = None) -> Tally:
    """Count one record. ``marked``: the classes that its set marks at all; None: everything is marked."""
    tally = Tally()
    gold = [span for span in record.spans if span[2] not in NEUTRAL and class_of_label(span[2])]
    judged = judged_of(record, findings, marked)
    _coverage(tally, record.text, gold, findings)
    _matches(tally, gold, judged)
    _types(tally, gold, findings)
    _structured(tally, record.text, gold, findings)
    if marked is None:
        _alarms(tally, record, judged)
    tally.scored = [(finding.score, any(_right(finding, span) for span in gold)) for finding in judged]
    return tally


def judged_of(record: Record, findings: Sequence[Finding], marked: frozenset[str] | None = None) -> list[Finding]:
    """The findings that count: not those of what the guide or the set leaves open."""
    neutral = _neutral_places(record)
    return [finding for finding in findings if _is_judged(finding, record, neutral, marked)]


def overlaps(finding: Finding, span: Gold) -> bool:
    """Whether they share a character."""
    return finding.start < span[1] and finding.end > span[0]


def _right(finding: Finding, span: Gold) -> bool:
    return overlaps(finding, span) and class_of_label(span[2]) in classes_of_entity(finding.entity)


def _neutral_places(record: Record) -> list[tuple[int, int]]:
    places = [(start, end) for start, end, label in record.spans if label in NEUTRAL]
    for match in _ADDRESS.finditer(record.text):
        try:
            address = ipaddress.ip_address(match[0])
        except ValueError:
            continue
        if any(address in net for net in _PRIVATE):
            places.append(match.span())
    return places


def _is_judged(
    finding: Finding, record: Record, neutral: Sequence[tuple[int, int]], marked: frozenset[str] | None
) -> bool:
    classes = classes_of_entity(finding.entity)
    touches_mark = any(overlaps(finding, span) for span in record.spans if span[2] not in NEUTRAL)
    if marked is not None and not classes & marked and not touches_mark:
        return False
    if classes & _NOT_JUDGED and not any(_right(finding, span) for span in record.spans):
        return False
    return touches_mark or not any(finding.start < end and finding.end > start for start, end in neutral)


def _coverage(tally: Tally, text: str, gold: Sequence[Gold], findings: Sequence[Finding]) -> None:
    everything, masked = bytearray(len(text)), bytearray(len(text))
    for finding in findings:
        everything[finding.start : finding.end] = b"\1" * (finding.end - finding.start)
        if finding.masked:
            masked[finding.start : finding.end] = b"\1" * (finding.end - finding.start)
    for start, end, label in gold:
        places = [place for place in range(start, end) if not text[place].isspace()]
        tally.counts["characters", label] += len(places)
        tally.counts["uncovered", label, ALL] += sum(not everything[place] for place in places)
        tally.counts["uncovered", label, MASKED] += sum(not masked[place] for place in places)


def _matches(tally: Tally, gold: Sequence[Gold], judged: Sequence[Finding]) -> None:
    exact = {(start, end): class_of_label(label) for start, end, label in gold}
    for finding in judged:
        classes = classes_of_entity(finding.entity)
        partners = [str(class_of_label(span[2])) for span in gold if _right(finding, span)]
        kind = partners[0] if partners else min(classes, key=lambda name: (name != "ID", name))
        tally.counts["predicted", kind] += 1
        tally.counts["hit", kind] += bool(partners)
        tally.counts["exact", kind] += exact.get((finding.start, finding.end)) in classes
    for span in gold:
        kind = str(class_of_label(span[2]))
        seen = any(_right(finding, span) for finding in judged)
        tally.counts["gold", kind] += 1
        tally.counts["seen", kind] += seen
        if span[2] != kind:
            tally.counts["gold label", span[2]] += 1
            tally.counts["seen label", span[2]] += seen


def _types(tally: Tally, gold: Sequence[Gold], findings: Sequence[Finding]) -> None:
    for span in gold:
        touching = [finding for finding in findings if overlaps(finding, span)]
        if touching:
            best = max(
                touching,
                key=lambda finding: (min(finding.end, span[1]) - max(finding.start, span[0]), _right(finding, span)),
            )
            tally.counts["typed", span[2]] += 1
            tally.counts["typed right", span[2]] += _right(best, span)
            if not _right(best, span):
                tally.wrong_types[span[2], best.entity] += 1


def _structured(tally: Tally, text: str, gold: Sequence[Gold], findings: Sequence[Finding]) -> None:
    masked = [finding for finding in findings if finding.masked]
    for start, end, label in gold:
        group = checksums.group(label, text[start:end])
        if group is not None:
            covered = {place for finding in masked for place in range(finding.start, finding.end)}
            needed = {place for place in range(start, end) if not text[place].isspace()}
            tally.counts["structured", group] += 1
            tally.counts["structured found", group] += bool(covered & needed)
            tally.counts["structured whole", group] += needed <= covered


def _alarms(tally: Tally, record: Record, judged: Sequence[Finding]) -> None:
    where = area(record.kind)
    tally.counts["bytes", where] += len(record.text.encode("utf-8", "surrogatepass"))
    for finding in judged:
        if not any(overlaps(finding, span) for span in record.spans):
            tally.counts["false", where, ALL] += 1
            tally.counts["false", where, MASKED] += finding.masked
    if all(label in HARMLESS for _, _, label in record.spans):
        tally.counts["clean", where] += 1
        tally.counts["touched", where] += any(finding.masked for finding in judged)
