"""Writes what was measured: Markdown tables for people, JSON for machines. Imports ``figures``, ``run``.

No value of the data is in either.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from models.ner.measure.checksums import GROUPS
from models.ner.measure.classes import GUIDE_LABELS
from models.ner.measure.counting import ALL, MASKED
from models.ner.measure.figures import SPEED_AIMS, Figure, Sums, Value, reliability, rows, share
from models.ner.measure.run import WHOLE, Result, figures_of, languages, shown
from models.ner.measure.sets import MarkedSet

BEGIN: Final = "<!-- figures: written by 'coatcheck models evaluate --markdown', do not edit -->"
END: Final = "<!-- end of figures -->"
_YES, _NO = "✓", "✗"
_WRONG_TYPES_SHOWN = 12

Measured = Sequence[tuple[MarkedSet, Sequence[Result]]]


def markdown(measured: Measured, *, day: date, details: int = 1) -> str:
    """Per set all detectors side by side, then the first ``details`` of them. ``day``: when it was measured."""
    parts = [f"Measured on {day:%Y-%m-%d}.\n"]
    for marked, results in measured:
        texts = sum(len(record.text) for record in marked.records)
        parts.append(f"### {marked.name}: {len(marked.records)} texts, {texts:,} characters\n")
        parts.append(side_by_side(marked, results))
        for result in results[:details]:
            parts.append(f"\n#### {result.detector} on {marked.name}\n")
            parts.append(_classes(result, languages(results)[1:]))
            if not marked.partly_marked:
                parts += ["", _structured(result), "", _labels(result), "", _types(result.sums[WHOLE])]
            parts += ["", _calibration(result.sums[WHOLE])]
        parts.append("")
    return "\n".join(parts)


def side_by_side(marked: MarkedSet, results: Sequence[Result]) -> str:
    """A line per figure and language, a column per detector, with aims and whether they are reached."""
    lines = _head("figure", "language", "aim", *(result.detector for result in results))
    for figure in figures_of(marked):
        for language in shown(figure, results):
            cells = [_cell(figure, result.value(figure, language)) for result in results]
            if any(cells):
                lines.append(_line(figure.name, language, figure.aim, *cells))
    for kind in sorted({kind for result in results for kind in result.speeds}):
        aim = SPEED_AIMS.get(kind)
        cells = [_speed(result.speeds.get(kind), aim) for result in results]
        lines.append(_line(f"characters a second, one core, {kind}", "", f"≥ {aim:,}" if aim else "", *cells))
    return "\n".join(lines)


def _cell(figure: Figure, found: Value | None) -> str:
    if found is None:
        return ""
    reached = figure.reached(found.value)
    mark = "" if reached is None else f" {_YES if reached else _NO}"
    digits = 1 if figure.per == 100 else 2
    interval = "" if found.low == found.high else f" ({found.low:.{digits}f}–{found.high:.{digits}f})"
    return f"{found.value:.{digits}f}{interval}{mark}"


def _speed(speed: float | None, aim: int | None) -> str:
    if speed is None:
        return ""
    return f"{_rounded(speed):,}{'' if aim is None else f' {_YES if speed >= aim else _NO}'}"


def _rounded(number: float) -> int:
    return int(round(number, 2 - len(str(int(number))))) if number >= 100 else round(number)


def _classes(result: Result, names: Iterable[str]) -> str:
    lines = _head(
        "language", "entity", "marked", "exact P / R / F1", "overlap P / R / F1", "uncovered", "uncovered, masked"
    )
    for language in names:
        if language in result.sums:
            lines += [
                _line(
                    language,
                    row.name,
                    str(row.gold),
                    _percents(row.exact),
                    _percents(row.overlap),
                    f"{100 * row.uncovered:.1f} %",
                    f"{100 * row.uncovered_masked:.1f} %",
                )
                for row in rows(result.sums[language].counts)
            ]
    return "\n".join(lines)


def _structured(result: Result) -> str:
    counts = result.sums[WHOLE].counts
    lines = _head("structured values, right ones", "marked", "found, masked", "to the last character")
    for group in GROUPS:
        marked = counts["structured", group]
        if marked:
            shares = [share(counts[what, group], marked) for what in ("structured found", "structured whole")]
            lines.append(_line(group, str(marked), *(f"{100 * part:.1f} %" for part in shares)))
    return "\n".join(lines)


def _labels(result: Result) -> str:
    counts = result.sums[WHOLE].counts
    lines = _head("label within its class", "marked", "seen", "uncovered", "uncovered, masked")
    for label in GUIDE_LABELS:
        if counts["gold label", label]:
            open_all, open_masked = (
                share(counts["uncovered", label, by], counts["characters", label]) for by in (ALL, MASKED)
            )
            seen = share(counts["seen label", label], counts["gold label", label])
            lines.append(
                _line(
                    label,
                    str(counts["gold label", label]),
                    f"{100 * seen:.1f} %",
                    f"{100 * open_all:.1f} %",
                    f"{100 * open_masked:.1f} %",
                )
            )
    return "\n".join(lines)


def _types(sums: Sums) -> str:
    lines = _head("marked as", "called", "times")
    lines += [
        _line(label, entity, str(count)) for (label, entity), count in sums.wrong_types.most_common(_WRONG_TYPES_SHOWN)
    ]
    return "\n".join(lines)


def _calibration(sums: Sums) -> str:
    error, bins = reliability(sums.scored)
    lines = [f"Expected calibration error {100 * error:.1f} % over {len(sums.scored)} findings.", ""]
    lines += _head("score", "findings", "mean score", "right")
    lines += [
        _line(f"{entry.low:.1f}–{entry.high:.1f}", str(entry.count), f"{entry.score:.2f}", f"{100 * entry.right:.1f} %")
        for entry in bins
    ]
    return "\n".join(lines)


def as_json(measured: Measured) -> dict[str, Any]:
    """All that the tables show, and more, by set and detector."""
    return {
        "sets": [
            {
                "name": marked.name,
                "records": len(marked.records),
                "characters": sum(len(record.text) for record in marked.records),
                "detectors": [_result(marked, result) for result in results],
            }
            for marked, results in measured
        ]
    }


def _result(marked: MarkedSet, result: Result) -> dict[str, Any]:
    return {
        "name": result.detector,
        "characters_per_second": {kind: round(speed) for kind, speed in result.speeds.items()},
        "languages": {
            language: {
                "figures": [
                    {
                        "name": figure.name,
                        "aim": figure.aim,
                        "value": found.value,
                        "low": found.low,
                        "high": found.high,
                        "below": found.below,
                        "reached": figure.reached(found.value),
                    }
                    for figure in figures_of(marked)
                    if (found := result.value(figure, language)) is not None
                ],
                "entities": [
                    {
                        "name": row.name,
                        "marked": row.gold,
                        "exact": row.exact,
                        "overlap": row.overlap,
                        "uncovered": row.uncovered,
                        "uncovered_masked": row.uncovered_masked,
                    }
                    for row in rows(sums.counts)
                ],
                "calibration_error": reliability(sums.scored)[0],
                "wrong_types": [[*pair, count] for pair, count in sums.wrong_types.most_common()],
                "counts": {" ".join(key): count for key, count in sorted(sums.counts.items())},
            }
            for language, sums in result.sums.items()
        },
    }


def write_json(path: Path, measured: Measured) -> None:
    """All figures as JSON."""
    path.write_text(json.dumps(as_json(measured), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_markdown(path: Path, tables: str) -> None:
    """Into a file: between its marks if it has them, else the whole file."""
    block = f"{BEGIN}\n\n{tables.strip()}\n\n{END}"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if BEGIN in text and END in text:
        block = text[: text.index(BEGIN)] + block + text[text.index(END) + len(END) :]
    else:
        block += "\n"
    path.write_text(block, encoding="utf-8")


def _percents(triple: tuple[float, float, float]) -> str:
    return " / ".join(f"{100 * part:.1f}" for part in triple)


def _head(*names: str) -> list[str]:
    return [_line(*names), _line(*("---" for _ in names))]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
