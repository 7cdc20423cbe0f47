"""The numbers of a report: read from the record of one month, and for yearly thresholds from the year so far."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from audit.database import Database
from audit.exports.severity import FAIL_CLOSED
from audit.filters import Query
from audit.reports.kinds import is_personal
from audit.reports.period import Period
from audit.reports.policies import Policies, policies_of
from audit.reports.subjects import Distinct
from audit.schema import Base
from audit.snapshot import snapshot
from audit.statistics import Statistics, Totals
from audit.statistics_values import Count, Dimension

_tables = Base.metadata.tables
_decisions, _findings = _tables["decisions"], _tables["findings"]
_fingerprints, _ledger = _tables["fingerprints"], _tables["ledger"]
_checkpoints, _reads = _tables["ledger_checkpoints"], _tables["reads"]

FATES = ("clear", "masked", "local", "kept")
"""What became of a value found: sent as it was, sent as a placeholder, sent to a model of one's own, not sent."""
_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Destination:
    """Where requests went."""

    recipient: str
    """Provider, else upstream."""
    country: str | None


@dataclass(slots=True)
class Traffic:
    """What went to one destination in the month."""

    requests: int = 0
    masked: int = 0
    bytes: int = 0
    local: bool = False
    """Requests that were rerouted to a model of one's own."""


@dataclass(slots=True)
class Facts:
    """Everything that a report may say."""

    period: Period
    made: dt.datetime
    totals: Totals
    traffic: dict[Destination, Traffic]
    kinds: dict[str, Counter[str]]
    """Values found by kind and fate."""
    kinds_by_destination: dict[Destination, Counter[str]]
    """Values that went, by kind, in whatever form."""
    distinct: Distinct
    """Of the year so far; keys are (destination, fate, kind), fates ``clear`` and ``masked`` only."""
    operations: Sequence[Count]
    rules: Sequence[Count]
    failed_closed: dict[str, int]
    errors: Sequence[Count]
    observed: int
    """Decisions in observe mode: nothing was enforced."""
    unsynchronized: int
    callers: int
    policies: Policies
    detectors: dict[tuple[str, str], int]
    """Decisions by version of detector and model."""
    readers: dict[tuple[str, str], int]
    """Looks at the record by reader and role."""
    oldest: dt.datetime | None
    ledger_size: int
    newest_note: str | None
    newest_signed: dt.datetime | None
    tenants: Sequence[str] = field(default_factory=tuple)


def gather(database: Database, period: Period, tenants: Sequence[str], now: dt.datetime) -> Facts:
    """Read everything. Raises AuditError."""
    query = Query(since=period.since, until=period.until, tenant=tuple(tenants))
    statistics = Statistics(database, time_limit_s=None)
    totals = statistics.totals(query, now=now)
    operations, rules, errors = (
        statistics.top(query, by, 50, now=now) for by in (Dimension.OPERATION, Dimension.RULE, Dimension.ERROR)
    )
    of_tenants = [_decisions.c.tenant.in_(tenants)] if tenants else []
    month = and_(_decisions.c.time >= period.since, _decisions.c.time < period.until, *of_tenants)
    year = and_(_decisions.c.time >= period.year_since, _decisions.c.time < period.until, *of_tenants)
    with snapshot(database) as connection:
        size = connection.execute(select(func.max(_ledger.c.leaf))).scalar()
        newest = connection.execute(
            select(_checkpoints.c.note, _checkpoints.c.time).order_by(_checkpoints.c.size.desc()).limit(1)
        ).first()
        kinds, by_destination = _kinds(connection, month)
        return Facts(
            period=period,
            made=now,
            totals=totals,
            traffic=_traffic(connection, month),
            kinds=kinds,
            kinds_by_destination=by_destination,
            distinct=_distinct(connection, year),
            operations=operations,
            rules=rules,
            failed_closed=_failed_closed(connection, month),
            errors=[one for one in errors if one.key is not None],
            observed=_count(connection, month, _decisions.c.mode == "observe"),
            unsynchronized=_count(connection, month, _decisions.c.time_source == "unsynchronized"),
            callers=int(
                connection.execute(select(func.count(_decisions.c.principal.distinct())).where(month)).scalar_one()
            ),
            policies=policies_of(connection, period, tenants),
            detectors=_detectors(connection, month),
            readers=_readers(connection, period),
            oldest=connection.execute(select(func.min(_decisions.c.time))).scalar(),
            ledger_size=0 if size is None else int(size) + 1,
            newest_note=None if newest is None else str(newest.note),
            newest_signed=None if newest is None else newest.time,
            tenants=tuple(tenants),
        )


