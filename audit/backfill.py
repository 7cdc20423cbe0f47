"""Gives leaves of version 1 to records from before the ledger: migration 0002's work, in bounded memory."""

from __future__ import annotations

import logging

from sqlalchemy import Connection, select

from audit.errors import AuditError
from audit.ledger import Appender, Entry, lock
from audit.schema import Base
from audit.stored import BATCH, load

_log = logging.getLogger(__name__)

_REPORT_EVERY = 100_000


def add_missing_leaves(connection: Connection) -> int:
    """Leaves for all decisions, then all outcomes, into an empty ledger; returns how many.

    Raises AuditError (``damaged``) for a row that no version of Coatcheck writes.
    """
    lock(connection)
    appender = Appender(versioned=False)
    count = 0
    for kind, table in (("decision", "decisions"), ("outcome", "outcomes")):
        seq = Base.metadata.tables[table].c.seq
        after = -1
        while seqs := list(connection.execute(select(seq).where(seq > after).order_by(seq).limit(BATCH)).scalars()):
            records = load(connection, kind, seqs, of_first=True)
            entries = []
            for one in seqs:
                stored = records[one]
                if stored.hash is None:
                    raise AuditError(
                        "damaged",
                        f"Row {one} of {table} is not as Coatcheck writes it; it cannot enter the ledger: restore a "
                        "backup, or move this database away and let a new one begin.",
                    )
                entries.append(Entry(kind, one, stored.id, stored.hash))
            appender.append(connection, entries)
            after = seqs[-1]
            if count // _REPORT_EVERY != (count + len(seqs)) // _REPORT_EVERY:
                _log.warning("The audit database is being given its ledger: %d records so far.", count + len(seqs))
            count += len(seqs)
    return count
