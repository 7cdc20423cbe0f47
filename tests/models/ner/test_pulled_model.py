"""A pulled model and a GPU's batches through ``NerModel``, as the detector uses them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from models import devices, registry
from models.ner.inference import NerModel

PULLED = Path(__file__).parents[1] / "pulled"
TEXTS = ["Please call Anna Kowalski in 北京 today.\nBest", "x", "", "word " * 400, "王小明住在北京", "😀 \ud800 é"]


def test_a_pulled_model_answers_alike_in_any_company() -> None:
    model = NerModel.load(PULLED, threads=1)
    assert model.labels == ("PERSON", "LOCATION")
    alone = [model.predict([text])[0] for text in TEXTS]
    assert alone == model.predict(TEXTS) == model.predict(TEXTS[::-1])[::-1]
    assert any(alone)


class Session:
    """Says "outside" of everything, and notes what it was given."""

    def __init__(self, provider: str, tags: int) -> None:
        self.provider, self.tags, self.shapes = provider, tags, list[tuple[int, ...]]()

    def get_providers(self) -> list[str]:
        return [self.provider]

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="input_ids"), SimpleNamespace(name="attention_mask")]

    def get_outputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(shape=["batch", "tokens", self.tags])]

    def run(self, _: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        self.shapes.append(feed["input_ids"].shape)
        assert feed["attention_mask"].any(axis=1).all(), "a row of nothing but padding has nothing to attend to"
        answer = np.zeros((*feed["input_ids"].shape, self.tags), dtype=np.float32)
        answer[..., 0] = 9
        return [answer]


@pytest.mark.parametrize("name", devices.DEVICES)
def test_a_gpu_always_gets_as_many_rows(name: str) -> None:
    device = devices.device(name)
    session = Session(device.provider, 5)
    model = NerModel(registry.read(PULLED), session)
    model.predict(["x"])
    model.predict(["x"] * 1000)
    rows = device.batch_tokens // 16
    if device.fixed_rows:
        assert session.shapes == [(rows, 16)] * (1 + -(-1000 // rows))
    else:
        assert session.shapes == [(1, 16), *[(rows, 16)] * (1000 // rows), (1000 % rows, 16)]
