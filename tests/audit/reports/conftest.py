"""A record of two months with every destination, fate and failure that a report speaks of; made once for a module."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit.checkpointer import CheckpointPlan
from audit.cli import app
from audit.recorder import Recorder
from audit.records import Decision, Finding
from tests.audit.conftest import make_decision, make_finding, make_outcome, make_policy

type Run = Callable[..., Result]

HOSTILE = "\x1b[31m<script>alert(1)</script>\u202e&amp;"
OLD, NEW = "aa" * 32, "bb" * 32
OCTOBER = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
SEPTEMBER = dt.datetime(2026, 9, 15, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Archive:
    """A state directory with a filled record."""

    state: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.state / 'audit.db'}"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    state = tmp_path_factory.mktemp("reports") / "state"
    archive = Archive(state)
    asyncio.run(fill(archive.url, state))
    return archive


@pytest.fixture
def run(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COATCHECK_STATE_DIR", str(archive.state))
    monkeypatch.delenv("COATCHECK_DATABASE", raising=False)

    def call(*arguments: str, **more: Any) -> Result:
        return CliRunner().invoke(app, arguments, **more)

    return call


def people(first: int, last: int, entity: str = "PERSON", action: str = "mask") -> Finding:
    """As many distinct values, each found once."""
    prints = tuple(f"{entity.lower()}-{n:05d}" for n in range(first, last))
    return make_finding(entity=entity, count=last - first, fingerprints=prints, action=action)


def at(day: int, **changes: Any) -> Decision:
    """A decision of October that went to the United States, unless it is said otherwise."""
    values: dict[str, Any] = {
        "time": OCTOBER + dt.timedelta(days=day - 1, hours=9), "provider": "openai", "operation": "chat",
        "destination_country": "US", "policy_hash": OLD, "request_bytes": 1000, "time_source": "ntp",
        "detector_version": "rules-7+ner-coat-2", "model_version": "coat-2", "server_address": "api.example.com:443",
    }  # fmt: skip
    return make_decision(**(values | changes))


async def fill(url: str, state: Path) -> None:
    """Fourteen decisions of October, one of September, one of November."""
    plan = CheckpointPlan(state / "ledger.key", every_records=8, file=state / "ledger.checkpoints")
    recorder = Recorder(url, checkpoints=plan)
    await recorder.start()
    policy = '{"default":"mask","entities":{"PERSON":"mask"},"mode":"enforce","rules":[{"name":"cards"}]}'
    changed = '{"default":"mask","entities":{"PERSON":"allow"},"rules":[{"name":"cards"},{"name":"张伟"}]}'
    await recorder.record_policy(make_policy(hash=OLD, policy=policy, time=SEPTEMBER))
    await recorder.record_policy(make_policy(hash=NEW, policy=changed, time=OCTOBER + dt.timedelta(days=9)))
    refused: dict[str, Any] = {"action": "block", "route": None, "destination_country": None}
    decisions = [
        at(1, time=SEPTEMBER, findings=(people(0, 40),)),
        at(2, findings=(people(20, 70), people(0, 30, "EMAIL_ADDRESS"))),
        at(3, findings=(people(0, 5, "CREDIT_CARD"), make_finding(entity="ORGANIZATION", fingerprints=("o1",)))),
        at(4, action="allow", findings=(people(0, 12, "CREDIT_CARD", "allow"), people(0, 4, "NATIONAL_ID", "allow"))),
        at(5, action="allow", mode="observe", would_action="mask", findings=(people(60, 90),)),
        at(6, provider="anthropic", upstream="anthropic", route="anthropic", destination_country="DE",
           findings=(people(0, 3, "MEDICAL_RECORD"),)),
        at(7, provider=None, upstream="elsewhere", route="elsewhere", destination_country=None, action="allow",
           findings=(people(0, 2, "PHONE_NUMBER", "allow"),)),
        at(8, provider=None, action="reroute", route="on-prem", destination_country=None,
           findings=(people(0, 9, "HEALTH_INSURANCE", "reroute"),)),
        at(9, **refused, rule="cards", reason="entity:CREDIT_CARD", findings=(people(0, 2, "CREDIT_CARD", "block"),)),
        at(10, **refused, rule="fail_closed", reason="error:detector_timeout", findings=(), policy_hash=NEW),
        at(11, rule=HOSTILE, model=HOSTILE, policy_hash=NEW, findings=(make_finding(entity=HOSTILE),)),
        at(12, policy_hash=NEW, time_source="unsynchronized", findings=()),
        at(13, policy_hash=NEW, tenant="other", action="allow", findings=()),
        at(31, policy_hash=NEW, time=OCTOBER + dt.timedelta(days=30, hours=23, minutes=59), findings=()),
        at(1, time=OCTOBER + dt.timedelta(days=31), findings=(people(900, 999),)),
    ]  # fmt: skip
    for place, one in enumerate(decisions):
        await recorder.record_decision(one)
        if one.route is None or place == 12:
            continue
        told: dict[str, Any] = {"placeholders_unknown": int(place == 1), "placeholders_withheld": 2 * (place == 2)}
        if place == 11:
            told |= {"status": 502, "error": "upstream_disconnected", "complete": False}
        await recorder.record_outcome(make_outcome(one, **told))
    await recorder.stop()
