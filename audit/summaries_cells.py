"""What a summary holds, in memory and packed: decisions counted by everything that one asks for most. Pure; numpy.

Decisions that are alike in all `DIMENSIONS` are one cell, with sums. Three sparse tables go with the cells: how the
decisions of a cell spread over time, over latencies, over callers. Imports nothing of ours.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FORMAT = 1
"""Of what `pack` makes and of what the dimensions and sums mean; a summary of another is none."""

DIMENSIONS = (
    "tenant", "action", "mode", "would_action", "upstream", "route", "endpoint", "provider", "operation", "model",
    "rule", "reason", "destination_country", "status_class", "error", "finish_reason", "currency", "ending", "withheld",
    "unknown", "found",
)  # fmt: skip
"""``ending``: a state, ``open`` for what has no outcome. ``withheld``, ``unknown``: ``yes`` or none. ``found``: the
triples of entity, recognizer and role of its findings, as numbers into `Cells.triples`."""
PLACE = {name: place for place, name in enumerate(DIMENSIONS)}
SUMS = (
    "decisions", "findings", "request_bytes", "placeholders_sent", "input_tokens", "output_tokens", "placeholders_seen",
    "placeholders_restored", "placeholders_unknown", "placeholders_mangled", "placeholders_withheld", "response_bytes",
)  # fmt: skip

type Ints = npt.NDArray[np.int64]
type Triple = tuple[str, str, str]


@dataclass(slots=True)
class Cells:
    """All decisions of a block, in cells."""

    values: list[list[Any]]
    """By dimension: its values; of ``found`` tuples of numbers."""
    codes: Ints
    """``[dimension, cell]``: which of the values."""
    sums: Ints
    """``[sum, cell]``."""
    cost: npt.NDArray[np.float64]
    """In the cell's currency."""
    span: Ints
    """``[2, cell]``: the first and the last time, in microseconds since 1970."""
    triples: list[Triple]
    """In order."""
    pairs: Ints
    """Values found, by cell and, within it, by the triples of its ``found``."""
    latency: Ints
    """``[latency * STEPS]``: of all cells."""

    def __len__(self) -> int:
        return int(self.codes.shape[1])

    def of(self, dimension: str) -> tuple[list[Any], Ints]:
        """A dimension's values and codes."""
        place = PLACE[dimension]
        return self.values[place], self.codes[place]

    def pair_places(self) -> tuple[Ints, Ints]:
        """Cell and triple of each of `pairs`."""
        sets, codes = self.of("found")
        sizes = np.array([len(one) for one in sets], np.int64)[codes]
        flat = [sets[code] for code in codes]
        triples = np.fromiter((number for one in flat for number in one), np.int64, int(sizes.sum()))
        return np.repeat(np.arange(len(self)), sizes), triples


@dataclass(slots=True)
class Sparse:
    """Counts by column and cell, but for zeros. A column is a step of time or of a latency, or a caller."""

    column: Ints
    cell: Ints
    counts: Ints
    """``[kind, entry]``: decisions; of callers also values found."""


@dataclass(slots=True)
class Block:
    """A summary."""

    cells: Cells
    times: Sparse
    """By `unit_s` since 1970."""
    unit_s: int
    latencies: Sparse
    """By ``latency * STEPS + step``."""
    callers: Sparse
    principals: list[str]
    """By the column of ``callers``."""

    @property
    def decisions(self) -> int:
        """How many there are."""
        return int(self.cells.sums[0].sum())


