"""``coatcheck audit policy``: what a record's policy hash means."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audit.cli import app
from audit.ids import new_id
from audit.records import PolicyRecord
from audit.writer import Writer


def _recorded(path: Path, *hashes: str) -> str:
    url = f"sqlite:///{path}"
    writer = Writer(url, busy_timeout_s=1.0)
    writer.open()
    day = dt.datetime(2026, 11, 4, 12, tzinfo=dt.UTC)
    made = [
        PolicyRecord(new_id(), day + dt.timedelta(days=n), "acme", one, json.dumps({"mode": "enforce", "n": n}))
        for n, one in enumerate(hashes)
    ]
    assert writer.write(made) == [None] * len(made)
    writer.close()
    return url


def _run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["policy", *arguments], env={"COLUMNS": "140"})
    return done.exit_code, done.output


def test_all_are_listed_oldest_first(tmp_path: Path) -> None:
    url = _recorded(tmp_path / "audit.db", "a1" * 32, "b2" * 32)
    code, text = _run("--database", url)
    assert code == 0
    assert text.index("2026-11-04T12:00:00Z") < text.index("a1" * 32) < text.index("b2" * 32)
    code, text = _run("--database", url, "--json")
    assert [json.loads(line)["hash"] for line in text.splitlines()] == ["a1" * 32, "b2" * 32]


def test_one_is_shown_by_the_beginning_of_its_hash(tmp_path: Path) -> None:
    url = _recorded(tmp_path / "audit.db", "a1" * 32, "b2" * 32)
    code, text = _run("b2b2", "--database", url)
    assert code == 0
    assert json.loads(text) == {
        "hash": "b2" * 32,
        "first_seen": "2026-11-05T12:00:00Z",
        "tenant": "acme",
        "policy": {"mode": "enforce", "n": 1},
    }


@pytest.mark.parametrize(
    ("name", "code", "said"), [("c3", 1, "No policy"), ("a", 2, "More than one"), ("%", 1, "No policy")]
)
def test_none_and_too_many(tmp_path: Path, name: str, code: int, said: str) -> None:
    url = _recorded(tmp_path / "audit.db", "a1" * 32, "a2" * 32)
    found, text = _run(name, "--database", url)
    assert (found, said in text) == (code, True)
