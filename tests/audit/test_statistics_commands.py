"""`stats`, `top`, `timeline` and the filters as an auditor types them."""

from __future__ import annotations

import csv
import json
import unicodedata
from collections.abc import Callable

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from audit.cli import app
from audit.records import Decision, Finding, Outcome
from audit.writer import Writer

HOSTILE = "=cmd()\x1b[31m[red]\u202e"


@pytest.fixture
def run(
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    decision: Callable[..., Decision],
    finding: Callable[..., Finding],
    outcome: Callable[..., Outcome],
) -> Callable[..., Result]:
    made = [
        decision(provider="openai", destination_country="US", stream=True, total_ms=900.0),
        decision(action="block", route=None, rule=HOSTILE, findings=(finding(entity="CREDIT_CARD", role="tool"),)),
        decision(model=HOSTILE, principal=HOSTILE, findings=()),
    ]
    writer = Writer(url, busy_timeout_s=1)
    writer.write([*made, outcome(made[0], placeholders_withheld=1, finish_reason="stop", cost=1.5, currency="USD")])
    writer.close()
    monkeypatch.setenv("COATCHECK_DATABASE", url)

    def call(*arguments: str, columns: int = 80) -> Result:
        monkeypatch.setenv("COLUMNS", str(columns))
        return CliRunner().invoke(app, arguments)

    return call


@pytest.mark.parametrize("columns", [80, 140])
@pytest.mark.parametrize("command", [["stats"], ["top", "rule"], ["top", "model"], ["timeline", "--by", "model"]])
def test_tables_keep_the_width_and_hostile_text_is_text(
    run: Callable[..., Result], command: list[str], columns: int
) -> None:
    result = run(*command, columns=columns)
    assert result.exit_code == 0
    assert max(cell_len(line) for line in result.stdout.splitlines()) <= columns
    assert not [c for c in result.stdout if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"]
    assert command == ["stats"] or "=cmd()\\x1b[31m[red]\\u202e" in result.stdout


def test_json_and_csv(run: Callable[..., Result]) -> None:
    totals = json.loads(run("stats", "--json").stdout)
    assert (totals["decisions"], totals["by_action"]["block"], totals["cost"]) == (3, 1, {"USD": 1.5})
    assert ["by_action.block", "1"] in list(csv.reader(run("stats", "--csv").stdout.splitlines()))
    assert [json.loads(line)["entity"] for line in run("top", "entity", "--json").stdout.splitlines()] == [
        "CREDIT_CARD",
        "EMAIL_ADDRESS",
    ]
    rows = list(csv.reader(run("top", "rule", "--csv").stdout.splitlines()))
    assert ["'=cmd()\\x1b[31m[red]\\u202e", "1", "2"] in rows
    assert json.loads(run("timeline", "--json").stdout)["counts"] == {"all": 3}
    listed = list(csv.DictReader(run("list", "--csv").stdout.splitlines()))
    assert [one["seq"] for one in listed] == ["3", "2", "1"]
    assert listed[0]["principal"].startswith("'=")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--withheld"], [1]),
        (["--unknown"], []),
        (["--provider", "openai", "--country", "US"], [1]),
        (["--finish-reason", "stop"], [1]),
        (["--stream"], [1]),
        (["--no-stream"], [3, 2]),
        (["--role", "tool"], [2]),
        (["--where", "total_ms>=250"], [1]),
        (["--where", "cost>1", "--where", "output_tokens<=34"], [1]),
        (["--where", "entity=CREDIT_CARD"], [2]),
    ],
)
def test_filters_reach_the_query(run: Callable[..., Result], arguments: list[str], expected: list[int]) -> None:
    lines = run("list", "--json", *arguments).stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["top", "colour"], "BY is one of: action"),
        (["timeline", "--by", "colour"], "--by is one of"),
        (["timeline", "--every", "3s"], "--every is whole minutes"),
        (["list", "--where", "nothing=1"], "--where: There is no such field. Fields: action"),
        (["list", "--where", "cost>=x"], "--where cost: a number is wanted"),
        (["stats", "--mode", "off"], "--mode is one of: enforce, observe"),
        (["stats", "--since", "1d", "--until", "2d"], "--since is not before --until"),
        (["stats", "--json", "--csv"], "Choose --json or --csv"),
    ],
)
def test_wrong_questions_name_the_option_and_what_is_allowed(
    run: Callable[..., Result], arguments: list[str], words: str
) -> None:
    result = run(*arguments, columns=4000)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


def test_summarizing_says_what_it_did_and_changes_no_answer(run: Callable[..., Result]) -> None:
    before = run("stats", "--json").output
    done = run("summarize")
    assert done.exit_code == 0
    assert done.output == "0 summaries made; 3 of 3 records are not summarized yet.\n"
    assert run("summarize", "--rebuild", "--until", "2026-11-24").exit_code == 0
    assert run("stats", "--json").output == run("stats", "--json", "--from-records").output == before
    assert run("top", "rule", "--csv", "--from-records").output == run("top", "rule", "--csv").output
    assert run("summarize", "--every", "5s").exit_code == 2
