"""Which span wins where several overlap: every letter and digit that was covered stays covered, spans do not overlap.

Pure functions. The order: a verified pattern (checksum, unmistakable token) before all else, then what identifies
before what does not (an address before the city in it), then the longer span, then the higher score.
A place or an organization with a person's title is a person; a place that continues an address belongs to it.
The winner stands as it is. What a loser covers beyond it becomes a span of its own (an address around a
telephone number keeps
both types); only white space and punctuation between them are let go, and for secrets only white space.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, replace

from detectors.figures import has_title, retyped
from detectors.spans import Span


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span and whether a checksum or an unmistakable form proves its type."""

    span: Span
    verified: bool = False
    generic: bool = False
    """Only a label says what it is: of two spans of one length the other one decides the type."""


_PLACES = frozenset({"LOCATION", "ORGANIZATION"})
WEAK = frozenset({*_PLACES, "DATE_TIME", "AGE", "NRP"})
"""What identifies nobody by itself never takes a stretch from what does."""
_HAN_NAME = re.compile(r"[\u3400-\u9fff]{1,3}")
_BLOCK = 64
"""Code points. Who overlaps whom is asked by blocks, so that many findings cost no more than each alone."""
_GAP = re.compile(r"[ \t]{0,2}[,，、]?\s{0,2}")
"""What may stand between an address and the place that continues it."""


def _rank(candidate: Candidate) -> tuple[bool, bool, int, bool, float, int, str, str]:
    span = candidate.span
    length = span.end - span.start
    return (
        not candidate.verified,
        span.entity in WEAK,
        -length,
        candidate.generic,
        -span.score,
        span.start,
        span.entity,
        span.recognizer,
    )


RECORD_ID = "RECORD_ID"
"""What the model calls any record or identity number; a pattern that overlaps it knows better which one."""


def resolve(text: str, candidates: Iterable[Candidate]) -> list[Span]:
    """Disjoint spans in order that cover what the candidates cover. Deterministic whatever the order of
    ``candidates``.
    """
    taken: list[Span] = []
    for candidate in sorted(_merged(_typed(_titled(text, _dialled(text, candidates)))), key=_rank):
        for start, end in _uncovered(candidate.span, taken):
            start, end = _trim(text, start, end, candidate.span)
            if start < end:
                span = candidate.span
                insort(taken, Span(start, end, span.entity, span.score, span.recognizer), key=_start)
    return retyped(text, _joined(text, _continued(text, taken)))


def _start(span: Span) -> int:
    return span.start


def _dialled(text: str, candidates: Iterable[Candidate]) -> set[Candidate]:
    """A number with its country code is as surely a telephone's as a checksum is that a part of it happens to fit."""
    return {
        Candidate(candidate.span, True, candidate.generic)
        if candidate.span.entity == "PHONE_NUMBER" and text[candidate.span.start] == "+"
        else candidate
        for candidate in candidates
    }


def _titled(text: str, candidates: set[Candidate]) -> set[Candidate]:
    """A place or an organization with a person's title at it (``Ms. Sandoval``, 乐瑶女士) is a person."""
    titled: set[Candidate] = set()
    for candidate in candidates:
        span = candidate.span
        if span.entity in _PLACES:
            value = text[span.start : span.end]
            short = _HAN_NAME.fullmatch(value) or (value[:1].isupper() and value.count(" ") < 3)
            if short and has_title(text, span.start, span.end):
                candidate = replace(candidate, span=replace(span, entity="PERSON"))
        titled.add(candidate)
    return titled


def _continued(text: str, spans: list[Span]) -> list[Span]:
    """Places directly after an address, or before a Chinese one, are part of it."""
    continued = list(spans)
    for index, span in enumerate(continued):
        if span.entity != "LOCATION":
            continue
        before = continued[index - 1] if index else None
        after = continued[index + 1] if index + 1 < len(continued) else None
        if (before is not None and before.entity == "ADDRESS" and _GAP.fullmatch(text, before.end, span.start)) or (
            after is not None and after.entity == "ADDRESS" and after.start == span.end
        ):
            continued[index] = replace(span, entity="ADDRESS")
    return continued


