"""Finds the temperature at which the model's probabilities mean what they say. Imports ``examples``, ``inference``.

Temperature scaling (Guo, Pleiss, Sun, Weinberger, ICML 2017): one number, found on held-out text, that divides the
logits; the order of the tags does not change.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.ner.decoding import Floats
from models.ner.examples import UNTRAINED, tags_of
from models.ner.inference import NerModel
from models.ner.sources import Record


def temperature(model: NerModel, records: Sequence[Record]) -> float:
    """The temperature between 0.5 and 4 with the least negative log-likelihood on ``records``."""
    chances, targets = _tokens(model, records)
    logs = np.log(np.maximum(chances, 1e-9)) * model.temperature
    grid = np.arange(0.5, 4.01, 0.05)
    losses = [_loss(logs / candidate, targets) for candidate in grid]
    return round(float(grid[int(np.argmin(losses))]), 2)


def _tokens(model: NerModel, records: Sequence[Record]) -> tuple[Floats, np.ndarray]:
    found, wanted = [], []
    for record in records:
        encoded, probabilities = model.token_probabilities(record.text)
        tags = tags_of(record, encoded)
        keep = tags != UNTRAINED
        found.append(probabilities[keep])
        wanted.append(tags[keep])
    return np.concatenate(found), np.concatenate(wanted)


def _loss(logs: Floats, targets: np.ndarray) -> float:
    shifted = logs - logs.max(axis=1, keepdims=True)
    normal = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-normal[np.arange(len(targets)), targets].mean())
