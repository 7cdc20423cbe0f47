"""Finds the surrogates of one flow in a text, and says when the end of a text may become one.

Rules for this file: pure; imports ``grammar.fold`` and ``detectors.names``; knows values only as what it hands back.

A *form* is one way to write a surrogate: as issued, a part of it, another format of the same number or date. A form is
believed only where nothing goes on across its ends (``Rule``), letter by letter but for upper and lower case. What
begins like one and goes on otherwise was changed by the model: it stays as it is, and is counted.

``judge`` depends on the text before and after a place only, never on how the text was cut: where more text could change
the answer, it answers ``OPEN``.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Literal

from addons.masking.grammar import fold
from detectors.names import TITLE_ZH

BEFORE = 24
"""Characters before a place that ``judge`` may look at."""
_AFTER = 16
"""Characters after a form that ``judge`` may wait for."""
_ESCAPE_TAIL = re.compile(r"\\(?:[nrtbf]|u[0-9a-f]{4})\Z")
_AGE_AFTER = re.compile(r"[ -]?(?:years?|yrs?|y/o|yo\b|岁|周岁|歲)", re.IGNORECASE)
_AGE_BEFORE = re.compile(r"(?:\bage[d:]?|\bage is|年龄[是为:：]?|年齡[是為:：]?)[ ]?\Z", re.IGNORECASE)
_LONGEST_AGE_WORD = 8
_LONGEST_TITLE = 10


class Rule(Enum):
    """Where a form may stand and how its case counts."""

    WORD = "word"
    """No Latin letter or digit on either side. Upper and lower case of the value follow those of the form."""
    LITERAL = "literal"
    """The same ends; the value comes back as it was, whatever the case."""
    EXACT = "exact"
    """The same ends, and exactly as issued."""
    HAN = "han"
    """Anywhere: Chinese sets no words apart."""
    SURNAME = "surname"
    """Before a Chinese title only."""
    AGE = "age"
    """Where the words beside it say that it is an age."""


@dataclass(slots=True)
class Form:
    """One way to write a surrogate, and what it gives back."""

    folded: str
    rule: Rule
    key: str
    """Which placeholder this is, for the record."""
    exact: dict[str, str] = field(default_factory=dict)
    """As issued -> the value."""

    def takes(self, spelled: str, value: str) -> bool:
        """True if this spelling may mean this value: it does already, or is another case of both."""
        if spelled in self.exact or self.rule is not Rule.WORD:
            return self.exact.get(spelled) == value
        return all(known.lower() == value.lower() for known in self.exact.values())

    def value(self, spelled: str) -> str | None:
        """What this spelling gives back; None if it is not to be believed."""
        known = self.exact.get(spelled)
        if known is not None:
            return known
        if self.rule is Rule.EXACT:
            return None
        first = next(iter(self.exact.values()))
        if self.rule is not Rule.WORD:
            return first
        if spelled.isupper():
            return first.upper()
        if spelled.islower():
            return first.lower()
        mixed = next(
            (value for issued, value in self.exact.items() if not (issued.islower() or issued.isupper())), None
        )
        if mixed is not None:
            return mixed
        return first.title() if first.islower() or first.isupper() else first


@dataclass(frozen=True, slots=True)
class Match:
    """A surrogate of this flow."""

    end: int
    key: str
    value: str
    as_issued: bool


OPEN: Final = "open"
CHANGED: Final = "changed"
Judgement = Match | Literal["open", "changed"] | None


_LEFT = r"(?:(?<![a-z0-9])|(?<=\\[nrtbf])|(?<=\\u[0-9a-f]{4}))"
_COUNTED = frozenset({Rule.WORD, Rule.LITERAL, Rule.EXACT})
"""Forms long enough to say that what begins like one was one."""


@functools.lru_cache(maxsize=256)
def _starts(firsts: str) -> re.Pattern[str]:
    """Where a form with one of these first characters may start in a folded text. ``_begins`` has the last word."""
    wordy = re.escape("".join(filter(_wordy, firsts)))
    others = re.escape("".join(char for char in firsts if not _wordy(char)))
    return re.compile("|".join(([f"{_LEFT}[{wordy}]"] if wordy else []) + ([f"[{others}]"] if others else [])))


def _pairs(beginnings: Iterable[str]) -> re.Pattern[str]:
    """The same for forms that begin with these one or two characters: dearer to compile, and faster."""
    seconds: dict[str, str] = {}
    for one in beginnings:
        seconds[one[0]] = seconds.get(one[0], "") + one[1:]
    single = {one for one in beginnings if len(one) == 1}

    def way(first: str) -> str:
        following = "" if first in single else rf"(?:\Z|[{re.escape(seconds[first])}])"
        return re.escape(first) + following

    wordy = "|".join(way(first) for first in seconds if _wordy(first))
    others = [way(first) for first in seconds if not _wordy(first)]
    return re.compile("|".join(([f"{_LEFT}(?:{wordy})"] if wordy else []) + others))


class SurrogateIndex:
    """The forms of one flow."""

    __slots__ = ("_firsts", "_lengths", "_locator", "_longest", "_sorted", "forms")

    def __init__(self) -> None:
        self.forms: dict[str, Form] = {}
        """By what they are in lower case."""
        self._sorted: list[str] = []
        self._lengths: dict[str, list[int]] = {}
        """First two characters -> how long the forms are that begin with them, longest first."""
        self._firsts = ""
        self._longest = 0
        self._locator: re.Pattern[str] | None = None

    def __bool__(self) -> bool:
        return bool(self.forms)

    def copy(self) -> SurrogateIndex:
        """One that no longer grows with this one."""
        new = SurrogateIndex()
        new.forms = {folded: replace(form, exact=dict(form.exact)) for folded, form in self.forms.items()}
        new._sorted = list(self._sorted)
        new._lengths = {two: list(lengths) for two, lengths in self._lengths.items()}
        new._firsts, new._longest = self._firsts, self._longest
        if new.forms:
            new._locator = _pairs(new._lengths)
        return new

    def add(self, spelled: str, value: str, key: str, rule: Rule) -> bool:
        """Believe ``spelled`` from now on. False if it means something else already."""
        folded = fold(spelled)
        form = self.forms.get(folded)
        if form is None:
            form = self.forms[folded] = Form(folded, rule, key)
            insort(self._sorted, folded)
            lengths = self._lengths.setdefault(folded[:2], [])
            if len(folded) not in lengths:
                lengths.append(len(folded))
                lengths.sort(reverse=True)
            self._longest = max(self._longest, len(folded))
            if folded[0] not in self._firsts:
                self._firsts = "".join(sorted(self._firsts + folded[0]))
            self._locator = None
        elif form.rule is not rule or not form.takes(spelled, value):
            return False
        form.exact[spelled] = value
        return True

    def spellings(self) -> list[str]:
        """All forms as issued, longer ones first."""
        return sorted((spelled for form in self.forms.values() for spelled in form.exact), key=len, reverse=True)

    def find(self, folded: str, position: int) -> int:
        """Where the next form may start; -1 if nowhere."""
        if not self.forms:
            return -1
        starts = self._locator or _starts(self._firsts)
        match = starts.search(folded, position)
        return -1 if match is None else match.start()

    def judge(self, text: str, folded: str, start: int, *, ended: bool) -> Judgement:
        """What stands at ``start``. Before it there must be ``BEFORE`` characters of the run, or all that there are."""
        rest = folded[start : start + self._longest + 1]
        lengths = self._lengths.get(rest[:2], ())
        single = self._lengths.get(rest[0], ())
        if not (lengths or single or len(rest) == 1) or not _begins(text, start):
            return None
        at = bisect_left(self._sorted, rest)
        near = self._sorted[max(0, at - 1) : at + 2]
        if not ended and any(one.startswith(rest) and len(one) > len(rest) for one in near):
            return OPEN
        changed = False
        for length in (*lengths, *single):
            form = self.forms.get(rest[:length]) if len(rest) >= length else None
            if form is None:
                continue
            end = start + length
            fits = _ends(form, text, start, end, ended=ended)
            if fits == OPEN:
                return OPEN
            value = form.value(text[start:end]) if fits else None
            if value is not None:
                return Match(end, form.key, value, text[start:end] in form.exact)
            changed |= form.rule in _COUNTED
        changed = changed or any(
            self.forms[one].rule in _COUNTED and 3 * _shared(one, rest) >= 2 * len(one) for one in near[:2]
        )
        return CHANGED if changed else None


def _shared(form: str, text: str) -> int:
    """How many characters two texts have in common from their starts."""
    for count, (one, other) in enumerate(zip(form, text, strict=False)):
        if one != other:
            return count
    return min(len(form), len(text))


def _wordy(char: str) -> bool:
    """A letter or digit of a script that sets words apart."""
    return char.isalnum() and not "\u2e80" <= char <= "\u9fff" and not "\uac00" <= char <= "\ud7af"


def _begins(text: str, start: int) -> bool:
    """True if nothing goes on into a form that starts here. The letter of a JSON escape (``\\n``) is no letter."""
    context = text[max(0, start - BEFORE) : start]
    if not context:
        return True
    last = context[-1]
    if last == "." and len(context) > 1 and context[-2].isdigit() and text[start].isdigit():
        return False
    if not (_wordy(last) and _wordy(text[start])):
        return True
    return _ESCAPE_TAIL.search(context) is not None


def _ends(form: Form, text: str, start: int, end: int, *, ended: bool) -> bool | Literal["open"]:
    """True if nothing goes on out of the form; OPEN if more text may tell."""
    rest = text[end : end + _AFTER]
    if form.rule is Rule.HAN:
        return True
    if form.rule is Rule.SURNAME:
        if len(rest) < _LONGEST_TITLE and not ended:
            return OPEN
        return TITLE_ZH.match(text, end) is not None
    if not rest:
        if not ended:
            return OPEN
    elif _wordy(rest[0]) and _wordy(text[end - 1]):
        return False
    elif rest[0] == "." and text[end - 1].isdigit():
        if len(rest) == 1 and not ended:
            return OPEN
        if rest[1:2].isdigit():
            return False
    if form.rule is not Rule.AGE:
        return True
    context = text[max(0, start - BEFORE) : start]
    if _AGE_BEFORE.search(context):
        return True
    if len(rest) < _LONGEST_AGE_WORD and not ended:
        return OPEN
    return _AGE_AFTER.match(rest) is not None
