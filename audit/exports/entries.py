"""What is carried out: ledger entries with the decision that they belong to, as JSON readers give a record. Reads only.

An export has one entry for a decision together with its outcome, newest first; a stream (`audit.tail`) has one for
every leaf, in the ledger's order.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from audit import canonical
from audit.database import Database
from audit.errors import AuditError
from audit.export import entries_of, placed
from audit.filters import Query, State, Where
from audit.leaf import KINDS
from audit.query import MAX_PAGE, Reader, Record
from audit.schema import Base
from audit.snapshot import snapshot
from audit.stored import BATCH, load
from audit.times import iso

_ledger = Base.metadata.tables["ledger"]
_decisions = Base.metadata.tables["decisions"]
_outcomes = Base.metadata.tables["outcomes"]
_checkpoints = Base.metadata.tables["ledger_checkpoints"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to be told: a decision, an outcome with its decision, both as one, or a policy."""

    kind: str
    """``decision``, ``outcome``, ``policy``, or ``request``: a decision together with its outcome, if it has one."""
    leaf: int
    """Place in the ledger; of a ``request`` its decision's."""
    decision: Mapping[str, Any] | None
    """Columns and ``findings``, as in the leaf's JSON; None for a policy."""
    outcome: Mapping[str, Any] | None
    policy: Mapping[str, Any] | None = None
    state: State | None = None
    """What became of the request; None where that is not known when the entry is told."""
    outcome_leaf: int | None = None

    @property
    def id(self) -> str:
        """The decision's id (of an outcome, too), or the policy's."""
        return str((self.policy if self.decision is None else self.decision)["id"])  # type: ignore[index]

    @property
    def time(self) -> dt.datetime:
        """When it happened: what was recorded last in it."""
        record = self.policy or (self.outcome if self.kind == "outcome" else self.decision) or {}
        return dt.datetime.fromisoformat(record["time"])


def chosen(database: Database, query: Query, now: dt.datetime) -> Iterator[Entry]:
    """The requests that a query admits, newest first; a page of them in memory. Raises AuditError."""
    found = Reader(database).records(dataclasses.replace(query, limit=MAX_PAGE), now=now)
    while batch := list(itertools.islice(found, BATCH)):
        leaves: dict[tuple[str, str], int] = {}
        with snapshot(database) as connection:
            for row in entries_of(connection, [record.seq for record in batch]):
                leaves[row.kind, str(row.record_id)] = row.leaf
        for record in batch:
            key = record.decision.id
            yield _request(record, leaves.get(("decision", key), -1), leaves.get(("outcome", key)))


def following(connection: Connection, after: int, limit: int = BATCH) -> list[Entry]:
    """The ledger's next entries behind leaf ``after``, each as it was recorded. Raises AuditError (``damaged``).

    A place that is empty is damage: the ledger is dense, and what is committed later stands behind.
    """
    rows = connection.execute(select(_ledger).where(_ledger.c.leaf > after).order_by(_ledger.c.leaf).limit(limit)).all()
    for expected, row in enumerate(rows, after + 1):
        if row.leaf != expected:
            raise AuditError("damaged", f"Ledger entries {expected} to {row.leaf - 1} are missing: run "
                             "`coatcheck audit verify`.")  # fmt: skip
        if row.kind not in KINDS:
            raise AuditError("newer", f"Ledger entry {row.leaf} is of a kind that this version does not know: upgrade "
                             "Coatcheck.")  # fmt: skip
    together = zip(rows, placed(connection, rows), strict=True)
    # What was pruned meanwhile cannot be told any more; who pruned it is the ledger's to tell (`audit export`).
    records = [(row, one.record) for row, one in together if one.pruned is None and row.kind != "tombstone"]
    if rows and not records:
        return following(connection, rows[-1].leaf, limit)
    wanted = {record["decision_seq"] for row, record in records if row.kind == "outcome"}
    decisions = _decisions_of(connection, wanted)
    entries = []
    for row, record in records:
        if row.kind == "policy":
            entries.append(Entry("policy", row.leaf, None, None, record))
        elif row.kind == "decision":
            state = State.REFUSED if record["route"] is None else None
            entries.append(Entry("decision", row.leaf, record, None, state=state))
        else:
            decision = decisions.get(record["decision_seq"])
            if decision is None:
                raise AuditError("damaged", f"The decision of ledger entry {row.leaf} (outcome) is not as it was "
                                 "recorded: run `coatcheck audit verify`.")  # fmt: skip
            well = record["error"] is None and record["complete"]
            refused = decision["route"] is None
            state = State.REFUSED if refused else State.COMPLETE if well else State.FAILED
            entries.append(Entry("outcome", row.leaf, decision, record, state=state, outcome_leaf=row.leaf))
    return entries


