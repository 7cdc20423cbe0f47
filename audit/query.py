"""Questions to the audit database: filters in, records out, newest first. Reads only; imports no proxy, no settings.

Pages are cut by ``seq`` (keyset), so that they stay stable while records come in. A page is found in two steps: the
numbers of its rows first, by the filters' indexes, then those rows with all that belongs to them.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, false, not_, or_, select
from sqlalchemy.exc import SQLAlchemyError

from audit.database import Database
from audit.errors import AuditError
from audit.failures import explain
from audit.records import Decision, Finding, Outcome
from audit.rows import decision_of, finding_of, outcome_of
from audit.schema import Base

PENDING_FOR = dt.timedelta(minutes=10)
"""How long a decision may be without an outcome before that is a finding in itself."""

MAX_PAGE = 1000

_decisions = Base.metadata.tables["decisions"]
_findings = Base.metadata.tables["findings"]
_fingerprints = Base.metadata.tables["fingerprints"]
_outcomes = Base.metadata.tables["outcomes"]


class State(StrEnum):
    """What became of a request."""

    COMPLETE = "complete"
    """It went out and its reply came back whole."""
    FAILED = "failed"
    """It went out, and its reply was an error or broke off."""
    REFUSED = "refused"
    """Nothing of it went out."""
    PENDING = "pending"
    """It may have gone out; no outcome yet, and it is younger than `PENDING_FOR`."""
    UNRESOLVED = "unresolved"
    """It may have gone out, and what became of it was never recorded."""


@dataclass(frozen=True, slots=True)
class Query:
    """Filters; all that are given must hold, any of a filter's values may. Empty: everything."""

    since: dt.datetime | None = None
    """Inclusive."""
    until: dt.datetime | None = None
    """Exclusive."""
    tenant: Sequence[str] = ()
    principal: Sequence[str] = ()
    caller: Sequence[str] = ()
    """Principal, proxy user or client address."""
    upstream: Sequence[str] = ()
    """Asked for or routed to."""
    endpoint: Sequence[str] = ()
    model: Sequence[str] = ()
    entity: Sequence[str] = ()
    fingerprint: Sequence[str] = ()
    action: Sequence[str] = ()
    """What was done; in observe mode, what would have been done counts too."""
    rule: Sequence[str] = ()
    state: Sequence[State] = ()
    status: tuple[int, int] | None = None
    """Lowest and highest HTTP status."""
    id_prefix: str | None = None
    before: int | None = None
    """Only records with a smaller ``seq``."""
    limit: int = 50
    """1 to `MAX_PAGE`."""


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

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, query: Query, *, now: dt.datetime | None = None) -> Page:
        """One page. Raises AuditError: ``query`` for a wrong filter, else what ails the database."""
        now = now or dt.datetime.now(dt.UTC)
        if not 1 <= query.limit <= MAX_PAGE:
            raise AuditError("query", f"A page has 1 to {MAX_PAGE} records.")
        try:
            with self._database.engine.connect() as connection, connection.begin():
                seqs: list[int] = list(connection.execute(_seqs(query, now)).scalars())
                records = _load(connection, seqs[: query.limit], now)
        except SQLAlchemyError as error:
            raise explain(error, self._database.place) from None
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

    def find(self, name: str, *, now: dt.datetime | None = None) -> Record:
        """The one record of an id, an unambiguous beginning of one, or a number as the list shows it.

        Raises AuditError: ``not_found``, ``ambiguous``, ``query``.
        """
        now = now or dt.datetime.now(dt.UTC)
        # UUIDv7 begins with a zero until the year 2527, and a number never does.
        by_number = re.fullmatch(r"[1-9][0-9]{0,17}", name) is not None
        wanted = _decisions.c.seq == int(name) if by_number else _id_begins(name)
        try:
            with self._database.engine.connect() as connection, connection.begin():
                seqs: list[int] = list(connection.execute(select(_decisions.c.seq).where(wanted).limit(2)).scalars())
                if len(seqs) > 1:
                    raise AuditError("ambiguous", "More than one record's id begins so: give more of it.")
                if not seqs:
                    raise AuditError("not_found", f"No record has this {'number' if by_number else 'id'} "
                                     f"in {self._database.place}.")  # fmt: skip
                return _load(connection, seqs, now)[0]
        except SQLAlchemyError as error:
            raise explain(error, self._database.place) from None


