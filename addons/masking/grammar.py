"""Finds placeholders in text as models spell them, and says when the end of a text may become one.

Rules for this file: pure; a grammar never changes once made; imports only ``placeholders``.

A *spelling* of ``EMAIL_ADDRESS_7KQ2M4XB`` is: the entity in any case; each underscore as itself, with
spaces or backslashes around it, as spaces alone, or as ``\\u005f``; then eight code characters in any
case, O for 0 and I or L for 1 allowed, up to two spaces between neighbours. There is no boundary on
either side (Chinese writes none, ``XMariaY`` has none): the length after the entity is fixed, so the
reading of one start for one entity is unique. Which reading is *believed* is the caller's decision.

All searching is done in ``fold(text)``, which is in lower case and as long as the text: literal patterns
without case are three times as fast.

How the end of the text is handled: in each pattern every step may also be satisfied by the end of the
text (``\\Z``). A match that stops there is a beginning of a spelling, to be judged when more is known.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from addons.masking.placeholders import (
    CODE_LENGTH,
    MAX_ENTITY_LENGTH,
    canonical_code,
    check_entity_name,
    code_fits,
)

_SPARE = 9
"""How many spaces and backslashes may join an underscore."""
_GAP = " {0,2}"
# A separator must not end in a backslash: inside JSON that one belongs to what follows (``\n``).
_SEPARATOR = r"(?:\\{1,8}u(?:\Z|0(?:\Z|0(?:\Z|5(?:\Z|f))))|[ _\\]{1,%d}(?:\Z|(?<!\\)))"
_CODE_CHARACTER = "[0-9a-tv-z]"

_MAX_SEPARATOR = 13
MAX_SPELLING = (MAX_ENTITY_LENGTH + 1) * _MAX_SEPARATOR + CODE_LENGTH * 3
"""No spelling is longer (characters), so no more is ever held back."""


class Spelling(NamedTuple):
    """A complete spelling whose check character fits."""

    start: int
    end: int
    token: str
    """The placeholder in canonical form."""


def fold(text: str) -> str:
    """The text in lower case, position for position."""
    folded = text.lower()
    # U+0130 is the one character that becomes two.
    return folded if len(folded) == len(text) else text.replace("\u0130", "\x00").lower()


def _separator(underscores: int) -> str:
    return _SEPARATOR % (underscores + _SPARE)


def _tail(underscores: int) -> str:
    """What follows the entity: the separator, group 1 the code, group 2 (empty) if it is complete."""
    code = f"{_CODE_CHARACTER}()"
    for _ in range(CODE_LENGTH - 1):
        code = rf"{_CODE_CHARACTER}{_GAP}(?:\Z|{code})"
    return rf"{_separator(underscores)}(?:\Z|({code}))"


def _trailing(entity: str) -> int:
    return len(entity) - len(entity.rstrip("_"))


def _atoms(entity: str) -> list[str]:
    """The entity as regular expressions: one per letter or digit, one per run of underscores; those at its end
    belong to the separator."""
    return [
        _separator(len(piece)) if piece[0] == "_" else piece.lower()
        for piece in re.findall(r"_+|[A-Z0-9]", entity.rstrip("_"))
    ]


class _Node:
    """Entities that share a beginning share its pattern: a trie, rendered as one expression."""

    __slots__ = ("branches", "ends")

    def __init__(self) -> None:
        self.branches: dict[str, _Node] = {}
        self.ends = False

    def add(self, atoms: list[str]) -> None:
        node = self
        for atom in atoms:
            node = node.branches.setdefault(atom, _Node())
        node.ends = True

    def pattern(self) -> str:
        if not self.branches:
            return ""
        ways = [r"\Z", *(atom + node.pattern() for atom, node in self.branches.items())]
        if self.ends:
            ways.append("")
        return f"(?:{'|'.join(ways)})"


@functools.lru_cache(maxsize=1024)
def _halves(entity: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The entity, and what follows it."""
    node = _Node()
    node.add(_atoms(entity))
    head = "".join(atom + rest.pattern() for atom, rest in node.branches.items())
    return re.compile(head), _compiled_tail(1 + _trailing(entity))


@functools.cache
def _compiled_tail(underscores: int) -> re.Pattern[str]:
    return re.compile(_tail(underscores))


class Grammar:
    """Spellings of the placeholders of a set of entities. Get one from ``grammar_of``."""

    __slots__ = ("_heads", "_locator", "entities")

    def __init__(self, entities: frozenset[str]) -> None:
        for entity in entities:
            check_entity_name(entity)
        self.entities = entities
        self._heads: dict[str, tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...]] = {}
        # The shorter entity first: its reading is complete first, so it can be judged without waiting.
        ordered = sorted(entities, key=lambda entity: (len(entity), entity))
        root = _Node()
        for entity in ordered:
            root.add(_atoms(entity))
            first = entity[0].lower()
            self._heads[first] = (*self._heads.get(first, ()), (entity, *_halves(entity)))
        tail = _tail(1 + max(map(_trailing, entities), default=0))
        ways = "|".join(atom + node.pattern() for atom, node in root.branches.items())
        self._locator = re.compile(rf"(?:{ways})(?:\Z|{tail})") if entities else None

    def find(self, folded: str, position: int) -> int:
        """Where the next spelling, or beginning of one at the text's end, starts; -1 if nowhere."""
        match = self._locator.search(folded, position) if self._locator else None
        return -1 if match is None else match.start()

    def readings(self, folded: str, start: int, among: frozenset[str]) -> Iterator[Spelling | None]:
        """All that the folded text at ``start`` may be, for these entities: complete spellings with a fitting check
        character, shorter entities first, and None for each one that more text could still complete."""
        for entity, head, following in self._heads.get(folded[start], ()):
            if entity not in among:
                continue
            match = head.match(folded, start)
            if match is None:
                continue
            if match.end() < len(folded):
                tail = following.match(folded, match.end())
                if tail is None:
                    continue
                if tail[2] is not None:
                    code = canonical_code(tail[1])
                    if code_fits(entity, code):
                        yield Spelling(start, tail.end(), f"{entity}_{code}")
                    continue
            yield None

    def spellings(self, text: str) -> Iterator[Spelling]:
        """Every complete spelling with a fitting check character, overlapping ones too."""
        folded = fold(text)
        start = self.find(folded, 0)
        while start >= 0:
            for reading in self.readings(folded, start, self.entities):
                if reading is not None:
                    yield reading
            start = self.find(folded, start + 1)


@functools.lru_cache(maxsize=64)
def grammar_of(entities: frozenset[str]) -> Grammar:
    """The grammar of these entities; compiled once per set. Raises ValueError for an unfit name."""
    return Grammar(entities)
