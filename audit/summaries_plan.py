"""Which stored summaries answer a question, and for which records it must be put to these. Imports no builder.

A summary serves if all its decisions are within the question's time, if no outcome came to them after it was made, and
if none of them is still pending. Else those below it are tried, in the end the records.
"""

from __future__ import annotations

import bisect
import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, and_, func, inspect, select, text

from audit.filters import PENDING_FOR, Query
from audit.schema import Base
from audit.summaries_cells import FORMAT
from audit.summaries_read import micros

_tables = Base.metadata.tables
_decisions, _outcomes = _tables["decisions"], _tables["outcomes"]
_heads, _parts = _tables["summaries"], _tables["summary_parts"]

UNITS_S = (60, 300, 3600, 3600)
"""How fine the times of a summary are, by level from 1 on."""

FILTERS = frozenset({
    "tenant", "action", "would_action", "mode", "upstream", "route", "endpoint", "provider", "operation", "model",
    "rule", "reason", "destination_country", "entity", "recognizer", "role", "error", "finish_reason", "state",
    "status", "withheld", "unknown",
})  # fmt: skip
"""What summaries know of; a query with another filter goes to the records."""
_NO_FILTERS = frozenset({"since", "until", "before", "limit"})
_NOTHING = Query()


@dataclass(frozen=True, slots=True)
class Head:
    """A row of ``summaries``."""

    level: int
    first_seq: int
    last_seq: int
    decisions: int
    unended: int
    first_us: int | None
    last_us: int | None


@dataclass(slots=True)
class Plan:
    """A question's parts; together they have every decision once."""

    blocks: list[Head] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)
    """First and last number, of records to be asked themselves."""


def filtered(query: Query) -> set[str]:
    """The filters that are given, but for the time."""
    names = {one.name for one in dataclasses.fields(query)} - _NO_FILTERS
    return {name for name in names if getattr(query, name) != getattr(_NOTHING, name)}


def is_known(query: Query, more: frozenset[str] = frozenset()) -> bool:
    """Whether cells (and what ``more`` names) tell which decisions the query admits."""
    if query.status is not None and (query.status[0] % 100, query.status[1] % 100) != (0, 99):
        return False
    return filtered(query) <= FILTERS | more


def plan(connection: Connection, query: Query, now: dt.datetime, *, step_s: int | None = None) -> Plan | None:
    """The parts of a question whose filters are `is_known`; None if there are no summaries.

    ``step_s``: times must be told apart in steps of so many seconds.
    """
    if not available(connection):
        return None
    top: int = connection.execute(select(func.max(_decisions.c.seq))).scalar() or 0
    levels = [n for n, unit in enumerate(UNITS_S, 1) if step_s is None or step_s % unit == 0]
    late = late_outcomes(connection)
    if not levels or late is None:
        return None
    upper = {n: _read(connection, n, 0, top) for n in levels if n > 1}
    planning = _Planning(connection, query, micros(now - PENDING_FOR), sorted(set(late)), upper)
    planning.expand(0, top, levels[-1])
    return planning.plan


