"""``coatcheck models``: what it prints, and errors as one line without a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models import registry
from models.cli import app

RUNNER = CliRunner()


def test_list_checks_the_files(model_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = model_folder()
    monkeypatch.setattr(registry, "WEIGHTS", folder.parent)
    result = RUNNER.invoke(app, ["list"])
    assert result.exit_code == 0
    assert result.output.startswith("toy 1 CPUExecutionProvider 0.0 MB sha256:")
    (folder / "net.onnx").write_bytes(b"other")
    result = RUNNER.invoke(app, ["list"])
    assert result.exit_code == 1
    assert "checksum" in result.stderr
    assert "Traceback" not in result.output


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
