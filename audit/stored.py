"""Records as they lie in the tables, strictly: exactly what was recorded, or damaged. For whoever recomputes leaves.

SQLAlchemy's own types are forgiving (any number is a truth, a time may be spelt in many ways). Here the driver's value
must be the very one that recording leaves behind, so that no column can be changed unseen. Reads only.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, select, type_coerce
from sqlalchemy.types import NullType

from audit import leaf
from audit.schema import Base

BATCH = 500
"""Records that are loaded with one query."""

_tables: dict[str, Table] = dict(Base.metadata.tables)
_decisions, _findings = _tables["decisions"], _tables["findings"]
_fingerprints, _outcomes, _policies = _tables["fingerprints"], _tables["outcomes"], _tables["policies"]

_PLAIN: dict[str, tuple[Table, dict[str, Any], Callable[[Mapping[str, Any]], bytes]]] = {
    "policy": (_tables["policies"], leaf.POLICY_FIELDS, leaf.policy_json),
    "tombstone": (_tables["tombstones"], leaf.TOMBSTONE_FIELDS, leaf.tombstone_json),
}
"""Kinds of one row, with nothing beside it."""

_HEX = re.compile(r"[0-9a-f]{32}")


class _Damaged(ValueError):
    """A value that recording does not leave behind."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One record of ``decisions``, ``outcomes`` or ``policies`` with all that belongs to it."""

    kind: str
    seq: int
    id: str
    """The record's id (of an outcome its decision's), as far as it can be read."""
    json: bytes | None
    """Canonical JSON; None if a value is not as recording leaves it."""
    version: int
    """Of the leaf's format."""

    @property
    def hash(self) -> bytes | None:
        """The leaf's hash as the tables have it now."""
        return None if self.json is None else leaf.leaf_hash(self.kind, self.json, self.version)


def load(
    connection: Connection,
    kind: str,
    seqs: Sequence[int],
    ids: Mapping[int, str] | None = None,
    versions: Mapping[int, int] | None = None,
    *,
    of_first: bool = False,
) -> dict[int, Stored]:
    """The records of these numbers (`BATCH` at most); those that are not there, or of no known kind, are left out.

    ``ids``: the decisions' ids of outcomes as the ledger has them; else they are looked up in ``decisions``.
    ``versions``: the leaves' format by number, where it is not the newest. ``of_first``: the tables have the columns of
    version 1 alone (while they are migrated).
    """
    versions = dict.fromkeys(seqs, 1) if of_first else versions or {}
    if kind == "decision":
        return _load_decisions(connection, seqs, versions, of_first=of_first)
    if kind == "outcome":
        return _load_outcomes(connection, seqs, ids or {}, versions, of_first=of_first)
    return _load_plain(connection, kind, seqs, versions) if kind in _PLAIN else {}


def _load_decisions(
    connection: Connection, seqs: Sequence[int], versions: Mapping[int, int], *, of_first: bool
) -> dict[int, Stored]:
    read = _readers(connection.dialect.name)
    prints: dict[tuple[int, Any], list[Any]] = defaultdict(list)
    damaged: set[int] = set()
    query = _raw(_fingerprints.c["decision_seq", "position", "ordinal", "fingerprint"])
    query = query.where(_fingerprints.c.decision_seq.in_(seqs))
    for seq, position, ordinal, value in connection.execute(query.order_by(*_fingerprints.primary_key)):
        here = prints[seq, position]
        if ordinal != len(here) or type(value) is not str:
            damaged.add(seq)
        here.append(value)
    findings: dict[int, list[tuple[dict[str, Any], list[Any]]]] = defaultdict(list)
    query = _raw([_findings.c[name] for name in ("decision_seq", "position", *leaf.FINDING_FIELDS)])
    query = query.where(_findings.c.decision_seq.in_(seqs)).order_by(*_findings.primary_key)
    for seq, position, *raw in connection.execute(query):
        try:
            if position != len(findings[seq]):
                raise _Damaged
            values = _values(leaf.FINDING_FIELDS, raw, read)
            findings[seq].append((values, prints.pop((seq, position), [])))
        except _Damaged:
            damaged.add(seq)
    damaged.update(seq for seq, _ in prints)  # of findings that are not there
    found: dict[int, Stored] = {}
    fields = _fields("decision", leaf.DECISION_FIELDS, of_first=of_first)
    query = _raw([_decisions.c[name] for name in fields]).where(_decisions.c.seq.in_(seqs))
    place, name_at = [*fields].index("seq"), [*fields].index("id")
    for row in connection.execute(query):
        seq, json = int(row[place]), None
        version = versions.get(seq, leaf.NEWEST)
        if seq not in damaged:
            try:
                values = _values(fields, row, read)
                _check_version("decision", version, values)
                json = leaf.decision_json(values, findings[seq], version)
            except (ValueError, TypeError):
                json = None
        found[seq] = Stored("decision", seq, _shown_id(row[name_at]), json, version)
    return found


