"""Signed when due and at the end, in the file and at the URL; by one of several; with words when history changed."""

from __future__ import annotations

import dataclasses
import http.server
import logging
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit.anchor import Anchor, append, last_size
from audit.checkpoint import Checkpoint, load_key, parse_checkpoint, split_notes
from audit.checkpointer import Checkpointer, CheckpointPlan
from audit.database import open_read_only
from audit.errors import AuditError
from audit.note import SigningKey
from audit.recorder import Recorder
from audit.records import Decision
from audit.verify import verify_database
from audit.writer import Writer

KEY = SigningKey("example.org/ledger", bytes(range(32)))


def note_of(size: int) -> str:
    return Checkpoint(KEY.name, size, bytes(32)).signed(KEY)


def sizes(file: Path) -> list[int]:
    return [parse_checkpoint(note).checkpoint.size for note in split_notes(file.read_text())]


def stored(url: str) -> list[int]:
    with open_read_only(url).engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT size FROM ledger_checkpoints ORDER BY size").scalars())


@pytest.fixture
def plan(tmp_path: Path) -> CheckpointPlan:
    return CheckpointPlan(
        tmp_path / "keys" / "ledger.key", "example.org/ledger", every_records=10, every_s=3600,
        file=tmp_path / "anchor" / "checkpoints",
    )  # fmt: skip


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes], list[int]]]:
    """A place on loopback that takes notes; answers with the statuses given, then 200."""
    taken: list[bytes] = []
    statuses: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = statuses.pop(0) if statuses else 200
            if status == 200:
                taken.append(body)
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}/notes", taken, statuses
        listening.shutdown()
        thread.join()


async def test_recording_signs_by_number_and_at_the_end(
    url: str, plan: CheckpointPlan, decision: Callable[..., Decision]
) -> None:
    recorder = Recorder(url, checkpoints=plan)
    await recorder.start()
    for _ in range(25):
        await recorder.record_decision(decision())
    await recorder.stop()
    assert stored(url)[-1] == 25 and len(stored(url)) == 3
    assert plan.file is not None and sizes(plan.file)[-1] == 25
    key = load_key(plan.key_file).public_key
    notes = list(split_notes(plan.file.read_text()))
    report = verify_database(open_read_only(url), [key], [("file", notes)])
    assert (report.verdict, report.covered) == (0, 25)
    # Nothing new: nothing is signed again.
    await recorder.start()
    await recorder.stop()
    assert stored(url)[-1] == 25 and len(stored(url)) == 3


async def test_a_key_that_cannot_be_read_keeps_it_from_starting(url: str, plan: CheckpointPlan) -> None:
    plan.key_file.parent.mkdir()
    plan.key_file.write_text("nothing of the kind")
    recorder = Recorder(url, checkpoints=plan)
    with pytest.raises(AuditError) as caught:
        await recorder.start()
    assert caught.value.code == "key"


def test_it_signs_by_time(url: str, plan: CheckpointPlan, decision: Callable[..., Decision]) -> None:
    writer = Writer(url, busy_timeout_s=1)
    checkpointer = Checkpointer(dataclasses.replace(plan, every_s=0.000_001), writer)
    writer.write([decision()])
    checkpointer.wrote(0)
    writer.write([decision()])
    checkpointer.wrote(0)
    assert stored(url) == [1, 2]
    checkpointer.close()
    writer.close()


def test_processes_that_share_a_database_share_the_signing(
    url: str, plan: CheckpointPlan, decision: Callable[..., Decision]
) -> None:
    writers = [Writer(url, busy_timeout_s=1) for _ in range(2)]
    checkpointers = [Checkpointer(plan, writer) for writer in writers]
    for one in range(6):
        writers[one % 2].write([decision() for _ in range(5)])
    for checkpointer in checkpointers:
        checkpointer.wrote(15)
    assert stored(url) == [30]
    for checkpointer, writer in zip(checkpointers, writers, strict=True):
        checkpointer.close()
        writer.close()


