"""What the gateway records with: asyncio in front, one writer thread behind, group commit between.

Whatever has queued up while the last transaction was being synced goes into the next one: one fsync for all that wait.
With a journal, a second thread (`audit.standby`) keeps records while the database is away; the writer drains it later.
Imports no proxy and no settings. Logs states, never records.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Sequence

from audit.checkpoint import load_or_create_key
from audit.checkpointer import Checkpointer, CheckpointPlan
from audit.errors import AuditError
from audit.intake import BATCH, Intake, Job, Results, resolve
from audit.journal import Journal, JournalPlan
from audit.journal_drain import drain_one
from audit.recorder_status import RecorderStatus
from audit.records import Decision, Outcome, PolicyRecord
from audit.standby import Standby
from audit.writer import Record, Writer

_log = logging.getLogger(__name__)

_CHECK_INTERVAL_S = 2.0
"""How often an idle recorder looks whether the database is still there, or there again."""

_ADOPT_INTERVAL_S = 15.0
"""How often one looks for journals of processes that have ended."""

_OUTCOME_DELAY_S = 0.05
"""How long an outcome that nobody waits for may wait for a decision to share its fsync with."""

_START_LIMIT_S = 1800.0
"""A database from before the ledger gets its leaves now: about a minute for a million records."""

_STOP_LIMIT_S = 30.0
_DRAIN_AT_STOP_S = 10.0
"""What is left in the journal then is drained by whoever starts next."""

_AWAY = frozenset({"full", "locked", "gone", "unreachable", "unopenable", "timeout"})
"""The database may come back. Others (``damaged``) need a person, and nothing is acknowledged meanwhile."""
_AWAY_AT_START = frozenset({"full", "locked", "unreachable", "timeout"})
"""``unopenable`` at start is a wrong configuration."""


class Recorder:
    """Records decisions and outcomes durably. Bound to the event loop that called `start`.

    ``queue_limit``: records that may wait for the writer (as many outcomes again that nobody awaits).
    ``time_limit_s``: how long one record may take; ``busy_timeout_s``: how long SQLite waits for others' locks.
    Several processes may record into one database. ``checkpoints``: when the ledger's state is signed, with which key,
    and where that goes; None: never. ``journal``: what keeps records while the database is away; None: nothing does.
    """

    def __init__(
        self,
        url: str,
        *,
        queue_limit: int = 10_000,
        time_limit_s: float = 5.0,
        busy_timeout_s: float = 2.0,
        check_interval_s: float = _CHECK_INTERVAL_S,
        checkpoints: CheckpointPlan | None = None,
        journal: JournalPlan | None = None,
    ) -> None:
        self._url = url
        self._plan = checkpoints
        self._journal_plan = journal
        self._queue_limit = queue_limit
        self._time_limit_s = time_limit_s
        self._busy_timeout_s = busy_timeout_s
        self._check_interval_s = check_interval_s
        self._intake = Intake()
        self._awaited, self._fired = self._intake.awaited, self._intake.fired
        self._accepting = False
        self._problem: AuditError | None = None
        self._outcomes_lost = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ended: asyncio.Future[None] | None = None
        self._journal: Journal | None = None
        self._standby: Standby | None = None
        self._checkpointer: Checkpointer | None = None
        self._adopted_at = 0.0
        self._drain_until = 0.0

    @property
    def ready(self) -> bool:
        """True if records are being taken: the database answered the last time, or the journal keeps them."""
        return self._accepting and self.status.state != "refusing"

    @property
    def status(self) -> RecorderStatus:
        """What becomes of records now."""
        standby, carrying = self._standby, self._intake.carrying
        code = None if self._problem is None else self._problem.code
        if not self._accepting:
            state = "stopped"
        elif standby is None or not carrying:
            state = "database" if code is None else "refusing"
        elif standby.refusal is not None or self._intake.blocked is not None:
            state = "refusing"
        else:
            state = "draining" if code is None else "journal"
        if self._journal is None:
            return RecorderStatus(state, problem=code)
        waiting = self._journal.waiting()
        return RecorderStatus(state, waiting.records, waiting.bytes, waiting.since, code)

    @property
    def problem(self) -> AuditError | None:
        """What keeps the database from being written, while it does."""
        return self._problem

    @property
    def outcomes_lost(self) -> int:
        """Outcomes given to `submit_outcome` that could not be recorded: their decisions show as unresolved."""
        return self._outcomes_lost

    async def start(self) -> None:
        """Open the database, creating or migrating it. Raises AuditError; may then be called again."""
        if self._thread is not None:
            return
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        self._ended = ended = loop.create_future()
        self._loop, self._problem, self._intake = loop, None, Intake()
        self._drain_until = 0.0
        self._awaited, self._fired = self._intake.awaited, self._intake.fired
        self._thread = threading.Thread(target=self._run, args=(opened, ended), name="audit-writer", daemon=True)
        self._thread.start()
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                await opened
        except BaseException as error:
            self._say_stop()
            self._thread = None
            if isinstance(error, TimeoutError):
                raise AuditError("timeout", "The audit database did not open in time: see what holds it.") from None
            raise
        self._accepting = True

    async def stop(self) -> None:
        """Record all that was taken, then close. What cannot be recorded is counted in `outcomes_lost` and logged."""
        if self._thread is None or self._ended is None:
            return
        self._accepting = False
        self._say_stop()
        ended, self._thread = self._ended, None
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                await asyncio.shield(ended)
        except TimeoutError:
            _log.error("The audit database did not answer while stopping; what was waiting is not recorded.")

    def _say_stop(self) -> None:
        with self._intake.changed:
            self._intake.stopping = True
            self._intake.changed.notify_all()

    async def record_decision(self, decision: Decision) -> None:
        """Return once the decision is durable. Raises AuditError: then nothing of the request may leave.

        After ``timeout`` the decision may still become durable; it then shows as unresolved.
        """
        await self._record(decision)

    async def record_policy(self, policy: PolicyRecord) -> None:
        """Return once the policy is durable; nothing is written if its tenant had it before. Raises AuditError."""
        await self._record(policy)

    async def record_outcome(self, outcome: Outcome) -> None:
        """Return once the outcome is durable. Raises AuditError."""
        await self._record(outcome)

    def submit_outcome(self, outcome: Outcome) -> None:
        """Record soon, without waiting: never blocks, never raises. Kept through outages, up to the queue's limit."""
        with self._intake.changed:
            if self._accepting and len(self._fired) < self._queue_limit:
                self._fired.append(Job(outcome, None, time.monotonic()))
                if len(self._fired) == 1:
                    self._intake.changed.notify_all()
                return
        self._lose(1)

    async def _record(self, record: Record) -> None:
        if not self._accepting or self._loop is None:
            raise AuditError("stopped", "The audit recorder is not running.")
        job = Job(record, self._loop.create_future(), time.monotonic())
        assert job.future is not None
        with self._intake.changed:
            if len(self._awaited) >= self._queue_limit:
                raise AuditError("queue_full", "Too many records wait for the audit database: it is too slow or away.")
            self._awaited.append(job)
            if len(self._awaited) == 1:
                self._intake.changed.notify_all()
        try:
            async with asyncio.timeout(self._time_limit_s):
                await job.future
        except TimeoutError:
            raise AuditError("timeout", "The audit database did not answer in time: see what holds it.") from None
        finally:
            job.abandoned = True

    # From here on: the writer thread.

    def _run(self, opened: asyncio.Future[None], ended: asyncio.Future[None]) -> None:
        writer = Writer(self._url, busy_timeout_s=self._busy_timeout_s)
        try:
            try:
                self._open(writer)
            except AuditError as error:
                self._settle([(opened, error)])
                return
            except Exception:
                self._settle([(opened, AuditError("unopenable", "The audit database could not be opened."))])
                return
            self._settle([(opened, None)])
            self._serve(writer)
        finally:
            self._accepting = False
            with self._intake.changed:
                self._intake.writer_ended = True
                self._intake.changed.notify_all()
            if self._standby is not None:
                self._standby.join()
            if self._checkpointer is not None:
                self._checkpointer.close()
            if self._journal is not None:
                self._journal.close()
            self._standby = self._checkpointer = self._journal = None
            writer.close()
            self._settle([(ended, None)])

    def _open(self, writer: Writer) -> None:
        plan = self._journal_plan
        if plan is not None:
            self._journal = Journal(plan)
            self._adopt(self._journal)
            if plan.max_bytes:
                self._standby = Standby(self._intake, self._journal, plan.takeover_s, self._settle, self._lose)
        try:
            writer.open()
            self._check_in(writer)
        except AuditError as error:
            if self._standby is None or error.code not in _AWAY_AT_START:
                raise
            if self._plan is not None:  # a wrong key is told now
                load_or_create_key(self._plan.key_file, self._plan.origin)
            self._problem, self._intake.carrying = error, True
            _log.error("Records go into the journal until the audit database is there. %s", error.message)
        if self._standby is not None:
            self._standby.start()

    def _check_in(self, writer: Writer) -> None:
        if self._plan is not None and self._checkpointer is None:
            self._checkpointer = Checkpointer(self._plan, writer)

    def _adopt(self, journal: Journal) -> None:
        self._adopted_at = time.monotonic()
        if count := journal.adopt():
            _log.warning("%d record(s) of a gateway that ended are in the audit journal; they are drained.", count)

    def _serve(self, writer: Writer) -> None:
        while True:
            jobs, stopping = self._next_jobs()
            if jobs:
                self._write(writer, jobs, last=stopping)
            drained = self._drain(writer, stopping=stopping)
            if not jobs and not drained:
                if stopping and self._emptied():
                    return
                if not stopping:
                    self._look(writer)
            if self._checkpointer is not None and self._problem is None:
                self._checkpointer.wrote(len(jobs) + drained)

    def _next_jobs(self) -> tuple[list[Job], bool]:
        """What is to be written now, and whether this is the end; nothing: time to look after the database."""
        intake = self._intake
        with intake.changed:
            end = time.monotonic() + self._check_interval_s
            while not (intake.stopping or self._to_drain() or (intake.awaited and not intake.carrying)):
                wait = end - time.monotonic()
                if intake.fired and self._problem is None and not intake.carrying:
                    wait = min(wait, intake.fired[0].since + _OUTCOME_DELAY_S - time.monotonic())
                if wait <= 0:
                    break
                intake.changed.wait(wait)
            jobs = [] if intake.carrying else intake.take()
            intake.in_hand = jobs
            return jobs, intake.stopping

    def _to_drain(self) -> bool:
        """True if the journal can be drained now, or is, so that the writer has its turn again."""
        if self._journal is None or self._problem is not None:
            return False
        idle = self._intake.carrying and not self._intake.appending
        return idle or self._journal.waiting().records > 0

    def _write(self, writer: Writer, jobs: Sequence[Job], *, last: bool) -> None:
        try:
            verdicts = writer.write([job.record for job in jobs])
        except AuditError as error:
            self._fail(jobs, error, last=last)
            return
        except Exception:
            self._fail(jobs, AuditError("unreachable", "The audit database could not be written."), last=last)
            return
        self._recovered(writer)
        with self._intake.changed:
            self._intake.in_hand = ()
            # What the journal has too is passed over when it is drained.
            lost = sum(e is not None and j.future is None and not j.kept for j, e in zip(jobs, verdicts, strict=True))
            for job in jobs:
                job.kept = True
        self._settle([(job.future, error) for job, error in zip(jobs, verdicts, strict=True) if job.future is not None])
        self._lose(lost)

    def _fail(self, jobs: Sequence[Job], error: AuditError, *, last: bool) -> None:
        away = self._standby is not None and error.code in _AWAY
        if self._problem is None or self._problem.code != error.code:
            said = "Records go into the journal" if away else "Nothing can be recorded, requests are refused"
            _log.error("%s. %s", said, error.message)
        self._problem = error
        with self._intake.changed:
            self._intake.in_hand = ()
            self._intake.blocked = None if away or self._standby is None else error
            if self._standby is not None:
                self._intake.carrying, self._intake.paused = True, False
                self._intake.put_back(jobs)
                self._intake.changed.notify_all()
                return
            fired = [job for job in jobs if job.future is None]
            if last:
                self._lose(len(fired))
            else:
                self._intake.put_back(fired)
        self._settle([(job.future, AuditError(error.code, error.message)) for job in jobs if job.future is not None])

    def _drain(self, writer: Writer, *, stopping: bool) -> int:
        """Bring the next batch of the journal into the database; returns how many records that were."""
        if self._journal is None or self._problem is not None:
            return 0
        if stopping and not self._drain_until:
            self._drain_until = time.monotonic() + _DRAIN_AT_STOP_S
        if stopping and time.monotonic() > self._drain_until:
            return 0
        try:
            drained = drain_one(self._journal, writer)
        except AuditError as error:
            self._fail((), error, last=False)
            return 0
        except Exception:
            self._fail((), AuditError("unreachable", "The audit journal could not be drained."), last=False)
            return 0
        if drained and self._standby is not None:
            self._standby.room_again()
        self._hand_back(self._journal)
        return drained

    def _hand_back(self, journal: Journal) -> None:
        """Once all that this process kept is drained, records go to the database again.

        Near the end the journal's thread is held up, else it might keep records as fast as they are drained.
        """
        intake = self._intake
        with intake.changed:
            if not intake.carrying or journal.waiting(own=True).records > BATCH:
                return
            intake.paused = True
            if intake.appending or journal.waiting(own=True).records:
                return
            journal.settle()
            intake.carrying = intake.paused = False
        _log.warning("The audit journal is drained; records go to the database again.")

    def _emptied(self) -> bool:
        """At the end: true if the journal's thread has nothing more to keep."""
        with self._intake.changed:
            if self._intake.carrying and (self._intake.awaited or self._intake.fired or self._intake.appending):
                self._intake.changed.wait(_OUTCOME_DELAY_S)
                return False
            return True

    def _look(self, writer: Writer) -> None:
        if self._journal is not None and time.monotonic() - self._adopted_at > _ADOPT_INTERVAL_S:
            self._adopt(self._journal)
        try:
            if self._problem is None:
                writer.check()
            else:
                writer.probe()
                self._recovered(writer)
        except AuditError as error:
            self._fail((), error, last=False)
        except Exception:
            self._fail((), AuditError("unreachable", "The audit database does not answer."), last=False)

    def _recovered(self, writer: Writer) -> None:
        if self._problem is None:
            return
        try:
            self._check_in(writer)
        except AuditError as error:
            _log.error("The audit ledger cannot be signed: %s", error.message)
        self._problem = None
        with self._intake.changed:
            self._intake.blocked = None
        _log.warning("The audit database is back.")

    def _lose(self, count: int) -> None:
        if count:
            self._outcomes_lost += count
            _log.error("%d outcome(s) could not be recorded; their decisions show as unresolved.", count)

    def _settle(self, results: Results) -> None:
        """Wake all waiters with one call into the loop."""
        if results and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(resolve, results)
