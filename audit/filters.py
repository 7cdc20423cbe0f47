"""What one can ask of the records: a `Query`, and the SQL conditions that it means. Pure; imports the schema.

Everything that answers questions (lists, statistics, exports, pages) takes the same `Query` and gets the same records.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, Float, Integer, and_, exists, false, not_, or_
from sqlalchemy.sql.operators import eq, ge, gt, in_op, le, lt, ne

from audit.errors import AuditError
from audit.schema import ACTIONS, MODES, Base

PENDING_FOR = dt.timedelta(minutes=10)
"""How long a decision may be without an outcome before that is a finding in itself."""

_tables = Base.metadata.tables
_decisions, _findings = _tables["decisions"], _tables["findings"]
_fingerprints, _outcomes = _tables["fingerprints"], _tables["outcomes"]


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
class Where:
    """A comparison with one field: ``total_ms >= 250``. Raises AuditError ``query`` if it makes no sense."""

    field: str
    """A key of `FIELDS`."""
    operator: str
    """``=``, ``!=``, and for numbers ``<``, ``<=``, ``>``, ``>=``."""
    value: str | float
    """For a truth: ``yes`` or ``no``."""

    def __post_init__(self) -> None:
        column = FIELDS.get(self.field)
        if column is None:
            raise AuditError("query", f"There is no such field. Fields: {', '.join(sorted(FIELDS))}.")
        if self.operator not in _OPERATORS:
            raise AuditError("query", f"{self.field}: compare with {' '.join(_OPERATORS)}.")
        if isinstance(column.type, Boolean):
            if self.operator not in ("=", "!=") or self.value not in ("yes", "no"):
                raise AuditError("query", f"{self.field}: compare with = yes or = no.")
        elif is_number(column):
            if not isinstance(self.value, (int, float)) or self.value != self.value:
                raise AuditError("query", f"{self.field} is a number: compare with one.")
        elif self.operator not in ("=", "!=") or not isinstance(self.value, str):
            raise AuditError("query", f"{self.field} is text: compare with = or !=.")


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
    route: Sequence[str] = ()
    """Routed to."""
    endpoint: Sequence[str] = ()
    provider: Sequence[str] = ()
    operation: Sequence[str] = ()
    model: Sequence[str] = ()
    destination_country: Sequence[str] = ()
    entity: Sequence[str] = ()
    """Of a finding, as recognizer, role and path are: each may be that of another finding."""
    recognizer: Sequence[str] = ()
    role: Sequence[str] = ()
    path: Sequence[str] = ()
    fingerprint: Sequence[str] = ()
    action: Sequence[str] = ()
    """What was done; in observe mode, what would have been done counts too."""
    would_action: Sequence[str] = ()
    mode: Sequence[str] = ()
    rule: Sequence[str] = ()
    reason: Sequence[str] = ()
    policy_hash: Sequence[str] = ()
    detector_version: Sequence[str] = ()
    model_version: Sequence[str] = ()
    process: Sequence[str] = ()
    server_address: Sequence[str] = ()
    http_method: Sequence[str] = ()
    user_agent_family: Sequence[str] = ()
    error: Sequence[str] = ()
    finish_reason: Sequence[str] = ()
    state: Sequence[State] = ()
    status: tuple[int, int] | None = None
    """Lowest and highest HTTP status."""
    stream: bool | None = None
    withheld: bool = False
    """Only replies in which placeholders were found that were not restored on purpose."""
    unknown: bool = False
    """Only replies with what looks like placeholders and is nobody's in that request."""
    where: Sequence[Where] = ()
    """All must hold."""
    id_prefix: str | None = None
    before: int | None = None
    """Only records with a smaller ``seq``."""
    limit: int = 50
    """Records of a page: 1 to `audit.query.MAX_PAGE`. Statistics pay no heed to it."""


_NOT_FIELDS = ("seq", "id", "time", "decision_seq", "position", "findings")
FIELDS: dict[str, Column[Any]] = {
    column.name: column
    for table in (_findings, _outcomes, _decisions)
    for column in table.c
    if column.name not in _NOT_FIELDS and not (table is _findings and column.name == "action")
}
"""The recorded fields that `Where` may name. ``count``, ``max_score``, ``path`` and so on: of any one finding."""

DECISION_FILTERS = (
    "tenant", "principal", "route", "endpoint", "provider", "operation", "model", "destination_country", "would_action",
    "mode", "rule", "reason", "policy_hash", "detector_version", "model_version", "process", "server_address",
    "http_method", "user_agent_family",
)  # fmt: skip
"""Filters of `Query` that are a column of ``decisions`` and nothing else."""
OUTCOME_FILTERS = ("error", "finish_reason")
FINDING_FILTERS = ("entity", "recognizer", "role", "path")
KNOWN_VALUES: dict[str, tuple[str, ...]] = {"action": ACTIONS, "would_action": ACTIONS, "mode": MODES}
"""Filters whose values are few and known."""

_OPERATORS = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_WHERE = re.compile(r"\s*([a-z_]+)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*", re.DOTALL)


def is_number(column: Column[Any]) -> bool:
    """Whether a column holds numbers that can be compared."""
    return isinstance(column.type, (Integer, Float)) and not isinstance(column.type, Boolean)


