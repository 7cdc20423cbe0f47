"""Removes records' rows so that proofs still hold: the ledger keeps their hashes, a signed tombstone says what is gone.

Each step is one transaction: tombstone, its entry in the ledger, the places, then the rows. A record is removed with
its findings, fingerprints and outcome, and only if it still is what was recorded. Knows no command line.
"""

from __future__ import annotations

import datetime as dt
import getpass
import hashlib
import os
import socket
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, or_, select
from sqlalchemy.exc import SQLAlchemyError

from audit.bulk import BulkInsert, driver_id
from audit.database import Database
from audit.errors import AuditError
from audit.export import entries_of, placed
from audit.failures import explain
from audit.ids import new_id
from audit.leaf import leaf_hash, tombstone_json
from audit.ledger import Appender, Entry, lock
from audit.note import SigningKey
from audit.schema import DERIVED_TABLES, Base
from audit.tombstone import Tombstone, ranges_text

STEP = 2000
"""Decisions per transaction and tombstone: a gateway that records meanwhile waits no longer than that."""

OPEN_FOR = dt.timedelta(hours=1)
"""A decision without an outcome may still get one so long."""

_tables = Base.metadata.tables
_decisions, _findings, _fingerprints = _tables["decisions"], _tables["findings"], _tables["fingerprints"]
_outcomes, _tombstones = _tables["outcomes"], _tables["tombstones"]
_insert_pruned = BulkInsert(_tables["pruned"], ("leaf", "kind", "record_seq", "record_id", "tombstone"))

CLASSES = ("action", "endpoint", "upstream", "rule", "tenant", "mode")
"""Fields of a decision that a class of records may be told by."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records are to go; all that is given must hold."""

    before: dt.datetime | None = None
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Field of `CLASSES`: any of these values."""
    principal: str | None = None
    fingerprint: str | None = None

    def condition(self, now: dt.datetime) -> ColumnElement[bool]:
        """As SQL over ``decisions``; requests that are under way are never chosen."""
        ended = exists().where(_outcomes.c.decision_seq == _decisions.c.seq).correlate(_decisions)
        terms = [or_(ended, _decisions.c.route.is_(None), _decisions.c.time < now - OPEN_FOR)]
        if self.before is not None:
            terms.append(_decisions.c.time < self.before)
        terms += [_decisions.c[name].in_(values) for name, values in self.classes.items()]
        if self.principal is not None:
            terms.append(_decisions.c.principal == self.principal)
        if self.fingerprint is not None:
            found = select(_fingerprints.c.decision_seq).where(_fingerprints.c.fingerprint == self.fingerprint)
            terms.append(_decisions.c.seq.in_(found))
        return and_(*terms)

    @property
    def criteria(self) -> dict[str, Any]:
        """For the tombstone: whom an erasure concerned is not said in it."""
        told: dict[str, Any] = {name: sorted(values) for name, values in self.classes.items()}
        if self.before is not None:
            told["before"] = self.before.astimezone(dt.UTC).isoformat()
        if self.principal is not None:
            told["of"] = "principal"
        if self.fingerprint is not None:
            told["of"] = "fingerprint"
        return told


@dataclass(frozen=True, slots=True)
class Preview:
    """What a selection would remove."""

    decisions: int
    outcomes: int
    first: dt.datetime | None
    last: dt.datetime | None


def preview(database: Database, selection: Selection, now: dt.datetime) -> Preview:
    """Count, change nothing. Raises AuditError."""
    where = selection.condition(now)
    query = select(func.count(), func.min(_decisions.c.time), func.max(_decisions.c.time), func.count(_outcomes.c.seq))
    query = query.select_from(_decisions.outerjoin(_outcomes, _outcomes.c.decision_seq == _decisions.c.seq))
    try:
        with database.engine.connect() as connection, connection.begin():
            count, first, last, outcomes = connection.execute(query.where(where)).one()
    except SQLAlchemyError as error:
        raise explain(error, database.place) from None
    return Preview(count, outcomes, first, last)


def remove(
    database: Database,
    key: SigningKey,
    selection: Selection,
    reason: str,
    now: dt.datetime,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Tombstone]:
    """Remove what is selected; returns the tombstones. ``reason``: ``retention``, ``erasure``.

    Raises AuditError: ``damaged`` for a record that is not as it was recorded. What was removed until then stays so.
    """
    made: list[Tombstone] = []
    appender, where, after, done = Appender(), selection.condition(now), 0, 0
    try:
        with database.engine.connect() as connection:
            driver = connection.connection.driver_connection
            if isinstance(driver, sqlite3.Connection):
                driver.execute("PRAGMA secure_delete=ON")  # free pages would keep the text
            while True:
                with connection.begin():
                    lock(connection)
                    chosen = select(_decisions.c.seq).where(where, _decisions.c.seq > after)
                    seqs = list(connection.execute(chosen.order_by(_decisions.c.seq).limit(STEP)).scalars())
                    if not seqs:
                        break
                    made.append(_bury(connection, appender, key, seqs, selection.criteria, reason))
                after, done = seqs[-1], done + len(seqs)
                progress(done)
            if made and isinstance(driver, sqlite3.Connection):
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if made and database.dialect == "postgresql":
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as cleaning:
                cleaning.exec_driver_sql("VACUUM decisions, findings, fingerprints, outcomes")
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise explain(error, database.place) from None
    return made


def _bury(
    connection: Connection,
    appender: Appender,
    key: SigningKey,
    seqs: Sequence[int],
    criteria: Mapping[str, Any],
    reason: str,
) -> Tombstone:
    rows = entries_of(connection, seqs)
    for _ in placed(connection, rows):  # a record that was changed is evidence: it stays
        pass
    if sum(row.kind == "decision" for row in rows) != len(seqs):
        raise AuditError("damaged", "A record to be pruned has no entry in the ledger: run `coatcheck audit verify`.")
    digest = hashlib.sha256(b"".join(bytes(row.hash) for row in rows)).hexdigest()
    now = dt.datetime.now(dt.UTC)
    leaves = ranges_text(row.leaf for row in rows)
    one = Tombstone(new_id(), now.isoformat(), reason, operator(), criteria, len(rows), leaves, digest)
    values = {"id": one.id, "time": now, "reason": reason, "count": one.count, "note": one.signed(key)}
    seq = connection.execute(insert(_tombstones).returning(_tombstones.c.seq), values).scalar_one()
    _insert_pruned(
        connection,
        [(row.leaf, row.kind, row.record_seq, driver_id(connection, str(row.record_id)), seq) for row in rows],
    )
    for table, column in ((_fingerprints, "decision_seq"), (_findings, "decision_seq"), (_outcomes, "decision_seq"),
                          (_decisions, "seq")):  # fmt: skip
        connection.execute(delete(table).where(table.c[column].in_(seqs)))
    for derived in DERIVED_TABLES:  # sums over what is gone: made anew by who needs them
        connection.execute(delete(_tables[derived]))
    leaf = leaf_hash("tombstone", tombstone_json(values | {"seq": seq}))
    appender.append(connection, [Entry("tombstone", seq, one.id, leaf)])
    return one


def operator() -> str:
    """Who runs this: ``user@host``."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"
