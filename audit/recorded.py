"""Which of some records the database has already: the journal may give a record a second time. Reads only.

After a crash a journal is drained from its beginning, and a commit whose answer was lost may have happened. An id is
given once (UUIDv7), so a decision is the same if its id is, and a decision has one outcome.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Connection, select

from audit.records import Decision, Outcome, PolicyRecord
from audit.schema import Base

_decisions, _outcomes = Base.metadata.tables["decisions"], Base.metadata.tables["outcomes"]
_pruned = Base.metadata.tables["pruned"]


def without_recorded[R: Decision | Outcome | PolicyRecord](connection: Connection, records: Sequence[R]) -> list[R]:
    """The records that are not there yet, each once, in order. Policies are compared by who inserts them."""
    keys = [_key(record) for record in records]
    decided = _found(connection, [key for kind, key in keys if kind is Decision])
    ended = _ended(connection, [key for kind, key in keys if kind is Outcome])
    known: set[tuple[type, str]] = {(Decision, key) for key in decided} | {(Outcome, key) for key in ended}
    remaining: list[R] = []
    for record, key in zip(records, keys, strict=True):
        if key not in known:
            remaining.append(record)
            known.add(key)
    return remaining


def _key(record: Decision | Outcome | PolicyRecord) -> tuple[type, str]:
    key = record.decision_id if isinstance(record, Outcome) else record.id
    return type(record), str(uuid.UUID(key))


def _found(connection: Connection, ids: Sequence[str]) -> set[str]:
    if not ids:
        return set()
    found = {str(key) for key in connection.execute(select(_decisions.c.id).where(_decisions.c.id.in_(ids))).scalars()}
    return found | _gone(connection, "decision", ids)


def _ended(connection: Connection, ids: Sequence[str]) -> set[str]:
    if not ids:
        return set()
    ended = select(_decisions.c.id).join(_outcomes, _outcomes.c.decision_seq == _decisions.c.seq)
    found = {str(key) for key in connection.execute(ended.where(_decisions.c.id.in_(ids))).scalars()}
    return found | _gone(connection, "outcome", ids)


def _gone(connection: Connection, kind: str, ids: Sequence[str]) -> set[str]:
    """Those that were recorded and have been pruned since."""
    query = select(_pruned.c.record_id).where(_pruned.c.kind == kind, _pruned.c.record_id.in_(ids))
    return {str(key) for key in connection.execute(query).scalars()}
