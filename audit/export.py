"""Records carried out of the database so that they prove themselves: JSON lines, and their checking offline.

A line for the header, with the checkpoints, one for each ledger entry, one for the end with the query, the range, the
count and the newest checkpoint. A whole export (no filter) is checked as the database is; in a part each entry brings
its proof of inclusion; the proof of one record is such a part. Text is written so that it does nothing on a terminal;
its canonical bytes are what was hashed.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from audit import canonical
from audit.checkpoint import Checkpoint, parse_checkpoint
from audit.database import Database
from audit.errors import AuditError
from audit.failures import explain
from audit.graves import CarriedGraves
from audit.leaf import KINDS, VERSIONS, leaf_hash_of
from audit.ledger import inclusion_proof, size_of
from audit.merkle import root_of_inclusion
from audit.note import PublicKey
from audit.query import Query, Reader, Record
from audit.schema import Base
from audit.stored import BATCH, load
from audit.verification import Flaw, Kind, Report, TreeCheck, Witnesses
from audit.verify import Progress, conclude, readable
from audit.visible import visible_json

FORMAT = "coatcheck-export/2"
"""The second form gives each entry its leaf's version; in the first all are of version 1."""
_FORMATS = {"coatcheck-export/1", FORMAT}
_MAX_LINE = 16 * 1024 * 1024
_MAX_CHECKPOINTS = 1000
"""Newest checkpoints in a whole export."""

_ledger = Base.metadata.tables["ledger"]
_checkpoints = Base.metadata.tables["ledger_checkpoints"]


@dataclass(frozen=True, slots=True)
class Placed:
    """A record of the database at its place in the ledger."""

    leaf: int
    kind: str
    id: str
    hash: bytes
    record: Mapping[str, Any]
    """What the hash is of, as JSON readers give it."""
    version: int
    """Of the leaf's format (`audit.leaf`)."""
    pruned: str | None = None
    """Id of the tombstone that says where the record went; there is none then."""

    def mapping(self) -> dict[str, Any]:
        """The entry for JSON."""
        told = {"leaf": self.leaf, "kind": self.kind, "version": self.version, "hash": self.hash.hex()}
        return told | ({"record": self.record} if self.pruned is None else {"pruned": self.pruned})


def export_lines(
    database: Database,
    wanted: Query | Sequence[int] | None,
    described: Mapping[str, Any],
    progress: Progress = lambda done, total: None,
) -> Iterator[str]:
    """The lines of an export. ``wanted``: a query, decisions by number, or None for everything.

    ``described``: the query, for readers. Raises AuditError: ``damaged`` where a record is not as it was recorded,
    else what ails the database.
    """
    try:
        with database.engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield from _lines(database, connection, wanted, described, progress)
    except SQLAlchemyError as error:
        raise explain(error, database.place) from None


def proof_lines(database: Database, record: Record) -> list[str]:
    """The lines that prove one record. Raises AuditError: ``proof`` where no checkpoint covers it, else as above."""
    lines = list(export_lines(database, [record.seq], {"id": record.decision.id}))
    if not any('"proof": [' in line for line in lines[1:-1]):
        raise AuditError("proof", "No checkpoint covers this record yet: wait until the gateway signs the next.")
    return lines


def _lines(
    database: Database,
    connection: Connection,
    wanted: Query | Sequence[int] | None,
    described: Mapping[str, Any],
    progress: Progress,
) -> Iterator[str]:
    notes = select(_checkpoints.c.note).order_by(_checkpoints.c.size.desc())
    notes = notes.limit(_MAX_CHECKPOINTS if wanted is None else 1)
    checkpoints = [str(note) for note in connection.execute(notes).scalars()][::-1]
    covered = parse_checkpoint(checkpoints[-1]).checkpoint.size if checkpoints else 0
    total = size_of(connection)
    yield visible_json(
        {"format": FORMAT, "whole": wanted is None, "query": described, "size": total, "checkpoints": checkpoints}
    )
    if wanted is None:
        entries = _everything(connection)
    elif isinstance(wanted, Query):
        entries = _chosen(database, connection, wanted)
    else:
        entries = placed(connection, entries_of(connection, wanted))
    count, around = 0, _Range()
    for entry in entries:
        mapping = entry.mapping()
        if wanted is not None and entry.leaf < covered:
            proof = inclusion_proof(connection, entry.leaf, covered)
            mapping["proof"] = [base64.b64encode(one).decode() for one in proof]
        yield visible_json(mapping)
        count += 1
        around.add(entry.leaf)
        if count % BATCH == 0:
            progress(count, total)
    progress(total, total)
    newest = checkpoints[-1] if checkpoints else None
    yield visible_json({"end": {"query": described, "range": around.ends, "count": count, "checkpoint": newest}})


