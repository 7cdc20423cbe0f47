"""Reads ``words.txt``: the lists that training text is made of. Imports nothing of ours."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("words.txt")
_HEADING = re.compile(r"^\[([a-z-]+)\]\n", re.MULTILINE)


@cache
def _sections() -> dict[str, str]:
    parts = _HEADING.split(_FILE.read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], (body.strip("\n") for body in parts[2::2]), strict=True))


@cache
def words(name: str) -> tuple[str, ...]:
    """Words of a section, separated by white space."""
    return tuple(_sections()[name].split())


@cache
def characters(name: str) -> str:
    """A section whose every character is an entry."""
    return "".join(_sections()[name].split())


@cache
def lines(name: str) -> tuple[str, ...]:
    """A section with an entry on each line."""
    return tuple(_sections()[name].split("\n"))
