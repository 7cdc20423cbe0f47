"""Where the records of a list may be: by summaries most of the table is passed over, where few or none are meant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import Connection

from audit.filters import Query
from audit.summaries_answers import admitted
from audit.summaries_cells import unpack_cells
from audit.summaries_plan import Head, below, part_of, plan


def stretches(connection: Connection, query: Query, now: dt.datetime) -> Iterator[tuple[int, int]] | None:
    """First and last numbers of stretches, the newest first, outside of which the query admits no decision.

    None: there are no summaries. A query with filters that summaries do not know has stretches by the others.
    """
    planned = plan(connection, replace(query, before=None), now)
    if planned is None:
        return None
    parts: list[Head | tuple[int, int]] = [*planned.blocks, *planned.ranges]
    parts.sort(key=lambda part: part[0] if isinstance(part, tuple) else part.first_seq, reverse=True)
    return _clipped(_searched(connection, query, parts), query.before)


def _searched(connection: Connection, query: Query, parts: list[Head | tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for part in parts:
        if isinstance(part, tuple):
            yield part
        elif query.before is None or part.first_seq < query.before:
            yield from _within(connection, query, part)


def _within(connection: Connection, query: Query, head: Head) -> Iterator[tuple[int, int]]:
    for _, data in part_of(connection, "cells", [head]):
        if not admitted(unpack_cells(data), query).any():
            return
    children = below(connection, head)
    if not children:
        yield head.first_seq, head.last_seq
    for child in reversed(children):
        if query.before is None or child.first_seq < query.before:
            yield from _within(connection, query, child)


def _clipped(found: Iterator[tuple[int, int]], before: int | None) -> Iterator[tuple[int, int]]:
    for low, high in found:
        if before is None:
            yield low, high
        elif low < before:
            yield low, min(high, before - 1)
