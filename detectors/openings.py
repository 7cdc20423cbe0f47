"""How the matches of an expression can begin: the prefilter that says which patterns can match in a text, and where.

Read from the expressions themselves (their syntax tree), so that a new pattern needs no note of its own. Two views of
a text:

- its *shape*: every digit is ``0``, every letter ``a``, everything beyond ASCII ``X``. Most numbers begin at a word's
  beginning with a digit not far away: a US social security number begins ``000-00-0000`` and nothing else;
- its *lower case*: most labels begin with a literal (``passport``, ``密码``).

An expression of which neither can be said is looked for everywhere, as without this file. Nothing here decides what is
found: where a pattern can begin, the pattern itself is tried. May import the standard library only.
"""

from __future__ import annotations

import re
import string
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from re import _parser  # type: ignore[attr-defined]  # the only parser of expressions at hand; absent, nothing is filtered
from typing import Any

LONGEST = 14
"""Symbols of a shape that are told apart."""
NEAR = 7
"""An opening has a digit among its first ``NEAR`` symbols, else its shape says too little."""
MANY = 3_000
"""More openings than this are not kept: shorter ones are tried."""
LITERAL = 12
"""Code points of a literal beginning that are kept."""
KNOWN_SHAPES = 20_000
"""How many shapes' patterns are remembered. A shape holds no data: digits and letters are blotted out."""

_ALNUM = frozenset("0a")
_END = "|"
_BEYOND = "X"
"""Everything that is not ASCII, and the question mark, as which it is encoded."""


def _symbol(char: str) -> str:
    if not char.isascii() or char == "?":
        return _BEYOND
    return "0" if char.isdigit() else "a" if char.isalpha() else char


_TABLE = bytes(ord(_symbol(chr(code))) if code < 128 else ord(_BEYOND) for code in range(256))
_ALL_SYMBOLS = frozenset(_symbol(chr(code)) for code in range(129))
_SIGMAS = "\u03c3\u03c2"
"""Which one a capital sigma becomes depends on what surrounds it."""
_LETTERS = frozenset(string.ascii_letters)
_ALNUM_CHARACTERS = frozenset(string.ascii_letters + string.digits)
_SPACES = frozenset(" \t\n\r\f\v")


def _start(openings: Iterable[bytes]) -> re.Pattern[bytes]:
    """Where one of ``openings`` may begin, by its first two symbols, and in group 1 what is there."""
    seconds: dict[bytes, set[bytes]] = {}
    for opening in openings:
        seconds.setdefault(opening[:1], set()).add(opening[1:2])
    begins = [
        re.escape(first) + (b"" if b"" in follow else b"(?:%s)" % b"|".join(sorted(map(re.escape, follow))))
        for first, follow in sorted(seconds.items())
    ]
    begin = b"|".join(begins) or b"(?!)"
    return re.compile(rb"(?<![0a])(?=%s)(?=.{0,%d}?0)(?=(.{1,%d}))" % (begin, NEAR - 1, LONGEST + 1), re.DOTALL)


def shape(text: str) -> bytes:
    """One symbol for each code point of ``text``."""
    return text.encode("ascii", "replace").translate(_TABLE)


class _TooMany(Exception):
    """The set of openings grew beyond ``MANY``."""