class _Range:
    """The lowest and the highest leaf."""

    def __init__(self) -> None:
        self.ends: list[int] | None = None

    def add(self, leaf: int) -> None:
        self.ends = [leaf, leaf] if self.ends is None else [min(self.ends[0], leaf), max(self.ends[1], leaf)]


def placed(connection: Connection, rows: Sequence[Any]) -> Iterator[Placed]:
    """The records of rows of ``ledger``, in their order. Raises AuditError (``damaged``)."""
    found: dict[tuple[str, int], Any] = {}
    for kind in KINDS:
        ids = {row.record_seq: str(row.record_id) for row in rows if row.kind == kind}
        versions = {row.record_seq: row.version for row in rows if row.kind == kind}
        found.update(((kind, seq), stored) for seq, stored in load(connection, kind, list(ids), ids, versions).items())
    gone = _pruned_by(connection, [row.leaf for row in rows if (row.kind, row.record_seq) not in found])
    for row in rows:
        stored = found.get((row.kind, row.record_seq))
        if stored is None and row.leaf in gone:
            yield Placed(row.leaf, row.kind, str(row.record_id), bytes(row.hash), {}, row.version, gone[row.leaf])
            continue
        if stored is None or stored.json is None or not hmac.compare_digest(stored.hash or b"", bytes(row.hash)):
            raise AuditError(
                "damaged",
                f"Ledger entry {row.leaf} ({row.kind} {row.record_seq}) is not as it was recorded: run "
                "`coatcheck audit verify`.",
            )
        record = canonical.read(stored.json)
        yield Placed(row.leaf, row.kind, stored.id, bytes(row.hash), record, stored.version)


def _pruned_by(connection: Connection, leaves: Sequence[int]) -> dict[int, str]:
    """The tombstones' ids of entries whose records were pruned."""
    if not leaves:
        return {}
    pruned, tombstones = Base.metadata.tables["pruned"], Base.metadata.tables["tombstones"]
    query = select(pruned.c.leaf, tombstones.c.id).join(tombstones, tombstones.c.seq == pruned.c.tombstone)
    return {int(leaf): str(key) for leaf, key in connection.execute(query.where(pruned.c.leaf.in_(leaves)))}


def entries_of(connection: Connection, decisions: Sequence[int]) -> list[Any]:
    """Ledger rows of decisions, by number, and of their outcomes; in the ledger's order."""
    outcomes = Base.metadata.tables["outcomes"]
    of_decision = (_ledger.c.kind == "decision") & _ledger.c.record_seq.in_(decisions)
    ended = select(outcomes.c.seq).where(outcomes.c.decision_seq.in_(decisions))
    of_outcome = (_ledger.c.kind == "outcome") & _ledger.c.record_seq.in_(ended)
    rows = [
        *connection.execute(select(_ledger).where(of_decision)),
        *connection.execute(select(_ledger).where(of_outcome)),
    ]
    return sorted(rows, key=lambda row: row.leaf)


def _everything(connection: Connection) -> Iterator[Placed]:
    after = -1
    while rows := connection.execute(
        select(_ledger).where(_ledger.c.leaf > after).order_by(_ledger.c.leaf).limit(BATCH)
    ).all():
        after = rows[-1].leaf
        yield from placed(connection, rows)


