"""Latencies in steps of a tenth, so that quantiles of many parts can be put together from their counts. Pure; numpy.

A value v lies in step ``floor(log(v) / log(1.1))``; a step is shown as its geometric middle, at most 4.9 percent off.
Steps go from 0.0001 ms (and all that is less) to about an hour (and all that is more).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

STEPS = 256
_LOG = np.log(1.1)
_LOWEST = -97
"""Of step 1; step 0 is for zero and what is not a time."""

type Steps = npt.NDArray[np.uint8]
type Counts = npt.NDArray[np.int64]


def steps_of(values: npt.NDArray[np.float64]) -> Steps:
    """The step of each value: ``uint8[n]``."""
    positive = np.where(values > 0, values, 1.0)
    step = np.clip(np.floor(np.log(positive) / _LOG + 1e-9) - _LOWEST + 1, 1, STEPS - 1)
    return np.where(values > 0, step, 0).astype(np.uint8)


def value_of(step: int) -> float:
    """The middle of a step, in the values' unit."""
    return 0.0 if step == 0 else float(np.exp((step - 1 + _LOWEST + 0.5) * _LOG))


def quantile(counts: Counts, share: float) -> float:
    """The value below or at which ``share`` of the counted values lie (nearest rank); ``counts``: ``int64[STEPS]``."""
    reached = np.cumsum(counts)
    rank = max(1, int(np.ceil(share * int(reached[-1]) - 1e-9)))
    return value_of(int(np.searchsorted(reached, rank)))