def first_leaf_since(connection: Connection, moment: dt.datetime) -> int:
    """The first leaf of a decision or outcome that was recorded then or later; the ledger's size if there is none."""
    firsts = []
    for kind, table in (("decision", _decisions), ("outcome", _outcomes)):
        seq = connection.execute(
            select(table.c.seq).where(table.c.time >= moment).order_by(table.c.seq).limit(1)
        ).scalar()
        if seq is not None:
            place = select(_ledger.c.leaf).where(_ledger.c.kind == kind, _ledger.c.record_seq == seq)
            firsts.append(int(connection.execute(place).scalar_one()))
    return min(firsts) if firsts else ledger_size(connection)


def ledger_size(connection: Connection) -> int:
    """Leaves in the ledger."""
    last = connection.execute(select(_ledger.c.leaf).order_by(_ledger.c.leaf.desc()).limit(1)).scalar()
    return 0 if last is None else int(last) + 1


def newest_note(database: Database) -> str | None:
    """The newest signed checkpoint."""
    with snapshot(database) as connection:
        query = select(_checkpoints.c.note).order_by(_checkpoints.c.size.desc()).limit(1)
        note = connection.execute(query).scalar()
    return None if note is None else str(note)


def described(query: Query) -> dict[str, Any]:
    """The filters that are set, for JSON; empty for everything."""
    told: dict[str, Any] = {}
    for field in dataclasses.fields(query):
        value = getattr(query, field.name)
        if field.name in ("limit", "before") or value == field.default:
            continue
        if isinstance(value, dt.datetime):
            told[field.name] = value.isoformat()
        elif isinstance(value, Sequence) and not isinstance(value, str):
            told[field.name] = [_plain(one) for one in value]
        else:
            told[field.name] = value
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, Where):
        return f"{value.field}{value.operator}{value.value}"
    return str(value) if isinstance(value, str) else value


def _decisions_of(connection: Connection, seqs: set[int]) -> dict[int, Mapping[str, Any]]:
    versions = {
        int(row.record_seq): int(row.version)
        for row in connection.execute(
            select(_ledger.c.record_seq, _ledger.c.version).where(
                _ledger.c.kind == "decision", _ledger.c.record_seq.in_(seqs)
            )
        )
    }
    stored = load(connection, "decision", list(seqs), versions=versions)
    return {seq: canonical.read(one.json) for seq, one in stored.items() if one.json is not None}


def _request(record: Record, leaf: int, outcome_leaf: int | None) -> Entry:
    outcome = None if record.outcome is None else _mapping(record.outcome)
    decision = _mapping(record.decision) | {"seq": record.seq}
    decision["findings"] = [_mapping(one) for one in record.decision.findings]
    return Entry("request", leaf, decision, outcome, None, record.state, outcome_leaf)


def _mapping(record: Any) -> dict[str, Any]:
    return {field.name: _json(getattr(record, field.name)) for field in dataclasses.fields(record)}


def _json(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return iso(value, "microseconds")
    return list(value) if isinstance(value, tuple) else value
