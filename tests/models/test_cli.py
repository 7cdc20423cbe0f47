"""``coatcheck models``: what it prints, and errors as one line without a traceback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models import library_cli, registry
from models.cli import app

RUNNER = CliRunner()


def test_list_checks_the_files(
    model_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = model_folder()
    (folder / "gate.onnx").write_bytes(b"a gate")
    model_folder(gate={**registry.describe(folder / "gate.onnx"), "threshold": 0.1})
    monkeypatch.setattr(registry, "WEIGHTS", folder.parent)
    monkeypatch.setattr(registry, "DEFAULT", "toy")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    shutil.copytree(folder, registry.installed() / "other")
    result = RUNNER.invoke(app, ["list"])
    assert result.exit_code == 0
    head, first, second = result.output.splitlines()
    assert head.split() == ["name", "version", "size", "variants", "licence", "where", "default"]
    assert first.split() == ["toy", "1", "0.0", "MB", "cpu,", "gate", "CC0-1.0", str(folder), "yes"]
    assert second.split()[-1] == str(registry.installed() / "other")
    (folder / "gate.onnx").write_bytes(b"other")
    result = RUNNER.invoke(app, ["list"])
    assert result.exit_code == 1
    assert "checksum" in result.stderr
    assert "Traceback" not in result.output


def test_a_card_is_written_from_scores_and_notes(model_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = model_folder()
    (tmp_path / "notes.md").write_text("## Limits\n\nA toy.\n", encoding="utf-8")
    (tmp_path / "scores.json").write_text('{"sets": []}', encoding="utf-8")
    options = ["--notes", str(tmp_path / "notes.md"), "--scores", str(tmp_path / "scores.json")]
    assert RUNNER.invoke(app, ["card", str(folder), *options]).exit_code == 0
    text = (folder / registry.CARD).read_text(encoding="utf-8")
    assert text.startswith("# toy\n")
    assert text.endswith("A toy.\n")
    (tmp_path / "scores.json").write_text("[]", encoding="utf-8")
    assert "holds no object" in RUNNER.invoke(app, ["card", str(folder), *options]).stderr


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["pull", "no-such-folder"], "neither a folder nor a hub id"),
        (["pull", "a/b", "--device", "tpu"], "unknown device 'tpu'"),
        (["pull", "a/b", "--precision", "int4"], "unknown precision 'int4'"),
        (["quantize", "nowhere", "--out", "x"], "no model 'nowhere'"),
        (["quantize", "coatcheck_ner", "--out", "x"], "quantized for the CPU already"),
        (["quantize", "coatcheck_ner", "--out", "x", "--device", "npu"], "unknown device 'npu'"),
        (["export", "nowhere", "--out", "x"], "no model 'nowhere'"),
        (["distill", "--teacher", "x", "--texts", "none.txt", "--data", "d", "--out", "o"], "cannot read none.txt"),
        (["gate", "nowhere", "--data", "d"], "no model in nowhere"),
    ],
)
def test_mistakes_are_one_line(
    command: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    result = RUNNER.invoke(app, command)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_run_is_where_training_starts_from(tmp_path: Path) -> None:
    assert library_cli.starting(None, tmp_path) is None
    (tmp_path / "run" / "model").mkdir(parents=True)
    (tmp_path / "run" / "model" / "model.safetensors").touch()
    assert library_cli.starting(str(tmp_path / "run"), tmp_path) == tmp_path / "run"
    (tmp_path / "out" / "start" / "model").mkdir(parents=True)
    (tmp_path / "out" / "start" / "model" / "model.safetensors").touch()
    assert library_cli.starting("coatcheck_ner", tmp_path / "out") == tmp_path / "out" / "start"


def test_card(model_folder: Callable[..., Path]) -> None:
    folder = model_folder()
    assert "no card" in RUNNER.invoke(app, ["card", str(folder)]).stderr
    (folder / registry.CARD).write_text("# Toy\n", encoding="utf-8")
    assert RUNNER.invoke(app, ["card", str(folder)]).output == "# Toy\n\n"


def test_missing_data_is_one_line(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["data", "--open-data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_evaluate_prints_tables_for_prompts_and_open_sets(tmp_path: Path) -> None:
    rows = [
        {"text": "Anna Kowalski called.", "spans": [[0, 13, "PERSON"]], "lang": "en", "kind": "chat", "source": ""},
        {"text": "王小明来了。", "spans": [[0, 3, "PERSON"]], "lang": "zh", "kind": "open", "source": ""},
    ]
    (tmp_path / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    result = RUNNER.invoke(app, ["evaluate", "--data", str(tmp_path), "--no-speed"])
    assert result.exit_code == 0
    assert ", prompts: 1 texts" in result.output
    assert "| en | PERSON | 1 | 100.0 / 100.0 / 100.0 |" in result.output
    assert "| zh | PERSON | 1 |" in result.output
    assert "Kowalski" not in result.output
