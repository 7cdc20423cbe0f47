"""A database of one's own per test, and records with fictional people's traffic."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from audit.ids import new_id
from audit.recorder import Recorder
from audit.records import Decision, Finding, Outcome, PolicyRecord

NOON = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)


def make_finding(**changes: Any) -> Finding:
    values: dict[str, Any] = {
        "entity": "EMAIL_ADDRESS",
        "recognizer": "EmailRecognizer",
        "count": 2,
        "max_score": 1.0,
        "role": "user",
        "path": "$.messages[*].content",
        "action": "mask",
        "fingerprints": ("f1e2d3c4", "a5b6c7d8"),
    }
    return Finding(**(values | changes))


def make_decision(**changes: Any) -> Decision:
    values: dict[str, Any] = {
        "id": new_id(),
        "time": NOON,
        "tenant": "default",
        "principal": "k:7f3a9c21",
        "upstream": "openai",
        "endpoint": "openai.chat",
        "action": "mask",
        "rule": "personal-data",
        "reason": "entity:EMAIL_ADDRESS",
        "route": "openai",
        "client_address": "192.0.2.7",
        "model": "gpt-example",
        "findings": (make_finding(),),
    }
    return Decision(**(values | changes))


def make_outcome(decision: Decision, **changes: Any) -> Outcome:
    values: dict[str, Any] = {
        "decision_id": decision.id,
        "time": decision.time + dt.timedelta(seconds=2),
        "status": 200,
        "input_tokens": 12,
        "output_tokens": 34,
        "upstream_ms": 812.5,
    }
    return Outcome(**(values | changes))


def make_policy(**changes: Any) -> PolicyRecord:
    values: dict[str, Any] = {
        "id": new_id(),
        "time": NOON,
        "tenant": "default",
        "hash": "6a" * 32,
        "policy": '{"default":"mask","mode":"enforce"}',
    }
    return PolicyRecord(**(values | changes))


@pytest.fixture
def decision() -> Callable[..., Decision]:
    return make_decision


@pytest.fixture
def finding() -> Callable[..., Finding]:
    return make_finding


@pytest.fixture
def outcome() -> Callable[..., Outcome]:
    return make_outcome


@pytest.fixture
def database_path(tmp_path: Path) -> Path:
    """The file of ``url``: whoever takes it is about SQLite itself."""
    return tmp_path / "state" / "audit.db"


@pytest.fixture
def ledger_url(url: str) -> str:
    """``url``, by the name that tests of the ledger use."""
    return url


@pytest.fixture
async def recorder(url: str) -> AsyncIterator[Recorder]:
    recorder = Recorder(url)
    await recorder.start()
    yield recorder
    await recorder.stop()
