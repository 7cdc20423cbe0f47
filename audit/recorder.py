"""What the gateway records with: asyncio in front, one writer thread behind, group commit between.

Whatever has queued up while the last transaction was being synced goes into the next one: one fsync for all that wait.
Imports no proxy and no settings. Logs states, never records.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from audit.checkpointer import Checkpointer, CheckpointPlan
from audit.errors import AuditError
from audit.records import Decision, Outcome, PolicyRecord
from audit.writer import Record, Writer

_log = logging.getLogger(__name__)

_BATCH = 512
"""Records with a waiter, and as many without, per transaction."""

_CHECK_INTERVAL_S = 2.0
"""How often an idle recorder looks whether the database is still there, or there again."""

_OUTCOME_DELAY_S = 0.05
"""How long an outcome that nobody waits for may wait for a decision to share its fsync with."""

_START_LIMIT_S = 1800.0
"""A database from before the ledger gets its leaves now: about a minute for a million records."""

_STOP_LIMIT_S = 30.0


@dataclass(slots=True, eq=False)
class _Job:
    record: Record
    future: asyncio.Future[None] | None
    since: float
    abandoned: bool = False


class Recorder:
    """Records decisions and outcomes durably. Bound to the event loop that called `start`.

    ``queue_limit``: records that may wait for the writer (as many outcomes again that nobody awaits).
    ``time_limit_s``: how long one record may take; ``busy_timeout_s``: how long SQLite waits for others' locks.
    Several processes may record into one database. ``checkpoints``: when the ledger's state is signed, with which key,
    and where that goes; None: never.
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
    ) -> None:
        self._url = url
        self._plan = checkpoints
        self._queue_limit = queue_limit
        self._time_limit_s = time_limit_s
        self._busy_timeout_s = busy_timeout_s
        self._check_interval_s = check_interval_s
        self._changed = threading.Condition()
        self._awaited: deque[_Job] = deque()
        self._fired: deque[_Job] = deque()
        self._stopping = False
        self._accepting = False
        self._problem: AuditError | None = None
        self._outcomes_lost = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ended: asyncio.Future[None] | None = None

    @property
    def ready(self) -> bool:
        """True if the last attempt to reach the database succeeded and records are being taken."""
        return self._accepting and self._problem is None

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
        self._loop, self._stopping, self._problem = loop, False, None
        self._thread = threading.Thread(target=self._run, args=(opened, ended), name="audit-writer", daemon=True)
        self._thread.start()
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                await opened
        except BaseException as error:
            with self._changed:
                self._stopping = True
                self._changed.notify()
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
        with self._changed:
            self._stopping = True
            self._changed.notify()
        ended, self._thread = self._ended, None
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                await asyncio.shield(ended)
        except TimeoutError:
            _log.error("The audit database did not answer while stopping; what was waiting is not recorded.")

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
        with self._changed:
            if self._accepting and len(self._fired) < self._queue_limit:
                self._fired.append(_Job(outcome, None, time.monotonic()))
                if len(self._fired) == 1:
                    self._changed.notify()
                return
        self._lose(1)

    async def _record(self, record: Record) -> None:
        if not self._accepting or self._loop is None:
            raise AuditError("stopped", "The audit recorder is not running.")
        job = _Job(record, self._loop.create_future(), time.monotonic())
        assert job.future is not None
        with self._changed:
            if len(self._awaited) >= self._queue_limit:
                raise AuditError("queue_full", "Too many records wait for the audit database: it is too slow or away.")
            self._awaited.append(job)
            if len(self._awaited) == 1:
                self._changed.notify()
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
        checkpointer = None
        try:
            try:
                writer.open()
                if self._plan is not None:
                    checkpointer = Checkpointer(self._plan, writer)
            except AuditError as error:
                self._settle([(opened, error)])
                return
            except Exception:
                self._settle([(opened, AuditError("unopenable", "The audit database could not be opened."))])
                return
            self._settle([(opened, None)])
            self._serve(writer, checkpointer)
        finally:
            self._accepting = False
            if checkpointer is not None:
                checkpointer.close()
            writer.close()
            self._settle([(ended, None)])

    def _serve(self, writer: Writer, checkpointer: Checkpointer | None) -> None:
        while True:
            jobs, stopping = self._next_jobs()
            if jobs:
                self._write(writer, jobs, last=stopping)
            elif stopping:
                return
            else:
                self._look(writer)
            if checkpointer is not None and self._problem is None:
                checkpointer.wrote(len(jobs))

    def _next_jobs(self) -> tuple[list[_Job], bool]:
        """What is to be written now, and whether this is the end; nothing: time to look after the database."""
        with self._changed:
            patience = self._check_interval_s
            while not self._awaited and not self._stopping:
                wait = patience
                if self._fired and self._problem is None:
                    wait = min(wait, self._fired[0].since + _OUTCOME_DELAY_S - time.monotonic())
                    if wait <= 0:
                        break
                if not self._changed.wait(wait) and wait == patience:
                    break
            return _take(self._awaited) + _take(self._fired), self._stopping

    def _write(self, writer: Writer, jobs: Sequence[_Job], *, last: bool) -> None:
        try:
            verdicts = writer.write([job.record for job in jobs])
        except AuditError as error:
            self._fail(jobs, error, last=last)
            return
        except Exception:
            self._fail(jobs, AuditError("unreachable", "The audit database could not be written."), last=last)
            return
        self._recovered()
        self._settle([(job.future, error) for job, error in zip(jobs, verdicts, strict=True) if job.future is not None])
        self._lose(sum(error is not None for job, error in zip(jobs, verdicts, strict=True) if job.future is None))

    def _fail(self, jobs: Sequence[_Job], error: AuditError, *, last: bool) -> None:
        if self._problem is None:
            _log.error("Nothing can be recorded, requests are refused. %s", error.message)
        self._problem = error
        fired = [job for job in jobs if job.future is None]
        if last:
            self._lose(len(fired))
        else:
            with self._changed:
                self._fired.extendleft(reversed(fired))
        self._settle([(job.future, AuditError(error.code, error.message)) for job in jobs if job.future is not None])

    def _look(self, writer: Writer) -> None:
        try:
            if self._problem is None:
                writer.check()
            else:
                writer.probe()
                self._recovered()
        except AuditError as error:
            self._fail((), error, last=False)
        except Exception:
            self._fail((), AuditError("unreachable", "The audit database does not answer."), last=False)

    def _recovered(self) -> None:
        if self._problem is not None:
            self._problem = None
            _log.warning("The audit database is back.")

    def _lose(self, count: int) -> None:
        if count:
            self._outcomes_lost += count
            _log.error("%d outcome(s) could not be recorded; their decisions show as unresolved.", count)

    def _settle(self, results: Sequence[tuple[asyncio.Future[None], AuditError | None]]) -> None:
        """Wake all waiters with one call into the loop."""
        if results and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(_resolve, results)


def _take(queue: deque[_Job]) -> list[_Job]:
    jobs: list[_Job] = []
    while queue and len(jobs) < _BATCH:
        job = queue.popleft()
        if not job.abandoned:
            jobs.append(job)
    return jobs


def _resolve(results: Sequence[tuple[asyncio.Future[None], AuditError | None]]) -> None:
    for future, error in results:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
