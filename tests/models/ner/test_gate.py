"""The gate that ships: it opens for people, stays shut for code, and changes nothing in what the model reads."""

from __future__ import annotations

import numpy as np
import pytest

from models import registry
from models.errors import ModelError
from models.ner.encoding import Encoder
from models.ner.gate import Gate
from models.ner.inference import NerModel
from models.session import open_gate

CODE = (
    """
def mean(values: list[float]) -> float:
    if not values:
        raise ValueError("mean of no values")
    return sum(values) / len(values)


class RingBuffer:
    def __init__(self, size: int) -> None:
        self.items = [0] * size
        self.head = 0
"""
    * 12
)


@pytest.fixture(scope="module")
def everything() -> NerModel:
    return NerModel.load(threads=1, cascade=False)


@pytest.fixture(scope="module")
def gate() -> Gate:
    model = registry.find()
    return Gate(open_gate(model), model.gate_threshold)


@pytest.fixture(scope="module")
def shipped() -> Encoder:
    return Encoder.from_bytes(registry.find().tokenizer.read())


def test_most_windows_of_code_are_not_read(gate: Gate, shipped: Encoder) -> None:
    encoded = shipped.encode(CODE)
    windows = list(shipped.windows(encoded, 94, 16))
    assert len(windows) > 10
    assert len(gate.opens(encoded, windows)) <= len(windows) // 5


@pytest.mark.parametrize(
    "sentence",
    [
        "# owner: Maria Gonzalez",
        "please ask priya deshmukh about it",
        "王小明昨天来过",
        "Lives at 12 High Street, Manchester M1 4BT",
        "出生日期:1961年3月14日",
        "assigned to @kowalski_anna",
    ],
)
def test_one_line_about_somebody_in_much_code_is_read(gate: Gate, shipped: Encoder, sentence: str) -> None:
    encoded = shipped.encode(CODE + sentence + CODE)
    windows = list(shipped.windows(encoded, 94, 16))
    at = len(CODE) + len(sentence) // 2
    token = int(np.flatnonzero((encoded.starts <= at) & (encoded.ends > at))[0])
    opened = gate.opens(encoded, windows)
    assert any(window.keep_start <= token < window.keep_end for window in opened)
    assert len(opened) <= len(windows) // 4


@pytest.mark.parametrize("text", ["", " ", "x", "\n", "😀", "\ud800"])
def test_chances_are_one_share_per_token(gate: Gate, shipped: Encoder, text: str) -> None:
    encoded = shipped.encode(text)
    chances = gate.chances(encoded)
    assert chances.shape == (len(encoded),)
    assert ((chances >= 0) & (chances <= 1)).all()
    assert gate.opens(encoded, []) == []


def test_what_is_read_is_read_as_without_the_gate(model: NerModel, everything: NerModel) -> None:
    text = CODE + "Reported by Maria Gonzalez, 王小明 and Chukwuemeka Obi." + CODE
    (with_gate,), (without,) = model.predict([text]), everything.predict([text])
    assert {text[entity.start : entity.end] for entity in with_gate} >= {"Maria Gonzalez", "王小明", "Chukwuemeka Obi"}
    assert set(with_gate) <= set(without)


def test_a_model_without_a_gate_says_so(model_folder: object) -> None:
    assert callable(model_folder)
    with pytest.raises(ModelError, match="has no gate"):
        open_gate(registry.read(model_folder()))
