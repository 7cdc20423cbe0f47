"""What the gateway speaks to: asyncio in front, a writing thread and a reading one behind.

Imports this room. Whatever has queued up while the last transaction was being synced goes into the next one, as in
``audit.recorder``: one sync for all that wait. The writing thread also destroys what has expired. Logs states only.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from addons.masking.restorer import Original
from addons.vault.errors import VaultError
from addons.vault.keyring import KeyRing
from addons.vault.names import Owner
from addons.vault.store import Job, Store
from addons.wire.types import StoredObject

log = logging.getLogger("coatcheck")

_BATCH = 256
_STOP_LIMIT_S = 30.0


@dataclass(slots=True, eq=False)
class _Waiting:
    job: Job
    future: asyncio.Future[None]
    abandoned: bool = False


class Vault:
    """Keeps, finds and forgets. Bound to the event loop that called `start`."""

    def __init__(
        self,
        url: str,
        ring: KeyRing,
        tenant: str,
        *,
        time_to_live: dt.timedelta,
        time_limit_s: float = 5.0,
        queue_limit: int = 10_000,
        sweep_every_s: float = 600.0,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        """``time_limit_s``: how long one call may take."""
        self._tenant = tenant
        self._time_limit_s = time_limit_s
        self._queue_limit = queue_limit
        self._sweep_every_s = sweep_every_s
        self._now = now
        self._writer = Store(url, ring, time_to_live, writes=True)
        self._reader = Store(url, ring, time_to_live, writes=False)
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="vault-reader")
        self._changed = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._stopping = False
        self._accepting = False
        self._problem: VaultError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ended: asyncio.Future[None] | None = None

    @property
    def ready(self) -> bool:
        """True if the last attempt to write succeeded and calls are taken."""
        return self._accepting and self._problem is None

    async def start(self) -> None:
        """Open the tables, creating them, and the tenant's data key. Raises VaultError."""
        self._loop = loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        self._ended = loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(opened, self._ended), name="vault-writer", daemon=True)
        self._thread.start()
        try:
            await opened
        except BaseException:
            self._thread = None
            raise
        self._accepting = True

    async def stop(self) -> None:
        """Write all that was taken, then close."""
        if self._thread is None or self._ended is None:
            return
        self._accepting = False
        with self._changed:
            self._stopping = True
            self._changed.notify()
        ended, self._thread = self._ended, None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_LIMIT_S):
                await asyncio.shield(ended)
                await asyncio.get_running_loop().run_in_executor(self._reading, self._reader.close)
        self._reading.shutdown(wait=False)

    def owner(self, principal: str) -> Owner:
        """Whose objects a principal's are: this gateway's tenant's."""
        return Owner(self._tenant, principal)

    async def write(self, *jobs: Job) -> None:
        """Return once all are durable. Raises VaultError: then none may be counted on."""
        loop = self._loop
        if not self._accepting or loop is None:
            raise VaultError("stopped", "The vault is not running.")
        waiting = [_Waiting(job, loop.create_future()) for job in jobs]
        with self._changed:
            if len(self._queue) + len(waiting) > self._queue_limit:
                raise VaultError("queue_full", "Too many writes wait for the vault's database.")
            self._queue.extend(waiting)
            self._changed.notify()
        try:
            async with asyncio.timeout(self._time_limit_s):
                await asyncio.gather(*[one.future for one in waiting])
        except TimeoutError:
            raise VaultError("timeout", "The vault's database did not answer in time.") from None
        finally:
            for one in waiting:
                one.abandoned = True

    async def find(self, principal: str, names: Sequence[StoredObject]) -> list[Mapping[str, Original] | None]:
        """For each name what its placeholders stand for; None for what this principal has not. Raises VaultError."""
        loop = self._loop
        if not self._accepting or loop is None:
            raise VaultError("stopped", "The vault is not running.")
        try:
            async with asyncio.timeout(self._time_limit_s):
                return await loop.run_in_executor(
                    self._reading, self._reader.find, self.owner(principal), list(names), self._now()
                )
        except TimeoutError:
            raise VaultError("timeout", "The vault's database did not answer in time.") from None

    # From here on: the writing thread.

    def _run(self, opened: asyncio.Future[None], ended: asyncio.Future[None]) -> None:
        try:
            try:
                self._writer.open()
                self._writer.ensure_key(self._tenant, self._now())
            except VaultError as error:
                self._settle([(opened, error)])
                return
            except Exception as error:
                log.error("the vault could not be opened: %s", type(error).__name__)
                self._settle([(opened, VaultError("unavailable", "The vault could not be opened."))])
                return
            self._settle([(opened, None)])
            self._serve()
        finally:
            self._accepting = False
            self._writer.close()
            self._settle([(ended, None)])

    def _serve(self) -> None:
        sweep_at = time.monotonic()
        while True:
            batch, stopping = self._next(sweep_at - time.monotonic())
            if batch:
                self._write(batch)
            elif stopping:
                return
            if time.monotonic() >= sweep_at and not stopping:
                sweep_at = time.monotonic() + (self._sweep_every_s if not self._sweep() else 0.0)

    def _next(self, patience: float) -> tuple[list[_Waiting], bool]:
        with self._changed:
            while not self._queue and not self._stopping and patience > 0:
                if not self._changed.wait(patience):
                    break
                patience = max(patience, 0.001)
            batch: list[_Waiting] = []
            while self._queue and len(batch) < _BATCH:
                one = self._queue.popleft()
                if not one.abandoned:
                    batch.append(one)
            return batch, self._stopping

    def _write(self, batch: Sequence[_Waiting]) -> None:
        error: VaultError | None = None
        try:
            self._writer.write([one.job for one in batch], self._now())
        except VaultError as failed:
            error = failed
        except Exception as failed:
            log.error("writing to the vault failed: %s", type(failed).__name__)
            error = VaultError("unavailable", "The vault could not be written.")
        self._note(error)
        self._settle([(one.future, error) for one in batch])

    def _sweep(self) -> bool:
        """Destroy some of what has expired; True if there may be more."""
        try:
            more = self._writer.sweep(self._now()) > 0
        except VaultError as error:
            self._note(error)
            return False
        except Exception as error:
            log.error("sweeping the vault failed: %s", type(error).__name__)
            return False
        self._note(None)
        return more

    def _note(self, error: VaultError | None) -> None:
        if error is not None and self._problem is None:
            log.error("The vault cannot be written. %s", error.message)
        elif error is None and self._problem is not None:
            log.warning("The vault is back.")
        self._problem = error

    def _settle(self, results: Sequence[tuple[asyncio.Future[None], VaultError | None]]) -> None:
        """Wake all waiters with one call into the loop."""
        if results and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(_resolve, results)


def _resolve(results: Sequence[tuple[asyncio.Future[None], VaultError | None]]) -> None:
    for future, error in results:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(VaultError(error.code, error.message))
