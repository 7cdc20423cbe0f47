"""What was found in one place of a request is found again in others: values, and parts of people's names.

``link`` is a pure function over texts and their spans, after detection, so that detection can be cached text by text
and a request's result depends on that request only. ``Maria Gonzalez`` leads to ``Ms. Gonzalez``, 王小明 to 小明 and
王总; an id, a telephone number, an address to themselves in another spelling. Spans that are there stay as they are.

*Turns* keep a growing conversation's beginning unchanged: what a turn holds is looked for in that turn and in later
ones, never in earlier ones. So the masking of the first n messages does not depend on the rest. Texts beside the
conversation (turn None: headers, metadata) give to all turns and take from all.

May import ``names``, ``phrases``, ``digit_forms``, ``normalize``, ``spans``.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from detectors.digit_forms import MIN_DIGITS, Numbers, identifier_form, phone_forms
from detectors.names import (
    EVERYDAY_EN,
    EVERYDAY_ZH,
    MIN_PART,
    TITLE_EN,
    TITLE_ZH,
    LatinName,
    fold,
    han_parts,
    latin_name,
)
from detectors.normalize import shadow
from detectors.phrases import DENSE, WORD, Phrases
from detectors.spans import Span

LINKED = "Linked"
"""Recognizer name of what only another place gives away."""
MIN_SCORE = 0.6
"""What was found with less confidence is not looked for elsewhere."""
LONE_SCORE = 0.75
"""The same for a name of a single word: a thing's name taken for a person's would be masked in all its places."""
MAX_VALUE = 4096
SHADOWED = 8192
"""Code points; longer texts are looked through as they are, without undoing obfuscation."""
_UNTELLING = frozenset({"AGE", "DATE_TIME", "NRP", "PUBLIC_FIGURE", "PLACEHOLDER", "PRIVATE_IP_ADDRESS"})
"""Not looked for elsewhere: neither telling nor distinctive."""
_NAMES = frozenset({"PERSON", "USERNAME"})
_CASED = frozenset({"ORGANIZATION", "LOCATION"})
_MIN_VALUE = 6
"""Letters and digits that a value needs."""
_MIN_WORD = 4
_FREE_UNDERSCORE = 8
"""A value of so many characters is one also beside an underscore (``backup_mgonzalez_2``)."""
_PLACEHOLDER = re.compile(r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9_]*_[0-9A-HJKMNP-TV-Z]{8}(?![A-Za-z0-9_])", re.IGNORECASE)
_GAP = r"(?:[ \t\u00a0.,'’\-_+·•]|, |(?<=(?<!\w)\w)\. )"
"""Between two parts of a name; a full stop and a space only after an initial."""
_BEFORE = re.compile(rf"({WORD.pattern}){_GAP}\Z")
_AFTER = re.compile(rf"{_GAP}({WORD.pattern})")
_REACH = 40
_OPENED = re.compile(r"(?:^|[.!?…。！？:;\n\r>*#|\-–—•])[ \t\"'“”‘’(\[{]*\Z")
_CALLED = re.compile(r"[.(=:\[](?=[\w\"'(])|[_(=]")

Allowed = Callable[[str, str], bool]
"""``allowed(entity, value)``: this value may pass, so it is not looked for either."""


@dataclass(frozen=True, slots=True)
class _Source:
    """What a hit means."""

    entity: str
    score: float
    written: str
    """The part or value as it was found."""
    name: LatinName | None = None
    """Set for parts of a name."""
    everyday: bool = False
    """Only as written and not at the beginning of a sentence; in Chinese, only before a title."""


_Hit = tuple[int, int, _Source]
"""Start, end and what is meant."""


def link(
    texts: Sequence[str],
    found: Sequence[Sequence[Span]],
    turns: Sequence[int | None] | None = None,
    *,
    allowed: Allowed = lambda entity, value: False,
) -> list[list[Span]]:
    """Spans of each text, those of ``found`` among them, disjoint and in order.

    ``found``: disjoint spans of each text, in order. ``turns``: for each text the number of its turn, or None beside
    the conversation; without it all texts are one turn.
    """
    out = [list(spans) for spans in found]
    turns = turns if turns is not None else [0] * len(texts)
    known = _Known(allowed)
    aside = [i for i, turn in enumerate(turns) if turn is None]
    for i in aside:
        known.learn(texts[i], found[i])
    by_turn: dict[int, list[int]] = {}
    for i, turn in enumerate(turns):
        if turn is not None:
            by_turn.setdefault(turn, []).append(i)
    for turn in sorted(by_turn):
        for i in by_turn[turn]:
            known.learn(texts[i], found[i])
        if known:
            for i in by_turn[turn]:
                out[i] = known.spread(texts[i], found[i])
    if known:
        for i in aside:
            out[i] = known.spread(texts[i], found[i])
    return out


class _Known:
    """The values seen so far, ready to be looked for."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = cache(allowed)  # a history repeats its values
        self._seen: dict[tuple[str, str], float] = {}
        self._phrases: Phrases[_Source] = Phrases(fold)
        self._numbers: Numbers[_Source] = Numbers()
        self._surnames: dict[str, _Source] = {}

    def __bool__(self) -> bool:
        return bool(self._seen)

    def learn(self, text: str, spans: Sequence[Span]) -> None:
        """Look for what these spans cover from now on."""
        for span in spans:
            if span.score < MIN_SCORE or span.entity in _UNTELLING or span.recognizer == LINKED:
                continue
            value = text[span.start : span.end].strip()
            if span.entity in _NAMES and span.score < LONE_SCORE and len(value.split()) == 1:
                continue
            key = (span.entity, value)
            if len(value) > MAX_VALUE or span.score <= self._seen.get(key, 0.0) or self._allowed(*key):
                continue
            self._seen[key] = span.score
            if span.entity == "PERSON":
                self._learn_name(value, span)
            else:
                self._learn_value(value, span)

    def _learn_name(self, value: str, span: Span) -> None:
        name = latin_name(value)
        if name is not None:
            heads = name.heads
            for head in heads:
                everyday = fold(head) in EVERYDAY_EN
                self._phrases.add(head, _Source(span.entity, span.score, head, name, everyday))
            joined = "".join(name.parts)
            if len(name.parts) > 1 and len(joined) >= _FREE_UNDERSCORE:
                self._phrases.add(joined, _Source(span.entity, span.score, joined))
            elif not heads and len(name.parts) > 1:
                self._phrases.add(value, _Source(span.entity, span.score, value, everyday=True))
        runs = DENSE.findall(value)
        han = han_parts(runs[0]) if len(runs) == 1 else None
        if han is not None:
            surname, given = han
            if surname:
                self._surnames.setdefault(surname, _Source(span.entity, span.score, surname))
            runs = [surname + given, given, surname] if given else []
        for part in dict.fromkeys(runs):
            if len(part) > 1:
                everyday = part in EVERYDAY_ZH
                self._phrases.add(part, _Source(span.entity, span.score, part, everyday=everyday))

    def _learn_value(self, value: str, span: Span) -> None:
        source = _Source(span.entity, span.score, value)
        dense, words = DENSE.findall(value), WORD.findall(value)
        size = sum(map(len, words)) + 2 * sum(map(len, dense))
        if len(words) == 1 and not dense and words[0].isalpha() and span.entity != "EMAIL_ADDRESS":
            self._learn_word(value, words[0], span)
            return
        if size < _MIN_VALUE:
            return
        everyday = span.entity in _CASED and len(words) < 2
        exact = everyday or span.entity in _CASED or span.entity == "SECRET"
        digits_only = not dense and all(map(str.isdigit, words))
        if not digits_only or sum(map(len, words)) >= MIN_DIGITS:
            self._phrases.add(value, source, ignore_case=not exact)
        if span.entity in ("SECRET", "DATE_OF_BIRTH", *_CASED):
            return
        if "PHONE" in span.entity:
            for form in phone_forms(value):
                self._numbers.add(form, source)
            return
        identifier = identifier_form(value)
        if identifier is not None:
            prefix, digits, suffix = identifier
            self._numbers.add(digits, source, prefix=prefix, suffix=suffix)
        elif len(words) > 1 and not dense and any(map(str.isdigit, value)) and "@" not in value and "." not in value:
            self._phrases.add("".join(words), source)

    def _learn_word(self, value: str, word: str, span: Span) -> None:
        """A value that is one word of letters."""
        if fold(word) in EVERYDAY_EN or len(word) < _MIN_WORD:
            return
        if span.entity == "SECRET":
            mixed = not word.islower() and not word.isupper() and not word.istitle()
            if len(word) < (_FREE_UNDERSCORE if mixed else 12):
                return
        elif span.entity != "USERNAME" and span.entity not in _CASED:
            if len(word) < _FREE_UNDERSCORE:
                return
        elif latin_name(word) is None:  # admin, root, user
            return
        exact = span.entity != "USERNAME"
        self._phrases.add(value, _Source(span.entity, span.score, value), ignore_case=not exact)

    def spread(self, text: str, spans: Sequence[Span]) -> list[Span]:
        """``spans`` and what else of the known values the text holds."""
        hits = list(self._hits(text))
        if len(text) <= SHADOWED and (undone := shadow(text)) is not None:
            hits += [
                (*undone.original(start, end), source) for start, end, source in self._hits(undone.text) if start < end
            ]
        if not hits:
            return list(spans)
        if "_" in text:
            hits = _outside_placeholders(text, hits)
        return _added(text, spans, hits)

    def _hits(self, text: str) -> Iterator[_Hit]:
        for start, end, source in self._phrases.find(text):
            place = _judged(text, start, end, source)
            if place is not None and not self._allowed(source.entity, text[place[0] : place[1]]):
                yield (*place, source)
        if self._numbers:
            yield from self._numbers.find(text)
        for surname, source in self._surnames.items():
            at = text.find(surname)
            while at >= 0:
                end = at + len(surname)
                if TITLE_ZH.match(text, end):
                    yield at, end, source
                at = text.find(surname, end)


