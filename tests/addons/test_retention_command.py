"""``coatcheck retention`` removes what the configuration says, for its tenant, and says what."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from addons.retention_command import retention
from audit.checkpoint import load_or_create_key
from audit.database import open_read_only
from audit.query import Query, Reader
from audit.verify import verify_database
from audit.writer import Writer
from tests.audit.conftest import make_decision, make_outcome

RULES = """
retention:
  rules:
    - {days: 400}
    - {days: 90, action: [allow], endpoint: [openai.chat]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "coatcheck.yaml"
    file.write_text(f"state_dir: {tmp_path}\n{RULES}")
    writer = Writer(str(tmp_path / "audit.db"), busy_timeout_s=1)
    now = dt.datetime.now(dt.UTC)
    made = [
        make_decision(time=now - dt.timedelta(days=days), action=action, tenant=tenant)
        for days, action, tenant in (
            (500, "mask", "default"), (500, "mask", "other"), (100, "mask", "default"), (100, "allow", "default"),
            (1, "allow", "default"),
        )
    ]  # fmt: skip
    assert writer.write([record for one in made for record in (one, make_outcome(one))]) == [None] * 10
    writer.close()
    return file


def ran(*words: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(retention)
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


def test_rules_are_carried_out(config: Path, tmp_path: Path) -> None:
    said = ran("--config", str(config), "--dry-run")
    assert said == (0, "1 record(s) older than 400 days\n1 record(s) older than 90 days\n")
    assert ran("--config", str(config))[0] == 1  # no key: no tombstone, and nothing goes
    key = load_or_create_key(tmp_path / "ledger.key")
    code, output = ran("--config", str(config))
    assert code == 0 and output.count("tombstone") == 2
    database = open_read_only(str(tmp_path / "audit.db"))
    assert sorted(record.seq for record in Reader(database).records(Query())) == [2, 3, 5]
    assert verify_database(database, [key.public_key]).flaws == []


def test_no_rules_are_a_wrong_configuration(tmp_path: Path) -> None:
    file = tmp_path / "coatcheck.yaml"
    file.write_text(f"state_dir: {tmp_path}\n")
    code, output = ran("--config", str(file))
    assert code == 2 and "retention.rules" in output