class _Walk:
    """Collects the beginnings of an expression's matches from its syntax tree, rather too many than too few."""

    def __init__(
        self,
        classes: Callable[[list[Any]], frozenset[str] | None],
        longest: int,
        many: int,
        enough: Callable[[str], bool] | None = None,
    ) -> None:
        self._classes = classes
        self._enough = enough
        """Which beginnings say enough to end where something optional follows."""
        self._longest = longest
        self._many = many
        self.ended: set[str] = set()
        """Beginnings after which anything may come."""

    def sequence(self, items: Iterable[tuple[Any, Any]], begun: set[str]) -> set[str]:
        """What ``begun`` becomes after ``items``; what is long enough goes to ``ended``."""
        for operation, argument in items:
            if not begun:
                break
            begun = self._step(str(operation), argument, begun)
            if len(begun) + len(self.ended) > self._many:
                raise _TooMany
        return begun

    def _append(self, begun: set[str], symbols: frozenset[str] | None) -> set[str]:
        if symbols is None:
            self.ended |= {prefix.rstrip(_END) for prefix in begun}
            return set()
        longer = {prefix.rstrip(_END) + symbol for prefix in begun for symbol in symbols}
        full = {prefix for prefix in longer if len(prefix) >= self._longest}
        self.ended |= full
        return longer - full

    def _step(self, operation: str, argument: Any, begun: set[str]) -> set[str]:
        if operation == "LITERAL":
            return self._append(begun, self._classes([(operation, argument)]))
        if operation == "IN":
            return self._append(begun, self._classes([(str(kind), value) for kind, value in argument]))
        if operation == "BRANCH":
            return set().union(*(self.sequence(branch, set(begun)) for branch in argument[1]))
        if operation == "SUBPATTERN":
            return self.sequence(argument[3], begun)
        if operation == "ATOMIC_GROUP":
            return self.sequence(argument, begun)
        if operation in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, items = argument
            return self._repeat(int(least), int(most), items, begun)
        if operation == "ASSERT_NOT" and argument[0] == 1 and _holds(argument[1], _ALNUM_CHARACTERS):
            return {prefix.rstrip(_END) + _END for prefix in begun}
        if operation in ("ASSERT", "ASSERT_NOT", "AT"):
            return begun
        return self._append(begun, None)

    def _repeat(self, least: int, most: int, items: Any, begun: set[str]) -> set[str]:
        if least == 0 and self._enough is not None:
            told = {prefix for prefix in begun if self._enough(prefix)}
            self.ended |= told
            begun = begun - told
        result: set[str] = begun if least == 0 else set()
        current = begun
        for times in range(1, min(most, self._longest + least) + 1):
            current = self.sequence(items, current)
            if times >= least:
                if current <= result:
                    break
                result = result | current
        return result


def _holds(items: Sequence[tuple[Any, Any]], wanted: frozenset[str]) -> bool:
    """True if the look-around is about one character and holds all of ``wanted``."""
    if len(items) != 1 or str(items[0][0]) != "IN":
        return False
    characters = _characters([(str(kind), value) for kind, value in items[0][1]])
    return characters is not None and wanted <= characters


def _characters(items: list[Any]) -> frozenset[str] | None:
    """ASCII characters (and ``X`` for all others) that a class matches; None if it is a negated one."""
    found: set[str] = set()
    for kind, value in items:
        if kind == "LITERAL":
            found.add(chr(value) if value < 128 else _BEYOND * 2)
        elif kind == "RANGE":
            first, last = value
            found.update(map(chr, range(first, min(last, 127) + 1)))
            if last > 127:
                found.add(_BEYOND * 2)
        elif kind == "CATEGORY" and str(value) == "CATEGORY_DIGIT":
            found.update("0123456789")
        elif kind == "CATEGORY" and str(value) == "CATEGORY_SPACE":
            found.update(_SPACES)
        elif kind == "CATEGORY" and str(value) == "CATEGORY_WORD":
            found.update(chr(code) for code in range(128) if chr(code).isalnum() or code == 95)
        else:
            return None
    return frozenset(found)


def _shapes_of(items: list[Any]) -> frozenset[str] | None:
    characters = _characters(items)
    return None if characters is None else frozenset(_symbol(c) if len(c) == 1 else _BEYOND for c in characters)


