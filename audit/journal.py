"""What carries records while the database is away: files of the state directory, a lock each, drained in order later.

A process appends to files of its own and holds their locks; a file whose process has ended is taken over by whoever
finds it. What is drained is deleted; what is damaged is kept under another name and said. One thread appends, another
reads. Imports the file's format; no database.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.errors import AuditError
from audit.ids import new_id
from audit.journal_format import (
    BATCH_HEAD_BYTES,
    HEADER_BYTES,
    ID_BYTES,
    VERSION_LINE,
    Batch,
    batch,
    batch_at,
    header,
    next_batch_after,
)

_log = logging.getLogger(__name__)

DIRECTORY = "journal"
"""Name of the journal's directory in the state directory."""
SUFFIX = ".journal"
DEFAULT_MAX_BYTES = 64 * 1024 * 1024
_SMALLEST_FILE = 64 * 1024
_FILES = 8
"""A full journal has about so many files: what was drained is given back file by file."""


@dataclass(frozen=True, slots=True)
class JournalPlan:
    """Where the journal lies and how large it may become."""

    directory: Path
    max_bytes: int = DEFAULT_MAX_BYTES
    """0: nothing is kept; what an earlier run left is drained."""
    takeover_s: float = 1.0
    """The database may take so long; then the journal keeps what waits."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the journal holds for the database."""

    records: int
    bytes: int
    since: float | None
    """Unix time of the oldest file, by the clock of whoever made it."""


class _File:
    """One file of the journal, locked by this process."""

    def __init__(self, path: Path, fd: int, name: bytes, size: int) -> None:
        self.path, self.fd, self.name = path, fd, name
        self.size = size
        """Durable up to here."""
        self.read_at = HEADER_BYTES
        self.number = 0
        """Of the next batch to append."""
        self.waiting = 0
        """Records not drained."""
        self.sealed = False
        self.adopted = False
        self.damage: list[tuple[int, int]] = []

    def next(self, limit: int) -> list[Batch]:
        """The batches to drain now, of about ``limit`` records; none at the end. Damaged ones are passed over."""
        found: list[Batch] = []
        at, count = self.read_at, 0
        while at < self.size and count < limit:
            one = self._batch(at)
            if one is None:
                data = os.pread(self.fd, self.size, 0)
                resume = next_batch_after(data, at, self.name) or self.size
                self.note_damage(at, resume)
                at = resume
                continue
            found.append(one)
            at, count = one.end, count + one.count
        if not found:
            self.read_at = at
        return found

    def _batch(self, at: int) -> Batch | None:
        head = os.pread(self.fd, BATCH_HEAD_BYTES, at)
        length = int.from_bytes(head[12:16], "big")
        if length > self.size - at:
            return None
        found = batch_at(head + os.pread(self.fd, length, at + len(head)), 0, self.name)
        return found and Batch(found.number, found.payload, at + found.end)

    def note_damage(self, at: int, end: int) -> None:
        """Say it once."""
        if any(at == known for known, _ in self.damage):
            return
        self.damage.append((at, end))
        after = "what follows is read" if end < self.size else "nothing follows"
        _log.critical(
            "The audit journal %s is damaged at byte %d: the records in its bytes %d to %d are lost (%s). The file is "
            "kept as %s.damaged: compare it with a backup.", self.path, at, at, end, after, self.path.name
        )  # fmt: skip

    def discard(self) -> None:
        """Everything is in the database: delete, or keep it aside if a part could not be read."""
        with contextlib.suppress(OSError):
            if self.damage:
                self.path.rename(self.path.with_name(self.path.name + ".damaged"))
            else:
                self.path.unlink()
        os.close(self.fd)