def fate_of(action: str, route: str | None, finding_action: str) -> str:
    """What became of a value: of the decision's action, which was carried out, and what the policy says of the value.

    In observe mode the decision's action is what was done (``allow``), so its values went as they were.
    """
    if route is None or action == "block":
        return "kept"
    if action == "reroute":
        return "local"
    return "masked" if action == "mask" and finding_action != "allow" else "clear"


def _count(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(_decisions).where(*conditions)).scalar_one())


_RECIPIENT = func.coalesce(_decisions.c.provider, _decisions.c.route)


def _traffic(connection: Connection, month: ColumnElement[bool]) -> dict[Destination, Traffic]:
    query = (
        select(_RECIPIENT, _decisions.c.destination_country, _decisions.c.action, func.count(),
               func.sum(_decisions.c.request_bytes))
        .where(month, _decisions.c.route.is_not(None))
        .group_by(_RECIPIENT, _decisions.c.destination_country, _decisions.c.action)
    )  # fmt: skip
    found: defaultdict[Destination, Traffic] = defaultdict(Traffic)
    for recipient, country, action, count, size in connection.execute(query):
        here = found[Destination(str(recipient), country)]
        here.requests += int(count)
        here.bytes += int(size or 0)
        here.masked += int(count) if action == "mask" else 0
        here.local |= action == "reroute"
    return dict(sorted(found.items(), key=lambda one: -one[1].requests))


def _kinds(
    connection: Connection, month: ColumnElement[bool]
) -> tuple[dict[str, Counter[str]], dict[Destination, Counter[str]]]:
    keys = (_findings.c.entity, _decisions.c.action, _decisions.c.route, _findings.c.action.label("of_finding"),
            _RECIPIENT, _decisions.c.destination_country)  # fmt: skip
    query = (
        select(*keys, func.sum(_findings.c.count))
        .join(_decisions, _decisions.c.seq == _findings.c.decision_seq)
        .where(month)
        .group_by(*keys)
    )
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    went: defaultdict[Destination, Counter[str]] = defaultdict(Counter)
    for entity, action, route, of_finding, recipient, country, count in connection.execute(query):
        fate = fate_of(action, route, of_finding)
        kinds[entity][fate] += int(count)
        if fate in ("clear", "masked"):
            went[Destination(str(recipient), country)][entity] += int(count)
    ordered = sorted(kinds.items(), key=lambda one: (-one[1].total(), one[0]))
    return dict(ordered), dict(went)


def _distinct(connection: Connection, year: ColumnElement[bool]) -> Distinct:
    """Identifiers that went to a provider this year: streamed, so that memory does not grow with them."""
    query = (
        select(_RECIPIENT, _decisions.c.destination_country, _decisions.c.action, _findings.c.action,
               _findings.c.entity, _fingerprints.c.fingerprint)
        .select_from(_decisions)
        .join(_findings, _findings.c.decision_seq == _decisions.c.seq)
        .join(_fingerprints, and_(_fingerprints.c.decision_seq == _findings.c.decision_seq,
                                  _fingerprints.c.position == _findings.c.position))
        .where(year, _decisions.c.route.is_not(None), _decisions.c.action.in_(("allow", "mask")))
    )  # fmt: skip
    distinct = Distinct()
    result = connection.execution_options(yield_per=_CHUNK).execute(query)
    for recipient, country, action, of_finding, entity, fingerprint in result:
        if is_personal(entity):
            fate = fate_of(action, "", of_finding)
            distinct.add((Destination(recipient, country), fate, entity), fingerprint)
    return distinct


def _failed_closed(connection: Connection, month: ColumnElement[bool]) -> dict[str, int]:
    query = select(_decisions.c.reason, func.count()).where(month, _decisions.c.rule == FAIL_CLOSED)
    rows = connection.execute(query.group_by(_decisions.c.reason)).all()
    return {str(reason): int(count) for reason, count in sorted(rows, key=lambda one: -one[1])}


def _detectors(connection: Connection, month: ColumnElement[bool]) -> dict[tuple[str, str], int]:
    keys = (_decisions.c.detector_version, _decisions.c.model_version)
    rows = connection.execute(select(*keys, func.count()).where(month).group_by(*keys)).all()
    return {(str(one[0]), str(one[1])): int(one[2]) for one in sorted(rows, key=lambda one: -one[2])}


def _readers(connection: Connection, period: Period) -> dict[tuple[str, str], int]:
    query = select(_reads.c.reader, _reads.c.role, func.count())
    query = query.where(_reads.c.time >= period.since, _reads.c.time < period.until)
    rows: Sequence[Any] = connection.execute(query.group_by(_reads.c.reader, _reads.c.role)).all()
    return {(str(one[0]), str(one[1])): int(one[2]) for one in sorted(rows, key=lambda one: -one[2])}