def _literals_of(items: list[Any]) -> frozenset[str] | None:
    """The characters of a small class in lower case; None for a large one."""
    found: set[str] = set()
    for kind, value in items:
        if kind == "LITERAL":
            found.add(chr(value).lower())
        elif kind == "RANGE" and value[1] - value[0] < 4:
            found.update(chr(code).lower() for code in range(value[0], value[1] + 1))
        else:
            return None
    plain = all(len(char) == 1 and char not in _SIGMAS for char in found)
    return frozenset(found) if len(found) <= 6 and plain else None


def _enough(literal: str) -> bool:
    return len(literal) >= (3 if literal.isascii() else 2)


def _parse(expression: str) -> Sequence[tuple[Any, Any]] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree: Sequence[tuple[Any, Any]] = _parser.parse(expression, re.ASCII | re.MULTILINE)
    except (re.error, Warning, OverflowError, RecursionError):
        return None
    return tree


def _no_letter_before(tree: Sequence[tuple[Any, Any]]) -> bool:
    """True if a match that begins with an ASCII letter has no letter before it."""
    for operation, argument in tree:
        kind = str(operation)
        if kind == "ASSERT_NOT" and argument[0] == -1 and _holds(argument[1], _LETTERS):
            return True
        if kind == "AT" and str(argument) == "AT_BOUNDARY":
            return True
        if kind == "SUBPATTERN":
            return _no_letter_before(argument[3])
        if kind == "BRANCH":
            return all(_no_letter_before(branch) or _begins_beyond_ascii(branch) for branch in argument[1])
        if kind not in ("ASSERT", "ASSERT_NOT", "AT"):
            return False
    return False


def _begins_beyond_ascii(tree: Sequence[tuple[Any, Any]]) -> bool:
    """True for ``(?=[^\\x00-\\x7f])``."""
    if len(tree) == 0 or str(tree[0][0]) != "ASSERT" or tree[0][1][0] != 1 or len(tree[0][1][1]) != 1:
        return False
    operation, argument = tree[0][1][1][0]
    return str(operation) == "IN" and [(str(kind), value) for kind, value in argument] == [
        ("NEGATE", None),
        ("RANGE", (0, 127)),
    ]


def _starts_a_word(tree: Sequence[tuple[Any, Any]]) -> bool:
    """True if no letter or digit may stand before a match."""
    for operation, argument in tree:
        if str(operation) not in ("ASSERT", "ASSERT_NOT", "AT"):
            return False
        if str(operation) == "ASSERT_NOT" and argument[0] == -1 and _holds(argument[1], _ALNUM_CHARACTERS):
            return True
    return False


def shapes(expression: str) -> frozenset[str] | None:
    """Shapes with which matches of ``expression`` (ASCII semantics) begin; a final ``|``: no letter or digit follows.

    None if they say nothing: no word begins there, or no digit is near.
    """
    tree = _parse(expression)
    if tree is None or not _starts_a_word(tree):
        return None
    for longest in (LONGEST, 10, 7, 5, 3):
        walk = _Walk(_shapes_of, longest, MANY)
        try:
            found = frozenset(walk.sequence(tree, {""}) | walk.ended)
        except _TooMany:
            continue
        return found if all("0" in opening[:NEAR] for opening in found) else None
    return None


def literals(expression: str) -> tuple[frozenset[str], bool] | None:
    """Lower-case strings with one of which every match begins, of two code points (one beyond ASCII) or more.

    Also True if no ASCII letter stands before those that begin with one. None if there are no such strings.
    """
    tree = _parse(expression)
    if tree is None:
        return None
    for longest in (LITERAL, 8, 5, 3):
        walk = _Walk(_literals_of, longest, 600, _enough)
        try:
            found = frozenset(prefix.rstrip(_END) for prefix in walk.sequence(tree, {""}) | walk.ended)
        except _TooMany:
            continue
        if not all(len(literal) >= 2 or (literal and not literal.isascii()) for literal in found):
            return None
        shortest = frozenset(x for x in found if not any(x != y and x.startswith(y) for y in found))
        return shortest, _no_letter_before(tree)
    return None


