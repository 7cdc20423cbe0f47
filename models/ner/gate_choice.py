"""Picks the threshold at which a gate opens: the highest that loses next to nothing. Imports ``gate``, ``encoding``.

Counted on labelled text, not on what the model finds, so that a gate cannot look good because the model is blind too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.errors import ModelError
from models.ner.encoding import Encoder
from models.ner.gate import Gate
from models.ner.labels import IGNORE
from models.ner.sources import Record

CANDIDATES: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a threshold costs and saves, as shares from 0 to 1."""

    threshold: float
    read: float
    """Tokens in windows that are opened."""
    lost: float
    """Characters of marked entities of which no token is in a window that is opened."""


def costs(gate: Gate, encoder: Encoder, records: Sequence[Record], max_tokens: int, overlap: int) -> list[Cost]:
    """The cost of each candidate on ``records``, in ascending order of the threshold."""
    read = np.zeros(len(CANDIDATES))
    lost = np.zeros(len(CANDIDATES))
    tokens = characters = 0
    for record in records:
        encoded = encoder.encode(record.text)
        chances = gate.chances(encoded)
        windows = [window for window in encoder.windows(encoded, max_tokens - 2, overlap) if window.end > window.start]
        marked = [(start, end) for start, end, label in record.spans if label != IGNORE]
        tokens += sum(window.end - window.start for window in windows)
        characters += sum(end - start for start, end in marked)
        touched = [(encoded.ends > start) & (encoded.starts < end) for start, end in marked]
        for place, threshold in enumerate(CANDIDATES):
            seen = np.zeros(len(encoded), dtype=bool)
            for window in windows:
                if (chances[window.keep_start : window.keep_end] >= threshold).any():
                    seen[window.keep_start : window.keep_end] = True
                    read[place] += window.end - window.start
            for (start, end), inside in zip(marked, touched, strict=True):
                lost[place] += 0 if seen[inside].any() else end - start
    if not characters:
        raise ModelError("the development set marks nothing: a threshold cannot be chosen on it")
    return [
        Cost(threshold, float(read[place]) / tokens, float(lost[place]) / characters)
        for place, threshold in enumerate(CANDIDATES)
    ]


def choose(found: Sequence[Cost], most_lost: float) -> Cost:
    """The highest threshold that loses at most ``most_lost``. Raises :class:`ModelError` if none does."""
    fit = [cost for cost in found if cost.lost <= most_lost]
    if not fit:
        raise ModelError(
            f"even at {found[0].threshold:g} the gate loses {100 * found[0].lost:.2f} % of the marked characters: "
            "train it longer, or allow more (--most-lost)"
        )
    return fit[-1]
