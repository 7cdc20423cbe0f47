"""Durable before it returns; refuses when it cannot; comes back when the database does; loses nothing it took."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from audit.database import open_read_only
from audit.errors import AuditError
from audit.query import Query, Reader
from audit.recorder import Recorder
from audit.records import Decision, Outcome
from tests.databases import count

type Make[T] = Callable[..., T]

ROOT = Path(__file__).parents[2]

CHILD = """
import asyncio, sys
from audit.recorder import Recorder
sys.path.insert(0, "tests/audit")
from conftest import make_decision

async def main(url, count, hang):
    recorder = Recorder(url)
    await recorder.start()
    async def one():
        decision = make_decision()
        await recorder.record_decision(decision)
        print(decision.id, flush=True)
    for _ in range(count // 10):
        await asyncio.gather(*(one() for _ in range(10)))
    if hang:
        print("done", flush=True)
        await asyncio.Event().wait()
    await recorder.stop()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "hang"))
"""


def child(url: str, count: int, then: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(count), then], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def move(source: Path, target: Path) -> None:
    assert not target.exists()
    source.rename(target)


async def code_of(recording: Awaitable[None]) -> str:
    with pytest.raises(AuditError) as caught:
        await recording
    assert caught.value.__cause__ is None
    return caught.value.code


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  what is waited for happens in another thread or process
            await asyncio.sleep(0.005)


@pytest.fixture
def page_limit() -> Iterator[list[int]]:
    """The number of pages that SQLite may use: a disk as full as one wants."""
    limit = [2**31]

    def connect(connection: object, _record: object) -> None:
        assert isinstance(connection, sqlite3.Connection)
        connection.execute(f"PRAGMA max_page_count={limit[0]}")

    event.listen(Engine, "connect", connect)
    yield limit
    event.remove(Engine, "connect", connect)


@pytest.mark.postgresql_too
async def test_a_decision_is_readable_by_others_when_it_returns(
    recorder: Recorder, url: str, decision: Make[Decision], outcome: Make[Outcome]
) -> None:
    recorded = decision(model="示例模型", would_action="block", mode="observe", stream=True, detect_ms=1.25)
    await recorder.record_decision(recorded)
    assert Reader(open_read_only(url)).find(recorded.id).decision == recorded
    ended = outcome(recorded, first_byte_ms=10.5, error="broken_stream", complete=False)
    await recorder.record_outcome(ended)
    assert Reader(open_read_only(url)).find(recorded.id).outcome == ended


async def test_many_at_once_share_transactions_and_all_are_there(
    recorder: Recorder, url: str, decision: Make[Decision]
) -> None:
    commits = 0

    def commit(_connection: object) -> None:
        nonlocal commits
        commits += 1

    event.listen(Engine, "commit", commit)
    await asyncio.gather(*(recorder.record_decision(decision()) for _ in range(700)))
    event.remove(Engine, "commit", commit)
    assert count(url, "decisions") == 700
    assert 2 <= commits < 70


async def test_one_bad_record_does_not_take_its_neighbours_along(
    recorder: Recorder, url: str, decision: Make[Decision], outcome: Make[Outcome]
) -> None:
    known = decision()
    await recorder.record_decision(known)
    bad = [
        recorder.record_decision(known),
        recorder.record_decision(decision(action="forward")),
        recorder.record_decision(decision(mode="dream")),
        recorder.record_decision(decision(request_bytes=2**70)),
        recorder.record_decision(decision(id="not an id")),
        recorder.record_decision(decision(time=decision().time.replace(tzinfo=None))),
        recorder.record_decision(decision(detect_ms=float("nan"))),
        recorder.record_decision(decision(tenant=None)),
        recorder.record_outcome(outcome(decision())),
    ]
    good = [recorder.record_decision(decision()) for _ in range(20)]
    results = await asyncio.gather(*bad, *good, return_exceptions=True)
    assert [type(result) for result in results[: len(bad)]] == [AuditError] * len(bad)
    assert {result.code for result in results if isinstance(result, AuditError)} == {"invalid"}
    assert results[len(bad) :] == [None] * 20
    assert count(url, "decisions") == 21
    assert recorder.ready


async def test_a_decision_has_one_outcome(recorder: Recorder, decision: Make[Decision], outcome: Make[Outcome]) -> None:
    recorded = decision()
    await recorder.record_decision(recorded)
    await recorder.record_outcome(outcome(recorded))
    assert await code_of(recorder.record_outcome(outcome(recorded))) == "invalid"


async def test_errors_quote_nothing(
    recorder: Recorder, caplog: pytest.LogCaptureFixture, decision: Make[Decision], outcome: Make[Outcome]
) -> None:
    for record in (decision(action="Zhang San"), decision(id="Zhang San")):
        with pytest.raises(AuditError) as caught:
            await recorder.record_decision(record)
        assert "Zhang" not in str(caught.value)
    recorder.submit_outcome(outcome(decision(), error="Zhang San"))
    await recorder.stop()
    assert recorder.outcomes_lost == 1
    assert "Zhang" not in caplog.text


async def test_hostile_text_is_recorded_and_comes_back_as_text(
    recorder: Recorder, url: str, decision: Make[Decision]
) -> None:
    hostile = decision(model="a\0b\ud800c\x1b[31m", proxy_user="'; DROP TABLE decisions; --", rule="x" * 5000)
    await recorder.record_decision(hostile)
    back = Reader(open_read_only(url)).find(hostile.id).decision
    assert back.model == "a\\x00b\\ud800c\x1b[31m"
    assert back.proxy_user == hostile.proxy_user
    assert back.rule == "x" * 1023 + "…"


async def test_fired_outcomes_are_drained_at_stop(url: str, decision: Make[Decision], outcome: Make[Outcome]) -> None:
    recorder = Recorder(url)
    await recorder.start()
    decisions = [decision(findings=()) for _ in range(1500)]
    await asyncio.gather(*(recorder.record_decision(one) for one in decisions))
    for one in decisions:
        recorder.submit_outcome(outcome(one))
    await recorder.stop()
    assert count(url, "outcomes") == 1500
    assert recorder.outcomes_lost == 0


async def test_fired_outcomes_need_no_push(
    recorder: Recorder, url: str, decision: Make[Decision], outcome: Make[Outcome]
) -> None:
    recorded = decision()
    await recorder.record_decision(recorded)
    recorder.submit_outcome(outcome(recorded))
    await until(lambda: count(url, "outcomes") == 1)


async def test_not_running_means_refusing(url: str, decision: Make[Decision], outcome: Make[Outcome]) -> None:
    recorder = Recorder(url)
    assert not recorder.ready
    assert await code_of(recorder.record_decision(decision())) == "stopped"
    await recorder.start()
    assert recorder.ready
    await recorder.stop()
    assert not recorder.ready
    assert await code_of(recorder.record_decision(decision())) == "stopped"
    recorder.submit_outcome(outcome(decision()))
    assert recorder.outcomes_lost == 1
    await recorder.stop()
    await recorder.start()
    await recorder.record_decision(decision())
    await recorder.stop()


async def test_start_says_why_it_cannot_and_can_be_tried_again(tmp_path: Path, decision: Make[Decision]) -> None:
    (tmp_path / "place").write_text("in the way")
    recorder = Recorder(str(tmp_path / "place" / "audit.db"))
    assert await code_of(recorder.start()) == "unopenable"
    assert not recorder.ready
    (tmp_path / "place").unlink()
    await recorder.start()
    await recorder.record_decision(decision())
    await recorder.stop()


async def test_a_full_disk_refuses_and_recovers(
    url: str, database_path: Path, page_limit: list[int], caplog: pytest.LogCaptureFixture,
    decision: Make[Decision], outcome: Make[Outcome],
) -> None:  # fmt: skip
    recorder = Recorder(url, check_interval_s=0.02)
    await recorder.start()
    first = decision()
    await recorder.record_decision(first)
    await recorder.stop()
    page_limit[0] = 1  # SQLite takes it as "not more than there are now"
    await recorder.start()
    results: list[BaseException | None] = []
    while not any(results):  # a page or two were still free
        recording = recorder.record_decision(decision(reason="x" * 1000))
        results += await asyncio.gather(recording, return_exceptions=True)
    assert await code_of(recorder.record_decision(decision(reason="x" * 1000))) == "full"
    assert {result.code for result in results if isinstance(result, AuditError)} == {"full"}
    assert count(url, "decisions") == 1 + results.count(None)
    assert "Nothing can be recorded" in caplog.text
    durable = count(url, "decisions")
    recorder.submit_outcome(outcome(first, error="x" * 1000, response_model="y" * 1000))
    page_limit[0] = 2**31
    await until(lambda: recorder.ready)
    await recorder.record_decision(decision())
    await recorder.stop()
    assert count(url, "decisions") == durable + 1
    assert count(url, "outcomes") == 1
    assert "is back" in caplog.text
    assert recorder.outcomes_lost == 0


async def test_a_database_locked_by_someone_refuses_and_recovers(
    url: str, database_path: Path, decision: Make[Decision], outcome: Make[Outcome]
) -> None:
    recorder = Recorder(url, busy_timeout_s=0.05, check_interval_s=0.02)
    await recorder.start()
    first = decision()
    await recorder.record_decision(first)
    holder = sqlite3.connect(database_path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert await code_of(recorder.record_decision(decision())) == "locked"
    assert not recorder.ready
    problem = recorder.problem
    assert problem is not None and problem.code == "locked"
    recorder.submit_outcome(outcome(first))
    holder.execute("ROLLBACK")
    holder.close()
    await until(lambda: recorder.ready)
    assert recorder.problem is None
    await recorder.stop()
    assert count(url, "outcomes") == 1


async def test_a_writer_that_hangs_means_a_time_out(url: str, database_path: Path, decision: Make[Decision]) -> None:
    recorder = Recorder(url, busy_timeout_s=30, time_limit_s=0.05)
    await recorder.start()
    holder = sqlite3.connect(database_path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    codes = await asyncio.gather(*(code_of(recorder.record_decision(decision())) for _ in range(5)))
    assert codes == ["timeout"] * 5
    # The writer holds one batch; what queued behind it was given up on and must not turn up later.
    codes = await asyncio.gather(*(code_of(recorder.record_decision(decision())) for _ in range(5)))
    assert codes == ["timeout"] * 5
    holder.execute("ROLLBACK")
    holder.close()
    await recorder.stop()
    assert count(url, "decisions") <= 5


async def test_the_queue_is_bounded(
    url: str, database_path: Path, decision: Make[Decision], outcome: Make[Outcome]
) -> None:
    recorder = Recorder(url, queue_limit=3, busy_timeout_s=30, time_limit_s=20)
    await recorder.start()
    first = decision()
    await recorder.record_decision(first)
    holder = sqlite3.connect(database_path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    in_writing = asyncio.create_task(recorder.record_decision(decision()))
    await asyncio.sleep(0)
    await until(lambda: len(recorder._awaited) == 0)  # the writer has it, and waits for the lock
    waiting = [asyncio.create_task(recorder.record_decision(decision())) for _ in range(3)]
    await until(lambda: len(recorder._awaited) == 3)
    assert await code_of(recorder.record_decision(decision())) == "queue_full"
    for _ in range(4):
        recorder.submit_outcome(outcome(first))
    assert recorder.outcomes_lost == 1
    holder.execute("ROLLBACK")
    holder.close()
    await asyncio.gather(in_writing, *waiting)
    await recorder.stop()
    assert count(url, "decisions") == 5
    assert recorder.outcomes_lost == 3


async def test_a_removed_database_is_noticed_though_writing_would_still_work(
    url: str, database_path: Path, decision: Make[Decision]
) -> None:
    recorder = Recorder(url, check_interval_s=0.02)
    await recorder.start()
    await recorder.record_decision(decision())
    kept = database_path.with_name("kept.db")
    move(database_path, kept)
    await until(lambda: not recorder.ready)  # even without traffic
    assert await code_of(recorder.record_decision(decision())) == "gone"
    move(kept, database_path)
    await until(lambda: recorder.ready)
    await recorder.record_decision(decision())
    await recorder.stop()
    assert count(url, "decisions") == 2


@pytest.mark.parametrize("removed", ["audit.db", "audit.db-wal"])
async def test_a_record_that_went_into_a_removed_file_is_refused(
    recorder: Recorder, database_path: Path, decision: Make[Decision], removed: str
) -> None:
    await recorder.record_decision(decision())
    database_path.with_name(removed).unlink()
    assert await code_of(recorder.record_decision(decision())) == "gone"


async def test_a_cancelled_caller_harms_nobody(recorder: Recorder, url: str, decision: Make[Decision]) -> None:
    tasks = [asyncio.create_task(recorder.record_decision(decision())) for _ in range(50)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[1::2] == [None] * 25
    await recorder.record_decision(decision())
    assert 26 <= count(url, "decisions") <= 51


def test_what_was_acknowledged_survives_kill_9(url: str) -> None:
    process = child(url, 200, "hang")
    assert process.stdout is not None
    acknowledged = [line.strip() for line in iter(process.stdout.readline, "done\n")]
    process.kill()
    process.communicate()
    assert len(acknowledged) == 200
    reader = Reader(open_read_only(url))
    assert {record.decision.id for record in reader.records(Query())} == set(acknowledged)


def test_what_was_acknowledged_survives_kill_9_under_load(url: str) -> None:
    process = child(url, 1_000_000, "stop")
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(37)]
    process.kill()
    rest, _ = process.communicate()
    acknowledged += [line for line in rest.splitlines() if len(line) == 36]
    recorded = {record.decision.id for record in Reader(open_read_only(url)).records(Query())}
    assert set(acknowledged) <= recorded
    # And the database takes records again.
    again = child(url, 10, "stop")
    assert len(again.communicate()[0].split()) == 10


def test_several_processes_record_into_one_database(url: str) -> None:
    processes = [child(url, 300, "stop") for _ in range(3)]
    ids = [key for process in processes for key in process.communicate(timeout=120)[0].split()]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(set(ids)) == 900
    records = list(Reader(open_read_only(url)).records(Query(limit=1000)))
    assert {record.decision.id for record in records} == set(ids)
    assert all(len(record.decision.findings) == 1 for record in records)


async def test_nothing_is_logged_when_all_is_well(
    url: str, caplog: pytest.LogCaptureFixture, decision: Make[Decision]
) -> None:
    recorder = Recorder(url)
    with caplog.at_level(logging.INFO, logger="audit"):
        await recorder.start()
        await recorder.record_decision(decision())
        await recorder.stop()
    assert caplog.text == "" or "audit" not in {record.name.split(".")[0] for record in caplog.records}
