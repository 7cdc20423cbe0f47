"""Measures a detector on marked-up text: ``python -m tests.detectors.measure FILE.jsonl [--ner] [--show]``.

Lines ``{"text", "spans": [[start, end, label], ...]}``, offsets in code points. Prints, for each label, the
share of values that are covered whole
(letters and digits) and of characters covered; for each recognizer, how many of its spans touch a marked value
and how many touch none; and
characters a second. A span that touches no marked value is counted as a false alarm even where the markup
merely left it out. Not a test.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from detectors.config import DetectorConfig, NerConfig
from detectors.detector import Detector


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--ner", action="store_true", help="with the model")
    parser.add_argument("--show", action="store_true", help="print the false alarms")
    options = parser.parse_args()
    with options.file.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    detector = Detector(DetectorConfig(ner=NerConfig(enabled=options.ner)))
    detector.warm_up()
    began = time.perf_counter()
    results = [spans for start in range(0, len(rows), 64) for spans in detector.detect(_texts(rows, start))]
    seconds = time.perf_counter() - began
    characters = sum(len(row["text"]) for row in rows)
    print(f"{detector.version}\n{characters} characters, {characters / seconds:,.0f} characters/s")

    values: dict[str, Counter[str]] = defaultdict(Counter)
    hits: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    for row, spans in zip(rows, results, strict=True):
        text = row["text"]
        covered = {offset for span in spans for offset in range(span.start, span.end)}
        for start, end, label in row["spans"]:
            count = values[label]
            count["values"] += 1
            count["whole"] += all(i in covered for i in range(start, end) if text[i].isalnum())
            count["characters"] += end - start
            count["covered"] += sum(i in covered for i in range(start, end))
        for span in spans:
            touches = any(span.start < end and start < span.end for start, end, _ in row["spans"])
            (hits if touches else alarms)[f"{span.recognizer}/{span.entity}"] += 1
            if options.show and not touches:
                print(
                    span.recognizer, repr(text[max(0, span.start - 25) : span.start]), repr(text[span.start : span.end])
                )
    for label, count in sorted(values.items()):
        whole, share = count["whole"] / count["values"], count["covered"] / count["characters"]
        print(f"{label:20} {count['values']:5} values, whole {whole:6.1%}, characters {share:6.1%}")
    for name in sorted({*hits, *alarms}):
        print(f"{name:60} touching {hits[name]:5}, false alarms {alarms[name]:4}")
    print(f"{'all':60} touching {sum(hits.values()):5}, false alarms {sum(alarms.values()):4}")


def _texts(rows: list[dict[str, str]], start: int) -> list[str]:
    return [row["text"] for row in rows[start : start + 64]]


if __name__ == "__main__":
    sys.exit(main())
