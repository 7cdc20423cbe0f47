"""While the database is away, records go into the journal and the gateway goes on; when it is back, all is in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from audit.checkpointer import CheckpointPlan
from audit.database import open_database, open_read_only
from audit.errors import AuditError
from audit.journal import Journal, JournalPlan
from audit.journal_format import encode
from audit.query import Query, Reader
from audit.recorder import Recorder
from audit.records import Decision, Outcome
from audit.verify import verify_database
from tests.audit.test_recorder import code_of, count, move, until

type Make[T] = Callable[..., T]


@pytest.fixture
def plan(tmp_path: Path) -> JournalPlan:
    return JournalPlan(tmp_path / "state" / "journal", takeover_s=0.1)


@pytest.fixture
async def recorder(url: str, plan: JournalPlan) -> AsyncIterator[Recorder]:
    recorder = Recorder(url, busy_timeout_s=0.05, check_interval_s=0.02, journal=plan)
    await recorder.start()
    yield recorder
    await recorder.stop()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


def state(recorder: Recorder) -> str:
    return recorder.status.state


def ids_in_order(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT record_id FROM ledger WHERE kind = 'decision' ORDER BY leaf")
        return [row[0] for row in rows]


async def test_a_locked_database_stops_nobody(
    recorder: Recorder, url: str, database_path: Path, plan: JournalPlan, caplog: pytest.LogCaptureFixture,
    decision: Make[Decision], outcome: Make[Outcome],
) -> None:  # fmt: skip
    decisions = [decision() for _ in range(40)]
    await recorder.record_decision(decisions[0])
    assert state(recorder) == "database"
    with locked(database_path):
        for one in decisions[1:]:
            await recorder.record_decision(one)
        recorder.submit_outcome(outcome(decisions[0]))
        await recorder.record_outcome(outcome(decisions[1]))
        assert recorder.ready
        status = recorder.status
        assert (status.state, status.problem) == ("journal", "locked")
        assert status.journal_records == 41
        assert 0 < status.journal_bytes == sum(file.stat().st_size for file in plan.directory.iterdir())
        assert count(f"sqlite:///{database_path}", "decisions") == 1
    await until(lambda: state(recorder) == "database")
    assert ids_in_order(database_path) == [one.id.replace("-", "") for one in decisions]
    assert count(f"sqlite:///{database_path}", "outcomes") == 2
    assert list(plan.directory.iterdir()) == []
    await recorder.record_decision(decision())
    await recorder.stop()
    assert count(f"sqlite:///{database_path}", "decisions") == 41
    assert recorder.outcomes_lost == 0
    assert verify_database(open_read_only(url)).flaws == []
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING", "WARNING"]


async def test_what_comes_while_the_journal_is_drained_keeps_its_place(
    recorder: Recorder, database_path: Path, decision: Make[Decision], outcome: Make[Outcome]
) -> None:
    first = [decision() for _ in range(1500)]
    with locked(database_path):
        await asyncio.gather(*(recorder.record_decision(one) for one in first))
    later: list[Decision] = []
    while state(recorder) != "database":
        assert len(later) < 20_000
        later.append(decision())
        await recorder.record_decision(later[-1])
        recorder.submit_outcome(outcome(later[-1]))
    await recorder.stop()
    assert later
    assert ids_in_order(database_path) == [one.id.replace("-", "") for one in (*first, *later)]
    assert count(f"sqlite:///{database_path}", "outcomes") == len(later)


async def test_the_journal_has_an_end(
    url: str, database_path: Path, plan: JournalPlan, decision: Make[Decision], outcome: Make[Outcome]
) -> None:
    recorder = Recorder(url, busy_timeout_s=0.05, check_interval_s=0.02, journal=JournalPlan(plan.directory, 20_000))
    await recorder.start()
    first = decision()
    await recorder.record_decision(first)
    kept = 1
    with locked(database_path):
        results: list[BaseException | None] = []
        while not any(results):
            results = await asyncio.gather(recorder.record_decision(decision()), return_exceptions=True)
            kept += results.count(None)
        assert await code_of(recorder.record_decision(decision())) == "journal_full"
        assert not recorder.ready and state(recorder) == "refusing"
        recorder.submit_outcome(outcome(first))
        assert kept > 5
    await until(lambda: state(recorder) == "database")
    await recorder.record_decision(decision())
    await recorder.stop()
    assert count(f"sqlite:///{database_path}", "decisions") == kept + 1
    assert count(f"sqlite:///{database_path}", "outcomes") == 1
    assert recorder.outcomes_lost == 0


async def test_a_writer_that_hangs_is_overtaken_and_nothing_is_doubled(
    url: str, database_path: Path, plan: JournalPlan, caplog: pytest.LogCaptureFixture,
    decision: Make[Decision], outcome: Make[Outcome],
) -> None:  # fmt: skip
    recorder = Recorder(url, busy_timeout_s=30, time_limit_s=20, check_interval_s=0.02, journal=plan)
    await recorder.start()
    one, other = decision(), decision()
    with locked(database_path):
        await asyncio.gather(recorder.record_decision(one), recorder.record_decision(other))
        recorder.submit_outcome(outcome(one))
        await recorder.record_outcome(outcome(other))
        assert count(f"sqlite:///{database_path}", "decisions") == 0
        assert recorder.status.journal_records == 4
    await until(lambda: state(recorder) == "database")
    await recorder.stop()
    assert count(f"sqlite:///{database_path}", "decisions") == count(f"sqlite:///{database_path}", "outcomes") == 2
    assert "slow to answer" in caplog.text
    assert recorder.outcomes_lost == 0


async def test_a_database_that_is_taken_away_and_put_back(
    recorder: Recorder, database_path: Path, decision: Make[Decision]
) -> None:
    await recorder.record_decision(decision())
    kept = database_path.with_name("kept.db")
    move(database_path, kept)
    for _ in range(3):
        await recorder.record_decision(decision())
    assert recorder.status.problem == "gone"
    move(kept, database_path)
    await until(lambda: state(recorder) == "database")
    assert count(f"sqlite:///{database_path}", "decisions") == 4


async def test_it_starts_without_its_database_and_leaves_what_it_kept_to_the_next(
    url: str, database_path: Path, plan: JournalPlan, tmp_path: Path, decision: Make[Decision]
) -> None:
    open_database(url)
    checkpoints = CheckpointPlan(tmp_path / "ledger.key", "example.org/ledger", file=tmp_path / "anchor")
    made = [decision() for _ in range(5)]
    recorder = Recorder(url, busy_timeout_s=0.05, check_interval_s=0.02, journal=plan, checkpoints=checkpoints)
    with locked(database_path):
        await recorder.start()
        assert recorder.ready and recorder.status.state == "journal"
        for one in made[:3]:
            await recorder.record_decision(one)
        await recorder.stop()
    assert recorder.status.state == "stopped"
    assert await code_of(recorder.record_decision(decision())) == "stopped"
    assert count(f"sqlite:///{database_path}", "decisions") == 0
    again = Recorder(url, check_interval_s=0.02, journal=plan, checkpoints=checkpoints)
    await again.start()
    for one in made[3:]:
        await again.record_decision(one)
    await until(lambda: again.status.journal_records == 0)
    await again.stop()
    assert sorted(ids_in_order(database_path)) == sorted(one.id.replace("-", "") for one in made)
    assert list(plan.directory.iterdir()) == []
    assert (tmp_path / "anchor").read_text().count("\n5\n") == 1


async def test_without_a_journal_what_an_earlier_run_left_is_drained(
    url: str, database_path: Path, plan: JournalPlan, decision: Make[Decision]
) -> None:
    left = Journal(plan)
    left.append([encode(decision()), encode(decision())])
    left.close()
    recorder = Recorder(url, busy_timeout_s=0.05, check_interval_s=0.02, journal=JournalPlan(plan.directory, 0))
    await recorder.start()
    await until(lambda: recorder.status.journal_records == 0)
    assert count(f"sqlite:///{database_path}", "decisions") == 2
    with locked(database_path):
        assert await code_of(recorder.record_decision(decision())) == "locked"
    await recorder.stop()


async def test_a_wrong_configuration_is_no_database_that_is_away(tmp_path: Path, plan: JournalPlan) -> None:
    (tmp_path / "place").write_text("in the way")
    assert await code_of(Recorder(str(tmp_path / "place" / "audit.db"), journal=plan).start()) == "unopenable"


async def test_a_damaged_ledger_is_not_papered_over(
    recorder: Recorder, database_path: Path, decision: Make[Decision]
) -> None:
    await recorder.record_decision(decision())
    await recorder.record_decision(decision())
    with contextlib.closing(sqlite3.connect(database_path, isolation_level=None)) as owner:
        owner.execute("DROP TRIGGER ledger_nodes_no_delete")
        owner.execute("DELETE FROM ledger_nodes")
        owner.execute("INSERT INTO ledger VALUES (2, 'decision', 99, ?, x'00', 2)", (decision().id.replace("-", ""),))
    assert await code_of(recorder.record_decision(decision())) == "damaged"
    assert not recorder.ready


async def test_a_record_that_cannot_be_recorded_is_refused_by_the_journal_too(
    recorder: Recorder, database_path: Path, decision: Make[Decision], caplog: pytest.LogCaptureFixture
) -> None:
    with locked(database_path), caplog.at_level(logging.ERROR):
        good = recorder.record_decision(decision())
        results = await asyncio.gather(recorder.record_decision(decision(detect_ms=float("nan"))), good,
                                       return_exceptions=True)  # fmt: skip
    assert isinstance(results[0], AuditError) and results[0].code == "invalid"
    assert results[1] is None


async def test_reading_while_the_journal_holds_records_shows_what_is_in_the_database(
    recorder: Recorder, url: str, database_path: Path, decision: Make[Decision]
) -> None:
    await recorder.record_decision(decision())
    with locked(database_path):
        await recorder.record_decision(decision())
        assert len(list(Reader(open_read_only(url)).records(Query()))) == 1