class _Planning:
    def __init__(
        self, connection: Connection, query: Query, settled_us: int, late: list[int], upper: dict[int, list[Head]]
    ) -> None:
        self.plan = Plan()
        self._connection, self._late, self._upper, self._settled_us = connection, late, upper, settled_us
        self._since = None if query.since is None else micros(query.since)
        self._until = None if query.until is None else micros(query.until)

    def expand(self, low: int, high: int, level: int) -> None:
        """Plan for the decisions of these numbers by summaries of this level and below."""
        if level == 0:
            ranges = self.plan.ranges
            if ranges and ranges[-1][1] + 1 == low:
                ranges[-1] = (ranges[-1][0], high)
            else:
                ranges.append((low, high))
            return
        at = low
        for head in self._heads(low, high, level):
            if head.first_seq > at:
                self.expand(at, head.first_seq - 1, level - 1)
            at = head.last_seq + 1
            if head.first_us is None or head.last_us is None or self._outside(head.first_us, head.last_us):
                continue
            if self._serves(head, head.first_us, head.last_us):
                self.plan.blocks.append(head)
            else:
                self.expand(head.first_seq, head.last_seq, level - 1)
        if at <= high:
            self.expand(at, high, level - 1)

    def _heads(self, low: int, high: int, level: int) -> Sequence[Head]:
        if level == 1:
            return _read(self._connection, 1, low, high)
        there = self._upper.get(level, [])
        begin = bisect.bisect_left(there, low, key=lambda head: head.first_seq)
        return [head for head in there[begin : bisect.bisect_right(there, high, key=lambda head: head.first_seq)]
                if head.last_seq <= high]  # fmt: skip

    def _outside(self, first_us: int, last_us: int) -> bool:
        return (self._since is not None and last_us < self._since) or (
            self._until is not None and first_us >= self._until
        )

    def _serves(self, head: Head, first_us: int, last_us: int) -> bool:
        if (self._since is not None and first_us < self._since) or (self._until is not None and last_us >= self._until):
            return False
        if head.unended and last_us > self._settled_us:
            return False
        at = bisect.bisect_left(self._late, head.first_seq)
        return at == len(self._late) or self._late[at] > head.last_seq


def late_outcomes(connection: Connection) -> list[int] | None:
    """Decisions whose outcome came after they were summarized; None if nothing is summarized."""
    covered, seen = connection.execute(
        select(func.max(_heads.c.last_seq), func.max(_heads.c.outcomes)).where(_heads.c.format == FORMAT)
    ).one()
    if covered is None:
        return None
    # The sum keeps the database from walking the index of decisions: newer outcomes are few, those below are all.
    late = select(_outcomes.c.decision_seq).where(_outcomes.c.seq > seen, _outcomes.c.decision_seq + 0 <= covered)
    return list(connection.execute(late).scalars())


def available(connection: Connection) -> bool:
    """Whether this account sees summaries; on PostgreSQL an auditor's may not."""
    if connection.dialect.name == "postgresql":
        seen = "SELECT coalesce(bool_and(has_table_privilege(to_regclass(n), 'SELECT')), false) AND count(*) = 2 " \
               "FROM unnest(ARRAY['summaries', 'summary_parts']) n WHERE to_regclass(n) IS NOT NULL"  # fmt: skip
        return bool(connection.execute(text(seen)).scalar())
    return inspect(connection).has_table(_heads.name)


def below(connection: Connection, head: Head) -> list[Head]:
    """The summaries that one was put together from, in order; none of one of level 1."""
    return _read(connection, head.level - 1, head.first_seq, head.last_seq) if head.level > 1 else []


def part_of(connection: Connection, part: str, heads: Sequence[Head]) -> Iterator[tuple[Head, bytes]]:
    """The stored parts of these summaries, by level and number."""
    for level in sorted({head.level for head in heads}):
        by_number = {head.first_seq: head for head in heads if head.level == level}
        numbers = list(by_number)
        for begin in range(0, len(numbers), 500):
            wanted = select(_parts.c.first_seq, _parts.c.data).where(
                and_(_parts.c.part == part, _parts.c.level == level),
                _parts.c.first_seq.in_(numbers[begin : begin + 500]),
            )
            for first_seq, data in connection.execute(wanted):
                yield by_number[first_seq], data


_HEAD = select(
    _heads.c.level, _heads.c.first_seq, _heads.c.last_seq, _heads.c.decisions, _heads.c.unended, _heads.c.first_us,
    _heads.c.last_us,
)  # fmt: skip


def _read(connection: Connection, level: int, low: int, high: int) -> list[Head]:
    within = _HEAD.where(
        _heads.c.level == level, _heads.c.format == FORMAT, _heads.c.first_seq >= low, _heads.c.first_seq <= high
    )
    rows = connection.execute(within.order_by(_heads.c.first_seq))
    return [head for row in rows if (head := Head(*row)).last_seq <= high]
