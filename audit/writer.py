"""One thread's hold on the database: writes a batch of records and their leaves in one transaction, with one fsync.

Synchronous; knows nothing of asyncio. A batch either becomes durable, each record with its own verdict, or fails as
a whole with an AuditError, after which the next call connects anew.
"""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from audit.bulk import BulkInsert
from audit.database import Database, open_database
from audit.errors import AuditError
from audit.failures import explain, is_about_one_record
from audit.leaf import decision_json, leaf_hash, outcome_json, policy_json
from audit.ledger import Appender, Entry, lock
from audit.postgresql import require_writable
from audit.recorded import without_recorded
from audit.records import Decision, Outcome, PolicyRecord
from audit.rows import (
    FINDING_FIELDS,
    decision_values,
    finding_values,
    outcome_values,
    policy_values,
    storable,
)
from audit.schema import Base

type Record = Decision | Outcome | PolicyRecord

_tables: dict[str, Table] = dict(Base.metadata.tables)
_decisions, _findings = _tables["decisions"], _tables["findings"]
_fingerprints, _outcomes, _policies = _tables["fingerprints"], _tables["outcomes"], _tables["policies"]

_insert_decision = insert(_decisions).returning(_decisions.c.id, _decisions.c.seq)
_insert_findings = BulkInsert(_findings, ("decision_seq", "position", *FINDING_FIELDS))
_insert_fingerprints = BulkInsert(_fingerprints, ("decision_seq", "position", "ordinal", "fingerprint"))
_insert_outcome = insert(_outcomes).returning(_outcomes.c.decision_seq, _outcomes.c.seq)
_insert_policy = insert(_policies).returning(_policies.c.seq)


