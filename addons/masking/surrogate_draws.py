"""Keyed choices: what a surrogate is made from. The same key, scope and words always give the same choices.

Rules for this file: arithmetic only; imports ``placeholders`` and nothing else of ours.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

from addons.masking.placeholders import PlaceholderKey, Scope

_SHAPED = re.compile(r"[0-9]+|[a-z]+|[A-Z]+")
_HEX = re.compile(r"(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{8,}|(?=[0-9A-F]*[A-F])(?=[0-9A-F]*[0-9])[0-9A-F]{8,}")


class Draw:
    """An endless row of choices that only the key can foresee."""

    __slots__ = ("_counter", "_seed", "_state")

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._counter = 0
        self._state = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to ``limit`` - 1."""
        if self._state < limit << 64:
            block = hashlib.blake2b(self._counter.to_bytes(8, "big"), key=self._seed).digest()
            self._counter += 1
            self._state = int.from_bytes(block, "big")
        self._state, chosen = divmod(self._state, limit)
        return chosen

    def between(self, first: int, last: int) -> int:
        """A whole number from ``first`` to ``last``, both included."""
        return first + self.below(last - first + 1)

    def pick[T](self, among: Sequence[T]) -> T:
        return among[self.below(len(among))]

    def letters(self, alphabet: str, count: int) -> str:
        return "".join(alphabet[self.below(len(alphabet))] for _ in range(count))

    def digits(self, count: int) -> str:
        return self.letters(string.digits, count)

    def shaped(self, text: str) -> str:
        """Every ASCII letter and digit exchanged for another of its kind; the rest stays. Hexadecimal stays so."""
        out: list[str] = []
        done = 0
        for run in _HEX.finditer(text):
            out += (self._by_class(text[done : run.start()]), self._hex(run[0]))
            done = run.end()
        out.append(self._by_class(text[done:]))
        return "".join(out)

    def _hex(self, run: str) -> str:
        alphabet = "0123456789abcdef" if run == run.lower() else "0123456789ABCDEF"
        return self.letters(alphabet, len(run))

    def _by_class(self, text: str) -> str:
        return _SHAPED.sub(self._same_class, text)

    def _same_class(self, match: re.Match[str]) -> str:
        run = match[0]
        if run[0].isdigit():
            return self.digits(len(run))
        return self.letters(string.ascii_lowercase if run[0].islower() else string.ascii_uppercase, len(run))


@dataclass(frozen=True, slots=True)
class Source:
    """Where draws come from: the gateway's key within one scope."""

    key: PlaceholderKey
    scope: Scope

    def draw(self, *words: str, attempt: int = 0) -> Draw:
        """The draw for these words (what it is for, and the value); ``attempt`` rises where the last was no good."""
        return Draw(self.key.seed(self.scope, *words, str(attempt)))