def _judged(text: str, start: int, end: int, source: _Source) -> tuple[int, int] | None:
    """The stretch that a hit means, or None if it is no name here."""
    if source.name is not None:
        return _name_at(text, start, end, source, source.name)
    if _touches_underscore(text, start, end) and end - start < _FREE_UNDERSCORE:
        return None
    if not source.everyday:
        return start, end
    if DENSE.match(source.written):
        return (start, end) if TITLE_ZH.match(text, end) else None
    return (start, end) if text[start:end] == source.written else None


def _name_at(text: str, start: int, end: int, source: _Source, name: LatinName) -> tuple[int, int] | None:
    """A part of a name, with the parts and initials of the same name around it."""
    word = text[start:end]
    if source.everyday and not word[0].isupper():
        return None
    first, last = start, end
    free = [folded for folded in map(fold, name.parts) if folded != fold(word)]
    while (before := _BEFORE.search(text, max(0, first - _REACH), first)) and _belongs(before[1], free):
        first = before.start(1)
    while (after := _AFTER.match(text, last, last + _REACH)) and (
        len(after[1]) > 1 or text.startswith(".", after.end())
    ):
        if not _belongs(after[1], free):
            break
        last = after.end(1)
    if (first, last) != (start, end):
        return first, last
    if _touches_underscore(text, start, end):
        return None
    if fold(word) == word.lower() != source.written.lower() and len(word) <= _MIN_WORD:
        return None  # an accent apart, and short
    if source.everyday:
        return (start, end) if _names_somebody(text, start, end, source.written) else None
    if len(word) <= MIN_PART and not (word[0].isupper() or word == source.written):
        return None
    return start, end


