"""The allow-list: which values are no findings at all.

Rules for this file: pure. A pattern that runs into its time limit allows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import regex  # type: ignore[import-untyped]

from addons.policy.rules import AllowEntry

MATCH_SECONDS = 0.02
"""Time limit of one pattern on one value, in seconds."""


@dataclass(frozen=True, slots=True)
class _Entry:
    entities: Sequence[str]
    literal: str | None
    pattern: regex.Pattern[str] | None
    ignore_case: bool

    def holds(self, entity: str, text: str) -> bool:
        if self.entities and not any(fnmatchcase(entity, name) for name in self.entities):
            return False
        if self.literal is not None:
            return text.casefold() == self.literal.casefold() if self.ignore_case else text == self.literal
        if self.pattern is None:
            return False
        try:
            return self.pattern.fullmatch(text, timeout=MATCH_SECONDS) is not None
        except TimeoutError:
            return False


class AllowList:
    """``allows(entity, text)``: does a value pass because the configuration names it?

    Literals and patterns must fit the whole text of the finding, in its own case unless ``ignore_case`` is set.
    """

    def __init__(self, entries: Sequence[AllowEntry]) -> None:
        plain: set[str] = set()
        others: list[_Entry] = []
        for entry in entries:
            if entry.literal is not None and not entry.entities and not entry.ignore_case:
                plain.add(entry.literal)
                continue
            flags = regex.IGNORECASE if entry.ignore_case else 0
            pattern = None if entry.pattern is None else regex.compile(entry.pattern, flags)
            others.append(_Entry(entry.entities, entry.literal, pattern, entry.ignore_case))
        self._plain = frozenset(plain)
        self._others = tuple(others)

    def __bool__(self) -> bool:
        return bool(self._plain or self._others)

    def allows(self, entity: str, text: str) -> bool:
        """True if ``text``, found as ``entity``, is on the list."""
        return text in self._plain or any(entry.holds(entity, text) for entry in self._others)
