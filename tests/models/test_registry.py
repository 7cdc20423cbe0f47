"""The registry takes released files and nothing else, and says in one sentence what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from models import registry
from models.errors import ModelError

Make = Callable[..., Path]


def test_reads_what_the_manifest_says(model_folder: Make) -> None:
    model = registry.read(model_folder(temperature=1.5))
    assert (model.name, model.version, model.labels, model.temperature) == ("toy", "1", ("PERSON",), 1.5)
    provider, artifact = model.variant("cpu")
    assert provider == "CPUExecutionProvider"
    assert artifact.read() == b"not a network"


def test_a_folder_without_manifest_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model in .*model\.json"):
        registry.read(tmp_path)


def test_broken_manifest_is_named(model_folder: Make) -> None:
    folder = model_folder()
    (folder / registry.MANIFEST).write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match=r"cannot read .*model\.json"):
        registry.read(folder)


@pytest.mark.parametrize("changes", [{"labels": None}, {"max_tokens": "many"}, {"tokenizer": {}}, {"variants": 3}])
def test_incomplete_manifest_is_named(model_folder: Make, changes: dict[str, object]) -> None:
    with pytest.raises(ModelError, match=r"model\.json is not a model's description"):
        registry.read(model_folder(**changes))


def test_other_format_is_refused(model_folder: Make) -> None:
    with pytest.raises(ModelError, match="format 99"):
        registry.read(model_folder(format=99))


def test_missing_file_is_named(model_folder: Make) -> None:
    folder = model_folder()
    (folder / "net.onnx").unlink()
    with pytest.raises(ModelError, match=r"cannot read .*net\.onnx.*install the model again"):
        registry.read(folder).variant("cpu")[1].read()


@pytest.mark.parametrize("content", [b"not a nettwork", b"not a Network", b""])
def test_changed_file_is_refused(model_folder: Make, content: bytes) -> None:
    folder = model_folder()
    model = registry.read(folder)
    (folder / "net.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.onnx is not the file .*checksum"):
        model.variant("cpu")[1].read()


def test_lfs_pointer_is_recognized(model_folder: Make) -> None:
    folder = model_folder()
    (folder / "net.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    with pytest.raises(ModelError, match="git lfs pull"):
        registry.read(folder).variant("cpu")[1].read()


@pytest.mark.parametrize("name", ["../net.onnx", "/etc/passwd.onnx", "sub/net.onnx"])
def test_files_outside_the_folder_are_refused(model_folder: Make, name: str) -> None:
    entry = {"file": name, "sha256": "0" * 64, "bytes": 1}
    with pytest.raises(ModelError, match="its own folder"):
        registry.read(model_folder(variants={registry.CPU: entry}))


def test_only_onnx_is_loaded(model_folder: Make) -> None:
    entry = {"file": "net.pt", "sha256": "0" * 64, "bytes": 1}
    with pytest.raises(ModelError, match="only ONNX"):
        registry.read(model_folder(variants={registry.CPU: entry}))


def test_variant_is_picked_by_device(model_folder: Make) -> None:
    model = registry.read(model_folder())
    with pytest.raises(ModelError, match="no variant for cuda"):
        model.variant("cuda")
    with pytest.raises(ModelError, match="unknown device 'tpu'"):
        model.variant("tpu")


def test_find_by_folder_environment_and_name(
    model_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folder()
    assert registry.find(folder).name == "toy"
    monkeypatch.setenv(registry.ENVIRONMENT, str(folder))
    assert registry.find().folder == folder
    monkeypatch.delenv(registry.ENVIRONMENT)
    weights = tmp_path / "weights"
    shutil.copytree(folder, weights / "other")
    monkeypatch.setattr(registry, "WEIGHTS", weights)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    assert registry.find("other").folder == weights / "other"
    assert [model.folder.name for model in registry.available()] == ["other"]
    shutil.copytree(folder, tmp_path / "home" / "coatcheck" / "models" / "pulled")
    assert registry.find("pulled").folder == registry.installed() / "pulled"
    assert [model.folder.name for model in registry.available()] == ["other", "pulled"]
    with pytest.raises(ModelError, match=r"no model 'missing' .*other, pulled"):
        registry.find("missing")


def test_installed_models_lie_in_the_user_s_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert registry.installed() == tmp_path / ".local" / "share" / "coatcheck" / "models"


def test_encoding_is_ours_unless_the_manifest_says_otherwise(model_folder: Make) -> None:
    assert registry.read(model_folder()).encoding == registry.Encoding()
    marks = {"own": False, "bos": "[CLS]", "eos": "[SEP]", "pad": "[PAD]"}
    assert registry.read(model_folder(encoding=marks)).encoding == registry.Encoding(False, "[CLS]", "[SEP]", "[PAD]")
    for wrong in ({"bos": 3}, {"beginning": "[CLS]"}):
        with pytest.raises(ModelError, match="not a model's description"):
            registry.read(model_folder(encoding=wrong))


def test_gate_is_read_with_its_threshold(model_folder: Make) -> None:
    folder = model_folder()
    assert registry.read(folder).gate is None
    (folder / "gate.onnx").write_bytes(b"a gate")
    model = registry.read(model_folder(gate={**registry.describe(folder / "gate.onnx"), "threshold": 0.02}))
    assert model.gate is not None
    assert model.gate.read() == b"a gate"
    assert model.gate_threshold == 0.02


@pytest.mark.parametrize(
    "changes", [{"threshold": 1.5}, {"threshold": None}, {"file": "gate.pt"}, {"file": "../g.onnx"}]
)
def test_a_gate_that_cannot_be_one_is_refused(model_folder: Make, changes: dict[str, object]) -> None:
    entry = {"file": "gate.onnx", "sha256": "0" * 64, "bytes": 1, "threshold": 0.1, **changes}
    with pytest.raises(ModelError):
        registry.read(model_folder(gate=entry))