@pytest.mark.parametrize("how", ["older copy", "lost hashes"])
def test_a_database_that_is_not_the_signed_one_is_told_at_start(
    url: str,
    database_path: Path,
    plan: CheckpointPlan,
    decision: Callable[..., Decision],
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    writer = Writer(url, busy_timeout_s=1)
    writer.write([decision() for _ in range(3)])
    writer.close()
    shutil.copyfile(database_path, database_path.with_name("copy.db"))
    checkpointer = Checkpointer(plan, writer)
    writer.write([decision() for _ in range(3)])
    checkpointer.close()
    writer.close()
    Checkpointer(plan, writer).close()
    assert caplog.text == ""
    writer.close()
    if how == "older copy":
        shutil.copyfile(database_path.with_name("copy.db"), database_path)
    else:
        connection = sqlite3.connect(database_path, isolation_level=None)
        connection.execute("DROP TRIGGER ledger_nodes_no_delete")
        connection.execute("DELETE FROM ledger_nodes WHERE level = 2")
        connection.close()
    Checkpointer(plan, writer).close()
    assert "does not hold what its last checkpoint vouches for" in caplog.text
    writer.close()


def test_a_failing_signature_harms_no_recording(
    url: str, database_path: Path, plan: CheckpointPlan, caplog: pytest.LogCaptureFixture
) -> None:
    writer = Writer(url, busy_timeout_s=0.01)
    writer.open()
    checkpointer = Checkpointer(plan, writer)
    holder = sqlite3.connect(database_path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    checkpointer.wrote(1000)
    holder.execute("ROLLBACK")
    holder.close()
    assert "could not be signed" in caplog.text
    checkpointer.close()
    writer.close()


def test_the_file_grows_and_never_back(tmp_path: Path) -> None:
    file = tmp_path / "some" / "checkpoints"
    for size in (3, 9, 5, 9, 12):
        append(file, note_of(size))
    assert sizes(file) == [3, 9, 12]


def test_after_a_crash_in_mid_write_the_next_note_stands_alone(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints"
    append(file, note_of(3))
    whole = file.read_bytes()
    for cut in range(1, len(note_of(4)), 7):
        file.write_bytes(whole + note_of(4).encode()[:cut])
        append(file, note_of(8))
        notes = list(split_notes(file.read_text(errors="replace")))
        assert notes[0] == note_of(3) and notes[-1] == note_of(8)
    assert last_size(b"nothing") == -1


def test_a_url_gets_the_note(server: tuple[str, list[bytes], list[int]], tmp_path: Path) -> None:
    address, taken, _ = server
    anchor = Anchor(tmp_path / "checkpoints", address)
    anchor.publish(note_of(3))
    anchor.close(10)
    assert taken == [note_of(3).encode()]
    assert sizes(tmp_path / "checkpoints") == [3]
    assert anchor.failing == frozenset()


def test_what_a_url_refuses_is_kept_and_said_once(
    server: tuple[str, list[bytes], list[int]], caplog: pytest.LogCaptureFixture
) -> None:
    address, taken, statuses = server
    anchor = Anchor(None, address)
    for size, status in ((3, 500), (4, 302)):
        statuses[:] = [status] * 2  # closing tries once more if the first attempt was over by then
        anchor.publish(note_of(size))
        anchor.close(10)
        assert anchor.failing == {"URL"}
    assert caplog.text.count("could not be written to its URL") == 1
    statuses.clear()
    anchor.publish(note_of(5))
    anchor.close(10)
    assert taken == [note_of(5).encode()]
    assert anchor.failing == frozenset()
    assert "again" in caplog.text


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "taken").write_text("")
    anchor = Anchor(tmp_path / "taken" / "checkpoints", None)
    with caplog.at_level(logging.ERROR):
        anchor.publish(note_of(3))
        anchor.close(10)
    assert "could not be written to its file" in caplog.text
    assert anchor.failing == {"file"}
