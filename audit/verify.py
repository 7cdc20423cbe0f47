"""Is the audit database whole? Recomputes every leaf from the rows, the tree from the leaves, and asks the checkpoints.

One read transaction, so that a gateway may go on recording; a batch of rows in memory at a time. Reads only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, exists, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from audit.checkpoint import SignedCheckpoint, parse_checkpoint
from audit.database import Database
from audit.errors import AuditError
from audit.failures import explain
from audit.graves import Graves
from audit.leaf import KINDS
from audit.merkle import Node
from audit.note import PublicKey
from audit.schema import Base
from audit.stored import BATCH, Stored, load
from audit.verification import Flaw, Kind, Report, TreeCheck, Witnesses

_MAX_OPEN = 20
"""Decisions without an outcome that are named."""

_tables = Base.metadata.tables
_decisions, _findings, _fingerprints = _tables["decisions"], _tables["findings"], _tables["fingerprints"]
_outcomes, _ledger, _nodes = _tables["outcomes"], _tables["ledger"], _tables["ledger_nodes"]
_checkpoints, _policies = _tables["ledger_checkpoints"], _tables["policies"]

type Progress = Callable[[int, int], None]
"""Told how many leaves of how many were looked at."""


def verify_database(
    database: Database,
    keys: Sequence[PublicKey] = (),
    checkpoints: Sequence[tuple[str, Sequence[str]]] = (),
    progress: Progress = lambda done, total: None,
) -> Report:
    """Look at everything. ``checkpoints``: outside ones, as the name of a file and its notes in order.

    Raises AuditError for what keeps it from looking, never for what it finds.
    """
    report = Report()
    witnesses = Witnesses(report, keys)
    for name, notes in checkpoints:
        witnesses.add(readable(name, notes, witnesses), ordered=True)
    try:
        with database.engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                total = connection.execute(select(func.max(_ledger.c.leaf))).scalar()
                _stored_checkpoints(connection, report, witnesses)
                _leaves(connection, report, witnesses, 0 if total is None else int(total) + 1, progress)
                _strangers(connection, report)
                _open_ends(connection, report)
    except SQLAlchemyError as error:
        raise explain(error, database.place) from None
    conclude(report, witnesses, keys)
    return report


def conclude(report: Report, witnesses: Witnesses, keys: Sequence[PublicKey]) -> None:
    """Say what remains in doubt, and what is only worth knowing."""
    if not keys and witnesses.unsigned:
        report.doubts.append("There are checkpoints and no public key to check their signatures with: --public-key.")
    elif not report.checkpoints:
        report.doubts.append(
            "No checkpoint vouches for what is there: entries removed from the end would not be seen. Give one with "
            "--checkpoint, and the key with --public-key."
        )
    elif report.covered < report.size:
        report.notices.append(
            f"The last {report.size - report.covered} entries are newer than the newest checkpoint: they fit, and "
            "nothing signed vouches for them yet."
        )
    for name, count in report.pruned.items():
        report.notices.append(f"{count} records pruned by tombstone {name}.")
    if report.without_outcome:
        report.notices.append(
            f"{report.without_outcome} decisions without an outcome: their requests may have gone out, and how they "
            "ended was not recorded."
        )


def readable(name: str, notes: Sequence[str], witnesses: Witnesses) -> Iterator[SignedCheckpoint]:
    """The notes that are checkpoints; the others are told to the witnesses."""
    for number, note in enumerate(notes, 1):
        source = f"{name}, checkpoint {number}"
        try:
            yield parse_checkpoint(note, source)
        except AuditError:
            witnesses.unreadable(source)


def _stored_checkpoints(connection: Connection, report: Report, witnesses: Witnesses) -> None:
    found: list[SignedCheckpoint] = []
    for size, note in connection.execute(select(_checkpoints.c.size, _checkpoints.c.note).order_by("size")):
        source = f"ledger_checkpoints, size {size}"
        try:
            one = parse_checkpoint(str(note), source)
        except AuditError:
            witnesses.unreadable(source)
            continue
        if one.checkpoint.size != size:
            report.add(Flaw(Kind.FORGED, f"{source}: its note speaks of size {one.checkpoint.size}."))
        found.append(one)
    witnesses.add(found)


def _leaves(connection: Connection, report: Report, witnesses: Witnesses, total: int, progress: Progress) -> None:
    tree = TreeCheck(report, witnesses)
    graves = Graves(connection, report, witnesses.keys)
    expected, highest = 0, dict.fromkeys(KINDS, -1)
    while rows := connection.execute(
        select(_ledger).where(_ledger.c.leaf >= expected).order_by(_ledger.c.leaf).limit(BATCH)
    ).all():
        records = _records(connection, rows)
        completed: list[tuple[Node, bytes]] = []
        graves.look(rows[0].leaf, rows[-1].leaf)
        for row in rows:
            if row.leaf != expected:
                tree.gap(expected, row.leaf)
            expected = row.leaf + 1
            record = records.get((row.kind, row.record_seq))
            if not graves.cover(row, there=record is not None):
                _judge(report, row, record)
            if row.record_seq <= highest.get(row.kind, -1):
                where = f"Entry {row.leaf} ({row.kind} {row.record_seq}) stands behind an entry of a later record."
                report.add(Flaw(Kind.REORDERED, where, row.leaf, row.record_seq, str(row.record_id)))
            highest[row.kind] = max(row.record_seq, highest.get(row.kind, -1))
            completed += tree.add(bytes(row.hash))
        tree.compare(completed, _stored_nodes(connection, completed))
        progress(expected, total)
    graves.finish()
    tree.finish()
    if not tree.broken:
        _cut_tail(connection, report, tree.size)
    else:
        report.size = expected


def _records(connection: Connection, rows: Sequence[Any]) -> dict[tuple[str, int], Stored]:
    ids: dict[str, dict[int, str]] = defaultdict(dict)
    versions: dict[str, dict[int, int]] = defaultdict(dict)
    for row in rows:
        ids[row.kind][row.record_seq] = str(row.record_id)
        versions[row.kind][row.record_seq] = row.version
    return {
        (kind, seq): stored
        for kind, of_kind in ids.items()
        for seq, stored in load(connection, kind, list(of_kind), of_kind, versions[kind]).items()
    }


def _judge(report: Report, row: Any, record: Stored | None) -> None:
    where = f"entry {row.leaf}, {row.kind} {row.record_seq}, id {row.record_id}"
    place = (row.leaf, row.record_seq, str(row.record_id))
    if record is None:
        report.add(Flaw(Kind.REMOVED, f"The record was removed: {where}.", *place))
        return
    if row.kind == "decision":
        report.decisions += 1
    elif row.kind == "outcome":
        report.outcomes += 1
    elif row.kind == "policy":
        report.policies += 1
    else:
        report.tombstones += 1
    if record.id != str(row.record_id):
        report.add(Flaw(Kind.REORDERED, f"Another record (id {record.id}) is where this one was: {where}.", *place))
    elif record.hash != bytes(row.hash):
        report.add(Flaw(Kind.CHANGED, f"The record was changed: {where}.", *place))


def _stored_nodes(connection: Connection, completed: Sequence[tuple[Node, bytes]]) -> dict[Node, bytes]:
    """The stored hashes of nodes that one batch of leaves completes: a range on each level."""
    by_level: dict[int, list[int]] = defaultdict(list)
    for node, _ in completed:
        by_level[node.level].append(node.position)
    stored: dict[Node, bytes] = {}
    for level, positions in by_level.items():
        query = select(_nodes.c.position, _nodes.c.hash).where(
            _nodes.c.level == level, _nodes.c.position.between(positions[0], positions[-1])
        )
        stored.update((Node(level, int(at)), bytes(value)) for at, value in connection.execute(query))
    return stored


def _cut_tail(connection: Connection, report: Report, size: int) -> None:
    """Hashes above leaves that are not there (any more)."""
    levels = select(_nodes.c.level, func.max(_nodes.c.position).label("last")).group_by(_nodes.c.level)
    ends = [Node(level, int(last)).last + 1 for level, last in connection.execute(levels)]
    if ends and max(ends) > size:
        report.add(
            Flaw(Kind.TAIL, f"The ledger ends at {size} entries and its tree has hashes of at least {max(ends)}: "
                 f"entries {size} and later were removed from the end.", leaf=size)
        )  # fmt: skip


def _strangers(connection: Connection, report: Report) -> None:
    """Rows that no leaf stands for."""

    def without(table: Table, *matching: ColumnElement[bool], of: Table) -> ColumnElement[bool]:
        return ~exists().select_from(of).where(*matching).correlate(table)

    for kind, table in (
        ("decision", _decisions),
        ("outcome", _outcomes),
        ("policy", _policies),
        ("tombstone", _tables["tombstones"]),
    ):
        key = _decisions.c.id if kind == "outcome" else table.c.id
        query = select(table.c.seq, key)
        if kind == "outcome":
            query = query.outerjoin(_decisions, _decisions.c.seq == table.c.decision_seq)
        alone = without(table, _ledger.c.kind == kind, _ledger.c.record_seq == table.c.seq, of=_ledger)
        for seq, name in connection.execute(query.where(alone).order_by(table.c.seq)):
            shown = "" if name is None else f", id {name}"
            report.add(Flaw(Kind.INSERTED, f"A record has no entry in the ledger: {kind} {seq}{shown}.", None, seq,
                            None if name is None else str(name)))  # fmt: skip
    seq = _findings.c.decision_seq
    for (at,) in connection.execute(
        select(seq).where(without(_findings, _decisions.c.seq == seq, of=_decisions)).distinct()
    ):
        report.add(Flaw(Kind.INSERTED, f"Findings belong to no decision: number {at}.", None, at))
    seq = _fingerprints.c.decision_seq
    same = and_(_findings.c.decision_seq == seq, _findings.c.position == _fingerprints.c.position)
    for (at,) in connection.execute(select(seq).where(without(_fingerprints, same, of=_findings)).distinct()):
        report.add(Flaw(Kind.INSERTED, f"Fingerprints belong to no finding: decision {at}.", None, at))
    for leaf, kind, at in connection.execute(
        select(_ledger.c.leaf, _ledger.c.kind, _ledger.c.record_seq).where(_ledger.c.leaf < 0)
    ):
        report.add(Flaw(Kind.INSERTED, f"Entry {leaf} is no place in the ledger: {kind} {at}.", leaf, at))
    twice = select(_ledger.c.kind, _ledger.c.record_seq, func.max(_ledger.c.leaf))
    twice = twice.group_by(_ledger.c.kind, _ledger.c.record_seq).having(func.count() > text("1"))
    for row in connection.execute(twice):
        report.add(Flaw(Kind.INSERTED, f"Entry {row[2]} stands for a record that has an entry already: {row[0]} "
                        f"{row[1]}.", row[2], row[1]))  # fmt: skip


def _open_ends(connection: Connection, report: Report) -> None:
    ended = exists().where(_outcomes.c.decision_seq == _decisions.c.seq)
    open_ended = and_(_decisions.c.route.is_not(None), ~ended)
    report.without_outcome = connection.execute(
        select(func.count()).select_from(_decisions).where(open_ended)
    ).scalar_one()
    first = select(_decisions.c.seq, _decisions.c.id).where(open_ended).order_by(_decisions.c.seq).limit(_MAX_OPEN)
    report.first_without_outcome = [(int(seq), str(key)) for seq, key in connection.execute(first)]


def newest_checkpoint(connection: Connection) -> str | None:
    """The newest checkpoint's note in the database."""
    note = connection.execute(select(_checkpoints.c.note).order_by(_checkpoints.c.size.desc()).limit(1)).scalar()
    return None if note is None else str(note)


def all_checkpoints(database: Database) -> list[str]:
    """The notes of the database's checkpoints, the smallest first. Raises AuditError."""
    try:
        with database.engine.connect() as connection:
            query = select(_checkpoints.c.note).order_by(_checkpoints.c.size)
            return [str(note) for note in connection.execute(query).scalars()]
    except SQLAlchemyError as error:
        raise explain(error, database.place) from None
