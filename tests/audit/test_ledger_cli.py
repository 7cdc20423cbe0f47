"""What an auditor types: verify, checkpoint, proof, export; on the database and offline; files bent by hand."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit.checkpoint import load_key, split_notes
from audit.checkpointer import CheckpointPlan
from audit.cli import app
from audit.recorder import Recorder
from audit.records import Decision, Outcome

type Run = Callable[..., Result]

HOSTILE = "\x1b[31m[bold red]x[/]\x07\u202e\n=cmd()"


@pytest.fixture
def run(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COATCHECK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("COATCHECK_DATABASE", raising=False)
    if not url.startswith("sqlite"):  # which lies where the state directory says
        monkeypatch.setenv("COATCHECK_DATABASE", url)

    def call(*arguments: str, **more: Any) -> Result:
        return CliRunner().invoke(app, arguments, **more)

    return call


@pytest.fixture
async def recorded(
    url: str, tmp_path: Path, decision: Callable[..., Decision], outcome: Callable[..., Outcome]
) -> list[Decision]:
    """40 decisions in a state directory such as a gateway leaves; all but the last have outcomes; some hostile text."""
    state = tmp_path / "state"
    plan = CheckpointPlan(state / "ledger.key", every_records=20, file=state / "ledger.checkpoints")
    recorder = Recorder(url, checkpoints=plan)
    await recorder.start()
    decisions = [
        decision(action="block" if n % 10 == 0 else "mask", detect_ms=n * 1e-7, model=HOSTILE if n % 7 == 0 else "张伟")
        for n in range(40)
    ]
    for one in decisions:
        await recorder.record_decision(one)
        if one is not decisions[-1]:
            await recorder.record_outcome(outcome(one))
    await recorder.stop()
    return decisions


def bend(path: Path, line: int, change: Callable[[Any], Any]) -> None:
    """Change one line of a file of JSON lines; None removes it."""
    lines = path.read_text().splitlines()
    changed = change(json.loads(lines[line]))
    lines[line : line + 1] = [] if changed is None else [json.dumps(changed)]
    path.write_text("\n".join(lines) + "\n")


def test_verify_finds_all_well_with_what_lies_in_the_state_directory(run: Run, recorded: list[Decision]) -> None:
    result = run("verify")
    assert result.exit_code == 0, result.output
    assert "Whole: 79 entries, 40 decisions and 39 outcomes" in result.output
    assert "79 entries are covered" in result.output
    assert "1 decisions without an outcome" in result.output
    assert recorded[-1].id in result.output


def test_verify_tells_machines(run: Run, recorded: list[Decision]) -> None:
    told = json.loads(run("verify", "--json").stdout)
    assert told["verdict"] == "whole"
    assert told["entries"] == told["covered"] == 79
    assert told["without_outcome"] == 1


def test_verify_names_what_was_changed(run: Run, recorded: list[Decision], database_path: Path) -> None:
    with sqlite3.connect(database_path) as connection:
        connection.execute("DROP TRIGGER decisions_no_update")
        connection.execute("UPDATE decisions SET rule = 'other' WHERE seq = 9")
    connection.close()
    result = run("verify")
    assert result.exit_code == 1
    assert f"changed: The record was changed: entry 16, decision 9, id {recorded[8].id}." in result.output
    assert "Not whole" in result.output
    assert run("export").exit_code == 2  # it carries out nothing that is not as it was recorded


def test_without_any_key_it_cannot_tell(run: Run, recorded: list[Decision], tmp_path: Path) -> None:
    key = str(load_key(tmp_path / "state" / "ledger.key").public_key)
    (tmp_path / "state" / "ledger.key").unlink()
    result = run("verify")
    assert result.exit_code == 2
    assert "Cannot tell" in result.output
    assert run("verify", "--public-key", key).exit_code == 0
    (tmp_path / "key.pub").write_text(key)
    assert run("verify", "--public-key", str(tmp_path / "key.pub")).exit_code == 0
    assert run("verify", "--public-key", "nonsense").exit_code == 2


def test_a_kept_checkpoint_shows_what_was_cut_off(
    run: Run, recorded: list[Decision], url: str, tmp_path: Path, database_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.write_text(run("checkpoint").stdout)
    connection = sqlite3.connect(database_path)
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute("DELETE FROM ledger WHERE leaf >= 77")
    connection.execute("DELETE FROM ledger_nodes WHERE (position + 1) << level > 77")
    connection.execute("DELETE FROM ledger_checkpoints WHERE size > 77")
    for table, column in (
        ("outcomes", "seq > 38 OR seq"),
        ("fingerprints", "decision_seq"),
        ("findings", "decision_seq"),
    ):
        connection.execute(f"DELETE FROM {table} WHERE {column} > 39")
    connection.execute("DELETE FROM decisions WHERE seq > 39")
    connection.commit()
    connection.close()
    assert run("verify", "--database", url).exit_code == 0  # nothing inside betrays it
    result = run("verify", "--database", url, "--checkpoint", str(kept))
    assert result.exit_code == 1
    assert "tail removed" in result.output and "entries 77 to 78 were removed" in result.output
    assert run("verify").exit_code == 1  # the gateway's own file has it too


def test_the_checkpoint_and_the_key_are_printed(run: Run, recorded: list[Decision], tmp_path: Path) -> None:
    key = load_key(tmp_path / "state" / "ledger.key")
    assert run("checkpoint", "--public-key").stdout == f"{key.public_key}\n"
    newest = run("checkpoint").stdout
    assert newest.splitlines()[1] == "79"
    assert list(split_notes((tmp_path / "state" / "ledger.checkpoints").read_text()))[-1] == newest
    assert run("checkpoint", "--sign").stdout == newest
    assert key.text() not in newest


def test_no_checkpoint_yet(run: Run, url: str) -> None:
    from audit.database import open_database

    open_database(url)
    result = run("checkpoint")
    assert result.exit_code == 1 and "--sign" in result.output
    assert run("checkpoint", "--sign").exit_code == 2
    assert run("verify").exit_code == 2


def test_a_whole_export_is_verified_offline(
    run: Run, recorded: list[Decision], tmp_path: Path, database_path: Path
) -> None:
    file, key = tmp_path / "export.jsonl", run("checkpoint", "--public-key").stdout.strip()
    assert run("export", "--output", str(file)).exit_code == 0
    lines = file.read_text().splitlines()
    assert len(lines) == 81
    assert "\x1b" not in file.read_text() and "张伟" in file.read_text()
    end = json.loads(lines[-1])["end"]
    assert (end["count"], end["range"], end["query"]) == (79, [0, 78], {})
    assert end["checkpoint"].splitlines()[1] == "79"
    database_path.unlink()
    (tmp_path / "state" / "ledger.key").unlink()
    result = run("verify", "--export", str(file), "--public-key", key)
    assert result.exit_code == 0, result.output
    assert "Whole: 79 entries" in result.output and recorded[-1].id in result.output
    assert run("verify", "--export", "-", "--public-key", key, input=file.read_text()).exit_code == 0
    assert run("verify", "--export", str(file)).exit_code == 2


@pytest.mark.parametrize(
    ("line", "change", "words"),
    [
        (5, lambda v: v | {"record": v["record"] | {"time": "2026-11-24T12:00:00.000001Z"}}, "changed: "),
        (5, lambda v: v | {"record": v["record"] | {"more": 1}}, "changed: "),
        (5, lambda v: v | {"hash": "00" * 32}, "other history"),
        (5, lambda v: None, "missing"),
        (79, lambda v: None, "tail removed"),
        (80, lambda v: None, "was cut off"),
        (80, lambda v: {"end": v["end"] | {"count": 3}}, "tells of 3 entries"),
        (0, lambda v: v | {"checkpoints": [v["checkpoints"][-1].replace("\n79\n", "\n78\n")]}, "forged checkpoint"),
        (0, lambda v: v | {"query": {"action": ["block"]}}, "its query is not that"),
    ],
)
def test_a_bent_export(
    run: Run, recorded: list[Decision], tmp_path: Path, line: int, change: Callable[[Any], Any], words: str
) -> None:
    file = tmp_path / "export.jsonl"
    run("export", "--output", str(file))
    bend(file, line, change)
    result = run("verify", "--export", str(file))
    assert result.exit_code == 1
    assert words in result.output


def test_two_lines_exchanged(run: Run, recorded: list[Decision], tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    run("export", "--output", str(file))
    lines = file.read_text().splitlines()
    lines[4], lines[5] = lines[5], lines[4]
    file.write_text("\n".join(lines) + "\n")
    result = run("verify", "--export", str(file))
    assert result.exit_code == 1
    assert "reordered" in result.output


@pytest.mark.parametrize(
    "text",
    ["", "nothing\n", "[]\n", '{"format": "other/1"}\n', '{"format": "coatcheck-export/1", "checkpoints": []}\n{}\n',
     '{"format": "coatcheck-export/1", "checkpoints": []}\n{"end": {}}\n{"leaf": 1}\n', "\udcff"],
)  # fmt: skip
def test_what_is_no_export_is_said(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_bytes(text.encode("utf-8", "surrogateescape"))
    result = run("verify", "--export", str(tmp_path / "file"))
    assert result.exit_code == 2
    assert "error: " in result.output and "Traceback" not in result.output


def test_files_that_are_not_there(run: Run, recorded: list[Decision], tmp_path: Path) -> None:
    for arguments in (
        ("verify", "--export", str(tmp_path / "absent")),
        ("verify", "--checkpoint", str(tmp_path / "absent")),
        ("verify", "--export", "a", "--proof", "b"),
        ("export", "--output", str(tmp_path / "absent" / "file")),
    ):
        result = run(*arguments)
        assert result.exit_code == 2 and "error: " in result.output


def test_a_filtered_export_proves_each_entry(run: Run, recorded: list[Decision], tmp_path: Path) -> None:
    file = tmp_path / "blocked.jsonl"
    assert run("export", "--action", "block", "--output", str(file)).exit_code == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[-1]["end"]["query"] == {"action": ["block"]}
    assert lines[-1]["end"]["count"] == 8  # four decisions and their outcomes
    assert {one["record"]["action"] for one in lines[1:-1] if one["kind"] == "decision"} == {"block"}
    assert run("verify", "--export", str(file)).exit_code == 0
    bend(file, 3, lambda value: value | {"leaf": value["leaf"] + 1})
    result = run("verify", "--export", str(file))
    assert result.exit_code == 1 and "does not lead to the signed checkpoint" in result.output


def test_a_proof_of_one_record(run: Run, recorded: list[Decision], tmp_path: Path, database_path: Path) -> None:
    file, key = tmp_path / "proof", run("checkpoint", "--public-key").stdout.strip()
    assert run("proof", recorded[17].id, "--output", str(file)).exit_code == 0
    assert run("proof", "18").stdout == file.read_text()
    database_path.unlink()
    (tmp_path / "state" / "ledger.key").unlink()
    result = run("verify", "--proof", str(file), "--public-key", key)
    assert result.exit_code == 0 and "1 decisions and 1 outcomes" in result.output
    assert run("verify", "--proof", str(file)).exit_code == 2
    bend(file, 1, lambda value: value | {"record": value["record"] | {"action": "allow"}})
    result = run("verify", "--proof", str(file), "--public-key", key)
    assert result.exit_code == 1 and recorded[17].id in result.output


async def test_a_record_that_no_checkpoint_covers_has_no_proof_yet(
    run: Run, url: str, recorded: list[Decision], decision: Callable[..., Decision]
) -> None:
    recorder = Recorder(url)
    await recorder.start()
    new = decision()
    await recorder.record_decision(new)
    await recorder.stop()
    result = run("proof", new.id)
    assert result.exit_code == 2 and "No checkpoint covers this record yet" in result.output
    assert run("proof", "ffff").exit_code == 1
    assert "newer than the newest checkpoint" in run("verify").output
