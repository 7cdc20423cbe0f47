"""``coatcheck audit tail`` as it is typed: standard output, a webhook, wrong questions, SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from audit.records import Decision
from tests.audit.exports.conftest import Ledger, Run
from tests.audit.tail.conftest import LIMIT_S, Hook


def test_standard_output(run: Run, recorded: list[Decision]) -> None:
    result = run("tail", "--once")
    assert result.exit_code == 0, result.output
    entries = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["leaf"] for one in entries] == list(range(10))
    assert [one["kind"] for one in entries[:3]] == ["policy", "decision", "outcome"]
    assert entries[2]["id"] == entries[1]["id"] == recorded[0].id
    assert entries[2]["state"] == "complete" and entries[1]["state"] is None and entries[5]["state"] == "refused"
    assert entries[2]["decision"]["rule"] == "personal-data" and entries[2]["outcome"]["status"] == 200
    assert run("tail", "--once", "--since", "now").stdout == ""
    assert len(run("tail", "--once", "--since", "2026-11-24T12:00:01").stdout.splitlines()) == 8


@pytest.mark.parametrize("form", ["json", "ocsf", "cef", "ecs"])
def test_a_named_cursor_goes_on_where_it_was(run: Run, recorded: list[Decision], tmp_path: Path, form: str) -> None:
    file = str(tmp_path / "place.json")
    assert len(run("tail", "--once", "--format", form, "--cursor", file).stdout.splitlines()) == 10
    result = run("tail", "--once", "--format", form, "--cursor", file)
    assert (result.exit_code, result.stdout) == (0, "")
    result = run("tail", "--once", "--cursor", file, "--since", "7d")
    assert result.exit_code == 2 and "has a place already" in result.output


def test_a_webhook_with_its_own_cursor(run: Run, ledger: Ledger, hook: Hook, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("shared\n")
    cursor = str(tmp_path / "hook.json")
    arguments = ("tail", "--to", hook.url, "--once", "--secret-file", str(tmp_path / "secret"), "--cursor", cursor)
    assert run(*arguments).exit_code == 0
    assert run(*arguments).exit_code == 0
    assert len(hook.accepted) == 1 and "coatcheck-signature" in hook.asked[0][0]
    hook.answers = [401]
    result = run("tail", "--to", hook.url, "--once", "--cursor", str(tmp_path / "other.json"))
    assert result.exit_code == 2 and "answered 401" in result.output and "Entries 0 and later" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--to", "ftp://example.com"),
        ("--to", "syslog://"),
        ("--to", "syslog://example.com:x"),
        ("--to", "syslog://example.com?transport=pigeon"),
        ("--to", "syslog://example.com?wing=1"),
        ("--to", "syslog://example.com?transport=tls&ca=/absent"),
        ("--to", "http://example.com/hook"),
        ("--to", "https://user:xyzzy@example.com/hook"),
        ("--to", "https:///hook"),
        ("--to", "https://example.com", "--token-file", "/absent"),
        ("--since", "never"),
        ("--cursor", "a b"),
        ("--format", "xml"),
    ],
)
def test_wrong_questions(run: Run, arguments: tuple[str, ...]) -> None:
    result = run("tail", "--once", *arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output and "xyzzy" not in result.output


def test_told_to_stop_it_ends_cleanly_with_its_place_kept(ledger: Ledger, hook: Hook, tmp_path: Path) -> None:
    cursor = tmp_path / "place.json"
    hook.answers = [200, 503]
    command = [
        sys.executable,
        "-c",
        "from audit.cli import app; app()",
        "tail",
        "--to",
        hook.url,
        "--cursor",
        str(cursor),
    ]
    environment = os.environ | {"COATCHECK_STATE_DIR": str(ledger.state)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert hook.came.get(timeout=6 * LIMIT_S) == 200
        finally:
            process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=6 * LIMIT_S)
    assert (process.returncode, errors) == (0, "")
    assert json.loads(cursor.read_text())["next"] == 10
