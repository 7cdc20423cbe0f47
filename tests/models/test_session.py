"""A session runs on the device that was asked for, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnxruntime
import pytest

from models import registry
from models.errors import ModelError
from models.session import cores, open_gate, open_session

Make = Callable[..., Path]


def test_a_device_that_is_not_there_is_refused(model_folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = model_folder()
    model = registry.read(model_folder(variants={registry.CUDA: registry.describe(folder / "net.onnx")}))
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [registry.CPU])
    with pytest.raises(ModelError, match="'cuda' was asked for"):
        open_session(model, "cuda")


def test_a_device_that_quietly_fell_back_is_refused(model_folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    class FellBack:
        def __init__(self, *_: object, **__: object) -> None: ...

        def get_providers(self) -> list[str]:
            return [registry.CPU]

    folder = model_folder()
    model = registry.read(model_folder(variants={registry.CUDA: registry.describe(folder / "net.onnx")}))
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [registry.CUDA, registry.CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", FellBack)
    with pytest.raises(ModelError, match="runs on CPUExecutionProvider"):
        open_session(model, "cuda")


def test_bytes_that_are_no_network_are_refused(model_folder: Make) -> None:
    with pytest.raises(ModelError, match=r"cannot load .*net\.onnx"):
        open_session(registry.read(model_folder()))


def test_tensorrt_leaves_single_nodes_to_cuda_but_never_the_work(
    model_folder: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    class Session:
        def __init__(self, _: bytes, options: object, providers: list[str]) -> None:
            asked.append(providers)

        def get_providers(self) -> list[str]:
            return asked[-1]

    folder = model_folder()
    model = registry.read(model_folder(variants={registry.TENSORRT: registry.describe(folder / "net.onnx")}))
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [registry.TENSORRT, registry.CUDA])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    open_session(model, "tensorrt")
    assert asked == [[registry.TENSORRT, registry.CUDA]]
    with pytest.raises(ModelError, match=r"no variant for cuda \(it has: tensorrt\)"):
        open_session(model, "cuda")


def test_a_gate_is_opened_only_where_there_is_one(model_folder: Make) -> None:
    with pytest.raises(ModelError, match="no gate"):
        open_gate(registry.read(model_folder()))
    entry = {**registry.describe(model_folder() / "net.onnx"), "threshold": 0.1}
    with pytest.raises(ModelError, match=r"cannot load .*net\.onnx"):
        open_gate(registry.read(model_folder(gate=entry)))


def test_threads_default_to_the_cores_at_hand() -> None:
    assert cores() >= 1
