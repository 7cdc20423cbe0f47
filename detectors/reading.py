"""What is known of one text before recognizers look at it, shared by all of them.

A ``Reading`` is Presidio's ``NlpArtifacts`` with what our recognizers need: where digits are, what the
model found, the regex time-out. It is made once per text. May import Presidio, ``openings`` and ``errors`` only.

*Windows* are a prefilter. A recognizer that declares a seed says: each of my matches contains one of these digit
runs and is at most ``WINDOW`` code points long. Outside the windows it cannot match, so it need not look there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from presidio_analyzer.nlp_engine import NlpArtifacts
from spacy.tokens import Doc
from spacy.vocab import Vocab

from detectors.openings import Openings

WINDOW = 96
"""Longest match of a seeded recognizer, in code points."""

_NO_TOKENS = Doc(Vocab())
"""Pattern recognizers read text, not tokens."""


class Seed(Enum):
    """Digit runs that a match must contain."""

    NONE = None
    PAIR = re.compile("[0-9]{2}")
    """Two digits in a row."""
    LONG = re.compile(r"[0-9](?:[ \u00a0./:_\-\u2010-\u2015\u00b7]{0,2}[0-9]){5}")
    """Six digits, at most two separators between neighbours."""


class Proposal(NamedTuple):
    """What the model says of a stretch of text."""

    start: int
    end: int
    label: str
    score: float


def windows(text: str, seed: Seed, margin: int = WINDOW) -> list[tuple[int, int]]:
    """Stretches of ``text`` in which a match that contains ``seed`` can lie, merged and in order."""
    pattern = seed.value
    if pattern is None:
        return [(0, len(text))]
    found: list[tuple[int, int]] = []
    for hit in pattern.finditer(text):
        start, end = max(0, hit.start() - margin), hit.end() + margin
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return [(start, min(end, len(text))) for start, end in found]


class Reading(NlpArtifacts):
    """Everything shared about one text."""

    def __init__(self, text: str, *, proposals: Sequence[Proposal] = (), regex_timeout: float = 1.0) -> None:
        super().__init__(
            entities=[],
            tokens=_NO_TOKENS,
            tokens_indices=[],
            lemmas=[],
            nlp_engine=None,  # read only for stop words of lemmas, and there are none
            language="en",
        )
        self.text = text
        self.proposals = proposals
        """The model's findings in this text."""
        self.regex_timeout = regex_timeout
        """Seconds for one pattern over one text."""
        self.prefilter = True
        """False: recognizers look at the whole text. For tests that compare both ways."""
        self._windows: dict[Seed, list[tuple[int, int]]] = {}
        self._lower: str | None = None
        self._filtered: frozenset[int] = frozenset()
        self._spots: Mapping[int, list[int]] = {}

    @classmethod
    def of(cls, text: str, artifacts: NlpArtifacts | None) -> Reading:
        """``artifacts`` if it is a reading of ``text``, else a fresh one (plain Presidio calls)."""
        if isinstance(artifacts, cls) and artifacts.text is text:
            return artifacts
        return cls(text)

    @property
    def lower(self) -> str:
        """The text in lower case; offsets do not correspond (some letters grow)."""
        if self._lower is None:
            self._lower = self.text.lower()
        return self._lower

    def windows(self, seed: Seed) -> list[tuple[int, int]]:
        """``windows(text, seed)``, computed once."""
        if not self.prefilter:
            return [(0, len(self.text))]
        known = self._windows.get(seed)
        if known is None:
            known = self._windows[seed] = windows(self.text, seed)
        return known

    def look_for(self, openings: Openings) -> Iterable[int]:
        """Find where each pattern of ``openings`` can begin; answers the keys of those that can at all."""
        if self.prefilter and len(self.lower) == len(self.text) and "\N{KELVIN SIGN}" not in self.text:
            self._filtered = openings.filtered
            self._spots = openings.spots(self.text, self.lower)
            return self._spots
        return openings.filtered

    def spots(self, key: int) -> list[int] | None:
        """Offsets at which the pattern ``key`` can begin, in order; None: nothing is known."""
        return self._spots.get(key, []) if key in self._filtered else None
