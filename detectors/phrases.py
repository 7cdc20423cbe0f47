"""Many literal phrases looked for in one text at once, at word boundaries. Pure; standard library only.

A text's words are taken once (one pass in C), and only phrases that share a word with it are compared. So the cost
grows with the text and with what is found in it, not with the number of phrases: ten thousand cost what ten do.
In scripts that are written without spaces the pairs of neighbouring characters take the place of the words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import compress

_DENSE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Scripts in which words are not set apart by spaces, or take particles without one."""
WORD = re.compile(rf"[^\W_{_DENSE}]+")
"""A run of letters and digits of the other scripts; an underscore ends it."""
DENSE = re.compile(rf"[{_DENSE}]+")
FEW = 200
"""Characters whose pairs take as long to make as one search through all of them (measured)."""
WORD_SEARCHES, PAIR_SEARCHES = 48, 128
"""Searches through a text that take about as long as one pass over its words, or its pairs (measured)."""


def lower(text: str) -> str:
    """Lower case, character by character: offsets stay (only ``İ`` would become two)."""
    return text.replace("İ", "i").lower()


def stands_alone(text: str, start: int, end: int) -> bool:
    """True if no word goes on across the ends of ``text[start:end]``. A script without spaces has no such ends."""
    return not (
        (start > 0 and WORD.match(text, start) and WORD.match(text, start - 1))
        or (end < len(text) and WORD.match(text, end - 1) and WORD.match(text, end))
    )


@dataclass(frozen=True, slots=True)
class _Phrase[T]:
    folded: str
    exact: str | None
    """Set where upper and lower case are two."""
    offset: int
    """Where in the phrase the word (or pair) stands under which it is kept."""
    payload: T


class Phrases[T]:
    """``add`` phrases, then ``find`` them. ``fold`` must keep every character's place."""

    def __init__(self, fold: Callable[[str], str] = lower) -> None:
        self._fold = fold
        self._by_word: dict[str, list[_Phrase[T]]] = {}
        self._by_pair: dict[str, list[_Phrase[T]]] = {}
        self._others: list[_Phrase[T]] = []
        """Without a word or a pair: single characters, symbols."""

    def __bool__(self) -> bool:
        return bool(self._by_word or self._by_pair or self._others)

    def add(self, phrase: str, payload: T, *, ignore_case: bool = True) -> None:
        """Look for ``phrase`` too. It is kept under the word that the fewest others are kept under."""
        if not phrase:
            raise ValueError("a phrase may not be empty")
        folded = self._fold(phrase)
        exact = None if ignore_case else phrase
        words = [(match[0], match.start()) for match in WORD.finditer(folded)]
        table = self._by_word
        if not words:
            table = self._by_pair
            words = [
                (run[0][i : i + 2], run.start() + i) for run in DENSE.finditer(folded) for i in range(len(run[0]) - 1)
            ]
        if not words:
            self._others.append(_Phrase(folded, exact, 0, payload))
            return
        word, offset = min(words, key=lambda one: (len(table.get(one[0], ())), -len(one[0])))
        table.setdefault(word, []).append(_Phrase(folded, exact, offset, payload))

    def find(self, text: str) -> Iterator[tuple[int, int, T]]:
        """``(start, end, payload)`` of every place of every phrase, overlapping ones too, in no particular order."""
        folded = self._fold(text)
        if self._by_word:
            for at, word in self._words_of(folded):
                yield from _fitting(text, folded, at, self._by_word[word])
        if self._by_pair:
            for at, pair in self._pairs_of(folded):
                yield from _fitting(text, folded, at, self._by_pair[pair])
        for phrase in self._others:
            for at in _places(folded, phrase.folded):
                yield from _fitting(text, folded, at, [phrase])

    def _words_of(self, folded: str) -> Iterator[tuple[int, str]]:
        """Where known words stand: a few are looked for one by one, many in one pass through the text's own."""
        words = WORD.findall(folded)
        known = self._by_word.keys() & set(words)
        if len(known) <= WORD_SEARCHES:
            for word in known:
                for at in _words(folded, word):
                    yield at, word
            return
        for match in compress(WORD.finditer(folded), map(known.__contains__, words)):
            yield match.start(), match[0]

    def _pairs_of(self, folded: str) -> Iterator[tuple[int, str]]:
        """The same of known pairs; they are looked for without making the text's own if there are few at all."""
        if folded.isascii():
            return
        if len(self._by_pair) * FEW < len(folded):
            known = {pair for pair in self._by_pair if pair in folded}
        else:
            pairs: set[str] = set()
            for run in DENSE.findall(folded):
                pairs.update(map(str.__add__, run, run[1:]))
            known = self._by_pair.keys() & pairs
        if len(known) <= PAIR_SEARCHES:
            for pair in known:
                for at in _places(folded, pair):
                    yield at, pair
            return
        for stretch in DENSE.finditer(folded):
            run = stretch[0]
            for at, pair in enumerate(map(str.__add__, run, run[1:]), stretch.start()):
                if pair in known:
                    yield at, pair


def _places(folded: str, piece: str) -> Iterator[int]:
    at = folded.find(piece)
    while at >= 0:
        yield at
        at = folded.find(piece, at + 1)


def _words(folded: str, word: str) -> Iterator[int]:
    """Where ``word`` is a whole run of letters and digits. A longer run is passed in one step."""
    at = folded.find(word)
    while at >= 0:
        run = WORD.match(folded, at)
        end = run.end() if run is not None else at + 1
        if end == at + len(word) and (at == 0 or not WORD.match(folded, at - 1)):
            yield at
        at = folded.find(word, end)


def _fitting[T](text: str, folded: str, at: int, phrases: list[_Phrase[T]]) -> Iterator[tuple[int, int, T]]:
    """Those of ``phrases`` whose word (or pair) stands at ``at``."""
    for phrase in phrases:
        start = at - phrase.offset
        end = start + len(phrase.folded)
        if (
            start >= 0
            and folded.startswith(phrase.folded, start)
            and (phrase.exact is None or text.startswith(phrase.exact, start))
            and stands_alone(folded, start, end)
        ):
            yield start, end, phrase.payload