class Writer:
    """Opens at `open`, writes at `write`, reconnects by itself after a failure. Not thread-safe."""

    def __init__(self, url: str, *, busy_timeout_s: float) -> None:
        self._url = url
        self._busy_timeout_s = busy_timeout_s
        self._database: Database | None = None
        self._connection: Connection | None = None
        self._files: dict[Path, tuple[int, int]] = {}
        self._appender = Appender()

    def open(self) -> None:
        """Create or migrate the database at the first call; later calls open only what exists. Raises AuditError."""
        first = self._database is None
        self._database = open_database(self._url, create=first, busy_timeout_s=self._busy_timeout_s)
        self._connect(self._database)

    def write(self, records: Sequence[Record], *, again: bool = False) -> list[AuditError | None]:
        """Durable on return, but for the records that have an error in the list. Raises AuditError: none is.

        ``again``: some of them may be in the database already; these are passed over.
        """
        connection = self._ready_connection()
        with self._closed_on_failure():
            verdicts = _write(connection, self._appender, records, again)
            self._check_files()
        return verdicts

    def check(self) -> None:
        """See that the database is still there, cheaply. Raises AuditError."""
        connection = self._ready_connection()
        try:
            if connection.dialect.name == "postgresql":
                with connection.begin():
                    require_writable(connection)
            self._check_files()
        except AuditError:
            self.close()
            raise
        except SQLAlchemyError as error:
            self.close()
            raise explain(error, self._place) from None

    def probe(self) -> None:
        """After a failure: see whether the database takes writes again, without adding a record. Raises AuditError."""
        connection = self._ready_connection()
        try:
            with connection.begin():
                if connection.dialect.name == "sqlite":
                    # Writes a page and syncs it, whatever the value.
                    version = connection.execute(text("PRAGMA user_version")).scalar_one()
                    connection.exec_driver_sql(f"PRAGMA user_version={int(version)}")
                else:
                    require_writable(connection)
            self._check_files()
        except AuditError:
            self.close()
            raise
        except (SQLAlchemyError, sqlite3.Error) as error:
            self.close()
            raise explain(error, self._place) from None

    def within[T](self, work: Callable[[Connection, Appender], T]) -> T:
        """Do something in a transaction of its own, while nobody else appends. Raises AuditError."""
        connection = self._ready_connection()
        with self._closed_on_failure():
            with connection.begin():
                lock(connection)
                result = work(connection, self._appender)
            self._check_files()
        return result

    @contextlib.contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        """Whatever fails, the next call connects anew. Raises AuditError for what ails the database."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            self.close()
            raise explain(error, self._place) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(SQLAlchemyError, sqlite3.Error):
                connection.close()

    @property
    def _place(self) -> str:
        return self._database.place if self._database is not None else "?"

    def _ready_connection(self) -> Connection:
        if self._connection is None:
            self.open()
        assert self._connection is not None
        return self._connection

    def _connect(self, database: Database) -> None:
        try:
            self._connection = database.engine.connect()
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise explain(error, database.place) from None
        self._files = {}
        self._check_files()

    def _check_files(self) -> None:
        """A deleted or replaced SQLite file can still be written to, and nobody would ever read it again."""
        path = self._database.path if self._database is not None else None
        if path is None:
            return
        for file in (path, path.with_name(path.name + "-wal")):
            try:
                status = file.stat()
                identity = (status.st_dev, status.st_ino)
            except OSError:
                # The WAL comes into being with the first write and stays while a connection is open.
                if file != path and file not in self._files:
                    continue
                identity = (-1, -1)
            if self._files.setdefault(file, identity) != identity or identity == (-1, -1):
                raise AuditError(
                    "gone",
                    f"The audit database {self._place} was removed or replaced while in use: put it back, or restart "
                    "the gateway to begin a new one.",
                )


def _write(
    connection: Connection, appender: Appender, records: Sequence[Record], again: bool
) -> list[AuditError | None]:
    try:
        with connection.begin():
            lock(connection)
            _insert(connection, appender, without_recorded(connection, records) if again else records)
        return [None] * len(records)
    except AuditError:  # the ledger is damaged: no record's fault
        raise
    except Exception as error:
        if not is_about_one_record(error, connection.dialect.name):
            raise
        if len(records) == 1:
            return [_invalid(records[0])]
    # One record is at fault and the others wait for nothing of it: each gets a savepoint of its own.
    verdicts: list[AuditError | None] = []
    with connection.begin():
        lock(connection)
        for record in records:
            try:
                with connection.begin_nested():
                    _insert(connection, appender, without_recorded(connection, [record]) if again else [record])
                verdicts.append(None)
            except Exception as error:
                if not is_about_one_record(error, connection.dialect.name):
                    raise
                verdicts.append(_invalid(record))
    return verdicts


def _invalid(record: Record) -> AuditError:
    if isinstance(record, Decision):
        return AuditError("invalid", "The audit database refused this decision: its id was used before, or a field is "
                          "outside what the schema allows.")  # fmt: skip
    if isinstance(record, PolicyRecord):
        return AuditError("invalid", "The audit database refused this policy: its id was used before.")
    return AuditError("invalid", "The audit database refused this outcome: its decision was not recorded or has an "
                      "outcome already, or a field is outside what the schema allows.")  # fmt: skip


def _insert(connection: Connection, appender: Appender, records: Sequence[Record]) -> None:
    decisions = [record for record in records if isinstance(record, Decision)]
    outcomes = [record for record in records if isinstance(record, Outcome)]
    entries = [
        entry for record in records if isinstance(record, PolicyRecord) for entry in _insert_new(connection, record)
    ]
    if decisions:
        entries += _insert_decisions(connection, decisions)
    if outcomes:
        entries += _insert_outcomes(connection, outcomes)
    appender.append(connection, entries)


def _insert_new(connection: Connection, policy: PolicyRecord) -> list[Entry]:
    """A policy that the tenant has not had before; `lock` sees to it that nobody else adds it meanwhile."""
    row = {**policy_values(policy), "id": _canonical(policy.id)}
    known = select(_policies.c.seq).where(_policies.c.hash == row["hash"], _policies.c.tenant == row["tenant"])
    if connection.execute(known).first() is not None:
        return []
    row["seq"] = seq = connection.execute(_insert_policy, row).scalar_one()
    return [Entry("policy", seq, row["id"], leaf_hash("policy", policy_json(row)))]


def _insert_decisions(connection: Connection, decisions: Sequence[Decision]) -> list[Entry]:
    rows = [{**decision_values(decision), "id": _canonical(decision.id)} for decision in decisions]
    seqs: dict[str, int] = {}
    for key, seq in connection.execute(_insert_decision, rows):
        seqs[str(key)] = seq
    entries: list[Entry] = []
    findings: list[tuple[Any, ...]] = []
    fingerprints: list[tuple[Any, ...]] = []
    for row, decision in zip(rows, decisions, strict=True):
        row["seq"] = seq = seqs[row["id"]]
        of_this: list[tuple[dict[str, Any], list[str]]] = []
        for position, finding in enumerate(decision.findings):
            values, prints = finding_values(finding), [storable(one) for one in finding.fingerprints]
            findings.append((seq, position, *values.values()))
            fingerprints += [(seq, position, ordinal, one) for ordinal, one in enumerate(prints)]
            of_this.append((values, prints))
        entries.append(Entry("decision", seq, row["id"], leaf_hash("decision", decision_json(row, of_this))))
    _insert_findings(connection, findings)
    _insert_fingerprints(connection, fingerprints)
    # In the order of their numbers, which need not be that of the batch.
    return sorted(entries, key=lambda entry: entry.seq)


def _insert_outcomes(connection: Connection, outcomes: Sequence[Outcome]) -> list[Entry]:
    rows = [{**outcome_values(outcome), "decision_id": _canonical(outcome.decision_id)} for outcome in outcomes]
    wanted = select(_decisions.c.id, _decisions.c.seq).where(_decisions.c.id.in_([row["decision_id"] for row in rows]))
    decisions = {str(key): seq for key, seq in connection.execute(wanted)}
    for row in rows:
        # None where there is none: the table refuses it.
        row["decision_seq"] = decisions.get(row["decision_id"])
    stored = [{name: value for name, value in row.items() if name != "decision_id"} for row in rows]
    seqs = {row.decision_seq: row.seq for row in connection.execute(_insert_outcome, stored)}
    entries = [
        Entry(
            "outcome",
            seqs[row["decision_seq"]],
            row["decision_id"],
            leaf_hash("outcome", outcome_json(row | {"seq": seqs[row["decision_seq"]]})),
        )
        for row in rows
    ]
    return sorted(entries, key=lambda entry: entry.seq)


def _canonical(key: str) -> str:
    return str(uuid.UUID(key))
