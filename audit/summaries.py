"""Makes and keeps summaries of ranges of records, so that statistics over millions need not read these.

Level 1 sums up 2,048 consecutive numbers, each level above it 16 of the level below. All of it is derived: anything
may be dropped and is made anew. Reading is done in snapshots, each writing in a short transaction of its own, so that
a gateway waits for none of it. Right at all times: what is stored is as of the highest ``outcomes`` of any row; whoever
reads looks for later outcomes of summarized decisions (`audit.summaries_plan`).
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, func, insert, or_, select
from sqlalchemy.exc import SQLAlchemyError

from audit.database import Database, open_database, open_read_only
from audit.failures import explain
from audit.ledger import lock
from audit.schema import Base
from audit.snapshot import snapshot
from audit.summaries_cells import FORMAT, PARTS, Block, merged, pack, unpack
from audit.summaries_plan import UNITS_S, Head, late_outcomes, part_of
from audit.summaries_read import micros, read_block

_tables = Base.metadata.tables
_decisions, _outcomes = _tables["decisions"], _tables["outcomes"]
_heads, _parts = _tables["summaries"], _tables["summary_parts"]

RECORDS, FAN = 2048, 16
_LEVELS = tuple(range(1, len(UNITS_S) + 1))
SETTLED = dt.timedelta(minutes=2)
"""How old the newest decision of a summary is at least: by then most have their outcome."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far summarizing is."""

    summarized: int
    """Numbers of decisions up to here are, in this run or before, but for gaps that come next."""
    last: int
    """The newest decision's number."""
    made: int
    """Summaries of level 1 that this run has made."""


