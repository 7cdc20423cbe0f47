"""A small ledger with every kind of entry and hostile text, and the commands on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit.checkpointer import CheckpointPlan
from audit.cli import app
from audit.recorder import Recorder
from audit.records import Decision
from tests.audit.conftest import make_decision, make_finding, make_outcome, make_policy

type Run = Callable[..., Result]

HOSTILE = "\x1b[31m=cmd|' /C calc'!A0\n<script>\u202e a=b\\|c"


@dataclass(frozen=True, slots=True)
class Ledger:
    """A state directory such as a gateway leaves, made once for a module: the tests read it only."""

    state: Path
    decisions: list[Decision]

    @property
    def url(self) -> str:
        return f"sqlite:///{self.state / 'audit.db'}"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    state = tmp_path_factory.mktemp("exports") / "state"
    return Ledger(state, asyncio.run(fill(state)))


@pytest.fixture
def recorded(ledger: Ledger) -> list[Decision]:
    """Six decisions, of which two were blocked, one is hostile, the last one has no outcome."""
    return ledger.decisions


@pytest.fixture
def run(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COATCHECK_STATE_DIR", str(ledger.state))
    monkeypatch.delenv("COATCHECK_DATABASE", raising=False)

    def call(*arguments: str, **more: Any) -> Result:
        return CliRunner().invoke(app, arguments, **more)

    return call


async def fill(state: Path) -> list[Decision]:
    """Leaves: 0 a policy, 1 to 9 decisions and outcomes."""
    plan = CheckpointPlan(state / "ledger.key", every_records=5, file=state / "ledger.checkpoints")
    recorder = Recorder(f"sqlite:///{state / 'audit.db'}", checkpoints=plan)
    await recorder.start()
    await recorder.record_policy(make_policy())
    common: dict[str, Any] = {
        "server_address": "api.example.com:443", "http_method": "POST", "provider": "openai", "operation": "chat",
        "destination_country": "US", "policy_hash": "6a" * 32,
    }  # fmt: skip
    refused: dict[str, Any] = common | {"action": "block", "route": None, "destination_country": None}
    decisions = [
        make_decision(**common),
        make_decision(
            **common, findings=(make_finding(), make_finding(entity="PERSON", count=1, fingerprints=("0a1b2c3d",)))
        ),
        make_decision(**refused, rule="cards", reason="entity:CREDIT_CARD"),
        make_decision(**common | {"server_address": None}, model=HOSTILE, rule=HOSTILE, client_address="2001:db8::7"),
        make_decision(**refused, rule="fail_closed", reason="error:detector_timeout", findings=()),
        make_decision(**common, proxy_user="张伟"),
    ]
    for one in decisions:
        await recorder.record_decision(one)
        if one is decisions[3]:
            await recorder.record_outcome(make_outcome(one, status=502, error="upstream_disconnected", complete=False))
        elif one.route is not None and one is not decisions[-1]:
            await recorder.record_outcome(make_outcome(one, response_bytes=512, finish_reason="stop"))
    await recorder.stop()
    return decisions
