"""Stand-ins for people's names, word by word: the same word of a name is the same word in every name.

So ``Maria Gonzalez``, ``Maria`` and ``Ms. Gonzalez`` stay related, another Maria shares her given name as she did
before, and each part leads back to what it stands for. Titles, particles, hyphens, possessives and the case stay.

Rules for this file: pure; imports the words, ``detectors.names`` and this room's files. Names in Latin and Chinese
letters only; others have no stand-in here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from addons.masking import surrogate_words as words
from addons.masking.surrogate_draws import Source
from addons.masking.surrogate_index import Rule
from detectors.names import COMPOUND_SURNAMES, fold, han_parts, latin_name

_LATIN = r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
_WORD = re.compile(rf"[{_LATIN}]+(?:['’](?![sS](?![{_LATIN}]))[{_LATIN}]+)*")
_LATIN_NAME = re.compile(rf"[{_LATIN}'’ .,\-\u2010\u2011()\u00a0]+")
_PIECES = re.compile(r"['’]")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_HAN_NAME = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff·•・]+")
_NICK = frozenset("小老阿")
MAX_DRAWS = 64
MAX_NAME = 80

Issue = Callable[[str, str, Rule], bool]
"""``issue(stand-in, value, rule)``: believe this stand-in from now on; False if it cannot be used."""


@dataclass(slots=True)
class NameBook:
    """The words of names in one conversation. ``issue`` has the last word about each stand-in."""

    source: Source
    issue: Issue
    _spelled: dict[str, str] = field(default_factory=dict)
    """Word as written -> stand-in."""
    _roots: dict[str, list[str]] = field(default_factory=dict)
    """Word in lower case -> its stand-ins as titles."""
    _han: dict[tuple[str, str], str] = field(default_factory=dict)
    _singles: set[str] = field(default_factory=set)
    """Given names of one character: they are told apart, and never restored by themselves."""
    _full: dict[str, list[str]] = field(default_factory=dict)
    """Family name in lower case -> given names that came before it."""

    def knows(self, spelled: str, stand_in: str) -> None:
        """A word that already has a stand-in (from stored state)."""
        if _WORD.fullmatch(spelled) and _WORD.fullmatch(stand_in):
            self._spelled.setdefault(spelled, stand_in)
            roots = self._roots.setdefault(spelled.lower(), [])
            if stand_in.title() not in roots:
                roots.append(stand_in.title())
        elif _HAN.fullmatch(spelled) and _HAN.fullmatch(stand_in):
            for use in ("surname",) if len(spelled) == 1 else ("given", "compound"):
                self._han.setdefault((use, spelled), stand_in)

    def name(self, value: str) -> str | None:
        """The stand-in of a whole name, or of part of one; None if it has none."""
        if len(value) > MAX_NAME:
            return None
        if _LATIN_NAME.fullmatch(value):
            return self._latin(value)
        return self._chinese(value) if _HAN_NAME.fullmatch(value) else None

    def _latin(self, value: str) -> str | None:
        found = list(_WORD.finditer(value))
        name = latin_name(value)
        meant = frozenset(map(fold, name.parts)) if name else frozenset()
        kept = {
            match.start()
            for match in found
            if not meant.intersection(map(fold, _PIECES.split(match[0])))
            or (match[0].islower() and match[0] in words.PARTICLES)
        }
        if len(kept) == len(found):
            kept = set()
        parts = [match for match in found if match.start() not in kept]
        if not parts or all(len(match[0]) == 1 for match in parts):
            return None
        long = [match for match in parts if len(match[0]) > 1]
        family = self._family_of(value, parts)
        out: list[str] = []
        done = 0
        for match in parts:
            word = match[0]
            if len(word) == 1:
                stand_in: str | None = self._initial(word, family[0] if family is not None else "")
            else:
                stand_in = self.word(word, "family" if match is family else "given")
            if stand_in is None:
                return None
            out += (value[done : match.start()], stand_in)
            done = match.end()
        surrogate = "".join([*out, value[done:]])
        if len(found) > 1 and not self.issue(surrogate, value, Rule.WORD):
            return None
        if family is not None and len(long) > 1:
            self._remember(long, family)
        return surrogate

    def _family_of(self, value: str, parts: list[re.Match[str]]) -> re.Match[str] | None:
        long = [match for match in parts if len(match[0]) > 1]
        if not long:
            return None
        if "," in value and value.index(",") >= long[0].end():
            return long[0]
        return long[-1] if len(parts) > 1 or long[0].start() > 0 else None

    def _remember(self, long: list[re.Match[str]], family: re.Match[str]) -> None:
        """Who has which family name, so that ``M. Gonzalez`` gets the right initial and both ways of writing work."""
        given = next(match[0] for match in long if match is not family)
        known = self._full.setdefault(family[0].lower(), [])
        if given.lower() in known:
            return
        known.append(given.lower())
        one, other = self._spelled[given], self._spelled[family[0]]
        for pattern in ("{0}. {1}", "{0} {1}"):
            self.issue(pattern.format(one[0], other), pattern.format(given[0], family[0]), Rule.WORD)

    def _initial(self, letter: str, family: str) -> str:
        for given in self._full.get(family.lower(), ()):
            if given.startswith(letter.lower()):
                root = self._roots[given][0]
                return root[0].upper() if letter.isupper() else root[0].lower()
        drawn = self.source.draw("name", "initial", letter.lower()).pick("BCDFGHKLNPRTVW")
        return drawn if letter.isupper() else drawn.lower()

    def root(self, word: str) -> str | None:
        """The stand-in that a word of a name has already."""
        roots = self._roots.get(word.lower())
        return roots[0] if roots else None

    def word(self, word: str, kind: str) -> str | None:
        """The stand-in of one word in Latin letters, in the same case."""
        if word in self._spelled:
            return self._spelled[word]
        base = word.lower()
        roots = self._roots.setdefault(base, [])
        for root in roots:
            stand_in = _cased(root, word)
            if self.issue(stand_in, word, Rule.WORD):
                self._spelled[word] = stand_in
                return stand_in
        for attempt in range(MAX_DRAWS):
            draw = self.source.draw("name", kind, base, attempt=attempt)
            fronts, ends = (
                (words.FAMILY_FRONTS, words.FAMILY_ENDS) if kind == "family" else (words.GIVEN_FRONTS, words.GIVEN_ENDS)
            )
            root = draw.pick(fronts) + draw.pick(ends)
            if root in roots:
                continue
            stand_in = _cased(root, word)
            if self.issue(stand_in, word, Rule.WORD):
                roots.append(root)
                self._spelled[word] = stand_in
                return stand_in
        return None

    def _chinese(self, value: str) -> str | None:
        known = self._han.get(("given", value))
        if known is not None and len(value) > 1:
            return known
        runs = _HAN.findall(value)
        if len(runs) > 1 or len(value) > 4 + max(map(len, COMPOUND_SURNAMES)):
            return self._han_runs(value)
        if len(value) == 2 and value[0] in _NICK:
            one = self._surname(value[1])
            surrogate = None if one is None else value[0] + one
            return surrogate if surrogate and self.issue(surrogate, value, Rule.HAN) else None
        parts = han_parts(value)
        if parts is None or not value.startswith(parts[0] + parts[1]) or parts == ("", ""):
            return self._han_runs(value)
        surname, given = parts
        front = self._surname(surname) if surname else ""
        back = self._given(given) if given else ""
        if front is None or back is None:
            return None
        surrogate = front + back + value[len(surname) + len(given) :]
        alone = len(surrogate) == 1 or surrogate == back
        return surrogate if alone or self.issue(surrogate, value, Rule.HAN) else None

    def _surname(self, surname: str) -> str | None:
        if len(surname) == 1:
            return self._drawn("surname", surname, Rule.SURNAME, lambda draw: draw.pick(words.ZH_SURNAMES))
        return self._drawn("compound", surname, Rule.HAN, lambda draw: draw.pick(words.ZH_COMPOUND_SURNAMES))

    def _given(self, given: str) -> str | None:
        if len(given) == 1:
            return self._drawn("given", given, None, lambda draw: draw.pick(words.ZH_GIVEN))
        return self._drawn(
            "given", given, Rule.HAN, lambda draw: "".join(draw.pick(words.ZH_GIVEN) for _ in range(len(given)))
        )

    def _drawn(self, use: str, value: str, rule: Rule | None, make: Callable[..., str]) -> str | None:
        known = self._han.get((use, value))
        if known is not None:
            return known
        for attempt in range(MAX_DRAWS):
            stand_in = make(self.source.draw("name", use, value, attempt=attempt))
            if self.issue(stand_in, value, rule) if rule is not None else stand_in not in self._singles:
                if rule is None:
                    self._singles.add(stand_in)
                self._han[use, value] = stand_in
                return stand_in
        return None

    def _han_runs(self, value: str) -> str | None:
        """A name that is not taken apart, such as 玛丽亚·冈萨雷斯: each run for itself."""
        out: list[str] = []
        done = 0
        for run in _HAN.finditer(value):
            stand_in = self._given(run[0]) if len(run[0]) > 1 else None
            if stand_in is None:
                return None
            out += (value[done : run.start()], stand_in)
            done = run.end()
        surrogate = "".join([*out, value[done:]])
        whole = len(_HAN.findall(value)) == 1
        return surrogate if whole or self.issue(surrogate, value, Rule.HAN) else None


def _cased(root: str, word: str) -> str:
    """A root in the case of a word."""
    if word.islower():
        return root.lower()
    return root.upper() if len(word) > 1 and word.isupper() else root
