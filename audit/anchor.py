"""Carries checkpoints out of the database: to the end of a file, synced, and to a URL. A thread of its own.

Nothing that records waits for it. What cannot be delivered is said once and tried again; of several that wait, the
newest is enough, since it vouches for all before it. Also has them time-stamped. Imports no database.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from audit.checkpoint import parse_checkpoint, split_notes
from audit.errors import AuditError
from audit.timestamp import Stamper, stamp

_log = logging.getLogger(__name__)

_RETRY_S = 30.0
_TAIL_BYTES = 16_384
"""More than a checkpoint is long."""


class Anchor:
    """Takes notes at `publish`, delivers them in the background, makes a last attempt at `close`."""

    def __init__(
        self, file: Path | None, url: str | None, stamper: Stamper | None = None, *, time_limit_s: float = 10.0
    ) -> None:
        self._couriers: list[_Courier] = []
        if file is not None:
            self._couriers.append(_Courier("file", lambda note: append(file, note)))
        if url is not None:
            self._couriers.append(_Courier("URL", lambda note: post(url, note, time_limit_s)))
        if stamper is not None:
            self._couriers.append(
                _Courier("time-stamping authority", lambda note: stamp(stamper, size_in(note), note, time_limit_s))
            )

    @property
    def failing(self) -> frozenset[str]:
        """The places (``file``, ``URL``, ``time-stamping authority``) that did not take the newest checkpoint."""
        return frozenset(courier.place for courier in self._couriers if courier.failing)

    def publish(self, note: str) -> None:
        """Deliver soon; returns at once."""
        for courier in self._couriers:
            courier.send(note)

    def close(self, limit_s: float) -> None:
        """Deliver what waits, for ``limit_s`` at most."""
        end = time.monotonic() + limit_s
        for courier in self._couriers:
            courier.close()
        for courier in self._couriers:
            courier.join(max(0.0, end - time.monotonic()))


class _Courier:
    """One place and the thread that goes there: a URL that hangs keeps no file waiting."""

    def __init__(self, place: str, deliver: Callable[[str], None]) -> None:
        self.place = place
        self.failing = False
        self._deliver = deliver
        self._changed = threading.Condition()
        self._waiting: str | None = None
        self._fresh = False
        self._closing = False
        self._thread: threading.Thread | None = None

    def send(self, note: str) -> None:
        with self._changed:
            self._waiting, self._fresh, self._closing = note, True, False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"audit-anchor-{self.place}", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()

    def join(self, limit_s: float) -> None:
        if self._thread is not None:
            self._thread.join(limit_s)

    def _run(self) -> None:
        retry_at = 0.0
        while True:
            with self._changed:
                while not (self._closing or self._fresh):
                    left = None if self._waiting is None else retry_at - time.monotonic()
                    if left is not None and left <= 0:
                        break
                    self._changed.wait(left)
                note, self._waiting, self._fresh, closing = self._waiting, None, False, self._closing
            if note is not None and not self._attempt(note):
                retry_at = time.monotonic() + _RETRY_S
                with self._changed:
                    self._waiting = self._waiting or note
            with self._changed:
                if closing and not self._fresh:
                    self._thread = None
                    return

    def _attempt(self, note: str) -> bool:
        try:
            self._deliver(note)
        except (OSError, httpx.HTTPError, AuditError) as error:
            if not self.failing:
                reason = error.message if isinstance(error, AuditError) else type(error).__name__
                _log.error("A checkpoint of the audit ledger could not be written to its %s: %s", self.place, reason)
            self.failing = True
            return False
        if self.failing:
            _log.warning("Checkpoints of the audit ledger reach their %s again.", self.place)
        self.failing = False
        return True


def append(file: Path, note: str) -> None:
    """Add a note at the end of a file (mode 0644), durably. Raises OSError, AuditError.

    A smaller checkpoint than the last is not added: another process was faster.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        end = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, _TAIL_BYTES, max(0, end - _TAIL_BYTES))
        if size_in(note) <= last_size(tail):
            return
        # After a crash in mid-write the next note begins afresh.
        lead = b"" if not tail or tail.endswith(b"\n\n") else b"\n\n"
        _write_all(descriptor, lead + note.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def size_in(note: str) -> int:
    """Size of a note's checkpoint. Raises AuditError (``note``)."""
    return parse_checkpoint(note).checkpoint.size


def last_size(tail: bytes) -> int:
    """Size of the last whole checkpoint in the end of a file; -1 if there is none."""
    for note in reversed(list(split_notes(tail.decode("utf-8", "replace")))):
        try:
            return size_in(note)
        except AuditError:
            continue
    return -1


def post(url: str, note: str, time_limit_s: float) -> None:
    """POST a note as ``text/plain``. Raises httpx.HTTPError, also for an answer that is not 2xx."""
    with httpx.Client(timeout=time_limit_s, trust_env=False, follow_redirects=False) as client:
        answer = client.post(url, content=note.encode(), headers={"content-type": "text/plain; charset=utf-8"})
    if not answer.is_success:
        raise httpx.HTTPError("refused")


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
