"""Statistics straight from the rows, in SQL: right for every query, and as slow as there are rows.

Also what counts the parts of an answer that `audit.summaries` does not cover. ``also``: more conditions, over
``decisions``. Everything is added to what is passed in, so that parts can be put together.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    String,
    case,
    cast,
    extract,
    func,
    literal,
    null,
    select,
)

from audit.filters import Query, State, conditions, in_state, needs_outcomes
from audit.histogram import steps_of
from audit.schema import Base
from audit.statistics_values import LATENCIES, OF_FINDINGS, OF_OUTCOMES, Dimension, Keys, Series, Tally

_tables = Base.metadata.tables
_decisions, _findings, _outcomes = _tables["decisions"], _tables["findings"], _tables["outcomes"]

type Conditions = Sequence[ColumnElement[bool]]

_OF_DECISIONS = {"request_bytes": "request_bytes", "placeholders_sent": "placeholders"}
_OF_REPLIES = ("input_tokens", "output_tokens", "placeholders_seen", "placeholders_restored", "placeholders_unknown",
               "placeholders_mangled", "placeholders_withheld", "response_bytes")  # fmt: skip
_DAY = dt.timedelta(days=1)
_FIRST_MONDAY_S = 4 * 86400
"""1970-01-05: weeks are counted from it."""
_CHUNK = 20_000
_WIDE = 100_000


def add_totals(connection: Connection, query: Query, now: dt.datetime, tally: Tally, also: Conditions = ()) -> None:
    """Add everything of these decisions. Raises what SQLAlchemy raises."""
    where = (*conditions(query, now), *also)
    both = _decisions.outerjoin(_outcomes, _outcomes.c.decision_seq == _decisions.c.seq)
    state = case(*((in_state(one, now), literal(str(one))) for one in State))
    currency = _column("outcomes", "currency")
    sums = [func.sum(_decisions.c[name]) for name in _OF_DECISIONS.values()]
    sums += [func.sum(_column("outcomes", name)) for name in (*_OF_REPLIES, "cost")]
    action_of = _unordered(_decisions.c.action).label("a")
    statement = select(action_of, state.label("s"), currency.label("money"), func.count(), *sums)
    statement = statement.select_from(both).where(*where).group_by("a", "s", "money")
    for action, one, money, count, *values in connection.execute(statement):
        tally.actions[action] += count
        tally.states[one] += count
        for name, value in zip((*_OF_DECISIONS, *_OF_REPLIES), values, strict=False):
            tally.sums[name] += int(value or 0)
        if money is not None:
            tally.cost[money] += float(values[-1] or 0)
    found = select(func.sum(_findings.c.count)).select_from(_joined(query, findings=True)).where(*where)
    tally.sums["findings"] += int(connection.execute(found).scalar() or 0)
    latencies = select(*(_column("decisions" if name in _decisions.c else "outcomes", name) for name in LATENCIES))
    result = connection.execute(latencies.select_from(both).where(*where))
    while rows := result.fetchmany(_CHUNK):
        table = np.array([tuple(row) for row in rows], dtype=np.float64)
        for name, column in zip(LATENCIES, table.T, strict=True):
            steps = steps_of(column[~np.isnan(column)])
            tally.latency[name] += np.bincount(steps, minlength=256)


def add_top(
    connection: Connection, query: Query, by: Dimension, now: dt.datetime, keys: Keys, also: Conditions = ()
) -> None:
    """Add decisions and findings by key."""
    where = (*conditions(query, now), *also)
    key = key_of(by).label("k")
    if by in OF_FINDINGS:
        decisions = func.count(_decisions.c.seq.distinct())
        statement = select(key, decisions, func.sum(_findings.c.count)).select_from(_joined(query, by, findings=True))
        for name, count, found in connection.execute(statement.where(*where).group_by("k")):
            keys.add(name, count, int(found))
        return
    counted = select(key, func.count()).select_from(_joined(query, by)).where(*where).group_by("k")
    for name, count in connection.execute(counted):
        keys.add(name, count, 0)
    found = select(key, func.sum(_findings.c.count)).select_from(_joined(query, by, findings=True))
    for name, count in connection.execute(found.where(*where).group_by("k")):
        keys.add(name, 0, int(count or 0))


def add_timeline(
    connection: Connection,
    query: Query,
    every: dt.timedelta,
    by: Dimension | None,
    now: dt.datetime,
    series: Series,
    also: Conditions = (),
) -> None:
    """Add decisions by the bucket's number (`bucket_of`) and key."""
    key = literal("all") if by is None else key_of(by)
    width, origin = int(every.total_seconds()), origin_of(every)
    if connection.dialect.name == "sqlite":
        # Without the fraction: SQLite rounds it to milliseconds, and so the last of a second into the next.
        whole = func.substr(_decisions.c.time, 1, 19)
        seconds: ColumnElement[Any] = cast(func.strftime("%s", whole, type_=String), Integer)
    else:
        seconds = cast(func.floor(extract("epoch", _decisions.c.time)), Integer)
    bucket = ((seconds - origin) // width).label("b")
    counted = func.count(_decisions.c.seq.distinct()) if by in OF_FINDINGS else func.count()
    statement = select(bucket, key.label("k"), counted).select_from(_joined(query, by, findings=by in OF_FINDINGS))
    statement = statement.where(*conditions(query, now), *also).group_by("b", "k")
    for number, name, count in connection.execute(statement):
        series[int(number)][name or ""] += count


def span(
    connection: Connection, query: Query, now: dt.datetime, also: Conditions = ()
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """The times of the first and the last decision."""
    # Of a part, not by the index of times: SQLite would walk that from one end until it meets the part's numbers.
    time = _unordered(_decisions.c.time) if also else _decisions.c.time
    where = (*conditions(query, now), *also)
    first, last = (select(one).select_from(_joined(query)).where(*where) for one in (func.min(time), func.max(time)))
    return connection.execute(first).scalar(), connection.execute(last).scalar()


def numbered(low: int, high: int, query: Query) -> ColumnElement[bool]:
    """The decisions of these numbers, inclusive."""
    seq = _decisions.c.seq
    if high - low > _WIDE and (query.since is not None or query.until is not None):
        # What is not summarized may be most of the table: then the index of times finds the few that are meant.
        return (seq + 0).between(low, high)
    return seq.between(low, high)


def key_of(by: Dimension) -> ColumnElement[Any]:
    """The column of a dimension."""
    if by == Dimension.STATUS_CLASS:
        return cast(_outcomes.c.status // 100, String) + "xx"
    table = "findings" if by in OF_FINDINGS else "outcomes" if by in OF_OUTCOMES else "decisions"
    return _unordered(_column(table, by))


def _unordered(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column, but none of its index: SQLite would walk all of that to have the groups in order."""
    return func.coalesce(column, null())


def origin_of(every: dt.timedelta) -> int:
    """The Unix time from which buckets of this width are counted."""
    return _FIRST_MONDAY_S if every % (7 * _DAY) == dt.timedelta(0) else 0


def bucket_of(moment: dt.datetime, every: dt.timedelta) -> int:
    """The number of the bucket that a moment lies in."""
    return (int(moment.timestamp()) - origin_of(every)) // int(every.total_seconds())


def new_series() -> Series:
    """Counts by bucket and key."""
    return defaultdict(Counter)


def _joined(query: Query, by: Dimension | None = None, *, findings: bool = False) -> Any:
    source: Any = _decisions
    if findings:
        source = source.join(_findings, _findings.c.decision_seq == _decisions.c.seq)
    if needs_outcomes(query) or by in OF_OUTCOMES:
        source = source.outerjoin(_outcomes, _outcomes.c.decision_seq == _decisions.c.seq)
    return source


def _column(table: str, name: str) -> Column[Any] | ColumnElement[Any]:
    columns = _tables[table].c
    return columns[name] if name in columns else null()
