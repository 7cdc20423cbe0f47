"""Charts as numbers that a template draws as SVG: positions in a view box of 1000 by 100. Pure.

Every chart has a table beside it that says the same. Text stands outside the drawing, so that it can stretch.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from audit.schema import ACTIONS
from audit.statistics import Bucket, Count

WIDTH = 1000.0
HEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle."""

    kind: str
    """What it stands for; its style."""
    x: float
    y: float
    width: float
    height: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """Decisions by time and action."""

    bars: Sequence[Bar]
    top: int
    """What the upper edge stands for."""
    rows: Sequence[tuple[dt.datetime, Mapping[str, int]]]
    ticks: Sequence[dt.datetime]
    """Times at the left edge, in the middle and at the right edge."""


def volume(buckets: Sequence[Bucket]) -> Volume:
    """A stacked bar for each bucket."""
    rows = [(bucket.start, {action: bucket.counts.get(action, 0) for action in ACTIONS}) for bucket in buckets]
    top = rounded_up(max((sum(counts.values()) for _, counts in rows), default=0))
    width = WIDTH / max(len(rows), 12)
    bars = []
    for place, (_, counts) in enumerate(rows):
        y = HEIGHT
        for action in ACTIONS:
            height = HEIGHT * counts[action] / top
            y -= height
            if height:
                bars.append(Bar(action, round(place * width + width * 0.1, 2), round(y, 2), round(width * 0.8, 2), round(height, 2)))  # fmt: skip  # noqa: E501
    ticks = [rows[0][0], rows[len(rows) // 2][0], rows[-1][0]] if len(rows) > 11 else []
    return Volume(bars, top, rows, ticks)


def rounded_up(value: int) -> int:
    """The next of 4, 8, 12, 20, 40, 80, 120, ...: its quarters are whole."""
    step = 1
    while True:
        for factor in (4, 8, 12, 20):
            if value <= factor * step:
                return factor * step
        step *= 10


def shares(counts: Sequence[Count], *, findings: bool = False) -> list[tuple[Count, int, float]]:
    """Each count, its number, and its length among 100."""
    numbers = [count.findings if findings else count.decisions for count in counts]
    most = max(numbers, default=0) or 1
    return [(count, number, round(100 * number / most, 1)) for count, number in zip(counts, numbers, strict=True)]


def split(parts: Iterable[tuple[str, float | None]]) -> list[Bar]:
    """One bar cut into parts, each as long as its share; parts that are not known or nothing are left out."""
    known = [(kind, value) for kind, value in parts if value is not None and value > 0]
    total = sum(value for _, value in known) or 1.0
    bars, x = [], 0.0
    for kind, value in known:
        width = WIDTH * value / total
        bars.append(Bar(kind, round(x, 2), 0, round(width, 2), HEIGHT, f"{value}"))
        x += width
    return bars
