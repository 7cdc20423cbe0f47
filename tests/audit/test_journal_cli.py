"""``coatcheck audit journal``: says what waits, drains what was left behind, names what is damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from audit.cli import app
from audit.database import open_database
from audit.journal import Journal, JournalPlan
from audit.journal_format import encode
from audit.records import Decision

type Make[T] = Callable[..., T]


@pytest.fixture
def kept(tmp_path: Path, decision: Make[Decision]) -> Journal:
    journal = Journal(JournalPlan(tmp_path / "journal"))
    journal.append([encode(decision()), encode(decision())])
    journal.append([encode(decision())])
    return journal


def asked(tmp_path: Path, *args: str, code: int = 0) -> Any:
    words = ["journal", "--directory", str(tmp_path / "journal"), "--json", *args]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout) if result.stdout.startswith("{") else result.stderr


def test_nothing_waits(tmp_path: Path) -> None:
    assert asked(tmp_path)["files"] == []
    result = CliRunner().invoke(app, ["journal", "--directory", str(tmp_path / "none")])
    assert result.stdout.startswith("Nothing waits in ")


def test_what_a_running_process_holds_is_shown_and_not_drained(tmp_path: Path, url: str, kept: Journal) -> None:
    open_database(url)
    (file,) = asked(tmp_path)["files"]
    assert (file["state"], file["records"], file["damage"]) == ("in use", 3, [])
    again = asked(tmp_path, "--drain", "--database", url)
    assert (again["drained"], again["records"]) == (0, 3)


def test_what_was_left_behind_is_drained(tmp_path: Path, url: str, kept: Journal) -> None:
    kept.close()
    assert asked(tmp_path)["files"][0]["state"] == "left behind"
    assert "There is no audit database" in asked(tmp_path, "--drain", "--database", url, code=2)
    open_database(url)
    assert asked(tmp_path, "--drain", "--database", url)["drained"] == 3
    assert asked(tmp_path)["files"] == []


def test_damage_is_named_until_somebody_looks(tmp_path: Path, url: str, kept: Journal) -> None:
    kept.close()
    open_database(url)
    (path,) = (tmp_path / "journal").iterdir()
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    (file,) = asked(tmp_path, code=1)["files"]
    assert (file["state"], file["records"], file["damage"]) == ("left behind", 1, [36])
    shown = asked(tmp_path, "--drain", "--database", url, code=1)
    assert shown["drained"] == 1
    assert [(file["state"], file["damage"]) for file in shown["files"]] == [("damaged", [36])]
    result = CliRunner().invoke(app, ["journal", "--directory", str(tmp_path / "journal")])
    assert result.exit_code == 1 and "damaged" in result.stdout and "36" in result.stdout
