"""Counts, sums and quantiles over the records that a `Query` admits. Reads only; imports no proxy, no settings.

Every call sees one snapshot of the database and ends within a time limit. What summaries know (`audit.summaries_plan`)
comes from these, the rest from the records; the answer is the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from audit import statistics_rows as rows
from audit.database import Database
from audit.errors import AuditError
from audit.filters import Query, conditions
from audit.snapshot import snapshot
from audit.statistics_values import LATENCIES, Bucket, Count, Dimension, Keys, Quantiles, Series, Tally, Totals
from audit.summaries_answers import Summarized
from audit.summaries_plan import is_known, plan

__all__ = ["LATENCIES", "Bucket", "Count", "Dimension", "Quantiles", "Statistics", "Totals"]

MAX_KEYS = 1000
MAX_BUCKETS = 5000


class Statistics:
    """Answers on an open database (`audit.database.open_read_only`). A query's ``limit`` and ``before`` do nothing.

    ``summaries`` False: from the records alone, which takes as long as there are records.
    """

    def __init__(self, database: Database, *, time_limit_s: float | None = 10.0, summaries: bool = True) -> None:
        self._database = database
        self._time_limit_s = time_limit_s
        self._summaries = summaries

    def totals(self, query: Query, *, now: dt.datetime | None = None) -> Totals:
        """All sums. Raises AuditError: ``query``, ``too_slow``, or what ails the database."""
        with snapshot(self._database, self._time_limit_s) as connection:
            tally, moment = Tally(), _now(now)
            summarized, ranges = self._parts(connection, query, moment)
            summarized.add_totals(tally)
            for also in ranges:
                rows.add_totals(connection, query, moment, tally, also)
            return tally.totals()

    def top(self, query: Query, by: Dimension, limit: int = 10, *, now: dt.datetime | None = None) -> list[Count]:
        """The keys with the most decisions, most first; ties by key. Raises AuditError."""
        if not 1 <= limit <= MAX_KEYS:
            raise AuditError("query", f"At most {MAX_KEYS} keys can be had, at least 1.")
        return self.facets(query, (by,), limit, now=now)[by]

    def timeline(
        self,
        query: Query,
        every: dt.timedelta | None = None,
        by: Dimension | None = None,
        *,
        now: dt.datetime | None = None,
    ) -> list[Bucket]:
        """Decisions by time and key, oldest first, without a gap between the first and the last record.

        ``every``: a bucket's width, whole minutes, counted from 1970 in UTC; None: what gives some dozens of buckets.
        ``by`` None: each bucket has the one key ``all``. Raises AuditError.
        """
        with snapshot(self._database, self._time_limit_s) as connection:
            moment = _now(now)
            summarized, ranges = self._parts(connection, query, moment)
            if by == Dimension.PRINCIPAL:  # summaries know callers and times, but not together
                summarized, ranges = Summarized(connection, [], query), [()]
            spans = [rows.span(connection, query, moment, also) for also in ranges]
            moments = [one for span in (summarized.span(), *spans) for one in span if one is not None]
            if not moments:
                return []
            first, last = min(moments), max(moments)
            width = every or fitting_width(last - first)
            minutes = width / dt.timedelta(minutes=1)
            if minutes < 1 or minutes != int(minutes):
                raise AuditError("query", "A timeline's step is whole minutes: 1m, 15m, 1h, 1d, 1w.")
            if (last - first) / width > MAX_BUCKETS:
                raise AuditError("query", f"That makes more than {MAX_BUCKETS} steps: take longer ones.")
            series = rows.new_series()
            if not summarized.tells_apart(width):
                summarized, ranges = self._parts(connection, query, moment, every=width)
            summarized.add_timeline(width, by, series)
            for also in ranges:
                rows.add_timeline(connection, query, width, by, moment, series, also)
            return _buckets(series, width)

    def facets(
        self, query: Query, dimensions: Sequence[Dimension], limit: int = 50, *, now: dt.datetime | None = None
    ) -> Mapping[Dimension, list[Count]]:
        """For filter menus: the most frequent values of each dimension under the query. Raises AuditError."""
        found: dict[Dimension, list[Count]] = {}
        with snapshot(self._database, self._time_limit_s) as connection:
            moment = _now(now)
            summarized, ranges = self._parts(connection, query, moment)
            for by in dimensions:
                keys = Keys()
                summarized.add_top(by, keys)
                for also in ranges:
                    rows.add_top(connection, query, by, moment, keys, also)
                found[by] = keys.first(limit)
        return found

    def _parts(
        self, connection: Connection, query: Query, now: dt.datetime, *, every: dt.timedelta | None = None
    ) -> tuple[Summarized, list[rows.Conditions]]:
        """What summaries say, and for what the records must be asked, range by range."""
        list(conditions(query, now))  # a wrong filter is an error, whoever answers
        step_s = None if every is None else int(every.total_seconds())
        planned = plan(connection, query, now, step_s=step_s) if self._summaries and is_known(query) else None
        if planned is None:
            return Summarized(connection, [], query), [()]
        return Summarized(connection, planned.blocks, query), [(rows.numbered(*one, query),) for one in planned.ranges]


WIDTHS = tuple(
    dt.timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 3 * 60, 6 * 60, 24 * 60, 7 * 24 * 60, 28 * 24 * 60)
)


def fitting_width(span: dt.timedelta) -> dt.timedelta:
    """The shortest of `WIDTHS` that cuts a span into at most 60 buckets, else the longest."""
    return next((width for width in WIDTHS if span <= 60 * width), WIDTHS[-1])


def _buckets(series: Series, every: dt.timedelta) -> list[Bucket]:
    width, origin = int(every.total_seconds()), rows.origin_of(every)
    return [
        Bucket(dt.datetime.fromtimestamp(number * width + origin, dt.UTC), dict(series.get(number, {})))
        for number in (range(min(series), max(series) + 1) if series else ())
    ]


def _now(now: dt.datetime | None) -> dt.datetime:
    return now or dt.datetime.now(dt.UTC)
