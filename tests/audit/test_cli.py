"""What an auditor types and sees: tables, JSON, plain errors, and nothing recorded that acts on the terminal."""

from __future__ import annotations

import datetime as dt
import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from audit.cli import app
from audit.database import open_database
from audit.records import Decision, Finding, Outcome
from audit.writer import Writer

type Make[T] = Callable[..., T]
type Run = Callable[..., Result]

HOSTILE = "\x1b[31m[bold red]x[/]\x07\u202e\n=cmd()"


@pytest.fixture
def run(url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: str, columns: int | None = None) -> Result:
        monkeypatch.setenv("COATCHECK_DATABASE", url)
        if columns is not None:
            monkeypatch.setenv("COLUMNS", str(columns))
        return CliRunner().invoke(app, arguments)

    return call


@pytest.fixture
def recorded(url: str, decision: Make[Decision], finding: Make[Finding], outcome: Make[Outcome]) -> list[Decision]:
    now = dt.datetime.now(dt.UTC)
    decisions = [
        decision(time=now - dt.timedelta(days=9)),
        decision(time=now - dt.timedelta(hours=3), upstream="anthropic", endpoint="anthropic.messages", route="local",
                 action="reroute", rule="stays-home",
                 findings=(finding(entity="PERSON", count=3), finding(entity="CN_RESIDENT_ID", count=1))),
        decision(time=now, action="block", route=None, rule="no-cards", findings=(finding(entity="CREDIT_CARD"),)),
        decision(time=now, principal="王小明-" + HOSTILE, model=HOSTILE, rule=HOSTILE, reason=HOSTILE, endpoint=HOSTILE,
                 findings=(finding(entity=HOSTILE, path=HOSTILE, fingerprints=(HOSTILE,)),)),
    ]  # fmt: skip
    writer = Writer(url, busy_timeout_s=1)
    writer.write([*decisions, outcome(decisions[0]), outcome(decisions[3], error=HOSTILE, response_model=HOSTILE)])
    writer.close()
    return decisions


def acting(text: str) -> set[str]:
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") and c != "\n"}


def test_list_shows_one_line_a_record_in_a_pipe(run: Run, recorded: list[Decision]) -> None:
    result = run("list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 5
    assert lines[0].split() == ["No.", "Time", "(UTC)", "Action", "Caller", "Endpoint", "Rule", "Found", "Result"]
    assert f"{recorded[1].time:%Y-%m-%d %H:%M:%S}" in lines[3]
    assert lines[3].split()[3:] == ["reroute", "k:7f3a9c21", "anthropic.messages", "→", "local", "stays-home",
                                    "PERSON", "3,", "CN_RESIDENT_ID", "unresolved"]  # fmt: skip
    assert lines[2].split()[-1] == "refused"
    assert lines[4].split()[-1] == "200"


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_s_width_is_kept_and_nothing_is_cut(run: Run, recorded: list[Decision], columns: int) -> None:
    result = run("list", "--id", recorded[1].id, columns=columns)
    assert max(cell_len(line) for line in result.stdout.splitlines()) <= columns
    squeezed = re.sub(r"\s", "", result.stdout)
    assert "…" not in squeezed
    for word in ("k:7f3a9c21", "anthropic.messages", "local", "CN_RESIDENT_ID", "unresolved", "reroute"):
        assert word in squeezed
    shown = run("show", "2", columns=columns).stdout
    assert max(cell_len(line) for line in shown.splitlines()) <= columns
    assert recorded[1].id in shown


def test_hostile_text_is_shown_as_text(run: Run, recorded: list[Decision]) -> None:
    for arguments in (("list",), ("show", "4"), ("list", "--json"), ("show", "4", "--json")):
        result = run(*arguments)
        assert result.exit_code == 0
        assert acting(result.stdout) == set()
        assert "[bold red]x[/]" in result.stdout
        assert "王小明" in result.stdout
    assert "\\x1b[31m[bold red]x[/]\\x07\\u202e\\x0a=cmd()" in run("show", "4").stdout


def test_json_lines_hold_the_whole_record(run: Run, recorded: list[Decision]) -> None:
    lines = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert [line["seq"] for line in lines] == [4, 3, 2, 1]
    assert [line["state"] for line in lines] == ["failed", "refused", "unresolved", "complete"]
    assert lines[0]["model"] == HOSTILE
    assert lines[3]["outcome"]["status"] == 200
    assert lines[2]["outcome"] is None
    assert [finding["entity"] for finding in lines[2]["findings"]] == ["PERSON", "CN_RESIDENT_ID"]
    assert dt.datetime.fromisoformat(lines[1]["time"]).tzinfo == dt.UTC
    assert json.loads(run("show", recorded[1].id, "--json").stdout) == lines[2]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--since", "7d"], [4, 3, 2]),
        (["--until", "1d"], [1]),
        (["--caller", "k:7f3a9c21"], [3, 2, 1]),
        (["--principal", "k:7f3a9c21", "--tenant", "default"], [3, 2, 1]),
        (["--upstream", "local"], [2]),
        (["--endpoint", "anthropic.messages"], [2]),
        (["--model", "gpt-example"], [3, 2, 1]),
        (["--entity", "PERSON", "--entity", "CREDIT_CARD"], [3, 2]),
        (["--fingerprint", "f1e2d3c4"], [3, 2, 1]),
        (["--action", "block", "--action", "reroute"], [3, 2]),
        (["--rule", "no-cards"], [3]),
        (["--status", "2xx"], [4, 1]),
        (["--status", "unresolved", "--status", "refused"], [3, 2]),
        (["--before", "3"], [2, 1]),
        (["--limit", "1"], [4]),
        (["--limit", "1", "--all"], [4, 3, 2, 1]),
    ],
)
def test_every_filter_reaches_the_query(
    run: Run, recorded: list[Decision], arguments: list[str], expected: list[int]
) -> None:
    result = run("list", "--json", *arguments)
    assert [json.loads(line)["seq"] for line in result.stdout.splitlines()] == expected


