"""What a detector answers with: spans. Imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A piece of sensitive text inside one segment's text.

    Offsets are Unicode code points (Python ``str`` indices), ``end`` exclusive.
    """

    start: int
    end: int
    entity: str
    """Entity type in Presidio's spelling, e.g. ``PERSON``, ``EMAIL_ADDRESS``."""
    score: float
    """Confidence, 0 to 1."""
    recognizer: str
    """Name of the recognizer that proposed it."""