_Word = tuple[str, tuple[int, ...]]
"""A beginning and the expressions that have it."""
_HEAD = re.compile(r"(?<![a-z])(?=([a-z].{0,2}))", re.DOTALL)


class Openings:
    """Where which of many expressions can begin."""

    def __init__(self, expressions: Mapping[int, str]) -> None:
        """``expressions`` by any key; ASCII semantics, case ignored or not."""
        self._open: dict[bytes, list[int]] = {}
        self._closed: dict[bytes, list[int]] = {}
        self._known: dict[bytes, tuple[int, ...]] = {}
        self._heads: dict[str, list[_Word]] = {}
        """ASCII words by their first three (or two) letters, where no letter stands before them."""
        self._anywhere: list[_Word] = []
        """Other words in ASCII."""
        self._marked: dict[str, list[_Word]] = {}
        """What begins with a mark or beyond ASCII, by its first character."""
        words: dict[tuple[str, bool], list[int]] = {}
        filtered: set[int] = set()
        for key, expression in expressions.items():
            begin = shapes(expression)
            if begin is not None:
                for opening in begin:
                    table = self._closed if opening.endswith(_END) else self._open
                    table.setdefault(opening.rstrip(_END).encode(), []).append(key)
                filtered.add(key)
                continue
            known = literals(expression)
            if known is not None:
                for word in known[0]:
                    words.setdefault((word, known[1]), []).append(key)
                filtered.add(key)
        for (word, alone), keys in words.items():
            if not word[0].isascii() or not word[0].isalnum():
                self._marked.setdefault(word[0], []).append((word, tuple(keys)))
            elif alone and word[0].isalpha():
                self._heads.setdefault(word[:3], []).append((word, tuple(keys)))
            else:
                self._anywhere.append((word, tuple(keys)))
        self._start = _start([*self._open, *self._closed])
        self.filtered = frozenset(filtered)
        """Keys of the expressions of which a beginning is known."""

    def _of_shape(self, key: bytes) -> tuple[int, ...]:
        """The expressions that can begin with the shape ``key`` (up to ``LONGEST`` symbols and the next one)."""
        found: set[int] = set()
        for length in range(1, min(len(key), LONGEST) + 1):
            begun = key[:length]
            found.update(self._open.get(begun, ()))
            if begun in self._closed and chr(key[length] if length < len(key) else 32) not in _ALNUM:
                found.update(self._closed[begun])
        return tuple(found)

    def spots(self, text: str, lower: str) -> dict[int, list[int]]:
        """Offsets at which each expression can begin, in order. One of ``filtered`` that is absent cannot match.

        ``lower`` must have the length of ``text``, and letters of ASCII only where ``text`` has them.
        """
        spots: dict[int, list[int]] = {}
        known = self._known
        for start in self._start.finditer(shape(text)):
            key = start[1]
            keys = known.get(key)
            if keys is None:
                if len(known) >= KNOWN_SHAPES:
                    known.clear()
                keys = known[key] = self._of_shape(key)
            for expression in keys:
                spots.setdefault(expression, []).append(start.start())
        for word, keys in self._words(lower):
            if word in lower:
                places = list(_places(lower, word))
                for expression in keys:
                    spots.setdefault(expression, []).extend(places)
        return {expression: _in_order(places) for expression, places in spots.items()}

    def _words(self, lower: str) -> Iterator[_Word]:
        """Beginnings that may be in ``lower``."""
        heads = self._heads
        for head in set(_HEAD.findall(lower)):
            yield from heads.get(head, ())
            if len(head) == 3:
                yield from heads.get(head[:2], ())
        yield from self._anywhere
        for char in self._marked.keys() & set(lower):
            yield from self._marked[char]


def _places(text: str, word: str) -> Iterator[int]:
    place = text.find(word)
    while place >= 0:
        yield place
        place = text.find(word, place + 1)


def _in_order(places: list[int]) -> list[int]:
    return sorted(set(places)) if len(places) > 1 else places