def gathered(column: Ints, cell: Ints, counts: Ints, cells: int) -> Sparse:
    """Entries for the same column and cell put together."""
    both, inverse = np.unique(column * max(cells, 1) + cell, return_inverse=True)
    summed = [np.bincount(inverse, kind, len(both)).astype(np.int64) for kind in counts]
    return Sparse(both // max(cells, 1), both % max(cells, 1), np.array(summed).reshape(len(counts), -1))


def grouped(codes: Ints, sizes: Sequence[int]) -> tuple[Ints, Ints]:
    """For columns of codes: where each distinct one is first, and which of these each is."""
    key, range_ = np.zeros(codes.shape[1], np.int64), 1
    for row, size in zip(codes, sizes, strict=True):
        if range_ > 2**62 // max(size, 1):
            distinct, key = np.unique(key, return_inverse=True)
            range_ = len(distinct)
        key = key * max(size, 1) + row
        range_ *= max(size, 1)
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return first.astype(np.int64), inverse.astype(np.int64)


def merged(blocks: Sequence[Block], unit_s: int) -> Block:
    """One block for several; its times in a unit that theirs divide."""
    all_cells = [block.cells for block in blocks]
    triples = sorted({triple for cells in all_cells for triple in cells.triples})
    number = {triple: n for n, triple in enumerate(triples)}
    values: list[dict[Any, int]] = [{} for _ in DIMENSIONS]
    codes = []
    for cells in all_cells:
        # Both lists of triples are in order, so the numbers of a set stay in order.
        renumbered = [number[triple] for triple in cells.triples]
        rows = []
        for place, (known, row) in enumerate(zip(cells.values, cells.codes, strict=True)):
            sets = place == PLACE["found"]
            listed = [tuple(renumbered[n] for n in one) for one in known] if sets else known
            rows.append(_translation(listed, values[place])[row])
        codes.append(np.array(rows, np.int64).reshape(len(DIMENSIONS), -1))
    together = np.concatenate(codes, axis=1)
    first, group = grouped(together, [len(one) for one in values])
    count, starts = len(first), np.cumsum([0, *map(len, all_cells)])
    found = [list(one) for one in values]
    result = Cells(
        found,
        together[:, first],
        np.array([np.bincount(group, row, count) for row in np.concatenate([c.sums for c in all_cells], axis=1)]
                 ).astype(np.int64).reshape(len(SUMS), -1),
        np.bincount(group, np.concatenate([c.cost for c in all_cells]), count),
        _spans(group, np.concatenate([c.span for c in all_cells], axis=1), count),
        triples,
        np.zeros(0, np.int64),
        np.sum([c.latency for c in all_cells], axis=0, dtype=np.int64),
    )  # fmt: skip
    sizes = np.array([len(one) for one in found[PLACE["found"]]], np.int64)[result.codes[PLACE["found"]]]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    result.pairs = np.zeros(int(offsets[-1]), np.int64)
    principals: dict[str, int] = {}
    times, latencies, callers = [], [], []
    for block, start in zip(blocks, starts, strict=False):
        own = block.cells
        cell, _ = own.pair_places()
        begins = np.searchsorted(cell, cell)  # where the pairs of the same cell begin
        np.add.at(result.pairs, offsets[group[start + cell]] + np.arange(len(cell)) - begins, own.pairs)
        cell_of = group[start : start + len(own)]
        steps = block.times.column * block.unit_s // unit_s
        times.append((steps, cell_of[block.times.cell], block.times.counts))
        latencies.append((block.latencies.column, cell_of[block.latencies.cell], block.latencies.counts))
        columns = _translation(block.principals, principals)[block.callers.column]
        callers.append((columns, cell_of[block.callers.cell], block.callers.counts))
    return Block(
        result, _joined(times, count), unit_s, _joined(latencies, count), _joined(callers, count), list(principals)
    )


def _translation(own: Sequence[Any], values: dict[Any, int]) -> Ints:
    return np.array([values.setdefault(value, len(values)) for value in own], np.int64)


def _joined(parts: Sequence[tuple[Ints, Ints, Ints]], cells: int) -> Sparse:
    column, cell, counts = zip(*parts, strict=True)
    return gathered(np.concatenate(column), np.concatenate(cell), np.concatenate(counts, axis=1), cells)


def _spans(group: Ints, span: Ints, count: int) -> Ints:
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(first, group, span[0])
    np.maximum.at(last, group, span[1])
    return np.array([first, last])


PARTS = ("cells", "times", "latencies", "callers")


def pack(block: Block) -> dict[str, bytes]:
    """The parts as they are stored, by name."""
    cells = block.cells
    arrays = {name: getattr(cells, name) for name in ("codes", "sums", "cost", "span", "pairs", "latency")}
    head: dict[str, Any] = {"values": cells.values, "triples": cells.triples}
    base = int(block.times.column.min()) if len(block.times.column) else 0
    moved = Sparse(block.times.column - base, block.times.cell, block.times.counts)
    return {
        "cells": _packed(head, arrays),
        "times": _packed({"base": base, "unit_s": block.unit_s}, _arrays(moved)),
        "latencies": _packed({}, _arrays(block.latencies)),
        "callers": _packed({"principals": block.principals}, _arrays(block.callers)),
    }


def unpack_cells(data: bytes) -> Cells:
    """What `pack` made of the cells."""
    head, arrays = _unpacked(data)
    values: list[list[Any]] = head["values"]
    values[PLACE["found"]] = [tuple(one) for one in values[PLACE["found"]]]
    triples = [(entity, recognizer, role) for entity, recognizer, role in head["triples"]]
    return Cells(values, triples=triples, **arrays)


def unpack_times(data: bytes) -> tuple[Sparse, int]:
    """What `pack` made of the times, and their unit in seconds."""
    head, arrays = _unpacked(data)
    arrays["column"] += head["base"]
    return Sparse(**arrays), head["unit_s"]


def unpack_latencies(data: bytes) -> Sparse:
    """What `pack` made of the latencies."""
    return Sparse(**_unpacked(data)[1])


def unpack_callers(data: bytes) -> tuple[Sparse, list[str]]:
    """What `pack` made of the callers, and who they are."""
    head, arrays = _unpacked(data)
    return Sparse(**arrays), head["principals"]


def unpack(parts: Mapping[str, bytes]) -> Block:
    """The whole of it."""
    times, unit_s = unpack_times(parts["times"])
    callers, principals = unpack_callers(parts["callers"])
    latencies = unpack_latencies(parts["latencies"])
    return Block(unpack_cells(parts["cells"]), times, unit_s, latencies, callers, principals)


def _arrays(sparse: Sparse) -> dict[str, Ints]:
    return {"column": sparse.column, "cell": sparse.cell, "counts": sparse.counts}


def _packed(head: dict[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    small = {name: _smallest(array) for name, array in arrays.items()}
    described = {name: (array.dtype.str, array.shape) for name, array in small.items()}
    text = json.dumps({**head, "arrays": described}, ensure_ascii=False, separators=(",", ":")).encode()
    body = b"".join(np.ascontiguousarray(array).tobytes() for array in small.values())
    return zlib.compress(len(text).to_bytes(4, "little") + text + body, 1)


def _unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    raw = zlib.decompress(data)
    at = 4 + int.from_bytes(raw[:4], "little")
    head = json.loads(raw[4:at])
    arrays: dict[str, Any] = {}
    for name, (kind, shape) in head.pop("arrays").items():
        dtype = np.dtype(kind)
        count = int(np.prod(shape, dtype=np.int64))
        array = np.frombuffer(raw, dtype, count, at).reshape(shape)
        arrays[name] = array if dtype.kind == "f" else array.astype(np.int64)
        at += count * dtype.itemsize
    return head, arrays


def _smallest(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.dtype.kind == "f":
        return array.astype("<f8")
    if array.size == 0 or int(array.min()) < 0:
        return array.astype("<i8")
    highest = int(array.max())
    return array.astype("<u1" if highest < 2**8 else "<u2" if highest < 2**16 else "<u4" if highest < 2**32 else "<i8")
