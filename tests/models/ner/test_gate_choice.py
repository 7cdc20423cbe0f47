"""Where a gate opens: as seldom as it may without losing what is marked."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import ModelError
from models.ner import gate_choice
from models.ner.encoding import Encoded, Encoder
from models.ner.gate import Gate
from models.ner.sources import Record


class Knowing(Gate):
    """Says 0.1 of capital letters and 0 of all else."""

    def __init__(self, encoder: Encoder, text: str) -> None:
        self.text = text

    def chances(self, encoded: Encoded) -> np.ndarray:
        return np.asarray([0.1 if self.text[start].isupper() else 0 for start in encoded.starts], dtype=np.float32)


def test_costs_count_what_is_read_and_what_is_lost(encoder: Encoder) -> None:
    text = "Anna here. " + "nothing there. " * 40
    record = Record(text, ((0, 4, "PERSON"), (30, 36, "IGNORE")), "en", "chat", "")
    found = gate_choice.costs(Knowing(encoder, text), encoder, [record], 32, 8)
    by_threshold = {cost.threshold: cost for cost in found}
    assert by_threshold[0.05].lost == 0
    assert 0 < by_threshold[0.05].read < 0.3
    assert (by_threshold[0.3].lost, by_threshold[0.3].read) == (1, 0)
    assert gate_choice.choose(found, 0.002).threshold == 0.1 or gate_choice.choose(found, 0.002).threshold == 0.08
    with pytest.raises(ModelError, match="marks nothing"):
        gate_choice.costs(Knowing(encoder, text), encoder, [Record(text, (), "en", "chat", "")], 32, 8)


def test_a_gate_that_always_loses_is_not_released() -> None:
    with pytest.raises(ModelError, match=r"even at 0\.005 the gate loses 10\.00 %"):
        gate_choice.choose([gate_choice.Cost(0.005, 0.5, 0.1), gate_choice.Cost(0.5, 0.1, 0.4)], 0.01)
    costs = [gate_choice.Cost(0.1, 0.5, 0.001), gate_choice.Cost(0.2, 0.4, 0.002), gate_choice.Cost(0.3, 0.1, 0.4)]
    assert gate_choice.choose(costs, 0.002).threshold == 0.2
