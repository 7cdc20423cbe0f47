"""What health and metrics say while the journal stands in for the database; the vault that starts late."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from addons.recording_health import STATES, measure, recording
from addons.settings import Settings
from addons.vault.errors import VaultError
from addons.vault_start import started
from audit.database import open_database
from audit.journal import JournalPlan
from audit.recorder import Recorder
from tests.audit.conftest import make_decision


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


class LateVault:
    """Starts at the third try."""

    def __init__(self) -> None:
        self.tries, self.stopped = 0, False

    async def start(self) -> None:
        self.tries += 1
        if self.tries < 3:
            raise VaultError("unavailable", "the database is away")

    async def stop(self) -> None:
        self.stopped = True


def test_the_section_has_defaults_and_a_switch(tmp_path: Path) -> None:
    assert Settings().journal.plan(tmp_path) == JournalPlan(tmp_path / "journal", 64 * 1024 * 1024, 1.0)
    given = Settings.model_validate({"journal": {"max_bytes": 0, "directory": str(tmp_path)}})
    assert given.journal.plan(tmp_path / "state") == JournalPlan(tmp_path, 0, 1.0)


async def test_health_and_metrics_show_the_journal(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'audit.db'}"
    open_database(url)
    recorder = Recorder(url, busy_timeout_s=0.05, check_interval_s=0.02, journal=JournalPlan(tmp_path / "journal"))
    registry = CollectorRegistry()
    measure(recorder, registry)
    assert recording(recorder)["state"] == "stopped"
    with locked(tmp_path / "audit.db"):
        await recorder.start()  # without its database
        await recorder.record_decision(make_decision())
        shown = recording(recorder)
        assert (shown["state"], shown["problem"], shown["journal_records"]) == ("journal", "locked", 1)
        assert shown["journal_bytes"] > 500 and 0 <= shown["journal_age_s"] < 60
        assert registry.get_sample_value("coatcheck_journal_records") == 1
        assert registry.get_sample_value("coatcheck_journal_bytes") == shown["journal_bytes"]
        assert registry.get_sample_value("coatcheck_audit_database_up") == 0
        vault = LateVault()
        async with started(vault, recorder, retry_s=0.001):  # type: ignore[arg-type]
            async with asyncio.timeout(10):
                while vault.tries < 3:  # noqa: ASYNC110  another task counts
                    await asyncio.sleep(0.001)
        assert vault.stopped
    async with asyncio.timeout(20):
        while recording(recorder)["state"] != "database":  # noqa: ASYNC110  another thread's state
            await asyncio.sleep(0.005)
    vault = LateVault()
    with pytest.raises(VaultError):
        async with started(vault, recorder):  # type: ignore[arg-type]
            pass
    await recorder.stop()
    assert recording(recorder)["state"] in STATES
    assert registry.get_sample_value("coatcheck_journal_age_seconds") == 0