class Journal:
    """The journal of one process, and what dead ones left. Creates nothing until something must be kept."""

    def __init__(self, plan: JournalPlan) -> None:
        self._plan = plan
        self._lock = threading.Lock()
        self._files: list[_File] = []
        self._draining: _File | None = None
        self._passed_over: set[Path] = set()
        self._file_bytes = max(plan.max_bytes // _FILES, _SMALLEST_FILE)

    def waiting(self, *, own: bool = False) -> Waiting:
        """What was kept and is not drained; ``own``: without what dead processes left."""
        with self._lock:
            files = [file for file in self._files if not (own and file.adopted)]
            held = [file for file in files if file.waiting]
            return Waiting(
                sum(file.waiting for file in files),
                sum(file.size for file in held),
                min((made(file.path) for file in held), default=None),
            )

    def append(self, lines: Sequence[bytes]) -> None:
        """Durable on return. Raises AuditError: ``journal_full``, ``journal``; then none of them is kept."""
        if self._plan.max_bytes == 0:
            raise AuditError("journal_full", "There is no journal: journal.max_bytes is 0.")
        try:
            file = self._appendable()
            data = batch(file.name, file.number, lines)
            with self._lock:
                used = sum(one.size for one in self._files)
            if used + len(data) > self._plan.max_bytes:
                raise AuditError("journal_full", f"The audit journal is full ({self._plan.max_bytes} bytes, "
                                 "journal.max_bytes): nothing can be recorded until the database is back.")  # fmt: skip
            self._write(file, data)
        except OSError as error:
            raise AuditError("journal", f"The audit journal in {self._plan.directory} cannot be written: "
                             f"{(error.strerror or 'error').lower()}.") from None  # fmt: skip
        with self._lock:
            file.size += len(data)
            file.number += 1
            file.waiting += len(lines)

    def next(self, limit: int = 1) -> list[Batch]:
        """What is to be drained now: this process's records first, each file's in their order; none: all is drained.

        At least one batch, and more up to about ``limit`` records, of one file. Raises AuditError.
        """
        while (file := self._oldest()) is not None:
            try:
                found = file.next(limit)
            except OSError as error:
                raise AuditError("journal", f"The audit journal {file.path} cannot be read: "
                                 f"{(error.strerror or 'error').lower()}.") from None  # fmt: skip
            if found:
                self._draining = file
                return found
            with self._lock:
                self._finish(file)
        return []

    def drained(self, done: Sequence[Batch]) -> None:
        """The first of the batches of `next` are in the database."""
        file = self._draining
        assert file is not None
        with self._lock:
            file.read_at = done[-1].end
            file.waiting -= sum(one.count for one in done)
            if file.read_at >= file.size:
                self._finish(file)

    def unreadable(self, read: Batch) -> None:
        """The first batch of `next` is whole, and not known to this version: pass over it, keep the file."""
        file = self._draining
        assert file is not None
        file.note_damage(file.read_at, read.end)
        self.drained([read])

    def settle(self) -> None:
        """Delete the files that are wholly drained, this process's newest too. Nobody may be appending."""
        with self._lock:
            for file in [file for file in self._files if file.read_at >= file.size]:
                self._drop(file)

    def adopt(self) -> int:
        """Take over the files of processes that have ended; returns how many records came. What cannot be taken over
        is logged, once."""
        with self._lock:
            held = {file.path for file in self._files} | self._passed_over
        count = 0
        for path in sorted(self._paths()):
            if path in held:
                continue
            try:
                fd = _locked(path)
                file = None if fd is None else _recovered(path, fd)
            except (OSError, AuditError) as error:
                why = error.message if isinstance(error, AuditError) else (error.strerror or "error").lower()
                _log.error("The audit journal %s cannot be taken over: %s", path, why)
                self._passed_over.add(path)
                continue
            if file is not None:
                count += file.waiting
                with self._lock:
                    self._files.append(file)
        return count

    def close(self) -> None:
        """Let go of the files; who starts next takes them over."""
        self.settle()
        with self._lock:
            for file in self._files:
                os.close(file.fd)
            self._files = []

    def _paths(self) -> Iterator[Path]:
        try:
            yield from self._plan.directory.glob(f"*{SUFFIX}")
        except OSError:
            return

    def _oldest(self) -> _File | None:
        with self._lock:
            own = [file for file in self._files if not file.adopted and file.read_at < file.size]
            return next(iter(own or [file for file in self._files if file.adopted]), None)

    def _finish(self, file: _File) -> None:
        file.waiting = 0  # more may have been counted than could be read
        if file.sealed or file.adopted:
            self._drop(file)

    def _drop(self, file: _File) -> None:
        self._files.remove(file)
        file.discard()

    def _appendable(self) -> _File:
        with self._lock:
            newest = next((file for file in reversed(self._files) if not file.adopted), None)
            if newest is not None and not newest.sealed and newest.size < self._file_bytes:
                return newest
            if newest is not None:
                newest.sealed = True
                if newest.read_at >= newest.size:
                    self._drop(newest)
        made = _created(self._plan.directory)
        with self._lock:
            self._files.append(made)
        return made

    def _write(self, file: _File, data: bytes) -> None:
        try:
            view = memoryview(data)
            at = file.size
            while view:
                written = os.pwrite(file.fd, view, at)
                view, at = view[written:], at + written
            os.fdatasync(file.fd)
        except OSError:
            # What the kernel could not sync it may have dropped: nothing more goes into this file.
            file.sealed = True
            with contextlib.suppress(OSError):
                os.ftruncate(file.fd, file.size)
            raise


def _created(directory: Path) -> _File:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        path = directory / f"{new_id()}{SUFFIX}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if _lock(fd) and os.fstat(fd).st_nlink:  # else somebody took it for a dead process's
                name = secrets.token_bytes(ID_BYTES)
                os.pwrite(fd, header(name), 0)
                os.fsync(fd)
                _sync_directory(directory)
                return _File(path, fd, name, HEADER_BYTES)
        except BaseException:
            os.close(fd)
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        os.close(fd)


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _locked(path: Path) -> int | None:
    """A descriptor with the file's lock; None if its process lives, or the file is gone by now."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    if _lock(fd) and os.fstat(fd).st_nlink:
        return fd
    os.close(fd)
    return None


def _recovered(path: Path, fd: int) -> _File | None:
    """A dead process's file, read through: a batch that was half-written is cut off. None if it holds nothing."""
    data = os.pread(fd, os.fstat(fd).st_size, 0)
    if len(data) <= HEADER_BYTES and VERSION_LINE.startswith(data[: len(VERSION_LINE)]):
        path.unlink()
        os.close(fd)
        return None
    if not data.startswith(VERSION_LINE):
        os.close(fd)
        raise AuditError("journal", f"it is no audit journal, or one of a newer Coatcheck (this one reads "
                         f"{VERSION_LINE.decode().strip()}): upgrade Coatcheck, or move the file away.")  # fmt: skip
    file = _File(path, fd, data[len(VERSION_LINE) : HEADER_BYTES], len(data))
    file.adopted = file.sealed = True
    for at, found in scan(data):
        if isinstance(found, Batch):
            file.waiting += found.count
        elif found == len(data):
            _cut(file, data, at)
        else:
            file.note_damage(at, found)
    return file


def scan(data: bytes) -> Iterator[tuple[int, Batch | int]]:
    """What a file holds: batches with their places; for what cannot be read, the place where reading goes on."""
    name, at = data[len(VERSION_LINE) : HEADER_BYTES], HEADER_BYTES
    expected: int | None = 0
    while at < len(data):
        found = batch_at(data, at, name)
        if found is None:
            resume = next_batch_after(data, at, name) or len(data)
            yield at, resume
            at, expected = resume, None
            continue
        if expected is not None and found.number != expected:
            yield at, at  # those between the last and this one were taken out
        yield at, found
        at, expected = found.end, found.number + 1


def _cut(file: _File, data: bytes, at: int) -> None:
    """The process ended while it wrote this: nobody was told that it is durable. It is kept aside all the same."""
    aside = file.path.with_name(file.path.name + ".torn")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as copy:
        copy.write(data[at:])
        copy.flush()
        os.fsync(copy.fileno())
    os.ftruncate(file.fd, at)
    os.fsync(file.fd)
    file.size = at
    _log.warning(
        "The audit journal %s ended in a half-written record at byte %d: its %d bytes were cut off and are kept as %s.",
        file.path, at, len(data) - at, aside.name,
    )  # fmt: skip


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def made(path: Path) -> float:
    """Unix time in a file's name (UUIDv7)."""
    try:
        return int(path.name.replace("-", "")[:12], 16) / 1000
    except ValueError:
        return 0.0