def parse_where(text: str) -> Where:
    """``total_ms>=250``, ``process=host/12``, ``stream=yes``. Raises AuditError."""
    if not (match := _WHERE.fullmatch(text)):
        raise AuditError("query", "--where takes FIELD OPERATOR VALUE, such as total_ms>=250 or process=host/12.")
    name, operator, value = match.groups()
    column = FIELDS.get(name)
    try:
        return Where(name, operator, float(value) if column is not None and is_number(column) else value)
    except ValueError:
        raise AuditError("query", f"--where {name}: a number is wanted, such as {name}>=250.") from None
    except AuditError as error:
        raise AuditError("query", f"--where: {error.message}") from None


def parse_status(text: str) -> tuple[int, int]:
    """``404``, ``4xx`` or ``400-499`` as lowest and highest. Raises AuditError."""
    text = text.strip().lower()
    if re.fullmatch(r"[1-9]xx", text):
        return int(text[0]) * 100, int(text[0]) * 100 + 99
    if match := re.fullmatch(r"([1-9]\d\d)(?:-([1-9]\d\d))?", text):
        return int(match[1]), int(match[2] or match[1])
    raise AuditError("query", "A status is a number (404), a class (4xx) or a range (400-499).")


def needs_outcomes(query: Query) -> bool:
    """Whether `conditions` speak of ``outcomes``, which must then be joined (outer)."""
    return bool(
        query.status is not None
        or query.state
        or query.withheld
        or query.unknown
        or any(getattr(query, name) for name in OUTCOME_FILTERS)
        or any(FIELDS[one.field].table is _outcomes for one in query.where)
    )


def conditions(query: Query, now: dt.datetime, *, leads: str | None = None) -> Iterator[ColumnElement[bool]]:
    """What must hold of ``decisions`` (and of ``outcomes``: `needs_outcomes`) but for ``before``.

    ``leads``: the table among findings and fingerprints that is joined already; it has one value to be compared with.
    Raises AuditError ``query``.
    """
    column = _decisions.c
    if query.since is not None:
        yield column.time >= query.since
    if query.until is not None:
        yield column.time < query.until
    for name, known in KNOWN_VALUES.items():
        if set(getattr(query, name)) - set(known):
            raise AuditError("query", f"{name} is one of: {', '.join(known)}.")
    for name in DECISION_FILTERS:
        if values := getattr(query, name):
            yield column[name].in_(values) if name in column else false()
    if query.upstream:
        yield or_(column.upstream.in_(query.upstream), column.route.in_(query.upstream))
    if query.action:
        yield or_(column.action.in_(query.action), column.would_action.in_(query.action))
    if query.caller:
        yield or_(*(column[name].in_(query.caller) for name in ("principal", "proxy_user", "client_address")))
    if query.stream is not None:
        yield column.stream.is_(query.stream)
    owners = [(getattr(query, name), _findings.c[name]) for name in FINDING_FILTERS]
    for values, owner in (*owners, (query.fingerprint, _fingerprints.c.fingerprint)):
        if values and owner.table.name == leads and owner.name in ("entity", "fingerprint"):
            yield owner.in_(values)
        elif values:
            yield _some(owner, in_op, values)
    for name in OUTCOME_FILTERS:
        if values := getattr(query, name):
            yield _outcomes.c[name].in_(values) if name in _outcomes.c else false()
    if query.status is not None:
        yield _outcomes.c.status.between(*query.status)
    if query.state:
        yield or_(false(), *(in_state(state, now) for state in query.state))
    if query.withheld:
        yield _outcomes.c.placeholders_withheld > 0 if "placeholders_withheld" in _outcomes.c else false()
    if query.unknown:
        yield _outcomes.c.placeholders_unknown > 0
    for one in query.where:
        yield _holds(one)
    if query.id_prefix is not None:
        yield id_begins(query.id_prefix)


def _some(column: Column[Any], operator: Callable[..., Any], value: Any) -> ColumnElement[bool]:
    """Any finding (or fingerprint) of the decision; of its own, whatever else is joined."""
    other = column.table.alias()
    condition: ColumnElement[bool] = operator(other.c[column.name], value)
    return exists().where(other.c.decision_seq == _decisions.c.seq, condition)


def _holds(one: Where) -> ColumnElement[bool]:
    column = FIELDS[one.field]
    value = one.value == "yes" if isinstance(column.type, Boolean) else one.value
    if column.table is _findings:
        return _some(column, _OPERATORS[one.operator], value)
    condition: ColumnElement[bool] = _OPERATORS[one.operator](column, value)
    return condition


def in_state(state: State, now: dt.datetime) -> ColumnElement[bool]:
    """The condition for a state, over ``decisions`` and, outer joined, ``outcomes``."""
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


def id_begins(prefix: str) -> ColumnElement[bool]:
    """The ids that begin so. Raises AuditError."""
    digits = prefix.replace("-", "").lower()
    if not re.fullmatch(r"[0-9a-f]{1,32}", digits):
        raise AuditError("query", "An id, or the beginning of one, consists of the digits 0-9 and a-f and of hyphens.")
    lowest, highest = digits.ljust(32, "0"), digits.ljust(32, "f")
    return _decisions.c.id.between(str(uuid.UUID(lowest)), str(uuid.UUID(highest)))
