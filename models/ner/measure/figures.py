"""Adds up what ``counting`` counted and judges it: figures with confidence intervals, aims, calibration.

Pure. A figure is a sum of counters over another; its interval is the 2.5th to the 97.5th percentile over records
drawn with replacement (percentile bootstrap; Efron, Tibshirani, 1993), because the sets are small and one long record
can carry a figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from models.ner.measure.checksums import GROUPS
from models.ner.measure.classes import CLASSES, GUIDE_LABELS, NOT_IDENTIFYING, class_of_label
from models.ner.measure.counting import ALL, MASKED, Key, Tally

DRAWS: Final = 1000
_SEED: Final = 20261124
_BINS: Final = 10

IDENTIFYING: Final = tuple(label for label in (*GUIDE_LABELS, "ID") if label not in NOT_IDENTIFYING)
"""All labels but organizations and places; ``ID`` is what the model's own sets call record numbers."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A share, or a rate per ``per`` units of what stands below the line."""

    name: str
    above: tuple[Key, ...]
    below: tuple[Key, ...]
    per: float = 100.0
    at_most: float | None = None
    at_least: float | None = None
    by_language: bool = False
    """Whether the aim is one for each language."""

    @property
    def aim(self) -> str:
        """The aim in words, or nothing."""
        unit = " %" if self.per == 100 else ""
        if self.at_most is not None:
            return f"≤ {self.at_most:g}{unit}"
        return f"≥ {self.at_least:g}{unit}" if self.at_least is not None else ""

    def reached(self, value: float) -> bool | None:
        """Whether the aim holds; None if there is none."""
        if self.at_most is not None:
            return value <= self.at_most
        return value >= self.at_least if self.at_least is not None else None


@dataclass(frozen=True, slots=True)
class Value:
    """A figure's value with its 95 % interval, and what it rests on."""

    value: float
    low: float
    high: float
    below: int
    """Sum below the line: characters, values, records or bytes."""


@dataclass(slots=True)
class Sums:
    """Tallies of many records."""

    per_record: list[Tally] = field(default_factory=list)

    @property
    def counts(self) -> Counter[Key]:
        """All counters added up."""
        total: Counter[Key] = Counter()
        for tally in self.per_record:
            total.update(tally.counts)
        return total

    @property
    def scored(self) -> list[tuple[float, bool]]:
        """Scores of all findings that are judged, and whether they were right."""
        return [pair for tally in self.per_record for pair in tally.scored]

    @property
    def wrong_types(self) -> Counter[tuple[str, str]]:
        """What was called something else, added up."""
        total: Counter[tuple[str, str]] = Counter()
        for tally in self.per_record:
            total.update(tally.wrong_types)
        return total


def uncovered(labels: Iterable[str], by: str, name: str, at_most: float | None = None) -> Figure:
    """Share of the labels' characters that nothing covers."""
    labels = tuple(labels)
    return Figure(
        name,
        tuple(("uncovered", label, by) for label in labels),
        tuple(("characters", label) for label in labels),
        at_most=at_most,
        by_language=True,
    )


def _alarms(area: str, by: str, name: str, at_most: float | None = None) -> Figure:
    return Figure(name, (("false", area, by),), (("bytes", area),), per=10_000, at_most=at_most)


_ANY: Final = "any span"
_MASK: Final = "masked"

FIGURES: Final = (
    uncovered(["PERSON"], ALL, f"person names: characters left uncovered, {_ANY}", 2),
    uncovered(["PERSON"], MASKED, f"person names: characters left uncovered, {_MASK}", 2),
    uncovered(IDENTIFYING, ALL, f"all identifying entities: characters left uncovered, {_ANY}", 3),
    uncovered(IDENTIFYING, MASKED, f"all identifying entities: characters left uncovered, {_MASK}", 3),
    uncovered([x for x in IDENTIFYING if x != "AGE"], MASKED, f"the same without AGE, {_MASK}"),
    uncovered((*IDENTIFYING, "LOCATION"), ALL, f"the same with LOCATION, {_ANY}", 3),
    uncovered(["LOCATION"], ALL, f"LOCATION alone: characters left uncovered, {_ANY}"),
    uncovered(["AGE"], ALL, f"AGE alone: characters left uncovered, {_ANY}"),
    Figure(
        "structured values at valid checksums, e-mail, phone, credentials: recall, masked",
        tuple(("structured found", group) for group in GROUPS),
        tuple(("structured", group) for group in GROUPS),
        at_least=99,
    ),
    Figure(
        "the same, covered to the last character",
        tuple(("structured whole", group) for group in GROUPS),
        tuple(("structured", group) for group in GROUPS),
    ),
    Figure(
        "records without personal data in which anything is masked",
        (("touched", "technical"), ("touched", "prose")),
        (("clean", "technical"), ("clean", "prose")),
        at_most=5,
    ),
    _alarms("technical", MASKED, "false spans per 10 KB of code, logs, configs, masked", 1),
    _alarms("technical", ALL, f"false spans per 10 KB of code, logs, configs, {_ANY}", 1),
    _alarms("prose", MASKED, "false spans per 10 KB of prose, masked"),
    _alarms("prose", ALL, f"false spans per 10 KB of prose, {_ANY}"),
    Figure(
        "span type right, given overlap",
        tuple(("typed right", label) for label in (*GUIDE_LABELS, "ID")),
        tuple(("typed", label) for label in (*GUIDE_LABELS, "ID")),
        at_least=95,
    ),
)
"""The figures that stand side by side, with the aims of the project."""

