"""Questions to the audit database: filters in, records out, newest first. Reads only; imports no proxy, no settings.

Pages are cut by ``seq`` (keyset), so that they stay stable while records come in. A page is found in two steps: the
numbers of its rows first, by the filters' indexes, then those rows with all that belongs to them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.exc import SQLAlchemyError

from audit.database import Database
from audit.errors import AuditError
from audit.failures import explain
from audit.filters import PENDING_FOR, Query, State, Where, conditions, id_begins, needs_outcomes, parse_status
from audit.pruned_places import pruned_place
from audit.records import Decision, Finding, Outcome, PolicyRecord
from audit.rows import decision_of, finding_of, outcome_of, policy_of
from audit.schema import Base
from audit.snapshot import snapshot

__all__ = ["MAX_PAGE", "PENDING_FOR", "Page", "Query", "Reader", "Record", "State", "Where", "parse_status", "state_of"]

MAX_PAGE = 1000

_decisions = Base.metadata.tables["decisions"]
_policies = Base.metadata.tables["policies"]
_findings = Base.metadata.tables["findings"]
_fingerprints = Base.metadata.tables["fingerprints"]
_outcomes = Base.metadata.tables["outcomes"]


@dataclass(frozen=True, slots=True)
class Record:
    """A decision with its findings and its outcome."""

    seq: int
    decision: Decision
    outcome: Outcome | None
    state: State


@dataclass(frozen=True, slots=True)
class Page:
    """Records, newest first."""

    records: Sequence[Record]
    before: int | None
    """`Query.before` of the next page; None if this is the last."""


class Reader:
    """Answers queries on an open database."""

    def __init__(self, database: Database, *, time_limit_s: float | None = None) -> None:
        self._database = database
        self._time_limit_s = time_limit_s

    def page(self, query: Query, *, now: dt.datetime | None = None) -> Page:
        """One page. Raises AuditError: ``query`` for a wrong filter, else what ails the database."""
        now = now or dt.datetime.now(dt.UTC)
        if not 1 <= query.limit <= MAX_PAGE:
            raise AuditError("query", f"A page has 1 to {MAX_PAGE} records.")
        with snapshot(self._database, self._time_limit_s) as connection:
            seqs = _found(connection, query, now)
            records = _load(connection, seqs[: query.limit], now)
        return Page(records, records[-1].seq if len(seqs) > query.limit else None)

    def records(self, query: Query, *, now: dt.datetime | None = None) -> Iterator[Record]:
        """All records that the filters admit, page by page; ``query.limit`` is the page's size. Raises AuditError."""
        before = query.before
        while True:
            page = self.page(replace(query, before=before), now=now)
            yield from page.records
            before = page.before
            if before is None:
                return

    def policies(self, prefix: str = "") -> list[PolicyRecord]:
        """Recorded policies whose hash begins so, oldest first. Raises AuditError."""
        statement = select(_policies).where(_policies.c.hash.startswith(prefix, autoescape=True))
        with snapshot(self._database, self._time_limit_s) as connection:
            return [policy_of(row._mapping) for row in connection.execute(statement.order_by(_policies.c.seq))]

    def find(self, name: str, *, now: dt.datetime | None = None) -> Record:
        """The one record of an id, an unambiguous beginning of one, or a number as the list shows it.

        Raises AuditError: ``not_found``, ``ambiguous``, ``query``.
        """
        now = now or dt.datetime.now(dt.UTC)
        # UUIDv7 begins with a zero until the year 2527, and a number never does.
        by_number = re.fullmatch(r"[1-9][0-9]{0,17}", name) is not None
        wanted = _decisions.c.seq == int(name) if by_number else id_begins(name)
        try:
            with self._database.engine.connect() as connection, connection.begin():
                seqs: list[int] = list(connection.execute(select(_decisions.c.seq).where(wanted).limit(2)).scalars())
                if len(seqs) > 1:
                    raise AuditError("ambiguous", "More than one record's id begins so: give more of it.")
                if not seqs and (place := pruned_place(connection, name)) is not None:
                    raise AuditError("not_found", str(place))
                if not seqs:
                    raise AuditError("not_found", f"No record has this {'number' if by_number else 'id'} "
                                     f"in {self._database.place}.")  # fmt: skip
                return _load(connection, seqs, now)[0]
        except SQLAlchemyError as error:
            raise explain(error, self._database.place) from None


