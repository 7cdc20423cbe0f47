"""Networks compared; what cannot be made says why."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from models import registry
from models.errors import ModelError
from models.ner import dequantize, making, parity, progress, release, samples, smoothing
from models.ner.foreign import encoder_of

PULLED = Path(__file__).parents[1] / "pulled"


def _sample() -> list[samples.Inputs]:
    model = registry.read(PULLED)
    names = parity.input_names(PULLED / "model.int8.onnx")
    return list(samples.windows(samples.texts(None), encoder_of(model), model.max_tokens, model.overlap, 5, names))


def test_a_network_agrees_with_itself() -> None:
    found = parity.compare(PULLED / "model.int8.onnx", PULLED / "model.int8.onnx", _sample())
    assert found.tokens > 20
    assert (found.same, found.mean, found.largest) == (1, 0, 0)
    assert "100.00 % labelled alike" in str(found)
    with pytest.raises(ModelError, match="no text to compare"):
        parity.compare(PULLED / "model.int8.onnx", PULLED / "model.int8.onnx", [])
    with pytest.raises(ModelError, match="cannot load"):
        parity.input_names(PULLED / "model.json")


def test_libraries_advice_is_left_out_for_the_while(caplog: pytest.LogCaptureFixture) -> None:
    with progress.unadvised():
        logging.getLogger("onnxruntime").warning("consider pre-processing")
        logging.getLogger("onnxruntime").error("cannot")
        warnings.warn("registered as constants", stacklevel=1)
    logging.getLogger("onnxruntime").warning("after")
    assert [record.message for record in caplog.records] == ["cannot", "after"]


def test_what_is_shown_is_what_was_given() -> None:
    assert list(progress.shown(iter("abc"), "letters", 3)) == ["a", "b", "c"]


def test_samples_are_windows_of_the_size_asked_for() -> None:
    sample = _sample()
    assert len(sample) == 5
    assert all(feed["input_ids"].shape == feed["attention_mask"].shape for feed in sample)
    assert max(feed["input_ids"].shape[1] for feed in sample) <= 32


def test_the_cpu_s_network_needs_data_and_a_released_model_has_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="give --data"):
        making.make(tmp_path, tmp_path / "out", None, making.Wish(), lambda _: None)
    with pytest.raises(ModelError, match="quantized for the CPU already"):
        making.extend(registry.read(PULLED), tmp_path / "out", None, making.Wish(), lambda _: None)
    with pytest.raises(ModelError, match="run 'coatcheck models export' first"):
        making.make(tmp_path, tmp_path / "out", None, making.Wish(device="cuda"), lambda _: None)


def test_variants_and_gate_are_entered_with_their_checksums(model_folder: Callable[..., Path]) -> None:
    folder = model_folder()
    (folder / "half.onnx").write_bytes(b"half")
    model = release.add_variant(folder, "cuda", folder / "half.onnx")
    assert model.variant("cuda")[1].read() == b"half"
    assert model.variant("cpu")[1].read() == b"not a network"
    assert release.set_gate(folder, folder / "half.onnx", 0.04).gate_threshold == 0.04


def test_a_copy_is_checked_on_the_way(model_folder: Callable[..., Path], tmp_path: Path) -> None:
    model = registry.read(model_folder())
    dequantize.copied(model, tmp_path / "copy")
    assert registry.read(tmp_path / "copy").variant("cpu")[1].read() == b"not a network"
    (model.folder / "net.onnx").write_bytes(b"changed")
    with pytest.raises(ModelError, match="checksum"):
        dequantize.copied(model, tmp_path / "other")


@pytest.mark.parametrize(("scale", "zero", "axis"), [([0.5, 2.0], [0, 0], 1), ([0.5, 2.0], [1, 2], 0), (0.25, 128, 0)])
def test_integers_become_what_they_stood_for(scale: object, zero: object, axis: int) -> None:
    values = np.asarray([[1, 2], [3, 4]], dtype=np.uint8)
    node = SimpleNamespace(input=["v", "s", "z"], attribute=[SimpleNamespace(name="axis", i=axis)])
    constants = {"v": values, "s": np.asarray(scale, np.float32), "z": np.asarray(zero, np.uint8)}
    shape = (1, 2) if axis else (2, 1)
    wide = (np.broadcast_to(np.reshape(part, shape) if np.ndim(part) else part, (2, 2)) for part in (scale, zero))
    scales, zeros = wide
    assert np.allclose(dequantize._floats(node, constants), (values.astype(int) - zeros) * scales)


@pytest.mark.parametrize(
    ("dims", "smoothed"), [((384, 1536), True), ((1536, 384), True), ((384, 384), False), ((384, 17), False)]
)
def test_feed_forward_layers_are_told_by_their_shape(dims: tuple[int, int], smoothed: bool) -> None:
    node = SimpleNamespace(op_type="MatMul", input=["x", "w"])
    assert smoothing._is_feed_forward(node, {"w": SimpleNamespace(dims=dims)}) is smoothed
    assert not smoothing._is_feed_forward(node, {})


def test_the_manifest_of_a_pulled_model_says_where_it_comes_from() -> None:
    manifest = json.loads((PULLED / registry.MANIFEST).read_text(encoding="utf-8"))
    assert manifest["pulled"]["kind"] == "bert"
    assert manifest["pulled"]["labels"] == {"PER": "PERSON", "LOC": "LOCATION"}