SPEED_AIMS: Final = {"English prose": 30_000, "Chinese prose": 12_000, "technical text": 150_000}
"""Characters a second on one core."""


def value(figure: Figure, sums: Sums) -> Value | None:
    """The figure over these records; None where it rests on nothing."""
    above = np.array([sum(tally.counts[key] for key in figure.above) for tally in sums.per_record], dtype=np.float64)
    below = np.array([sum(tally.counts[key] for key in figure.below) for tally in sums.per_record], dtype=np.float64)
    if not below.sum():
        return None
    # The same draws for every figure and detector: columns then differ by the detector alone.
    rng = np.random.default_rng(_SEED)
    drawn = rng.multinomial(len(above), np.full(len(above), 1 / len(above)), size=DRAWS)
    wholes = drawn @ below
    shares = figure.per * (drawn @ above)[wholes > 0] / wholes[wholes > 0]
    low, high = np.percentile(shares, [2.5, 97.5])
    return Value(float(figure.per * above.sum() / below.sum()), float(low), float(high), int(below.sum()))


@dataclass(frozen=True, slots=True)
class Row:
    """Precision, recall and F1 of one class, exact and by overlap; shares."""

    name: str
    gold: int
    exact: tuple[float, float, float]
    overlap: tuple[float, float, float]
    uncovered: float
    uncovered_masked: float


def rows(counts: Counter[Key]) -> list[Row]:
    """A row per class that is marked, and the sum of all first."""
    found = [_row("all", CLASSES, GUIDE_LABELS, counts)]
    found += [
        _row(name, (name,), [label for label in GUIDE_LABELS if class_of_label(label) == name], counts)
        for name in CLASSES
    ]
    return [row for row in found if row.gold]


def _row(name: str, classes: Sequence[str], labels: Sequence[str], counts: Counter[Key]) -> Row:
    def total(what: str) -> int:
        return sum(counts[what, kind] for kind in classes)

    names = {*labels, *classes}
    characters = sum(counts["characters", label] for label in names)
    gold, predicted = total("gold"), total("predicted")
    return Row(
        name,
        gold,
        _triple(share(total("exact"), predicted), share(total("exact"), gold)),
        _triple(share(total("hit"), predicted), share(total("seen"), gold)),
        share(sum(counts["uncovered", label, ALL] for label in names), characters),
        share(sum(counts["uncovered", label, MASKED] for label in names), characters),
    )


def _triple(precision: float, recall: float) -> tuple[float, float, float]:
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def share(part: float, whole: float) -> float:
    """``part / whole``, and 0 of nothing."""
    return part / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Findings whose scores lie close together."""

    low: float
    high: float
    count: int
    score: float
    right: float


def reliability(scored: Sequence[tuple[float, bool]]) -> tuple[float, list[Bin]]:
    """Expected calibration error (Naeini, Cooper, Hauskrecht, AAAI 2015) over ten bins of equal width, and the bins."""
    bins = []
    for number in range(_BINS):
        low, high = number / _BINS, (number + 1) / _BINS
        inside = [pair for pair in scored if low <= pair[0] < high or (number == _BINS - 1 and pair[0] >= 1)]
        if inside:
            mean = sum(score for score, _ in inside) / len(inside)
            bins.append(Bin(low, high, len(inside), mean, sum(right for _, right in inside) / len(inside)))
    return share(sum(entry.count * abs(entry.score - entry.right) for entry in bins), len(scored)), bins
