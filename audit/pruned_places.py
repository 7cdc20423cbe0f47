"""What is still known of a record that was pruned: its place in the ledger and the tombstone. Reads only."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from sqlalchemy import Connection, select

from audit.schema import Base

_pruned, _tombstones = Base.metadata.tables["pruned"], Base.metadata.tables["tombstones"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pruned decision stood."""

    id: str
    seq: int
    leaf: int
    tombstone: str
    time: dt.datetime
    reason: str

    def __str__(self) -> str:
        return (
            f"Record {self.id} (number {self.seq}, entry {self.leaf} of the ledger) was removed at "
            f"{self.time.isoformat(timespec='seconds')} by tombstone {self.tombstone} ({self.reason}). Its hash stays "
            "in the ledger; nothing else of it is kept."
        )


def pruned_place(connection: Connection, name: str) -> Place | None:
    """The place of a decision by whole id or number."""
    if re.fullmatch(r"[1-9][0-9]{0,17}", name):
        wanted = _pruned.c.record_seq == int(name)
    elif re.fullmatch(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", name.lower()):
        wanted = _pruned.c.record_id == name.lower()
    else:
        return None
    query = select(_pruned, _tombstones.c.id, _tombstones.c.time, _tombstones.c.reason)
    query = query.join(_tombstones, _tombstones.c.seq == _pruned.c.tombstone)
    row = connection.execute(query.where(_pruned.c.kind == "decision", wanted).limit(1)).first()
    if row is None:
        return None
    return Place(str(row.record_id), row.record_seq, row.leaf, str(row.id), row.time, row.reason)
