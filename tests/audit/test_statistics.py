"""Sums, rankings and timelines against a plain count in Python, on whichever database the suite runs."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from audit.database import open_read_only
from audit.errors import AuditError
from audit.filters import parse_where
from audit.query import Query, Reader, Record
from audit.records import Decision, Finding, Outcome
from audit.statistics import Dimension, Statistics, fitting_width
from audit.writer import Writer

type Make[T] = Callable[..., T]

NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
QUERIES = [
    Query(),
    Query(action=("mask", "block")),
    Query(entity=("PERSON",)),
    Query(entity=("PERSON", "IBAN_CODE"), recognizer=("r1",)),
    Query(status=(200, 299)),
    Query(route=("local",)),
    Query(since=NOW - dt.timedelta(hours=20), until=NOW - dt.timedelta(hours=3)),
    Query(withheld=True),
    Query(unknown=True),
    Query(provider=("p1",), destination_country=("US", "CN")),
    Query(finish_reason=("stop",)),
    Query(error=("upstream_error",)),
    Query(stream=True),
    Query(where=(parse_where("total_ms>=20"),)),
    Query(where=(parse_where("cost>0.2"), parse_where("model!=m0"))),
    Query(where=(parse_where("max_score<0.5"),)),
    Query(where=(parse_where("complete=no"),)),
    Query(rule=("nobody",)),
]


@pytest.fixture
def records(
    ledger_url: str, decision: Make[Decision], finding: Make[Finding], outcome: Make[Outcome]
) -> tuple[Statistics, list[Record], Reader]:
    decisions, outcomes = [], []
    for n in range(60):
        action = ("allow", "mask", "reroute", "block")[n % 4]
        found = [
            finding(entity=("PERSON", "IBAN_CODE", "EMAIL_ADDRESS")[(n + k) % 3], recognizer=f"r{k}", count=n % 5 + 1,
                    max_score=0.1 * (n % 10), role=("user", "tool")[k % 2])
            for k in range(n % 4)
        ]  # fmt: skip
        made = decision(
            time=NOW - dt.timedelta(hours=n * 0.7), action=action, findings=tuple(found), stream=n % 5 == 0,
            route=None if action == "block" else "local" if action == "reroute" else "openai", rule=f"rule{n % 3}",
            provider=f"p{n % 2}", destination_country=("US", "CN", None)[n % 3],
            model=None if n % 7 == 0 else f"m{n % 2}",
            detect_ms=float(n), total_ms=2.0 * n, request_bytes=n * 100, placeholders=n % 3,
        )  # fmt: skip
        decisions.append(made)
        if n % 6:
            outcomes.append(
                outcome(made, status=(200, 429, None, 500)[n % 4], error=None if n % 4 == 0 else "upstream_error",
                        complete=n % 4 == 0, cost=0.01 * n, currency=("USD", "EUR")[n % 2], output_tokens=n,
                        placeholders_unknown=n % 2, placeholders_withheld=n % 3, upstream_ms=10.0 * n,
                        finish_reason=("stop", None)[n % 2])
            )  # fmt: skip
    writer = Writer(ledger_url, busy_timeout_s=1)
    assert not any(writer.write(decisions) + writer.write(outcomes))
    writer.close()
    database = open_read_only(ledger_url)
    return Statistics(database), list(Reader(database).records(Query(), now=NOW)), Reader(database)


def chosen(reader: Reader, everything: list[Record], query: Query) -> list[Record]:
    seqs = {record.seq for record in reader.records(query, now=NOW)}
    return [record for record in everything if record.seq in seqs]


def keys_of(record: Record, by: Dimension) -> set[Any]:
    if by in (Dimension.ENTITY, Dimension.RECOGNIZER, Dimension.ROLE):
        return {getattr(one, by) for one in record.decision.findings}
    if by == Dimension.STATUS_CLASS:
        status = record.outcome and record.outcome.status
        return {f"{status // 100}xx" if status else None}
    if by in (Dimension.ERROR, Dimension.FINISH_REASON):
        return {getattr(record.outcome, by, None)}
    return {getattr(record.decision, by)}


def test_filters_that_speak_of_outcomes_and_findings(records: tuple[Statistics, list[Record], Reader]) -> None:
    _, everything, reader = records

    def seqs(**filters: Any) -> list[int]:
        return [one.seq for one in chosen(reader, everything, Query(**filters))]

    outcomes = [(one.seq, one.outcome) for one in everything if one.outcome is not None]
    assert seqs(withheld=True) == [seq for seq, one in outcomes if one.placeholders_withheld] != []
    assert seqs(unknown=True) == [seq for seq, one in outcomes if one.placeholders_unknown] != []
    assert seqs(finish_reason=("stop",)) == [seq for seq, one in outcomes if one.finish_reason == "stop"] != []
    assert seqs(where=(parse_where("cost>0.2"),)) == [seq for seq, one in outcomes if (one.cost or 0) > 0.2] != []
    assert seqs(stream=False) == [one.seq for one in everything if not one.decision.stream] != []
    assert seqs(entity=("PERSON",), role=("tool",)) == [
        one.seq
        for one in everything
        if {"PERSON"} & {f.entity for f in one.decision.findings} and "tool" in {f.role for f in one.decision.findings}
    ]


def test_totals_are_the_records_sums(records: tuple[Statistics, list[Record], Reader]) -> None:
    statistics, everything, reader = records
    for query in QUERIES:
        expected = chosen(reader, everything, query)
        totals = statistics.totals(query, now=NOW)
        assert totals.decisions == len(expected)
        assert Counter(totals.by_action) == Counter(one.decision.action for one in expected)
        assert totals.findings == sum(f.count for one in expected for f in one.decision.findings)
        states = Counter(str(one.state) for one in expected)
        for state in ("complete", "failed", "refused", "unresolved", "pending"):
            assert getattr(totals, state) == states[state]
        ended = [one.outcome for one in expected if one.outcome is not None]
        assert totals.output_tokens == sum(one.output_tokens or 0 for one in ended)
        assert totals.placeholders_withheld == sum(one.placeholders_withheld for one in ended)
        assert totals.request_bytes == sum(one.decision.request_bytes for one in expected)
        for currency in ("USD", "EUR"):
            want = sum(one.cost or 0 for one in ended if one.currency == currency)
            assert totals.cost.get(currency, 0) == pytest.approx(want)
        if expected:
            ordered = sorted(one.decision.total_ms for one in expected)
            median = ordered[(len(ordered) + 1) // 2 - 1]
            assert totals.latency["total_ms"].p50 == pytest.approx(median, rel=0.05)


def test_a_ranking_counts_as_plain_python_does(records: tuple[Statistics, list[Record], Reader]) -> None:
    statistics, everything, reader = records
    for query in QUERIES:
        admitted = chosen(reader, everything, query)
        facets = statistics.facets(query, tuple(Dimension), now=NOW)
        for by in Dimension:
            expected: Counter[Any] = Counter()
            for record in admitted:
                expected.update(keys_of(record, by))
            assert {one.key: one.decisions for one in facets[by]} == expected, by
            assert [one.decisions for one in facets[by]] == sorted(expected.values(), reverse=True)
        assert statistics.top(query, Dimension.RULE, 2, now=NOW) == facets[Dimension.RULE][:2]


def test_a_timeline_holds_every_decision_once(records: tuple[Statistics, list[Record], Reader]) -> None:
    statistics, everything, reader = records
    for query, every in itertools.product(QUERIES, (None, dt.timedelta(hours=1), dt.timedelta(days=7))):
        expected = chosen(reader, everything, query)
        buckets = statistics.timeline(query, every, Dimension.MODEL, now=NOW)
        assert sum(sum(one.counts.values()) for one in buckets) == len(expected)
        for bucket, following in itertools.pairwise(buckets):
            inside = [one for one in expected if bucket.start <= one.decision.time < following.start]
            assert Counter(bucket.counts) == Counter(one.decision.model or "" for one in inside)
        if every == dt.timedelta(days=7) and buckets:
            assert buckets[0].start.weekday() == 0


def test_wrong_questions_are_explained(records: tuple[Statistics, list[Record], Reader]) -> None:
    statistics, _, _ = records
    for ask in (
        lambda: statistics.top(Query(), Dimension.RULE, 0),
        lambda: statistics.timeline(Query(), dt.timedelta(seconds=30)),
        lambda: statistics.totals(Query(action=("forward",))),
        lambda: parse_where("nothing=1"),
        lambda: parse_where("total_ms>=many"),
        lambda: parse_where("rule>a"),
        lambda: parse_where("stream=perhaps"),
    ):
        with pytest.raises(AuditError) as caught:
            ask()
        assert caught.value.code == "query"


def test_a_question_that_takes_too_long_is_given_up(
    records: tuple[Statistics, list[Record], Reader], ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.snapshot._STEPS", 1)
    database = open_read_only(ledger_url)
    if database.dialect == "sqlite":
        with pytest.raises(AuditError, match="narrow the time") as caught:
            Statistics(database, time_limit_s=0).totals(Query())
        assert caught.value.code == "too_slow"


def test_widths() -> None:
    assert fitting_width(dt.timedelta()) == dt.timedelta(minutes=1)
    assert fitting_width(dt.timedelta(days=2)) == dt.timedelta(hours=1)
    assert fitting_width(dt.timedelta(days=90)) == dt.timedelta(days=7)