def _belongs(word: str, free: list[str]) -> bool:
    """True for one of the ``free`` parts of a name or its initial, and it is free no more; an everyday word only if
    written as a name is."""
    folded = fold(word)
    if len(folded) == 1:
        part = next((part for part in free if part[0] == folded), None) if word.isupper() else None
    elif folded in EVERYDAY_EN and not word[0].isupper():
        part = None
    else:
        part = folded if folded in free else None
    if part is not None:
        free.remove(part)
    return part is not None


def _names_somebody(text: str, start: int, end: int, written: str) -> bool:
    """True for an everyday word that can only be a name here."""
    word = text[start:end]
    if TITLE_EN.search(text, max(0, start - 12), start) and word[0].isupper():
        return True
    if word != written and not (written.isupper() and word == written.title()):
        return False
    begun = text[max(0, start - 8) : start]
    opened = not begun.strip() or _OPENED.search(begun) is not None if start > 0 else True
    return word[0].isupper() and not word.isupper() and not opened and not _CALLED.match(text, end)


def _touches_underscore(text: str, start: int, end: int) -> bool:
    return text[end : end + 1] == "_" or (start > 0 and text[start - 1] == "_")


def _outside_placeholders(text: str, hits: list[_Hit]) -> list[_Hit]:
    kept = [match.span() for match in _PLACEHOLDER.finditer(text)]
    ends = [end for _, end in kept]

    def free(start: int, end: int) -> bool:
        at = bisect_right(ends, start)
        return at == len(kept) or kept[at][0] >= end

    return [hit for hit in hits if free(hit[0], hit[1])]


def _added(text: str, spans: Sequence[Span], hits: Sequence[_Hit]) -> list[Span]:
    """The spans and, of the hits, what they leave free: leftmost first, the longest of those that begin together."""
    spans = sorted(spans)
    starts = [span.start for span in spans]
    added: list[Span] = []
    covered = 0
    for start, end, source in sorted(hits, key=lambda hit: (hit[0], -hit[1], -hit[2].score, hit[2].entity)):
        hit = start, end
        start = max(start, covered)
        at = max(0, bisect_left(starts, start) - 1)
        while start < end:
            while at < len(spans) and spans[at].end <= start:
                at += 1
            stop = min(end, max(start, spans[at].start)) if at < len(spans) else end
            piece = _piece(text, start, stop, whole=(start, stop) == hit)
            if piece is not None:
                added.append(Span(*piece, source.entity, source.score, LINKED))
            start = spans[at].end if at < len(spans) and stop < end else end
        covered = max(covered, end)
    return sorted([*spans, *added])


def _piece(text: str, start: int, end: int, *, whole: bool) -> tuple[int, int] | None:
    """The free part of a hit without the punctuation at its ends; None if nothing of it is left, or a single letter."""
    kept = start, end
    while start < end and not text[start].isalnum():
        start += 1
    if start == end:
        return None
    while not text[end - 1].isalnum():
        end -= 1
    if end - start == 1 and not whole:
        return None
    return kept if kept[0] in (start - 1, start) and text[kept[0]] in "+(" else (start, end)
