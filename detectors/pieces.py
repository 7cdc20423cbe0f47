"""Texts of any length through the detector: long ones in pieces with right offsets, short ones many at a time.

A piece is cut at a line end where there is one, and the detector sees ``OVERLAP`` code points beyond either cut, so a
value at a cut is read whole. Pure but for the detector. May import ``errors``, ``spans``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from detectors.errors import DetectorError
from detectors.spans import Span

PIECE = 200_000
"""Longest piece in code points, without what is seen beyond its cuts."""
OVERLAP = 4_096
"""Code points that the detector sees beyond a cut: longer than any value but a whole document."""
BATCH_TEXTS = 64
"""Texts that one run of the detector takes."""


class TextDetector(Protocol):
    """What is needed of a detector."""

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Spans of each text. Raises DetectorError."""


type Answer = list[Span] | DetectorError
"""A text's spans, or why there are none: then the text must be treated as sensitive."""


def ranges(text: str, piece: int = PIECE) -> list[tuple[int, int]]:
    """Adjoining stretches that make up ``text``, each at most ``piece`` long.

    Cut, in order of preference, after an empty line, a line, a blank; all of them in the stretch's second half.
    """
    found: list[tuple[int, int]] = []
    start = 0
    while len(text) - start > piece:
        low, high = start + piece // 2, start + piece
        for mark in ("\n\n", "\n", " "):
            at = text.rfind(mark, low, high)
            if at >= 0:
                high = at + len(mark)
                break
        found.append((start, high))
        start = high
    return [*found, (start, len(text))]


def detect_all[K](
    detector: TextDetector,
    items: Iterable[tuple[K, str]],
    advance: Callable[[int], None] = lambda done: None,
    *,
    piece: int = PIECE,
    overlap: int = OVERLAP,
) -> Iterator[tuple[K, str, Answer]]:
    """Each ``(key, text)`` with its answer, in order; ``advance`` hears of code points that were read.

    What ``items`` raises comes out after the answers to what came before it. A text that cannot be read spoils no
    other one.
    """
    batch: list[tuple[K, str]] = []
    size = 0
    waiting = iter(items)
    failure: Exception | None = None
    while failure is None:
        try:
            key, text = next(waiting)
        except StopIteration:
            break
        except Exception as error:
            failure = error
            break
        if len(text) > piece:
            yield from _whole(detector, batch, advance)
            yield key, text, _in_pieces(detector, text, advance, piece, overlap)
            batch, size = [], 0
            continue
        batch.append((key, text))
        size += len(text)
        if len(batch) == BATCH_TEXTS or size >= piece:
            yield from _whole(detector, batch, advance)
            batch, size = [], 0
    yield from _whole(detector, batch, advance)
    if failure is not None:
        raise failure


def _whole[K](
    detector: TextDetector, batch: Sequence[tuple[K, str]], advance: Callable[[int], None]
) -> Iterator[tuple[K, str, Answer]]:
    answers: Sequence[Answer]
    try:
        answers = detector.detect([text for _, text in batch]) if batch else []
    except DetectorError:
        answers = [_alone(detector, text) for _, text in batch]  # which of them was it?
    for (key, text), answer in zip(batch, answers, strict=True):
        advance(len(text))
        yield key, text, answer


def _alone(detector: TextDetector, text: str) -> Answer:
    try:
        return detector.detect([text])[0]
    except DetectorError as error:
        return error


def _in_pieces(detector: TextDetector, text: str, advance: Callable[[int], None], piece: int, overlap: int) -> Answer:
    spans: list[Span] = []
    covered = 0
    for start, end in ranges(text, piece):
        seen_from = max(0, start - overlap)
        try:
            found = detector.detect([text[seen_from : end + overlap]])[0]
        except DetectorError as error:
            return error
        for span in found:
            first, last = span.start + seen_from, span.end + seen_from
            if first < end and last > max(start, covered):
                spans.append(replace(span, start=max(first, covered), end=last))
                covered = last
        advance(end - start)
    return spans
