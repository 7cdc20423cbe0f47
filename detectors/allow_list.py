"""Which values are no findings at all: the detector's list, and the policy's.

Rules for this file: pure. A pattern that runs into its time limit allows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import regex  # type: ignore[import-untyped]

from detectors.list_entries import AllowEntry

MATCH_SECONDS = 0.02
"""Time limit of one pattern on one value, in seconds."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    entities: Sequence[str]
    pattern: regex.Pattern[str]

    def holds(self, entity: str, text: str) -> bool:
        try:
            return _fits(entity, self.entities) and self.pattern.fullmatch(text, timeout=MATCH_SECONDS) is not None
        except TimeoutError:
            return False


class AllowList:
    """``allows(entity, text)``: does a value pass because the configuration names it?

    Literals and patterns must fit the whole text of the finding, in its own case unless ``ignore_case`` is set.
    Literals cost the same however many there are.
    """

    def __init__(self, entries: Iterable[AllowEntry]) -> None:
        self._exact: dict[str, list[Sequence[str]]] = {}
        self._folded: dict[str, list[Sequence[str]]] = {}
        patterns: list[_Pattern] = []
        for entry in entries:
            if entry.pattern is not None:
                flags = regex.IGNORECASE if entry.ignore_case else 0
                patterns.append(_Pattern(entry.entities, regex.compile(entry.pattern, flags)))
            elif entry.literal is not None and entry.ignore_case:
                self._folded.setdefault(entry.literal.casefold(), []).append(entry.entities)
            elif entry.literal is not None:
                self._exact.setdefault(entry.literal, []).append(entry.entities)
        self._patterns = tuple(patterns)

    def __bool__(self) -> bool:
        return bool(self._exact or self._folded or self._patterns)

    def allows(self, entity: str, text: str) -> bool:
        """True if ``text``, found as ``entity``, is on the list."""
        named = list(self._exact.get(text, ()))
        if self._folded:
            named += self._folded.get(text.casefold(), ())
        return any(_fits(entity, entities) for entities in named) or any(
            pattern.holds(entity, text) for pattern in self._patterns
        )


def _fits(entity: str, names: Sequence[str]) -> bool:
    """True if one of ``names`` fits, or there are none."""
    return not names or any(fnmatchcase(entity, name) for name in names)
