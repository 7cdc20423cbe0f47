"""Word lists that stand as text files beside the recognizers. Standard library only."""

from __future__ import annotations

from pathlib import Path


def read_words(name: str) -> frozenset[str]:
    """The entries of ``<name>.txt`` in this folder: one a line, ``#`` begins a comment, blank lines count for nothing."""
    text = (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(filter(None, (line.partition("#")[0].strip() for line in text.splitlines())))
