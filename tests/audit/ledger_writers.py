"""Writers to be killed: forks a process per line read, so that a round costs no start of an interpreter.

Run as a program by ``test_ledger_torture.py`` and ``torture.py``; reads ``URL KEYFILE ANCHOR [JOURNAL]`` lines, forks a
writer for each, prints its process id. A writer records decisions and outcomes without end and appends the ids that
were acknowledged to the file ``KEYFILE.PID``. Ends when its input does; a writer ends only by being killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from audit.checkpointer import CheckpointPlan
from audit.journal import JournalPlan
from audit.recorder import Recorder
from tests.audit.conftest import make_decision, make_outcome


async def write_without_end(url: str, key_file: str, anchor: str, journal: str | None = None) -> None:
    plan = CheckpointPlan(Path(key_file), "example.org/torture", every_records=7, file=Path(anchor))
    if journal is None:
        recorder = Recorder(url, checkpoints=plan, busy_timeout_s=20, time_limit_s=30)
    else:
        kept = JournalPlan(Path(journal), takeover_s=0.2)
        recorder = Recorder(
            url, checkpoints=plan, busy_timeout_s=0.1, time_limit_s=30, check_interval_s=0.05, journal=kept
        )
    await recorder.start()
    acknowledged = os.open(f"{key_file}.{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def caller() -> None:
        while True:
            decision = make_decision()
            await recorder.record_decision(decision)
            os.write(acknowledged, f"{decision.id}\n".encode())
            recorder.submit_outcome(make_outcome(decision))

    await asyncio.gather(*(caller() for _ in range(4)))


def main() -> None:
    for line in iter(sys.stdin.readline, ""):
        places = line.split()
        child = os.fork()
        if child == 0:
            sys.stdin.close()
            try:
                asyncio.run(write_without_end(*places))
            finally:
                os._exit(1)
        print(child, flush=True)


if __name__ == "__main__":
    main()
