"""Counts, sums and quantiles over the records that a `Query` admits. Reads only; imports no proxy, no settings.

Every call sees one snapshot of the database and ends within a time limit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from audit import statistics_rows as rows
from audit.database import Database
from audit.errors import AuditError
from audit.filters import Query
from audit.snapshot import snapshot
from audit.statistics_values import LATENCIES, Bucket, Count, Dimension, Keys, Quantiles, Series, Tally, Totals

__all__ = ["LATENCIES", "Bucket", "Count", "Dimension", "Quantiles", "Statistics", "Totals"]

MAX_KEYS = 1000
MAX_BUCKETS = 5000


class Statistics:
    """Answers on an open database (`audit.database.open_read_only`). A query's ``limit`` and ``before`` do nothing."""

    def __init__(self, database: Database, *, time_limit_s: float | None = 10.0) -> None:
        self._database = database
        self._time_limit_s = time_limit_s

    def totals(self, query: Query, *, now: dt.datetime | None = None) -> Totals:
        """All sums. Raises AuditError: ``query``, ``too_slow``, or what ails the database."""
        with snapshot(self._database, self._time_limit_s) as connection:
            tally = Tally()
            rows.add_totals(connection, query, _now(now), tally)
            return tally.totals()

    def top(self, query: Query, by: Dimension, limit: int = 10, *, now: dt.datetime | None = None) -> list[Count]:
        """The keys with the most decisions, most first; ties by key. Raises AuditError."""
        if not 1 <= limit <= MAX_KEYS:
            raise AuditError("query", f"At most {MAX_KEYS} keys can be had, at least 1.")
        with snapshot(self._database, self._time_limit_s) as connection:
            keys = Keys()
            rows.add_top(connection, query, by, _now(now), keys)
            return keys.first(limit)

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
            first, last = rows.span(connection, query, moment)
            if first is None or last is None:
                return []
            width = every or fitting_width(last - first)
            minutes = width / dt.timedelta(minutes=1)
            if minutes < 1 or minutes != int(minutes):
                raise AuditError("query", "A timeline's step is whole minutes: 1m, 15m, 1h, 1d, 1w.")
            if (last - first) / width > MAX_BUCKETS:
                raise AuditError("query", f"That makes more than {MAX_BUCKETS} steps: take longer ones.")
            series = rows.new_series()
            rows.add_timeline(connection, query, width, by, moment, series)
            return _buckets(series, width)

    def facets(
        self, query: Query, dimensions: Sequence[Dimension], limit: int = 50, *, now: dt.datetime | None = None
    ) -> Mapping[Dimension, list[Count]]:
        """For filter menus: the most frequent values of each dimension under the query. Raises AuditError."""
        found: dict[Dimension, list[Count]] = {}
        with snapshot(self._database, self._time_limit_s) as connection:
            for by in dimensions:
                keys = Keys()
                rows.add_top(connection, query, by, _now(now), keys)
                found[by] = keys.first(limit)
        return found


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