def _typed(candidates: set[Candidate]) -> set[Candidate]:
    """A record number takes the type of the best pattern that overlaps it, keeping its own extent."""
    at: dict[int, list[Candidate]] = {}
    """The others, by each block of the text that they touch."""
    if any(candidate.span.entity == RECORD_ID for candidate in candidates):
        for other in candidates:
            if other.span.entity == RECORD_ID:
                continue
            for block in _blocks(other.span):
                at.setdefault(block, []).append(other)
    typed: set[Candidate] = set()
    for candidate in candidates:
        span = candidate.span
        if span.entity == RECORD_ID:
            near = [
                other
                for block in _blocks(span)
                for other in at.get(block, ())
                if other.span.recognizer != span.recognizer
                and other.span.start < span.end
                and span.start < other.span.end
            ]
            if near:
                best = min(near, key=_rank).span
                span = Span(span.start, span.end, best.entity, best.score, best.recognizer)
        typed.add(Candidate(span, candidate.verified, candidate.generic))
    return typed


def _blocks(span: Span) -> range:
    return range(span.start // _BLOCK, (span.end - 1) // _BLOCK + 1)


def _merged(candidates: set[Candidate]) -> list[Candidate]:
    """Overlapping unverified spans of one entity become their union; verified ones stand."""
    merged = [candidate for candidate in candidates if candidate.verified]
    open_spans: dict[str, Candidate] = {}
    for candidate in sorted((c for c in candidates if not c.verified), key=lambda c: (c.span.start, *_rank(c))):
        last = open_spans.get(candidate.span.entity)
        if last is not None and candidate.span.start < last.span.end:
            candidate = _union(last, candidate)
        elif last is not None:
            merged.append(last)
        open_spans[candidate.span.entity] = candidate
    return merged + list(open_spans.values())


def _union(first: Candidate, second: Candidate) -> Candidate:
    """One span over both; the better ranked one names the recognizer."""
    winner = min(first, second, key=_rank).span
    return Candidate(
        Span(
            min(first.span.start, second.span.start),
            max(first.span.end, second.span.end),
            winner.entity,
            max(first.span.score, second.span.score),
            winner.recognizer,
        ),
        generic=first.generic and second.generic,
    )


def _uncovered(span: Span, taken: list[Span]) -> list[tuple[int, int]]:
    """The stretches of ``span`` that no taken span covers. ``taken`` are disjoint and in order."""
    free: list[tuple[int, int]] = []
    end = span.end
    index = bisect_left(taken, span.end, key=_start)
    while index and taken[index - 1].end > span.start:
        index -= 1
        if taken[index].end < end:
            free.append((taken[index].end, end))
        end = taken[index].start
    if span.start < end:
        free.append((span.start, end))
    return free[::-1]


def _trim(text: str, start: int, end: int, span: Span) -> tuple[int, int]:
    """A remainder without the white space and punctuation at its ends; an uncut span as it is."""
    if (start, end) == (span.start, span.end):
        return start, end
    keep = str.isspace if span.entity == "SECRET" else _is_filler
    while start < end and keep(text[start]):
        start += 1
    while end > start and keep(text[end - 1]):
        end -= 1
    return start, end


def _is_filler(char: str) -> bool:
    return not char.isalnum()


def _joined(text: str, spans: list[Span]) -> list[Span]:
    """Remainders that touch a span of the same entity become part of it."""
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].end == span.start and joined[-1].entity == span.entity:
            last = joined[-1]
            winner = max(last, span, key=lambda s: (s.end - s.start, s.score))
            joined[-1] = Span(last.start, span.end, span.entity, max(last.score, span.score), winner.recognizer)
        else:
            joined.append(span)
    return joined
