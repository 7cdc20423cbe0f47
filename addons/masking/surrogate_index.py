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
from dataclasses import dataclass, field
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


@functools.lru_cache(maxsize=256)
def _starts(firsts: str) -> re.Pattern[str]:
    """Where a form with one of these first characters may start in a folded text. ``_begins`` has the last word."""
    wordy = re.escape("".join(filter(_wordy, firsts)))
    others = re.escape("".join(char for char in firsts if not _wordy(char)))
    ways = [rf"(?:(?<![a-z0-9])|(?<=\\[nrtbf])|(?<=\\u[0-9a-f]{{4}}))[{wordy}]"] if wordy else []
    return re.compile("|".join([*ways, *([f"[{others}]"] if others else [])]))


class SurrogateIndex:
    """The forms of one flow."""

    __slots__ = ("_by_two", "_firsts", "forms")

    def __init__(self) -> None:
        self.forms: dict[str, Form] = {}
        self._by_two: dict[str, list[Form]] = {}
        self._firsts: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self.forms)

    def copy(self) -> SurrogateIndex:
        """One that no longer grows with this one."""
        new = SurrogateIndex()
        for form in self.forms.values():
            for spelled, value in form.exact.items():
                new.add(spelled, value, form.key, form.rule)
        return new

    def add(self, spelled: str, value: str, key: str, rule: Rule) -> bool:
        """Believe ``spelled`` from now on. False if it means something else already."""
        folded = fold(spelled)
        form = self.forms.get(folded)
        if form is None:
            form = self.forms[folded] = Form(folded, rule, key)
            neighbours = self._by_two.setdefault(folded[:2], [])
            neighbours.append(form)
            neighbours.sort(key=lambda one: -len(one.folded))
            self._firsts[folded[0]] = None
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
        starts = _starts("".join(self._firsts))
        size = len(folded)
        match = starts.search(folded, position)
        while match is not None:
            at = match.start()
            if at + 1 == size or folded[at : at + 2] in self._by_two or folded[at] in self._by_two:
                return at
            match = starts.search(folded, at + 1)
        return -1

    def judge(self, text: str, folded: str, start: int, *, ended: bool) -> Judgement:
        """What stands at ``start``. Before it there must be ``BEFORE`` characters of the run, or all that there are."""
        size = len(folded)
        two = folded[start : start + 2]
        changed = False
        boundary: bool | None = None
        candidates = self._by_two.get(two, ()) if len(two) == 2 else ()
        if len(two) == 1 and not ended and any(key.startswith(two) for key, forms in self._by_two.items() if forms):
            return OPEN
        for form in (*candidates, *self._by_two.get(two[:1], ())):
            if form.rule is not Rule.HAN and form.rule is not Rule.SURNAME:
                if boundary is None:
                    boundary = _begins(text, start)
                if not boundary:
                    continue
            end = start + len(form.folded)
            if not folded.startswith(form.folded, start):
                if end > size and form.folded.startswith(folded[start:]):
                    if not ended:
                        return OPEN
                    changed |= 3 * (size - start) >= 2 * len(form.folded) and form.rule is not Rule.HAN
                    continue
                shared = 3 * _shared(form.folded, folded, start) >= 2 * len(form.folded)
                changed |= shared and form.rule in (Rule.WORD, Rule.LITERAL, Rule.EXACT)
                continue
            fits = _ends(form, text, start, end, ended=ended)
            if fits is OPEN:
                return OPEN
            value = form.value(text[start:end]) if fits else None
            if value is not None:
                return Match(end, form.key, value, text[start:end] in form.exact)
            changed |= form.rule is not Rule.AGE and form.rule is not Rule.SURNAME
        return CHANGED if changed else None


def _shared(form: str, folded: str, start: int) -> int:
    """How many characters a form and the text have in common from the start."""
    count = 0
    for one, other in zip(form, folded[start : start + len(form)], strict=False):
        if one != other:
            break
        count += 1
    return count


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