def test_a_cut_list_says_how_to_go_on(run: Run, recorded: list[Decision]) -> None:
    assert "--before 3" in run("list", "--limit", "2").stderr
    assert run("list", "--limit", "4").stderr == ""


def test_show_explains_what_became_of_it(run: Run, recorded: list[Decision]) -> None:
    assert "what became of it was never recorded" in run("show", recorded[1].id).stdout
    assert "nothing went out" in run("show", "3").stdout
    assert "the reply came back whole" in run("show", recorded[0].id).stdout


def test_a_beginning_of_an_id_is_enough_if_there_is_one_such(run: Run, recorded: list[Decision]) -> None:
    ids = [one.id for one in recorded]
    length = next(n for n in range(1, 37) if sum(i.startswith(ids[2][:n]) for i in ids) == 1)
    assert ids[2] in run("show", ids[2][:length]).stdout
    result = run("show", "01")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "give more of it" in result.stderr


def test_no_colour_in_a_pipe(run: Run, recorded: list[Decision]) -> None:
    assert "\x1b" not in run("list").stdout + run("show", "1").stdout


def test_errors_are_plain(run: Run, url: str, database_path: Path) -> None:
    for arguments in (("list",), ("show", "1"), ("path",)):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "start the gateway once" in result.stderr
        assert "Traceback" not in result.output
    assert not database_path.exists()
    open_database(url)
    for arguments, words, code in (
        (("show", "99"), "No record", 1),
        (("show", "zz"), "digits", 2),
        (("list", "--since", "whenever"), "2026-11-24", 2),
        (("list", "--action", "forward"), "reroute", 2),
        (("list", "--status", "fine"), "4xx", 2),
        (("list", "--status", "4xx", "--status", "failed"), "not both", 2),
        (("list", "--id", "?"), "digits", 2),
        (("list", "--database", "mysql://h/x"), "SQLite or PostgreSQL", 2),
    ):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (code, "")
        assert words in result.stderr
    assert "No records" in run("list").stderr


def test_path_names_the_database(run: Run, url: str) -> None:
    open_database(url)
    assert run("path").stdout.strip() == url
