"""The stream itself: reads the next leaves, delivers them until they are accepted, moves the cursor, waits for more.

At least once: a crash between acceptance and the cursor's move delivers a batch again, with the same leaf numbers. No
gap: leaves are dense, and a place that is empty or not as it was recorded stops the stream. Time is injected.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import select

from audit.database import Database
from audit.errors import AuditError
from audit.exports.entries import Entry, following
from audit.schema import Base
from audit.snapshot import snapshot
from audit.tail.batch import Batch, Receiver, Refused, StreamFormat, written
from audit.tail.cursor import Cursor, Place

_ledger = Base.metadata.tables["ledger"]

MAX_ENTRIES = 200
MAX_CHARACTERS = 1024 * 1024
"""Of a batch; a single entry may be longer."""

type Wait = Callable[[float], bool]
"""Waits so many seconds; True, at once, when it is time to stop."""
type Told = Callable[[str], None]
"""Told in words what an operator should know."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between attempts: doubling, with jitter, so that many streams do not come back at the same instant."""

    first_s: float = 1.0
    longest_s: float = 60.0
    attempts: int | None = None
    """After so many failures in a row it gives up; None: never."""
    draw: Callable[[], float] = random.random
    """From 0 to 1."""

    def pause(self, failures: int) -> float:
        """After so many failures (1 or more): between half of the doubled time and all of it."""
        whole = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return whole / 2 + whole / 2 * self.draw()


class Follower:
    """Delivers a ledger's entries to one receiver."""

    def __init__(
        self,
        database: Database,
        receiver: Receiver,
        form: StreamFormat,
        cursor: Cursor | None,
        *,
        wait: Wait,
        told: Told,
        backoff: Backoff | None = None,
        every_s: float = 1.0,
    ) -> None:
        self._database = database
        self._receiver = receiver
        self._form = form
        self._cursor = cursor
        self._wait = wait
        self._told = told
        self._backoff = backoff or Backoff()
        self._every_s = every_s
        self.delivered = 0
        """Entries that were accepted."""

    def run(self, start: int, *, once: bool = False) -> None:
        """Deliver from leaf ``start``, for ever, or until there is no more. Returns early when it is time to stop.

        Raises AuditError: the receiver will not take it, the record is damaged, or what ails the database.
        """
        after = start - 1
        while not self._wait(0):
            with snapshot(self._database) as connection:
                entries = following(connection, after, MAX_ENTRIES)
            for batch in _batches(entries, self._form):
                if not self._deliver(batch):
                    return
                after = batch.last
            if not entries and (once or self._wait(self._every_s)):
                return

    def _deliver(self, batch: Batch) -> bool:
        """Until it is accepted; False if it was time to stop before."""
        failures = 0
        while True:
            try:
                self._receiver.deliver(batch)
            except Refused as refusal:
                if refusal.smaller and len(batch.entries) > 1:
                    return all(self._deliver(half) for half in batch.halves())
                failures += 1
                if not refusal.again or failures == self._backoff.attempts:
                    raise AuditError(
                        "export",
                        f"{refusal.message} Entries {batch.first} and later were not delivered; the next run begins "
                        "there.",
                    ) from None
                if failures == 1:
                    self._told(f"{refusal.message} It is tried again until it works.")
                if self._wait(max(self._backoff.pause(failures), refusal.after_s)):
                    return False
                continue
            if failures:
                self._told(f"Entries are accepted again, after {failures} attempts that failed.")
            self.delivered += len(batch.entries)
            if self._cursor is not None:
                self._cursor.save(Place(batch.last + 1, _hash_of(self._database, batch.last)))
            return True


def starting_place(database: Database, place: Place | None, otherwise: int) -> int:
    """Where to begin: the cursor's place, if it is one of this ledger. Raises AuditError if it is not."""
    if place is None:
        return otherwise
    if place.next and _hash_of(database, place.next - 1) != place.last_hash:
        raise AuditError("export", f"The cursor is of another ledger, or this one was put back to an older state: its "
                         f"entry {place.next - 1} is not the one that was delivered. Run `coatcheck audit verify`; to "
                         "begin anew, name another --cursor.")  # fmt: skip
    return place.next


def _hash_of(database: Database, leaf: int) -> str | None:
    with snapshot(database) as connection:
        found = connection.execute(select(_ledger.c.hash).where(_ledger.c.leaf == leaf)).scalar()
    return None if found is None else bytes(found).hex()


def _batches(entries: list[Entry], form: StreamFormat) -> Iterator[Batch]:
    whole = written(entries, form) if entries else None
    if whole is None:
        return
    start = size = 0
    for place, line in enumerate(whole.lines):
        if place > start and size + len(line) > MAX_CHARACTERS:
            yield Batch(whole.entries[start:place], whole.lines[start:place], form)
            start, size = place, 0
        size += len(line)
    yield Batch(whole.entries[start:], whole.lines[start:], form)
