"""What the recorder's threads share: the queues of records, who takes from them, and the lock around both.

The writer takes while the database answers. While ``carrying`` is set the journal's thread takes instead, so that an
outcome never overtakes its decision. Imports records and the error only.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from audit.errors import AuditError
from audit.records import Decision, Outcome, PolicyRecord

BATCH = 512
"""Records with a waiter, and as many without, per transaction."""

type Results = Sequence[tuple[asyncio.Future[None], AuditError | None]]


@dataclass(slots=True, eq=False)
class Job:
    """One record on its way."""

    record: Decision | Outcome | PolicyRecord
    future: asyncio.Future[None] | None
    """None: nobody waits."""
    since: float
    abandoned: bool = False
    kept: bool = False
    """It is durable, in the database or in the journal."""


class Intake:
    """The queues. Every field is read and written with ``changed`` held."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.awaited: deque[Job] = deque()
        self.fired: deque[Job] = deque()
        self.in_hand: Sequence[Job] = ()
        """What the writer is writing now."""
        self.carrying = False
        """The journal takes what comes."""
        self.paused = False
        """The journal's thread takes nothing more: the rest is being drained, then the writer takes over."""
        self.appending = False
        """The journal's thread has records that are not durable yet."""
        self.blocked: AuditError | None = None
        """Why not even the journal may take anything."""
        self.stopping = False
        self.writer_ended = False

    def take(self, *, fired: bool = True) -> list[Job]:
        """The next records, those with a waiter first."""
        return _take(self.awaited) + (_take(self.fired) if fired else [])

    def put_back(self, jobs: Sequence[Job]) -> None:
        """To the front, in their order; without what the journal has and what was given up."""
        remaining = [job for job in jobs if not job.kept and not job.abandoned]
        self.awaited.extendleft(job for job in reversed(remaining) if job.future is not None)
        self.fired.extendleft(job for job in reversed(remaining) if job.future is None)

    def overdue(self, limit_s: float) -> bool:
        """True if somebody has waited longer for the writer."""
        before = time.monotonic() - limit_s
        waiting = next((job for job in self.awaited if not job.abandoned), None)
        if waiting is not None and waiting.since < before:
            return True
        return any(job.future is not None and not job.abandoned and job.since < before for job in self.in_hand)


def _take(queue: deque[Job]) -> list[Job]:
    jobs: list[Job] = []
    while queue and len(jobs) < BATCH:
        job = queue.popleft()
        if not job.abandoned:
            jobs.append(job)
    return jobs


def resolve(results: Results) -> None:
    """Wake those who wait, in their own loop."""
    for future, error in results:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
