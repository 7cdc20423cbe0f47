"""``coatcheck detect --jsonl``: lines of JSON in, one line with the spans of each out, in order.

The line format is a contract with other programs. Knows nothing of files and terminals, nor what the site's policy
is: it asks ``actions``. May import ``pieces``, ``errors``, ``spans``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TextIO

from detectors.errors import DetectorError
from detectors.pieces import TextDetector, detect_all
from detectors.spans import Span

ALLOW = "allow"
"""The action that leaves a value where it is; with any other it does not go out."""

type Actions = Callable[[str, Sequence[Span]], Sequence[str]]
"""What becomes of each span of a text: ``allow``, ``mask``, ``reroute`` or ``block``."""


class BadLine(Exception):
    """A line of the input cannot be read; names the line, never quotes it."""


def masked(text: str, spans: Iterable[Span]) -> str:
    """``text`` with each span replaced by ``<ENTITY>``. ``spans`` are disjoint and in order."""
    pieces: list[str] = []
    position = 0
    for span in spans:
        pieces += (text[position : span.start], f"<{span.entity}>")
        position = span.end
    return "".join((*pieces, text[position:]))


def as_dict(span: Span, action: str) -> dict[str, Any]:
    """A span as the output shows it: offsets in code points."""
    return {
        "start": span.start,
        "end": span.end,
        "entity": span.entity,
        "score": round(span.score, 4),
        "recognizer": span.recognizer,
        "action": action,
    }


def parse_line(line: str, number: int) -> tuple[Any, str]:
    """``(id, text)`` of one line; the line's number where it has no id. Raises BadLine."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise BadLine(f"line {number} is not JSON") from None
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        raise BadLine(f'line {number} has no "text" string')
    return record.get("id", number), record["text"]


def as_line(record: Any, *, indent: int | None = None) -> str:
    """JSON and a line end; characters that UTF-8 cannot hold (lone surrogates) stay escaped, as they came."""
    line = json.dumps(record, ensure_ascii=False, indent=indent)
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        line = json.dumps(record, indent=indent)
    return line + "\n"


def run_jsonl(
    detector: TextDetector,
    lines: Iterable[str],
    out: TextIO,
    actions: Actions,
    *,
    only_masked: bool = False,
    wanted: Callable[[Span], bool] = lambda span: True,
    advance: Callable[[int], None] = lambda done: None,
) -> int:
    """Answer line by line; returns how many spans do not go out as they are.

    Without ``only_masked`` a line holds all spans, with it only those whose action is not ``allow``, and the text
    with these replaced. ``advance`` hears of lines. What precedes a bad line is written before BadLine is raised;
    so it is with DetectorError, which names the line.
    """
    held = 0
    try:
        for (number, identity), text, answer in detect_all(detector, _numbered(lines)):
            if isinstance(answer, DetectorError):
                raise DetectorError(f"line {number}: {answer}")
            judged = [
                (span, action) for span, action in zip(answer, actions(text, answer), strict=True) if wanted(span)
            ]
            kept = [(span, action) for span, action in judged if action != ALLOW]
            held += len(kept)
            record: dict[str, Any] = {"id": identity}
            record["spans"] = [as_dict(span, action) for span, action in (kept if only_masked else judged)]
            if only_masked:
                record["text"] = masked(text, (span for span, _ in kept))
            out.write(as_line(record))
            advance(1)
    finally:
        out.flush()
    return held


def _numbered(lines: Iterable[str]) -> Iterator[tuple[tuple[int, Any], str]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            identity, text = parse_line(line, number)
            yield (number, identity), text
