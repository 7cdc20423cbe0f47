"""Does the detector's time grow with the text, and no faster? ``python benchmarks/bad_input.py [--size N] [--ner]``

Each kind of bad input of ``tests/detectors/test_bad_input.py``, and texts full of findings, at two sizes, the second
four times the first: twice the ratio of the sizes is called worse than linear. Exit status 1 if any is.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from detectors.config import DetectorConfig, NerConfig
from detectors.detector import Detector
from detectors.pieces import detect_all
from tests.detectors.test_bad_input import REPEATED

GROWTH = 4
FULL: dict[str, Callable[[int], str]] = {
    "e-mail addresses": lambda i: f"u{i}@example.com, ",
    "one e-mail address": lambda i: "anna@example.com ",
    "telephone numbers": lambda i: f"+1 415-555-{i % 10000:04} ",
    "IP addresses": lambda i: f"203.0.113.{i % 256} ",
    "cards": lambda i: "4111 1111 1111 1111; ",
    "resident ids": lambda i: "11010519491231002X，",
}
"""Texts that are all findings."""


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=40_000, help="code points of the smaller text")
    parser.add_argument("--ner", action="store_true", help="with the model")
    options = parser.parse_args()
    detector = Detector(DetectorConfig(ner=NerConfig(enabled=options.ner)))
    detector.warm_up()
    makes = {name: lambda i, unit=unit: unit for name, unit in REPEATED.items()} | FULL
    worse = 0
    print(f"{detector.version}\n{'':24}{'chars/s':>12}{'time for 4 x text':>20}")
    for name, make in makes.items():
        small, large = (_seconds(detector, _text(make, size)) for size in (options.size, options.size * GROWTH))
        bad = large > 2 * GROWTH * small and large > 1.0
        worse += bad
        print(f"{name:24}{options.size * GROWTH / large:12,.0f}{large / small:18.1f} x{'  WORSE' if bad else ''}")
    return 1 if worse else 0


def _text(make: Callable[[int], str], size: int) -> str:
    parts: list[str] = []
    length = index = 0
    while length < size:
        parts.append(make(index))
        length += len(parts[-1])
        index += 1
    return "".join(parts)


def _seconds(detector: Detector, text: str) -> float:
    best = float("inf")
    for _ in range(2):
        began = time.perf_counter()
        for _, _, answer in detect_all(detector, [(0, text)], piece=len(text) + 1):
            if not isinstance(answer, list):
                raise answer
        best = min(best, time.perf_counter() - began)
    return best


if __name__ == "__main__":
    sys.exit(main())
