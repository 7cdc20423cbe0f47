"""The ledger as the page shows it, and a check of it that goes on where the last one ended. Reads only.

The check is no replacement for ``coatcheck audit verify`` on another machine with a checkpoint kept elsewhere: it
trusts this server. It tells early that something is wrong.
"""

from __future__ import annotations

import datetime as dt
import hmac
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from audit.checkpoint import parse_checkpoint
from audit.database import Database
from audit.errors import AuditError
from audit.ledger import root_at, size_of
from audit.note import PublicKey
from audit.schema import Base
from audit.snapshot import snapshot
from audit.stored import BATCH, load

MAX_LEAVES = 5_000
"""That one check recomputes."""

_ledger = Base.metadata.tables["ledger"]
_checkpoints = Base.metadata.tables["ledger_checkpoints"]


@dataclass(frozen=True, slots=True)
class LedgerState:
    """What stands in the ledger's tables; nothing is checked."""

    size: int
    covered: int
    note: str | None
    signed_at: dt.datetime | None
    public_key: PublicKey | None


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found."""

    first: int
    """Leaves from here ..."""
    last: int
    """... up to here, exclusively, were recomputed from their rows."""
    size: int
    signature: bool | None
    """Of the newest checkpoint: right, wrong, or None: no checkpoint, or no key to judge it with."""
    root: bool | None
    """Whether the tree is the one that was signed; None without a checkpoint."""
    history: bool
    """Whether the tree still begins as it did at the check before."""
    wrong: Sequence[int]
    """Leaves whose record is not as it was recorded, or is gone; the first twenty."""

    @property
    def whole(self) -> bool:
        """Nothing wrong was found."""
        return self.signature is not False and self.root is not False and self.history and not self.wrong


class LedgerWatch:
    """Checks of one server's ledger. Safe to use from several threads."""

    def __init__(self, database: Database, key: PublicKey | None, time_limit_s: float) -> None:
        self._database = database
        self._time_limit_s = time_limit_s
        self._lock = threading.Lock()
        self._done = 0
        self._seen: tuple[int, bytes] = (0, b"")
        self.key = key

    def state(self) -> LedgerState:
        """The ledger now. Raises AuditError."""
        with snapshot(self._database, self._time_limit_s) as connection:
            newest = _newest(connection)
            size = size_of(connection)
        if newest is None:
            return LedgerState(size, 0, None, None, self.key)
        return LedgerState(size, int(newest.size), str(newest.note), newest.time, self.key)

    def check(self) -> Check:
        """Go on from where the last check ended; from the beginning when all was looked at. Raises AuditError."""
        with self._lock, snapshot(self._database, self._time_limit_s) as connection:
            size = size_of(connection)
            seen, root = self._seen
            history = seen <= size and (seen == 0 or hmac.compare_digest(root_at(connection, seen), root))
            signature, matches = self._judge(connection, size)
            first = self._done if self._done < size else 0
            last = min(size, first + MAX_LEAVES)
            wrong = _wrong_leaves(connection, first, last)
            now = root_at(connection, size) if size else b""
            if history:  # else it stays remembered, and stays wrong
                self._seen = (size, now)
            self._done = last
        return Check(first, last, size, signature, matches, history, wrong[:20])

    def _judge(self, connection: Connection, size: int) -> tuple[bool | None, bool | None]:
        newest = _newest(connection)
        if newest is None:
            return None, None
        try:
            signed = parse_checkpoint(str(newest.note))
        except AuditError:
            return False, False
        right = None if self.key is None else signed.signed_by([self.key]) is True
        point = signed.checkpoint
        return right, point.size <= size and hmac.compare_digest(root_at(connection, point.size), point.root)


def _newest(connection: Connection) -> Any:
    return connection.execute(select(_checkpoints).order_by(_checkpoints.c.size.desc()).limit(1)).first()


def _wrong_leaves(connection: Connection, first: int, last: int) -> list[int]:
    wrong: list[int] = []
    for start in range(first, last, BATCH):
        end = min(last, start + BATCH)
        rows = connection.execute(select(_ledger).where(_ledger.c.leaf >= start, _ledger.c.leaf < end)).all()
        by_kind: dict[str, list[Any]] = defaultdict(list)
        for row in rows:
            by_kind[row.kind].append(row)
        there = {row.leaf for row in rows}
        wrong += [leaf for leaf in range(start, end) if leaf not in there]
        for kind, group in by_kind.items():
            ids = {row.record_seq: str(row.record_id) for row in group}
            versions = {row.record_seq: row.version for row in group}
            found = load(connection, kind, list(ids), ids, versions)
            for row in group:
                stored = found.get(row.record_seq)
                if stored is None or not hmac.compare_digest(stored.hash or b"", bytes(row.hash)):
                    wrong.append(row.leaf)
    return sorted(wrong)