def parse_status(text: str) -> tuple[int, int]:
    """``404``, ``4xx`` or ``400-499`` as lowest and highest. Raises AuditError."""
    text = text.strip().lower()
    if re.fullmatch(r"[1-9]xx", text):
        return int(text[0]) * 100, int(text[0]) * 100 + 99
    if match := re.fullmatch(r"([1-9]\d\d)(?:-([1-9]\d\d))?", text):
        return int(match[1]), int(match[2] or match[1])
    raise AuditError("query", "A status is a number (404), a class (4xx) or a range (400-499).")


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
    if query.status is not None or query.state:
        statement = statement.outerjoin(_outcomes, _outcomes.c.decision_seq == seq)
    if query.before is not None:
        statement = statement.where(seq < query.before)
    statement = statement.where(*_conditions(query, now, leads=None if leader is None else leader.name))
    return statement.order_by(seq.desc()).limit(query.limit + 1)


def _conditions(query: Query, now: dt.datetime, *, leads: str | None) -> Iterator[ColumnElement[bool]]:
    column = _decisions.c
    if query.since is not None:
        yield column.time >= query.since
    if query.until is not None:
        yield column.time < query.until
    for name in ("tenant", "principal", "endpoint", "model", "rule"):
        if values := getattr(query, name):
            yield column[name].in_(values)
    if query.upstream:
        yield or_(column.upstream.in_(query.upstream), column.route.in_(query.upstream))
    if query.action:
        yield or_(column.action.in_(query.action), column.would_action.in_(query.action))
    if query.caller:
        yield or_(*(column[name].in_(query.caller) for name in ("principal", "proxy_user", "client_address")))
    for values, owner in ((query.entity, _findings.c.entity), (query.fingerprint, _fingerprints.c.fingerprint)):
        if values and owner.table.name == leads:
            yield owner == values[0]
        elif values:
            yield exists().where(owner.table.c.decision_seq == column.seq, owner.in_(values))
    if query.status is not None:
        yield _outcomes.c.status.between(*query.status)
    if query.state:
        yield or_(false(), *(_in_state(state, now) for state in query.state))
    if query.id_prefix is not None:
        yield _id_begins(query.id_prefix)


def _in_state(state: State, now: dt.datetime) -> ColumnElement[bool]:
    went = _decisions.c.route.is_not(None)
    open_ended = and_(went, _outcomes.c.seq.is_(None))
    well = and_(_outcomes.c.error.is_(None), _outcomes.c.complete)
    match state:
        case State.REFUSED:
            return _decisions.c.route.is_(None)
        case State.COMPLETE:
            return and_(went, _outcomes.c.seq.is_not(None), well)
        case State.FAILED:
            return and_(went, _outcomes.c.seq.is_not(None), not_(well))
        case State.PENDING:
            return and_(open_ended, _decisions.c.time > now - PENDING_FOR)
        case State.UNRESOLVED:
            return and_(open_ended, _decisions.c.time <= now - PENDING_FOR)


def state_of(decision: Decision, outcome: Outcome | None, now: dt.datetime) -> State:
    """What became of a request, as of ``now``."""
    if decision.route is None:
        return State.REFUSED
    if outcome is not None:
        return State.COMPLETE if outcome.error is None and outcome.complete else State.FAILED
    return State.PENDING if decision.time > now - PENDING_FOR else State.UNRESOLVED


def _id_begins(prefix: str) -> ColumnElement[bool]:
    digits = prefix.replace("-", "").lower()
    if not re.fullmatch(r"[0-9a-f]{1,32}", digits):
        raise AuditError("query", "An id, or the beginning of one, consists of the digits 0-9 and a-f and of hyphens.")
    lowest, highest = digits.ljust(32, "0"), digits.ljust(32, "f")
    return _decisions.c.id.between(str(uuid.UUID(lowest)), str(uuid.UUID(highest)))


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
