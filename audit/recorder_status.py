"""What a recorder says of itself, for health and metrics. Plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """What the recorder does with records now."""

    state: str
    """``database``; ``journal``: the database is away; ``draining``: it is back; ``refusing``; ``stopped``."""
    journal_records: int = 0
    """Records that are in the journal and not yet in the database."""
    journal_bytes: int = 0
    journal_since: float | None = None
    """Unix time since when, about."""
    problem: str | None = None
    """Code of what ails the database."""
