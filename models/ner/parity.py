"""How far a network that was made smaller strays from the one it was made from. Imports onnxruntime when called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.devices import CPU
from models.errors import ModelError


@dataclass(frozen=True, slots=True)
class Parity:
    """Two networks on the same windows, both on the CPU."""

    tokens: int
    same: float
    """Share of tokens whose most likely tag is the same, 0 to 1."""
    mean: float
    """Mean change of a tag's probability."""
    largest: float

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"{self.tokens} tokens: {100 * self.same:.2f} % labelled alike, probabilities changed by "
            f"{self.mean:.5f} on average, {self.largest:.3f} at most"
        )


def input_names(network: Path) -> frozenset[str]:
    """What the network takes. Raises :class:`ModelError` if onnxruntime cannot load it."""
    return frozenset(entry.name for entry in _session(network).get_inputs())


def compare(reference: Path, other: Path, sample: Sequence[Mapping[str, NDArray[np.int64]]]) -> Parity:
    """Run both on ``sample``. Raises :class:`ModelError` if onnxruntime cannot load one of them."""
    first, second = _session(reference), _session(other)
    tokens = same = 0
    total = largest = 0.0
    for feed in sample:
        ours, theirs = (_softmax(session.run(None, dict(feed))[0]) for session in (first, second))
        change = np.abs(ours - theirs)
        tokens += ours.shape[1]
        same += int((ours.argmax(-1) == theirs.argmax(-1)).sum())
        total += float(change.mean(axis=-1).sum())
        largest = max(largest, float(change.max()))
    if not tokens:
        raise ModelError("there is no text to compare the networks on")
    return Parity(tokens, same / tokens, total / tokens, largest)


def _session(network: Path) -> Any:
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(network, options, providers=[CPU])
    except Exception as error:
        raise ModelError(f"onnxruntime cannot load {network}: {type(error).__name__}") from None


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    grown = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    shares: NDArray[np.float64] = grown / grown.sum(axis=-1, keepdims=True)
    return shares
