"""Records of a range read into a `Block`: the one place that says what of a record goes where in a summary."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, case, literal, null, select, type_coerce
from sqlalchemy.types import NullType

from audit.filters import State, in_state
from audit.histogram import STEPS, steps_of
from audit.schema import Base
from audit.statistics_rows import key_of
from audit.statistics_values import LATENCIES, Dimension
from audit.summaries_cells import DIMENSIONS, SUMS, Block, Cells, Ints, Sparse, Triple, gathered

_tables = Base.metadata.tables
_decisions, _findings, _outcomes = _tables["decisions"], _tables["findings"], _tables["outcomes"]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_KEYS = len(DIMENSIONS) - 1
"""All but ``found`` come from one row."""
_NUMBERS = 3 + _KEYS


def _statement() -> Select[Any]:
    d, o = _decisions.c, _outcomes.c
    # Any time will do: both states without an outcome are ``open`` here.
    ended = case(
        *((in_state(state, _EPOCH), literal(str(state))) for state in (State.REFUSED, State.COMPLETE, State.FAILED)),
        else_=literal("open"),
    )
    own: dict[str, Any] = {
        "status_class": key_of(Dimension.STATUS_CLASS),
        "ending": ended,
        "withheld": case((o.placeholders_withheld > 0, literal("yes")), else_=null()),
        "unknown": case((o.placeholders_unknown > 0, literal("yes")), else_=null()),
    }
    keys = [own[n] if n in own else d[n] if n in d else o[n] for n in DIMENSIONS[:_KEYS]]
    renamed = {"placeholders_sent": "placeholders"}
    sums = [d[name] if name in d else o[name] for name in (renamed.get(name, name) for name in SUMS[2:])]
    latencies = [d[name] if name in d else o[name] for name in LATENCIES]
    both = _decisions.outerjoin(_outcomes, o.decision_seq == d.seq)
    # As the driver has it, see `_micros_of`: reading each as a datetime takes longer than all the rest of a row.
    time = type_coerce(d.time, NullType())
    return select(d.seq, time, d.principal, *keys, *sums, o.cost, *latencies).select_from(both)


_STATEMENT = _statement()
_OF_FINDINGS = select(
    _findings.c.decision_seq, _findings.c.entity, _findings.c.recognizer, _findings.c.role, _findings.c.count
)


def micros(moment: dt.datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(number: int) -> dt.datetime:
    """The moment of so many microseconds since 1970."""
    return _EPOCH + number * _MICROSECOND


def read_block(connection: Connection, first_seq: int, last_seq: int, unit_s: int) -> Block:
    """Summarize the decisions of these numbers, inclusive. Raises what SQLAlchemy raises."""
    found: dict[int, dict[Triple, int]] = {}
    wanted = _OF_FINDINGS.where(_findings.c.decision_seq.between(first_seq, last_seq))
    for row in connection.execute(wanted).fetchall():
        of_this, triple = found.setdefault(row[0], {}), row[1:4]
        of_this[triple] = of_this.get(triple, 0) + row[4]
    triples = sorted({triple for one in found.values() for triple in one})
    number = {triple: n for n, triple in enumerate(triples)}
    index: dict[tuple[Any, ...], int] = {}
    pairs: list[list[int]] = []
    cell_of, caller_of, found_of = [], [], []
    principals: dict[str, int] = {}
    rows = connection.execute(_STATEMENT.where(_decisions.c.seq.between(first_seq, last_seq))).fetchall()
    for row in rows:
        mine = found.get(row[0])
        ordered = [] if mine is None else sorted((number[triple], count) for triple, count in mine.items())
        key = (*row[3:_NUMBERS], tuple([n for n, _ in ordered]))
        cell = index.setdefault(key, len(index))
        if cell == len(pairs):
            pairs.append([0] * len(ordered))
        for place, (_, count) in enumerate(ordered):
            pairs[cell][place] += count
        cell_of.append(cell)
        caller_of.append(principals.setdefault(row[2], len(principals)))
        found_of.append(sum(mine.values()) if mine else 0)
    return _block(rows, index, triples, pairs, np.array(cell_of, np.int64), np.array(caller_of, np.int64),
                  np.array(found_of, np.int64), list(principals), unit_s)  # fmt: skip


def _block(
    rows: Any,
    index: dict[tuple[Any, ...], int],
    triples: list[Triple],
    pairs: list[list[int]],
    cell: Ints,
    caller: Ints,
    findings: Ints,
    principals: list[str],
    unit_s: int,
) -> Block:
    count = len(index)
    values: list[dict[Any, int]] = [{} for _ in DIMENSIONS]
    codes = np.array([[own.setdefault(v, len(own)) for own, v in zip(values, key, strict=True)] for key in index],
                     np.int64).reshape(-1, len(DIMENSIONS)).T  # fmt: skip
    width = len(SUMS) - 2 + 1 + len(LATENCIES)
    numbers = np.array([row[_NUMBERS:] for row in rows], np.float64).reshape(-1, width)
    added = np.nan_to_num(numbers[:, : len(SUMS) - 1])
    ones = np.ones(len(cell))
    sums = [np.bincount(cell, weights, count) for weights in (ones, findings, *added[:, :-1].T)]
    time = _micros_of([row[1] for row in rows])
    span = np.array([np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)])
    np.minimum.at(span[0], cell, time)
    np.maximum.at(span[1], cell, time)
    columns, places = [], []
    for n, latency in enumerate(numbers[:, len(SUMS) - 1 :].T):
        there = ~np.isnan(latency)
        columns.append(n * STEPS + steps_of(latency[there]).astype(np.int64))
        places.append(cell[there])
    column, place = np.concatenate(columns), np.concatenate(places)
    cells = Cells(
        [list(own) for own in values],
        codes,
        np.array(sums).astype(np.int64).reshape(len(SUMS), -1),
        np.bincount(cell, added[:, -1], count),
        span,
        triples,
        np.array([n for one in pairs for n in one], np.int64),
        np.bincount(column, minlength=len(LATENCIES) * STEPS).astype(np.int64),
    )
    single = np.ones((1, len(cell)), np.int64)
    times: Sparse = gathered(time // (unit_s * 1_000_000), cell, single, count)
    latencies = gathered(column, place, np.ones((1, len(column)), np.int64), count)
    callers = gathered(caller, cell, np.array([single[0], findings]), count)
    return Block(cells, times, unit_s, latencies, callers, principals)


def _micros_of(times: list[Any]) -> Ints:
    """SQLite's text, which is in UTC, or PostgreSQL's datetimes with their zone."""
    if times and isinstance(times[0], dt.datetime):
        return np.array([micros(one) for one in times], np.int64)
    return np.array(times, "datetime64[us]").astype(np.int64)
