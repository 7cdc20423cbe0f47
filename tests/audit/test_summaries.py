"""With summaries, however complete and whatever was recorded after them, every answer is what the records say."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.database import open_read_only
from audit.filters import State, parse_where
from audit.query import Query, Reader
from audit.records import Decision, Outcome
from audit.schema import Base
from audit.statistics import Dimension, Statistics, Totals
from audit.summaries import Progress, Summaries, forget
from audit.summaries_cells import merged, pack, unpack
from audit.summaries_lists import stretches
from audit.summaries_plan import plan
from audit.summaries_read import read_block
from audit.writer import Writer
from tests.audit.conftest import make_decision, make_finding, make_outcome

NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
RECORDS, FAN = 4, 2
COUNT = 75


def made(dice: random.Random, number: int) -> tuple[Decision, Outcome | None]:
    """One of many kinds of record; times go back and forth a little, the newest are pending."""
    action = dice.choice(("allow", "mask", "reroute", "block"))
    found = tuple(
        make_finding(entity=dice.choice(("PERSON", "IBAN_CODE")), recognizer=dice.choice("ab"),
                     count=dice.randint(1, 4), role=dice.choice(("user", "tool")), fingerprints=())
        for _ in range(dice.choice((0, 0, 1, 3)))
    )  # fmt: skip
    decision = make_decision(
        time=NOW - dt.timedelta(minutes=7 * (COUNT - number) + dice.randint(-9, 9), microseconds=dice.randint(0, 999)),
        action=action, findings=found, route=None if action == "block" else dice.choice(("openai", "local")),
        tenant=dice.choice(("default", "other")), principal=f"k:{dice.randint(1, 3)}", rule=dice.choice("rs"),
        mode=dice.choice(("enforce", "observe")), would_action=dice.choice((None, "block")),
        model=dice.choice((None, "m", "名")), provider=dice.choice((None, "p")), reason=dice.choice("xy"),
        destination_country=dice.choice((None, "US", "CN")), placeholders=dice.randint(0, 3),
        request_bytes=dice.randint(0, 10**10), detect_ms=dice.random() * 9, total_ms=dice.random() * 90,
    )  # fmt: skip
    if dice.random() < 0.2:
        return decision, None
    error = dice.choice((None, None, "upstream_error"))
    outcome = make_outcome(
        decision, status=dice.choice((None, 200, 201, 429, 503)), error=error, complete=dice.random() < 0.8,
        output_tokens=dice.choice((None, 5)), cost=dice.choice((None, 0.5)), currency=dice.choice((None, "USD", "EUR")),
        placeholders_unknown=dice.randint(0, 1), placeholders_withheld=dice.randint(0, 1), upstream_ms=None,
        first_byte_ms=dice.random() * 100, finish_reason=dice.choice((None, "stop")),
    )  # fmt: skip
    return decision, outcome


def written(url: str, records: list[Any]) -> None:
    writer = Writer(url, busy_timeout_s=1)
    assert not any(writer.write(records))
    writer.close()


@pytest.fixture
def pairs(url: str) -> list[tuple[Decision, Outcome | None]]:
    """In the database: all decisions, and the outcomes but for some that come late."""
    dice = random.Random(7)
    pairs = [made(dice, number) for number in range(COUNT)]
    written(url, [decision for decision, _ in pairs])
    written(url, [outcome for _, outcome in pairs[: COUNT - 20] if outcome is not None][5:])
    return pairs


def late_of(pairs: list[tuple[Decision, Outcome | None]]) -> list[Outcome]:
    return [outcome for _, outcome in pairs[: COUNT - 20] if outcome is not None][:5]


def same(
    url: str,
    query: Query,
    step: dt.timedelta | None = None,
    by: Sequence[Dimension] = (Dimension.RULE, Dimension.ENTITY, Dimension.STATUS_CLASS, Dimension.PRINCIPAL),
    now: dt.datetime = NOW,
) -> None:
    database = open_read_only(url)
    quick, plain = (Statistics(database, summaries=summaries) for summaries in (True, False))
    assert near(quick.totals(query, now=now)) == near(plain.totals(query, now=now))
    assert quick.facets(query, by, now=now) == plain.facets(query, by, now=now)
    for one in (None, by[0]):
        assert quick.timeline(query, step, one, now=now) == plain.timeline(query, step, one, now=now)


def near(totals: Totals) -> Totals:
    return replace(totals, cost={currency: round(amount, 6) for currency, amount in totals.cost.items()})


def blocks_used(url: str, query: Query, now: dt.datetime = NOW) -> set[int]:
    """Levels."""
    with open_read_only(url).engine.connect() as connection:
        planned = plan(connection, query, now)
    return set() if planned is None else {head.level for head in planned.blocks}


QUERIES = st.builds(
    Query,
    since=st.none() | st.integers(0, 600).map(lambda minutes: NOW - dt.timedelta(minutes=minutes)),
    until=st.none() | st.integers(0, 600).map(lambda minutes: NOW - dt.timedelta(minutes=minutes, microseconds=1)),
    action=st.sampled_from([(), (), ("mask",), ("block", "allow")]),
    tenant=st.sampled_from([(), (), ("other",)]),
    upstream=st.sampled_from([(), (), ("openai",), ("local",)]),
    model=st.sampled_from([(), (), ("名",), ("nobody",)]),
    entity=st.sampled_from([(), (), ("PERSON",), ("PERSON", "IBAN_CODE")]),
    role=st.sampled_from([(), (), ("tool",)]),
    state=st.sampled_from([(), (), (State.UNRESOLVED,), (State.PENDING, State.FAILED), tuple(State)]),
    status=st.sampled_from([None, None, (200, 299), (400, 599), (404, 450)]),
    error=st.sampled_from([(), (), ("upstream_error",)]),
    withheld=st.booleans(),
    where=st.sampled_from([(), (), (), (parse_where("total_ms>=20"),)]),
)
STEPS = st.sampled_from(
    [None, dt.timedelta(minutes=1), dt.timedelta(minutes=15), dt.timedelta(hours=1), dt.timedelta(days=7)]
)


@pytest.fixture
def summarized(url: str, pairs: list[tuple[Decision, Outcome | None]]) -> str:
    summaries = Summaries(url, records=RECORDS, fan=FAN)
    assert summaries.build(NOW - dt.timedelta(hours=1)).made > 10
    return url


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=QUERIES, step=STEPS, by=st.lists(st.sampled_from(Dimension), min_size=3, max_size=3, unique=True))
def test_answers_are_those_of_the_records(
    summarized: str, query: Query, step: dt.timedelta | None, by: list[Dimension]
) -> None:
    same(summarized, query, step, by)


def test_whole_stretches_come_from_the_highest_level(summarized: str) -> None:
    assert blocks_used(summarized, Query()) >= {4}
    assert blocks_used(summarized, Query(since=NOW - dt.timedelta(hours=4))) != set()
    same(summarized, Query())


def test_outcomes_that_come_late_count_at_once_and_are_summarized_next(
    summarized: str, pairs: list[tuple[Decision, Outcome | None]]
) -> None:
    whole = len(blocks_of(summarized))
    late = late_of(pairs)
    written(summarized, late)
    same(summarized, Query())
    same(summarized, Query(state=(State.UNRESOLVED,)))
    progress = Summaries(summarized, records=RECORDS, fan=FAN).build(NOW - dt.timedelta(hours=1))
    assert 0 < progress.made <= len(late)
    assert len(blocks_of(summarized)) == whole
    same(summarized, Query())


def blocks_of(url: str) -> list[tuple[int, int]]:
    heads = Base.metadata.tables["summaries"]
    with open_read_only(url).engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(heads.c.level, heads.c.first_seq))]


def test_what_is_pending_depends_on_when_one_asks(url: str, pairs: list[tuple[Decision, Outcome | None]]) -> None:
    Summaries(url, records=RECORDS, fan=FAN).build(NOW)
    for minutes in (-300, -20, 0, 5, 60):
        same(url, Query(), now=NOW + dt.timedelta(minutes=minutes))


def test_building_may_be_broken_off_and_goes_on(url: str, pairs: list[tuple[Decision, Outcome | None]]) -> None:
    summaries, heard = Summaries(url, records=RECORDS, fan=FAN), list[Progress]()

    def one_step(progress: Progress) -> bool:
        heard.append(progress)
        return False

    assert summaries.build(NOW, heard=one_step).made == FAN
    same(url, Query())
    made = summaries.build(NOW).made
    assert made > FAN
    assert heard[0].last == COUNT
    assert summaries.build(NOW).made == 0
    at_once = blocks_of(url)
    summaries.clear()
    assert blocks_of(url) == []
    summaries.build(NOW)
    assert blocks_of(url) == at_once


def test_summaries_of_another_size_or_format_are_made_anew(summarized: str) -> None:
    Summaries(summarized, records=8, fan=FAN).build(NOW - dt.timedelta(hours=1))
    assert {first % 8 for _, first in blocks_of(summarized)} == {0}
    with Summaries(summarized)._writing.engine.begin() as connection:
        connection.execute(sa.update(Base.metadata.tables["summaries"]).values(format=0))
    assert blocks_used(summarized, Query()) == set()
    same(summarized, Query())


def test_whoever_removes_records_forgets_their_summaries(summarized: str) -> None:
    before = set(blocks_of(summarized))
    with Summaries(summarized)._writing.engine.begin() as connection:
        forget(connection, [])
        forget(connection, [RECORDS, RECORDS + 1])
    gone = before - set(blocks_of(summarized))
    assert {level for level, _ in gone} == {1, 2, 3, 4}
    assert len(gone) == 4
    same(summarized, Query())
    assert Summaries(summarized, records=RECORDS, fan=FAN).build(NOW - dt.timedelta(hours=1)).made == 1
    assert set(blocks_of(summarized)) == before


def test_two_at_once_do_not_spoil_it(url: str, pairs: list[tuple[Decision, Outcome | None]]) -> None:
    """A step that was computed before another's was written is computed again."""
    first, second = (Summaries(url, records=RECORDS, fan=FAN) for _ in range(2))
    computed: Callable[[int], Any] = first._next
    raced: list[bool] = []

    def slowly(until_us: int) -> Any:
        step = computed(until_us)
        if not raced:
            raced.append(True)
            second.build(NOW - dt.timedelta(hours=3), heard=lambda _: False)
            written(url, late_of(pairs))
            second.build(NOW - dt.timedelta(hours=2))
        return step

    first._next = slowly  # type: ignore[method-assign]
    first.build(NOW - dt.timedelta(hours=1))
    assert raced
    same(url, Query())


