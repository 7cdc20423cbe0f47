"""Adds what summaries say to an answer, as `audit.statistics_rows` adds what records say. Reads; imports no builder."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from audit.filters import Query, State
from audit.histogram import STEPS
from audit.statistics_rows import origin_of
from audit.statistics_values import LATENCIES, OF_FINDINGS, Dimension, Keys, Series, Tally
from audit.summaries_cells import PLACE, SUMS, Cells, Ints, unpack_callers, unpack_cells, unpack_latencies, unpack_times
from audit.summaries_plan import UNITS_S, Head, part_of
from audit.summaries_read import moment_of

type Mask = npt.NDArray[np.bool_]

_MINE = {**{state: str(state) for state in State}, State.UNRESOLVED: "open", State.PENDING: "none of these"}
"""A summary with decisions that may be pending serves nobody, so all that is open is unresolved."""
_OF_TRIPLES = {Dimension.ENTITY: 0, Dimension.RECOGNIZER: 1, Dimension.ROLE: 2}
_PLAIN = ("tenant", "would_action", "mode", "route", "endpoint", "provider", "operation", "model", "rule", "reason",
          "destination_country", "error", "finish_reason")  # fmt: skip
_EITHER = {"upstream": ("upstream", "route"), "action": ("action", "would_action")}
_DENSE = 1 << 20


class Summarized:
    """The summaries of a plan, their cells read once."""

    def __init__(self, connection: Connection, heads: Sequence[Head], query: Query) -> None:
        self._connection = connection
        self._blocks: list[tuple[Head, Cells, Mask]] = []
        for head, data in part_of(connection, "cells", heads):
            cells = unpack_cells(data)
            mask = admitted(cells, query)
            if mask.any():
                self._blocks.append((head, cells, mask))

    def add_totals(self, tally: Tally) -> None:
        """Add everything of these decisions."""
        partly: dict[Head, Mask] = {}
        for head, cells, mask in self._blocks:
            sums = cells.sums[:, mask]
            for name, row in zip(SUMS[1:], sums[1:], strict=True):
                tally.sums[name] += int(row.sum())
            for key, count in _by_key(cells, "action", mask, sums[0]):
                tally.actions[str(key)] += count
            for key, count in _by_key(cells, "ending", mask, sums[0]):
                tally.states[str(State.UNRESOLVED if key == "open" else key)] += count
            values, codes = cells.of("currency")
            spent = np.bincount(codes[mask], cells.cost[mask], len(values))
            there = np.bincount(codes[mask], minlength=len(values))
            for currency, amount, some in zip(values, spent, there, strict=True):
                if currency is not None and some:
                    tally.cost[currency] += float(amount)
            if mask.all():
                _add_latency(tally, cells.latency)
            else:
                partly[head] = mask
        for head, data in part_of(self._connection, "latencies", list(partly)):
            table = unpack_latencies(data)
            kept = partly[head][table.cell]
            _add_latency(
                tally, np.bincount(table.column[kept], table.counts[0][kept], len(LATENCIES) * STEPS).astype(np.int64)
            )

    def add_top(self, by: Dimension, keys: Keys) -> None:
        """Add decisions and findings by key."""
        if by == Dimension.PRINCIPAL:
            self._add_callers(keys)
            return
        for _, cells, mask in self._blocks:
            if by in OF_FINDINGS:
                _add_findings(cells, mask, by, keys)
                continue
            values, codes = cells.of(str(by))
            decisions = np.bincount(codes[mask], cells.sums[0][mask], len(values))
            findings = np.bincount(codes[mask], cells.sums[1][mask], len(values))
            for key, count, found in zip(values, decisions, findings, strict=True):
                if count:
                    keys.add(key, int(count), int(found))

    def _add_callers(self, keys: Keys) -> None:
        masks = {head: mask for head, _, mask in self._blocks}
        for head, data in part_of(self._connection, "callers", list(masks)):
            table, principals = unpack_callers(data)
            kept = masks[head][table.cell]
            column = table.column[kept]
            decisions, findings = (np.bincount(column, kind[kept], len(principals)) for kind in table.counts)
            for key, count, found in zip(principals, decisions, findings, strict=True):
                if count:
                    keys.add(key, int(count), int(found))

    def span(self) -> tuple[dt.datetime | None, dt.datetime | None]:
        """The times of the first and the last decision."""
        spans = [cells.span[:, mask] for _, cells, mask in self._blocks]
        if not spans:
            return None, None
        return moment_of(min(int(one[0].min()) for one in spans)), moment_of(max(int(one[1].max()) for one in spans))

    def tells_apart(self, every: dt.timedelta) -> bool:
        """Whether the times are fine enough for a timeline of this step."""
        step_s = int(every.total_seconds())
        return all(step_s % UNITS_S[head.level - 1] == 0 for head, _, _ in self._blocks)

    def add_timeline(self, every: dt.timedelta, by: Dimension | None, series: Series) -> None:
        """Add decisions by bucket and key. The plan must have been made for this step."""
        width, origin = int(every.total_seconds()), origin_of(every)
        known = {head: (cells, mask) for head, cells, mask in self._blocks}
        for head, data in part_of(self._connection, "times", list(known)):
            cells, mask = known[head]
            table, unit_s = unpack_times(data)
            kept = mask[table.cell]
            bucket = (table.column[kept] * unit_s - origin) // width
            names, code = _keys_of(cells, by)
            key, base = code[table.cell[kept]], int(bucket.min())
            for place, count in _summed((bucket - base) * len(names) + key, table.counts[0][kept]):
                for name in names[place % len(names)]:
                    series[base + place // len(names)][name] += count


def admitted(cells: Cells, query: Query) -> Mask:
    """The cells whose decisions the query admits, whatever their time."""
    mask = np.ones(len(cells), np.bool_)

    def which(dimension: str, holds: Callable[[Any], bool]) -> Mask:
        values, codes = cells.of(dimension)
        return np.fromiter(map(holds, values), np.bool_, len(values))[codes]

    for name in _PLAIN:
        if wanted := getattr(query, name):
            mask &= which(name, set(wanted).__contains__)
    for name, both in _EITHER.items():
        if wanted := getattr(query, name):
            first, second = (which(one, set(wanted).__contains__) for one in both)
            mask &= first | second
    for by, place in _OF_TRIPLES.items():
        if wanted := getattr(query, str(by)):
            good = {n for n, triple in enumerate(cells.triples) if triple[place] in wanted}
            mask &= which("found", lambda found, good=good: not good.isdisjoint(found))  # type: ignore[misc]
    if query.status is not None:
        classes = {f"{n}xx" for n in range(query.status[0] // 100, query.status[1] // 100 + 1)}
        mask &= which("status_class", classes.__contains__)
    if query.state:
        mask &= which("ending", {_MINE[state] for state in query.state}.__contains__)
    for name in ("withheld", "unknown"):
        if getattr(query, name):
            mask &= which(name, lambda flag: flag == "yes")
    return mask


def _by_key(cells: Cells, dimension: str, mask: Mask, decisions: Ints) -> list[tuple[Any, int]]:
    values, codes = cells.of(dimension)
    counts = np.bincount(codes[mask], decisions, len(values))
    return [(value, int(count)) for value, count in zip(values, counts, strict=True) if count]


def _add_findings(cells: Cells, mask: Mask, by: Dimension, keys: Keys) -> None:
    place = _OF_TRIPLES[by]
    sets, codes = cells.of("found")
    decisions = np.bincount(codes[mask], cells.sums[0][mask], len(sets))
    for one, count in zip(sets, decisions, strict=True):
        for key in {cells.triples[number][place] for number in one} if count else ():
            keys.add(key, int(count), 0)
    cell, triple = cells.pair_places()
    kept = mask[cell]
    found = np.bincount(triple[kept], cells.pairs[kept], len(cells.triples))
    for names, count in zip(cells.triples, found, strict=True):
        if count:
            keys.add(names[place], 0, int(count))


def _keys_of(cells: Cells, by: Dimension | None) -> tuple[list[list[str]], Ints]:
    """The keys that a decision of a cell counts for, and which of these lists is a cell's."""
    if by is None:
        return [["all"]], np.zeros(len(cells), np.int64)
    if by in OF_FINDINGS:
        sets, codes = cells.of("found")
        return [sorted({cells.triples[n][_OF_TRIPLES[by]] for n in one}) for one in sets], codes
    values, codes = cells.of(str(by))
    return [[value or ""] for value in values], codes


def _summed(place: Ints, counts: Ints) -> list[tuple[int, int]]:
    if int(place.max()) < _DENSE:
        summed = np.bincount(place, counts)
        there = np.flatnonzero(summed)
        return list(zip(there.tolist(), summed[there].astype(np.int64).tolist(), strict=True))
    distinct, inverse = np.unique(place, return_inverse=True)
    return list(zip(distinct.tolist(), np.bincount(inverse, counts).astype(np.int64).tolist(), strict=True))


def _add_latency(tally: Tally, counts: Ints) -> None:
    for name, part in zip(LATENCIES, counts.reshape(len(LATENCIES), STEPS), strict=True):
        tally.latency[name] += part


assert set(_PLAIN) <= set(PLACE)