def _load_outcomes(
    connection: Connection, seqs: Sequence[int], ids: Mapping[int, str], versions: Mapping[int, int], *, of_first: bool
) -> dict[int, Stored]:
    read = _readers(connection.dialect.name)
    fields = _fields("outcome", leaf.OUTCOME_FIELDS, of_first=of_first)
    del fields["decision_id"]
    place = [*fields].index("seq")
    query = _raw([*(_outcomes.c[name] for name in fields), _decisions.c.id]).select_from(
        _outcomes.outerjoin(_decisions, _decisions.c.seq == _outcomes.c.decision_seq)
    )
    found: dict[int, Stored] = {}
    for row in connection.execute(query.where(_outcomes.c.seq.in_(seqs))):
        seq, json = int(row[place]), None
        version = versions.get(seq, leaf.NEWEST)
        key = ids.get(seq) or _shown_id(row[-1])
        try:
            values = _values(fields, row[:-1], read)
            _check_version("outcome", version, values)
            json = leaf.outcome_json(values | {"decision_id": key}, version)
        except (ValueError, TypeError):
            json = None
        found[seq] = Stored("outcome", seq, key, json, version)
    return found


def _load_plain(
    connection: Connection, kind: str, seqs: Sequence[int], versions: Mapping[int, int]
) -> dict[int, Stored]:
    read = _readers(connection.dialect.name)
    table, fields, written = _PLAIN[kind]
    found: dict[int, Stored] = {}
    for row in connection.execute(_raw([table.c[name] for name in fields]).where(table.c.seq.in_(seqs))):
        version = versions.get(int(row.seq), leaf.NEWEST)
        try:
            _check_version(kind, version, {})
            json = written(_values(fields, list(row), read))
        except (ValueError, TypeError):
            json = None
        found[int(row.seq)] = Stored(kind, int(row.seq), _shown_id(row.id), json, version)
    return found


def _fields(kind: str, fields: Mapping[str, Any], *, of_first: bool) -> dict[str, Any]:
    return {name: writer for name, writer in fields.items() if not (of_first and name in leaf.ADDED[kind])}


def _check_version(kind: str, version: int, values: Mapping[str, Any]) -> None:
    """A version that knows the kind; and what it does not cover holds nothing, else it could be changed unseen."""
    if kind not in leaf.VERSIONS.get(version, ()):
        raise _Damaged
    if version == 1 and any(values.get(name, empty) != empty for name, empty in leaf.ADDED[kind].items()):
        raise _Damaged


def _raw(columns: Any) -> Any:
    """The driver's own values."""
    return select(*(type_coerce(column, NullType()) for column in columns))


type _Reader = Callable[[Any], Any]


def _values(fields: Mapping[str, Any], raw: Sequence[Any], read: Mapping[Any, _Reader]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for (name, writer), value in zip(fields.items(), raw, strict=True):
        if value is None:
            values[name] = None
        elif name == "id":
            values[name] = read["id"](value)
        else:
            values[name] = read[writer](value)
    return values


def _exactly(kind: type) -> _Reader:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise _Damaged
        return value

    return read


def _sqlite_truth(value: Any) -> bool:
    if type(value) is not int or value not in (0, 1):
        raise _Damaged
    return value == 1


def _sqlite_time(value: Any) -> dt.datetime:
    if type(value) is not str:
        raise _Damaged
    moment = dt.datetime.fromisoformat(value)
    if moment.isoformat(sep=" ", timespec="microseconds") != value or moment.tzinfo is not None:
        raise _Damaged
    return moment.replace(tzinfo=dt.UTC)


def _sqlite_id(value: Any) -> str:
    if type(value) is not str or not _HEX.fullmatch(value):
        raise _Damaged
    return str(uuid.UUID(value))


_SQLITE: dict[Any, _Reader] = {
    "id": _sqlite_id,
    leaf.WRITERS["text"]: _exactly(str),
    leaf.WRITERS["integer"]: _exactly(int),
    leaf.WRITERS["real"]: _exactly(float),
    leaf.WRITERS["truth"]: _sqlite_truth,
    leaf.WRITERS["moment"]: _sqlite_time,
}
_POSTGRESQL: dict[Any, _Reader] = {
    "id": lambda value: str(_exactly(uuid.UUID)(value)),
    leaf.WRITERS["text"]: _exactly(str),
    leaf.WRITERS["integer"]: _exactly(int),
    leaf.WRITERS["real"]: _exactly(float),
    leaf.WRITERS["truth"]: _exactly(bool),
    leaf.WRITERS["moment"]: _exactly(dt.datetime),
}


def _readers(dialect: str) -> dict[Any, _Reader]:
    return _SQLITE if dialect == "sqlite" else _POSTGRESQL


def _shown_id(value: Any) -> str:
    """An id for people, whatever it is by now."""
    try:
        return str(uuid.UUID(str(value)))
    except ValueError:
        return str(value)


def all_columns() -> dict[str, list[Column[Any]]]:
    """The columns that a leaf covers, by table; a test holds them against the schema."""
    return {
        "decisions": [_decisions.c[name] for name in leaf.DECISION_FIELDS],
        "findings": [_findings.c[name] for name in ("decision_seq", "position", *leaf.FINDING_FIELDS)],
        "fingerprints": list(_fingerprints.c),
        "outcomes": [_outcomes.c[name] for name in leaf.OUTCOME_FIELDS if name != "decision_id"],
        "policies": [_policies.c[name] for name in leaf.POLICY_FIELDS],
    }