def _chosen(database: Database, connection: Connection, query: Query) -> Iterator[Placed]:
    found = Reader(database).records(query)
    while batch := list(itertools.islice(found, BATCH // 2)):
        yield from placed(connection, entries_of(connection, [record.seq for record in batch]))


def verify_export(
    lines: Iterable[str],
    keys: Sequence[PublicKey] = (),
    checkpoints: Sequence[tuple[str, Sequence[str]]] = (),
    progress: Progress = lambda done, total: None,
) -> Report:
    """Look at an export, offline. Raises AuditError (``export``) for a file that is none."""
    report = Report()
    reading = iter(lines)
    header = _read(next(reading, ""), 1)
    notes = header.get("checkpoints")
    if header.get("format") not in _FORMATS or not isinstance(notes, list):
        raise AuditError("export", f"This is no export of the audit record: its first line names no {FORMAT}.")
    witnesses = Witnesses(report, keys)
    own = ("the export", [str(note) for note in notes])
    witnesses.add(readable(*own, witnesses), ordered=True)
    checked: _Checked = _Whole(report, witnesses) if header.get("whole") is True else _Parts(report, witnesses)
    if header.get("whole") is True:
        for name, given in checkpoints:
            witnesses.add(readable(name, given, witnesses), ordered=True)
    end: Mapping[str, Any] | None = None
    for number, line in enumerate(reading, 2):
        value = _read(line, number)
        if end is not None:
            raise AuditError("export", f"Line {number} of the export stands behind its end.")
        if isinstance(value.get("end"), dict):
            end = value["end"]
        else:
            checked.add(value, number)
        if number % BATCH == 0:
            progress(number - 1, header["size"] if isinstance(header.get("size"), int) else 0)
    if end is None:
        report.add(Flaw(Kind.TAIL, "The export has no end line: it was cut off.", leaf=checked.count))
    checked.close(end, header)
    conclude(report, witnesses, keys)
    return report


class _Checked:
    """What the lines of an export say, as they come."""

    def __init__(self, report: Report, witnesses: Witnesses) -> None:
        self.report = report
        self.witnesses = witnesses
        self.count = 0
        self._range = _Range()
        self._open: set[str] = set()
        self._graves = CarriedGraves(report, witnesses.keys)

    def place(self, leaf: int, told: bytes, who: str, value: Mapping[str, Any], number: int) -> None:
        """Judge where the entry stands."""
        raise AssertionError("said by each kind of export")

    def add(self, value: Mapping[str, Any], number: int) -> None:
        """Judge the entry of a line."""
        leaf, kind, record = value.get("leaf"), str(value.get("kind")), value.get("record")
        version = value.get("version", 1)
        try:
            told = bytes.fromhex(str(value.get("hash")))
        except ValueError:
            told = b""
        pruned = value.get("pruned")
        if type(pruned) is str and record is None:
            record = {}
        if type(leaf) is not int or leaf < 0 or not isinstance(record, dict) or len(told) != 32:
            raise AuditError("export", f"Line {number} of the export is no ledger entry.")
        if type(version) is not int or kind not in VERSIONS.get(version, ()):
            raise AuditError("export", f"Line {number} of the export is of a kind or version that is not known: use a "
                             "newer Coatcheck.")  # fmt: skip
        if record == {} and type(pruned) is str:
            self.count += 1
            self._range.add(leaf)
            self._graves.pruned(pruned, leaf, told)
            self.place(leaf, told, f"line {number}, entry {leaf}, pruned by tombstone {pruned}", value, number)
            return
        if kind == "tombstone":
            self._graves.tombstone(record, leaf)
        key, seq = str(record.get("decision_id" if kind == "outcome" else "id")), record.get("seq")
        who = f"line {number}, entry {leaf}, {kind} {seq}, id {key}"
        try:
            same = hmac.compare_digest(leaf_hash_of(kind, record, version), told)
        except ValueError:
            same = False
        if not same:
            self.report.add(Flaw(Kind.CHANGED, f"The record was changed: {who}.", leaf, _number(seq), key))
        self.count += 1
        self._range.add(leaf)
        self._ends(kind, key, record)
        self.place(leaf, told, who, value, number)

    def close(self, end: Mapping[str, Any] | None, header: Mapping[str, Any]) -> None:
        """All lines were given."""
        self._graves.finish()
        told = None if end is None else (end.get("count"), end.get("range"), end.get("query"))
        if told is not None and told != (self.count, self._range.ends, header.get("query")):
            self.report.add(
                Flaw(Kind.REMOVED, f"The export's end tells of {told[0]} entries in the range {told[1]}, and "
                     f"{self.count} in {self._range.ends} are there; or its query is not that of the first line.")
            )  # fmt: skip
        self.report.without_outcome = len(self._open)
        self.report.first_without_outcome = [(0, key) for key in sorted(self._open)[:20]]

    def _ends(self, kind: str, key: str, record: Mapping[str, Any]) -> None:
        if kind == "outcome":
            self.report.outcomes += 1
            self._open.discard(key)
        elif kind == "policy":
            self.report.policies += 1
        elif kind == "tombstone":
            self.report.tombstones += 1
        else:
            self.report.decisions += 1
            if record.get("route") is not None:
                self._open.add(key)


class _Whole(_Checked):
    """Everything: the leaves are the tree."""

    def __init__(self, report: Report, witnesses: Witnesses) -> None:
        super().__init__(report, witnesses)
        self._tree: TreeCheck | None = None
        self._next = 0

    @property
    def tree(self) -> TreeCheck:
        """Begun with the first entry: by then all checkpoints are known."""
        if self._tree is None:
            self._tree = TreeCheck(self.report, self.witnesses)
        return self._tree

    def place(self, leaf: int, told: bytes, who: str, value: Mapping[str, Any], number: int) -> None:
        if leaf < self._next:
            self.report.add(Flaw(Kind.REORDERED, f"It stands behind entry {self._next - 1}: {who}.", leaf))
            return
        if leaf > self._next:
            self.tree.gap(self._next, leaf)
        self._next = leaf + 1
        self.tree.add(told)
        self.tree.compare((), {})

    def close(self, end: Mapping[str, Any] | None, header: Mapping[str, Any]) -> None:
        super().close(end, header)
        self.tree.finish()
        self.report.size = self._next


class _Parts(_Checked):
    """Some entries, each with its proof toward the export's own newest checkpoint."""

    def __init__(self, report: Report, witnesses: Witnesses) -> None:
        super().__init__(report, witnesses)
        trusted = witnesses.trusted()
        self._trusted: Checkpoint | None = trusted[-1] if trusted else None
        report.checkpoints = 0 if self._trusted is None else 1

    def place(self, leaf: int, told: bytes, who: str, value: Mapping[str, Any], number: int) -> None:
        if "proof" not in value or self._trusted is None:
            return
        root = root_of_inclusion(told, leaf, self._trusted.size, _proof(value["proof"], number))
        if root is not None and hmac.compare_digest(root, self._trusted.root):
            self.report.covered += 1
        else:
            self.report.add(Flaw(Kind.HISTORY, f"Its proof does not lead to the signed checkpoint: {who}.", leaf))

    def close(self, end: Mapping[str, Any] | None, header: Mapping[str, Any]) -> None:
        super().close(end, header)
        self.report.size = self.count


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _proof(value: object, number: int) -> list[bytes]:
    try:
        proof = [base64.b64decode(one, validate=True) for one in value] if isinstance(value, list) else None
    except (binascii.Error, ValueError, TypeError):
        proof = None
    if proof is None or any(len(one) != 32 for one in proof):
        raise AuditError("export", f"Line {number} of the export has no proof of inclusion that can be read.")
    return proof


def _read(line: str, number: int) -> dict[str, Any]:
    try:
        value = canonical.read(line) if len(line) <= _MAX_LINE else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise AuditError("export", f"Line {number} of the export is no JSON object.")
    return value
