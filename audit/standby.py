"""The thread that keeps records in the journal while the database is away, or takes too long.

Whatever has queued up while the last batch was being synced goes into the next one. Imports the journal and the intake;
no database. Logs states, never records.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from audit.errors import AuditError
from audit.intake import Intake, Job, Results
from audit.journal import Journal
from audit.journal_format import encode

_log = logging.getLogger(__name__)

_RETRY_S = 0.5
"""After a failure outcomes wait so long before they are tried again; decisions are refused at once."""


class Standby:
    """``settle`` wakes waiters; ``lose`` counts outcomes that nobody can keep."""

    def __init__(
        self,
        intake: Intake,
        journal: Journal,
        takeover_s: float,
        settle: Callable[[Results], None],
        lose: Callable[[int], None],
    ) -> None:
        self._intake, self._journal, self._takeover_s = intake, journal, takeover_s
        self._settle, self._lose = settle, lose
        self._retry_at = 0.0
        self.refusal: AuditError | None = None
        """Why the journal takes nothing at present."""
        self._thread = threading.Thread(target=self._run, name="audit-journal", daemon=True)

    def start(self) -> None:
        """Begin to watch the writer."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the end, if it began; the intake's ``writer_ended`` was set before."""
        if self._thread.ident is not None:
            self._thread.join()

    def room_again(self) -> None:
        """Some of the journal was drained."""
        self.refusal, self._retry_at = None, 0.0

    def _run(self) -> None:
        while jobs := self._next():
            self._keep(jobs)
            with self._intake.changed:
                self._intake.appending = False
                self._intake.changed.notify_all()

    def _next(self) -> Sequence[Job]:
        """What is to be kept now; nothing: the end."""
        intake = self._intake
        with intake.changed:
            while True:
                jobs: Sequence[Job] = ()
                if (intake.paused or not intake.carrying) and intake.overdue(self._takeover_s):
                    _log.warning("The audit database is slow to answer; the journal keeps what is recorded meanwhile.")
                    intake.carrying, intake.paused = True, False
                    jobs = [job for job in intake.in_hand if not job.kept and not job.abandoned]
                if intake.carrying and not intake.paused:
                    retrying = intake.stopping or time.monotonic() >= self._retry_at
                    jobs = jobs or intake.take(fired=retrying)
                if jobs:
                    intake.appending = True
                    return jobs
                if intake.writer_ended:
                    return ()
                intake.changed.wait(self._takeover_s / 2)

    def _keep(self, jobs: Sequence[Job]) -> None:
        invalid: list[Job] = []
        lines: list[bytes] = []
        kept: list[Job] = []
        for job in jobs:
            try:
                lines.append(encode(job.record))
                kept.append(job)
            except (ValueError, TypeError, AttributeError, OverflowError):
                invalid.append(job)
        wrong = AuditError("invalid", "This record cannot be recorded: a field is outside what the schema allows.")
        self._settle([(job.future, wrong) for job in invalid if job.future is not None])
        self._lose(sum(job.future is None for job in invalid))
        if not kept:
            return
        try:
            if self._intake.blocked is not None:
                raise self._intake.blocked
            self._journal.append(lines)
        except AuditError as error:
            self._refuse(kept, error)
            return
        self.refusal = None
        with self._intake.changed:
            for job in kept:
                job.kept = True
        self._settle([(job.future, None) for job in kept if job.future is not None])

    def _refuse(self, jobs: Sequence[Job], error: AuditError) -> None:
        if self.refusal is None:
            _log.error("Nothing can be recorded, requests are refused. %s", error.message)
        self.refusal, self._retry_at = error, time.monotonic() + _RETRY_S
        with self._intake.changed:
            held = set(map(id, self._intake.in_hand))  # the writer may still succeed with these
            jobs = [job for job in jobs if id(job) not in held]
            fired = [job for job in jobs if job.future is None]
            if self._intake.stopping:
                self._lose(len(fired))
            else:
                self._intake.put_back(fired)
        self._settle([(job.future, AuditError(error.code, error.message)) for job in jobs if job.future is not None])
