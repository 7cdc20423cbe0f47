"""How a text that comes in pieces is cut into windows that a detector can judge.

Rules for this file: pure; the windows are a function of the joined text alone, however it was cut. Imports nothing of
ours.

A window may be let go up to its ``end``, which is the end of a line or a sentence, and is judged with ``AHEAD``
characters more, so that a value that begins before ``end`` is seen whole, and with ``BEFORE`` characters of context.
"""

from __future__ import annotations

import re
from typing import NamedTuple

SHORTEST = 80
"""Characters that a window lets go at least, so that no detector is called for every word."""
LONGEST = 400
"""Characters that a window lets go at most; then it is cut wherever it is."""
AHEAD = 160
BEFORE = 400
MOST_HELD = LONGEST + AHEAD
"""No more characters than this wait for judgement (but for a value that is longer)."""

_END = re.compile(r"\n|[.!?;]\s|[。！？；…]")


class Window(NamedTuple):
    """Positions in the joined text."""

    start: int
    end: int
    """What is before it may be let go."""
    text: str
    """What is judged: from ``start`` to beyond ``end``."""


class Windows:
    """The windows of one run of text."""

    __slots__ = ("_base", "_end", "_text")

    def __init__(self) -> None:
        self._text = ""
        self._base = 0
        """Where ``_text`` begins in the joined text."""
        self._end = 0
        """Where the last window ended."""

    def feed(self, text: str) -> list[Window]:
        """The windows that are complete now."""
        self._text += text
        found = []
        while (end := self._next_end()) is not None and end + AHEAD <= self._base + len(self._text):
            found.append(self._window(end, end + AHEAD))
        return found

    def flush(self) -> list[Window]:
        """The last window; the run is over."""
        size = self._base + len(self._text)
        return [self._window(size, size)] if size > self._end else []

    def _next_end(self) -> int | None:
        first = self._end - self._base + SHORTEST
        last = self._end - self._base + LONGEST
        found = _END.search(self._text, first, last)
        if found is not None:
            return self._base + found.end()
        return self._base + last if len(self._text) >= last else None

    def _window(self, end: int, until: int) -> Window:
        start = max(self._base, self._end - BEFORE)
        window = Window(start, end, self._text[start - self._base : until - self._base])
        self._end = end
        cut = max(0, end - BEFORE - self._base)
        self._text, self._base = self._text[cut:], self._base + cut
        return window
