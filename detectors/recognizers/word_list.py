"""Word lists that stand as text files beside the recognizers. Standard library only."""

from __future__ import annotations

from pathlib import Path


def read_words(name: str) -> frozenset[str]:
    """The lines of ``<name>.txt`` in this folder, stripped; blank ones and those that begin with ``#`` do not count."""
    text = (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))
