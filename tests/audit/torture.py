"""kill -9 at random points while the database is taken away and given back: nothing acknowledged is ever missing.

    python -m tests.audit.torture --rounds 200
    python -m tests.audit.torture --rounds 200 --database postgresql

Each round: processes record through the recorder with its journal; meanwhile the database is locked (SQLite) or
stopped and started (PostgreSQL); all are killed. Then every acknowledged decision is in the database or in the journal,
and `verify` finds nothing. At the end the journal is drained: all is in the database, once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from audit.checkpoint import load_key, split_notes
from audit.database import open_database, open_read_only
from audit.errors import AuditError
from audit.journal import Journal, JournalPlan, scan
from audit.journal_drain import drain
from audit.journal_format import Batch
from audit.records import Decision
from audit.verify import verify_database
from audit.writer import Writer
from tests import postgresql

WRITERS = 2
_LIMIT_S = 120.0


@dataclass(slots=True)
class Torture:
    """One database under torture, in a folder of its own."""

    url: str
    folder: Path
    dice: random.Random
    server: postgresql.Server | None = None
    """Stopped and started; None: SQLite, which is locked."""
    acknowledged: set[str] = field(default_factory=set)
    in_journal: int = 0
    """Decisions that were found in the journal alone, over all rounds."""
    covered: int = 0

    @property
    def key_file(self) -> Path:
        return self.folder / "ledger.key"

    @property
    def anchor(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def plan(self) -> JournalPlan:
        return JournalPlan(self.folder / "journal")

    def round(self, writers: subprocess.Popen[str]) -> None:
        """Start, disturb, kill, check. Raises AssertionError."""
        line = f"{self.url} {self.key_file} {self.anchor} {self.plan.directory}"
        children = [_started(writers, line) for _ in range(WRITERS)]
        files = [Path(f"{self.key_file}.{child}") for child in children]
        end = time.monotonic() + _LIMIT_S
        enough = self.dice.randrange(1, 60)
        try:
            with self.away() if self.dice.random() < 0.7 else contextlib.nullcontext():
                _until(lambda: _lines(files) >= enough, end)
            if self.dice.random() < 0.5:  # die while draining
                threading.Event().wait(self.dice.random() / 5)
        finally:
            for child in children:
                os.kill(child, signal.SIGKILL)
        for file in files:
            self.acknowledged.update(key.replace("-", "") for key in file.read_text().split("\n")[:-1])
        self.check()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """The database is not there for the block's length."""
        threading.Event().wait(self.dice.random() / 5)
        if self.server is not None:
            self.server.stop()
            yield
            self.server.start()
            return
        path = self.url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield
            holder.execute("ROLLBACK")

    def check(self) -> None:
        """Everything acknowledged is somewhere; the ledger is whole."""
        recorded = self.recorded()
        kept = {key.replace("-", "") for key in kept_decisions(self.plan.directory)}
        assert self.acknowledged <= recorded | kept, f"{len(self.acknowledged - recorded - kept)} decisions are lost"
        self.in_journal += len((self.acknowledged & kept) - recorded)
        text = self.anchor.read_text() if self.anchor.exists() else ""
        notes = [note for note in split_notes(text) if note.count("\n") == 5 and "\n— " in note]
        keys = [load_key(self.key_file).public_key] if self.key_file.exists() else []
        report = verify_database(open_read_only(self.url), keys, [("anchor", notes)])
        assert report.flaws == [], report.flaws
        self.covered = max(self.covered, report.covered)

    def recorded(self) -> set[str]:
        with open_read_only(self.url).engine.connect() as connection:
            return {
                str(key).replace("-", "") for key in connection.execute(sa.text("SELECT id FROM decisions")).scalars()
            }

    def finish(self) -> None:
        """Drain what is left; then the database alone has everything, once."""
        journal, writer = Journal(self.plan), Writer(self.url, busy_timeout_s=30)
        journal.adopt()
        drain(journal, writer)
        journal.close()
        writer.close()
        assert list(self.plan.directory.glob("*.journal*")) == list(self.plan.directory.glob("*.torn"))
        assert self.acknowledged <= self.recorded()
        with open_read_only(self.url).engine.connect() as connection:
            size, last = connection.execute(sa.text("SELECT count(*), max(leaf) FROM ledger")).one()
            records = "SELECT (SELECT count(*) FROM decisions) + (SELECT count(*) FROM outcomes)"
            assert size == last + 1 == connection.execute(sa.text(records)).scalar_one()
        self.check()


def kept_decisions(directory: Path) -> Iterator[str]:
    """Ids of the decisions in a journal's files."""
    for path in directory.glob("*.journal"):
        with contextlib.suppress(FileNotFoundError):
            for _, found in scan(path.read_bytes()):
                if isinstance(found, Batch):
                    yield from (record.id for record in found.records() if isinstance(record, Decision))


@contextlib.contextmanager
def forks() -> Iterator[subprocess.Popen[str]]:
    """The process that forks writers."""
    program = Path(__file__).with_name("ledger_writers.py")
    with subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


def _started(process: subprocess.Popen[str], line: str) -> int:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def _lines(files: list[Path]) -> int:
    return sum(file.read_bytes().count(b"\n") for file in files) if all(file.exists() for file in files) else 0


def _until(condition: object, end: float) -> None:
    assert callable(condition)
    while not condition():
        assert time.monotonic() < end, "the writers did not get going"
        threading.Event().wait(0.002)


def torture(
    url: str, folder: Path, rounds: int, seed: int, *, server: postgresql.Server | None = None, say: bool = False
) -> Torture:
    """Run it. Raises AssertionError at the first round after which something is wrong."""
    open_database(url)
    one = Torture(url, folder, random.Random(seed), server)
    with forks() as process:
        for number in range(rounds):
            try:
                one.round(process)
            except (AssertionError, AuditError) as error:
                raise AssertionError(f"round {number}, seed {seed}: {error}") from error
            if say and (number + 1) % 20 == 0:
                print(f"{number + 1} rounds, {len(one.acknowledged)} decisions acknowledged", flush=True)
        assert process.stdin is not None
        process.stdin.close()
    one.finish()
    return one


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=6962)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="coatcheck-torture-"))
        server = None
        if given.database == "postgresql":
            server = stack.enter_context(postgresql.running(durable=True))
        url = f"sqlite:///{name}/audit.db" if server is None else server.url()
        began = time.monotonic()
        one = torture(url, Path(name), given.rounds, given.seed, server=server, say=True)
        print(f"{given.rounds} rounds on {given.database} in {time.monotonic() - began:.0f} s: "
              f"{len(one.acknowledged)} decisions acknowledged, none lost, none doubled; {one.in_journal} were in the "
              f"journal alone when their process was killed; checkpoints cover {one.covered} entries")  # fmt: skip


if __name__ == "__main__":
    main()