@pytest.mark.parametrize("cut", [0, 1, 30, COUNT])
def test_parts_put_together_are_the_whole(url: str, pairs: list[tuple[Decision, Outcome | None]], cut: int) -> None:
    with open_read_only(url).engine.connect() as connection:
        whole = read_block(connection, 0, COUNT, 60)
        halves = [unpack(pack(read_block(connection, *span, 60))) for span in ((0, cut), (cut + 1, COUNT))]
    again = unpack(pack(merged(halves, 300)))
    assert again.decisions == whole.decisions == COUNT
    assert (again.cells.sums.sum(1) == whole.cells.sums.sum(1)).all()
    assert again.cells.pairs.sum() == whole.cells.pairs.sum() == whole.cells.sums[1].sum()
    assert (again.cells.latency == whole.cells.latency).all()
    assert len(again.cells) == len(whole.cells)
    assert sorted(set(again.times.column)) == sorted(set(whole.times.column // 5))
    assert again.callers.counts.sum() == whole.callers.counts.sum()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=QUERIES, limit=st.integers(1, 12), before=st.none() | st.integers(1, COUNT + 5))
def test_lists_pass_over_what_summaries_rule_out_and_lose_nothing(
    summarized: str, query: Query, limit: int, before: int | None
) -> None:
    query = replace(query, limit=limit, before=before)
    database = open_read_only(summarized)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audit.query._NEWEST", 10**6)
        plain = [record.seq for record in Reader(database).records(query, now=NOW)]
        patch.setattr("audit.query._NEWEST", 3)
        assert [record.seq for record in Reader(database).records(query, now=NOW)] == plain
    with database.engine.connect() as connection:
        places = list(stretches(connection, query, NOW) or ())
    assert all(any(low <= seq <= high for low, high in places) for seq in plain)
    assert all(later[1] < earlier[0] for earlier, later in itertools.pairwise(places))


def test_a_list_of_what_is_not_there_looks_at_no_summarized_record(summarized: str) -> None:
    with open_read_only(summarized).engine.connect() as connection:
        nowhere = stretches(connection, Query(destination_country=("ZZ",), until=NOW - dt.timedelta(hours=3)), NOW)
        assert nowhere is not None
        assert sum(high - low + 1 for low, high in nowhere) < 30