class Summaries:
    """Builds on a database of which the schema is there. The sizes are parameters for tests."""

    def __init__(self, url: str, *, records: int = RECORDS, fan: int = FAN) -> None:
        self._writing: Database = open_database(url, create=False, busy_timeout_s=10.0)
        self._reading: Database = open_read_only(url)
        self._records, self._fan = records, fan

    def build(
        self,
        until: dt.datetime | None = None,
        *,
        heard: Callable[[Progress], bool] = lambda _: True,
    ) -> Progress:
        """Summarize what is not yet, or no more, up to decisions of ``until`` (None: `SETTLED` ago).

        ``heard`` is told of each step and says whether to go on. May be broken off at any time. Raises AuditError.
        """
        until_us = micros(until or dt.datetime.now(dt.UTC) - SETTLED)
        self._drop_others()
        made, tried = 0, 0
        while True:
            step = self._next(until_us)
            if not step.blocks and not step.late:
                return Progress(step.covered, step.last, made)
            if self._write(step):
                made, tried = made + sum(level == 1 for level, _ in step.blocks), 0
            else:
                tried += 1
            if not heard(Progress(step.covered, step.last, made)) or tried > 10:
                return Progress(step.covered, step.last, made)

    def clear(self) -> None:
        """Drop all summaries. Raises AuditError."""
        try:
            with self._writing.engine.begin() as connection:
                connection.execute(delete(_parts))
                connection.execute(delete(_heads))
        except SQLAlchemyError as error:
            raise explain(error, self._writing.place) from None

    def _next(self, until_us: int) -> _Step:
        """What comes next, computed in one snapshot: one summary of level 2 with those below it."""
        with snapshot(self._reading) as connection:
            last = connection.execute(select(func.max(_decisions.c.seq))).scalar() or 0
            seen = connection.execute(select(func.max(_outcomes.c.seq))).scalar() or 0
            before = connection.execute(select(func.max(_heads.c.outcomes))).scalar()
            late = late_outcomes(connection) or []
            there: dict[int, set[int]] = {level: set() for level in _LEVELS}
            for level, first_seq in connection.execute(select(_heads.c.level, _heads.c.first_seq)):
                there[level].add(first_seq)
            for level in _LEVELS:
                there[level] -= {seq // self._width(level) * self._width(level) for seq in late}
            step = _Step({}, late, before, seen, last, 0)
            number = next((n for n in range((last + 1) // self._records) if n * self._records not in there[1]), None)
            if number is None:
                step.covered = (last + 1) // self._records * self._records - 1
                if not late:
                    self._raise(connection, there, step, None)
                return step
            step.covered = number * self._records - 1
            group = number // self._fan
            for n in range(number, min((group + 1) * self._fan, (last + 1) // self._records)):
                first_seq = n * self._records
                if first_seq in there[1]:
                    continue
                block = read_block(connection, first_seq, first_seq + self._records - 1, UNITS_S[0])
                if len(block.cells) and int(block.cells.span[1].max()) > until_us:
                    return step
                step.blocks[1, first_seq] = block
                there[1].add(first_seq)
                step.covered = first_seq + self._records - 1
            self._raise(connection, there, step, group)
        return step

    def _raise(self, connection: Connection, there: Mapping[int, set[int]], step: _Step, group: int | None) -> None:
        """Put together what is complete at a level but missing above; ``group``: only where that lies."""
        for level in _LEVELS[1:]:
            width = self._width(level)
            below = self._width(level - 1)
            if group is None:
                wanted = [n for n in sorted({first // width for first in there[level - 1]})
                          if n * width not in there[level]][: self._fan]  # fmt: skip
            else:
                wanted = [group * self._width(2) // width]
            for n in wanted:
                children = [n * width + k * below for k in range(self._fan)]
                if n * width in there[level] or not there[level - 1].issuperset(children):
                    continue
                known = {
                    first: step.blocks[level - 1, first] for first in children if (level - 1, first) in step.blocks
                }
                known |= _stored(connection, level - 1, [first for first in children if first not in known])
                step.blocks[level, n * width] = merged([known[first] for first in children], UNITS_S[level - 1])
                there[level].add(n * width)

    def _width(self, level: int) -> int:
        return self._records * int(self._fan ** (level - 1))

    def _write(self, step: _Step) -> bool:
        """False: somebody else was at it meanwhile, so that the step must be computed again."""
        packed = {key: pack(block) for key, block in step.blocks.items()}
        try:
            with self._writing.engine.begin() as connection:
                lock(connection)
                if connection.execute(select(func.max(_heads.c.outcomes))).scalar() != step.before:
                    return False
                below = {first: block for (level, first), block in step.blocks.items() if level == 1}
                if any(self._count(connection, first) != block.decisions for first, block in below.items()):
                    return False
                forget(connection, step.late)
                for (level, first_seq), block in step.blocks.items():
                    _store(connection, level, first_seq, first_seq + self._width(level) - 1, block, packed, step.seen)
        except SQLAlchemyError as error:
            raise explain(error, self._writing.place) from None
        return True

    def _count(self, connection: Connection, first_seq: int) -> int:
        within = _decisions.c.seq.between(first_seq, first_seq + self._records - 1)
        return int(connection.execute(select(func.count()).select_from(_decisions).where(within)).scalar_one())

    def _drop_others(self) -> None:
        """What another version or other sizes have made."""
        others = [and_(_heads.c.level == level, _heads.c.last_seq - _heads.c.first_seq + 1 != self._width(level))
                  for level in _LEVELS]  # fmt: skip
        strange = or_(_heads.c.format != FORMAT, _heads.c.level.not_in(_LEVELS), *others)
        with snapshot(self._reading) as connection:
            if connection.execute(select(_heads.c.level).where(strange).limit(1)).first() is None:
                return
        self.clear()


@dataclass(slots=True)
class _Step:
    """What is written in one transaction."""

    blocks: dict[tuple[int, int], Block]
    """By level and first number."""
    late: list[int]
    before: int | None
    """The highest ``outcomes`` of all rows when this was computed."""
    seen: int
    """The newest outcome then."""
    last: int
    covered: int


def forget(connection: Connection, seqs: Iterable[int]) -> None:
    """Drop every summary that has a part in one of these decisions. For whoever removes records, in that transaction.

    Raises what SQLAlchemy raises.
    """
    numbers = sorted(set(seqs))
    heads = connection.execute(select(_heads.c.level, _heads.c.first_seq, _heads.c.last_seq)).all() if numbers else []
    for level, first_seq, last_seq in heads:
        at = bisect.bisect_left(numbers, first_seq)
        if at < len(numbers) and numbers[at] <= last_seq:
            _drop(connection, level, first_seq)


def _drop(connection: Connection, level: int, first_seq: int) -> None:
    for table in (_parts, _heads):
        connection.execute(delete(table).where(table.c.level == level, table.c.first_seq == first_seq,
                                               *([table.c.part.in_(PARTS)] if table is _parts else [])))  # fmt: skip


def _store(
    connection: Connection,
    level: int,
    first_seq: int,
    last_seq: int,
    block: Block,
    packed: Mapping[tuple[int, int], Mapping[str, bytes]],
    seen: int,
) -> None:
    cells = block.cells
    values, codes = cells.of("ending")
    unended = int(cells.sums[0][codes == values.index("open")].sum()) if "open" in values else 0
    first_us, last_us = (int(cells.span[0].min()), int(cells.span[1].max())) if len(cells) else (None, None)
    _drop(connection, level, first_seq)
    connection.execute(
        insert(_heads),
        {"level": level, "first_seq": first_seq, "last_seq": last_seq, "format": FORMAT, "decisions": block.decisions,
         "unended": unended, "first_us": first_us, "last_us": last_us, "outcomes": seen},
    )  # fmt: skip
    rows = [{"part": part, "level": level, "first_seq": first_seq, "data": data}
            for part, data in packed[level, first_seq].items()]  # fmt: skip
    connection.execute(insert(_parts), rows)


def _stored(connection: Connection, level: int, numbers: Sequence[int]) -> dict[int, Block]:
    heads = [Head(level, number, 0, 0, 0, None, None) for number in numbers]
    parts: dict[int, dict[str, bytes]] = {number: {} for number in numbers}
    for part in PARTS:
        for head, data in part_of(connection, part, heads):
            parts[head.first_seq][part] = data
    return {number: unpack(one) for number, one in parts.items()}