_NEWEST = 8192
"""Numbers that a list looks at before it asks summaries where to look on."""
_INDEXED = ("fingerprint", "principal", "endpoint", "action", "rule", "id_prefix")


def _found(connection: Connection, query: Query, now: dt.datetime) -> list[int]:
    """The numbers of one page and one more, which tells whether another page follows."""
    has_index = len(query.entity) == 1 or any(getattr(query, name) for name in _INDEXED)
    if has_index or query == Query(before=query.before, limit=query.limit):
        return list(connection.execute(_seqs(query, now)).scalars())
    seq = _decisions.c.seq
    top = query.before or (connection.execute(select(func.max(seq))).scalar() or 0) + 1
    found: list[int] = list(connection.execute(_seqs(query, now).where(seq >= top - _NEWEST)).scalars())
    older = replace(query, before=top - _NEWEST)
    if len(found) > query.limit or older.before is None or older.before <= 0:
        return found
    from audit.summaries_lists import stretches  # numpy: only where it is worth its loading

    parts = stretches(connection, older, now)
    for low, high in [(0, older.before)] if parts is None else parts:
        wanted = _seqs(replace(older, limit=query.limit - len(found)), now)
        found += connection.execute(wanted.where(seq.between(low, high))).scalars()
        if len(found) > query.limit:
            break
    return found


def _seqs(query: Query, now: dt.datetime) -> Select[int]:
    """The numbers of one page's rows and one more, which tells whether another page follows."""
    # With one entity or fingerprint its index leads, in the order wanted; a test per decision would walk the table.
    leader = None
    if len(query.fingerprint) == 1:
        leader = _fingerprints
    elif len(query.entity) == 1:
        leader = _findings
    seq = _decisions.c.seq if leader is None else leader.c.decision_seq
    statement = select(seq)
    if leader is not None:
        statement = statement.join(_decisions, _decisions.c.seq == seq).group_by(seq)
    if needs_outcomes(query):
        statement = statement.outerjoin(_outcomes, _outcomes.c.decision_seq == seq)
    if query.before is not None:
        statement = statement.where(seq < query.before)
    statement = statement.where(*conditions(query, now, leads=None if leader is None else leader.name))
    return statement.order_by(seq.desc()).limit(query.limit + 1)


def state_of(decision: Decision, outcome: Outcome | None, now: dt.datetime) -> State:
    """What became of a request, as of ``now``."""
    if decision.route is None:
        return State.REFUSED
    if outcome is not None:
        return State.COMPLETE if outcome.error is None and outcome.complete else State.FAILED
    return State.PENDING if decision.time > now - PENDING_FOR else State.UNRESOLVED


def _load(connection: Connection, seqs: Sequence[int], now: dt.datetime) -> list[Record]:
    if not seqs:
        return []
    fingerprints: dict[tuple[int, int], list[str]] = defaultdict(list)
    for row in connection.execute(
        select(_fingerprints).where(_fingerprints.c.decision_seq.in_(seqs)).order_by(_fingerprints.c.ordinal)
    ):
        fingerprints[row.decision_seq, row.position].append(row.fingerprint)
    findings: dict[int, list[Finding]] = defaultdict(list)
    for row in connection.execute(
        select(_findings).where(_findings.c.decision_seq.in_(seqs)).order_by(_findings.c.position)
    ):
        findings[row.decision_seq].append(finding_of(row._mapping, fingerprints[row.decision_seq, row.position]))
    outcomes: dict[int, Any] = {
        row.decision_seq: row._mapping
        for row in connection.execute(select(_outcomes).where(_outcomes.c.decision_seq.in_(seqs)))
    }
    records = []
    for row in connection.execute(
        select(_decisions).where(_decisions.c.seq.in_(seqs)).order_by(_decisions.c.seq.desc())
    ):
        decision = decision_of(row._mapping, findings[row.seq])
        outcome = outcome_of(outcomes[row.seq], decision.id) if row.seq in outcomes else None
        records.append(Record(row.seq, decision, outcome, state_of(decision, outcome, now)))
    return records
