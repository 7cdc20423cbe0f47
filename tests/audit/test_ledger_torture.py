"""kill -9 while several processes record: afterwards nothing that was acknowledged is missing, and verify passes.

``COATCHECK_TORTURE_ROUNDS=200`` makes it longer; ``COATCHECK_TEST_POSTGRESQL=URL`` runs it on PostgreSQL (see
``with_postgresql.py``).
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from audit.checkpoint import load_key, split_notes
from audit.database import open_database, open_read_only
from audit.verify import verify_database

ROUNDS = int(os.environ.get("COATCHECK_TORTURE_ROUNDS", "20"))
WRITERS = 2


@contextlib.contextmanager
def forks() -> Iterator[subprocess.Popen[str]]:
    program = Path(__file__).with_name("ledger_writers.py")
    with subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


def lines(files: list[Path]) -> int:
    return sum(file.read_bytes().count(b"\n") for file in files if file.exists())


def started(process: subprocess.Popen[str], line: str) -> int:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def test_nothing_acknowledged_is_lost_and_the_ledger_is_whole(ledger_url: str, tmp_path: Path) -> None:
    open_database(ledger_url)
    key_file, anchor = tmp_path / "ledger.key", tmp_path / "checkpoints"
    dice = random.Random(6962)
    acknowledged: set[str] = set()
    covered = 0
    with forks() as process:
        for number in range(ROUNDS):
            children = [started(process, f"{ledger_url} {key_file} {anchor}") for _ in range(WRITERS)]
            files = [Path(f"{key_file}.{child}") for child in children]
            enough = dice.randrange(1, 60)
            end = time.monotonic() + 60
            while lines(files) < enough and time.monotonic() < end:
                threading.Event().wait(dice.random() / 100)
            for child in children:
                os.kill(child, signal.SIGKILL)
            assert lines(files) >= enough, f"round {number}: the writers did not get going"
            for file in files:
                if file.exists():
                    acknowledged.update(file.read_text().split())
            report = verify_database(
                open_read_only(ledger_url),
                [load_key(key_file).public_key],
                [("anchor", _whole_notes(anchor))],
            )
            assert report.flaws == [], f"round {number}"
            covered = max(covered, report.covered)
        assert process.stdin is not None
        process.stdin.close()
    assert covered > 0
    with open_read_only(ledger_url).engine.connect() as connection:
        recorded = {str(key) for key in connection.execute(sa.text("SELECT id FROM decisions")).scalars()}
        size, last = connection.execute(sa.text("SELECT count(*), max(leaf) FROM ledger")).one()
        records = connection.execute(
            sa.text("SELECT (SELECT count(*) FROM decisions) + (SELECT count(*) FROM outcomes)")
        ).scalar_one()
    assert {one.replace("-", "") for one in acknowledged} <= {one.replace("-", "") for one in recorded}
    assert size == last + 1 == records


def _whole_notes(file: Path) -> list[str]:
    """A process that was killed may have left a note half-written; the next one begins afresh behind it."""
    if not file.exists():
        return []
    return [note for note in split_notes(file.read_text()) if "\n— " in note and note.count("\n") == 5]
