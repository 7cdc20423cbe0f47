"""Every filter against a model in plain Python, pages that stay stable, records found by what one has at hand."""

from __future__ import annotations

import datetime as dt
import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.database import open_read_only
from audit.errors import AuditError
from audit.ids import new_id
from audit.query import PENDING_FOR, Query, Reader, Record, State, parse_status
from audit.records import Decision, Finding, Outcome
from audit.writer import Writer

type Make[T] = Callable[..., T]

NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)


def written(path: Path, decisions: Sequence[Decision], outcomes: Sequence[Outcome] = ()) -> Reader:
    url = str(path / f"{new_id()}.db")
    writer = Writer(url, busy_timeout_s=1)
    writer.open()
    if decisions:
        assert not any(writer.write(decisions))
    if outcomes:
        assert not any(writer.write(outcomes))
    writer.close()
    return Reader(open_read_only(url))


def seqs(reader: Reader, **filters: Any) -> list[int]:
    return [record.seq for record in reader.page(Query(**filters), now=NOW).records]


@pytest.fixture
def reader(tmp_path: Path, decision: Make[Decision], finding: Make[Finding], outcome: Make[Outcome]) -> Reader:
    """Records 1 to 6, each with something of its own."""
    hour = dt.timedelta(hours=1)
    decisions = [
        decision(
            time=NOW - 6 * hour,
            tenant="north",
            client_address="198.51.100.9",
            id="01a20e2e-0000-7000-8000-000000000001",
        ),
        decision(
            time=NOW - 5 * hour,
            principal="anonymous",
            endpoint="openai.responses",
            id="01a20e2e-ffff-7000-8000-000000000002",
        ),
        decision(
            time=NOW - 4 * hour,
            upstream="anthropic",
            endpoint="anthropic.messages",
            route="local",
            action="reroute",
            rule="stays-home",
            findings=(finding(entity="PERSON", fingerprints=("p1",)), finding(entity="CN_RESIDENT_ID")),
        ),
        decision(
            time=NOW - 3 * hour,
            action="block",
            route=None,
            rule="no-cards",
            findings=(finding(entity="CREDIT_CARD", action="block", fingerprints=("c1", "c2")),),
        ),
        decision(
            time=NOW - 2 * hour,
            proxy_user="li.na",
            model="other-model",
            action="allow",
            mode="observe",
            would_action="mask",
            findings=(
                finding(entity="PERSON", fingerprints=("p2",)),
                finding(entity="PERSON", path="$.system", fingerprints=("p2",)),
            ),
        ),
        decision(time=NOW - dt.timedelta(minutes=1), findings=()),
    ]
    outcomes = [
        outcome(decisions[0]),
        outcome(decisions[1], status=429, error="upstream_error"),
        outcome(decisions[2], status=None, complete=False),
        outcome(decisions[3], status=403, error="refused"),
    ]
    return written(tmp_path, decisions, outcomes)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [6, 5, 4, 3, 2, 1]),
        ({"since": NOW - dt.timedelta(hours=3)}, [6, 5, 4]),
        ({"until": NOW - dt.timedelta(hours=3)}, [3, 2, 1]),
        ({"since": NOW - dt.timedelta(hours=5), "until": NOW - dt.timedelta(hours=3)}, [3, 2]),
        ({"tenant": ("north",)}, [1]),
        ({"principal": ("anonymous",)}, [2]),
        ({"principal": ("anonymou",)}, []),
        ({"caller": ("li.na",)}, [5]),
        ({"caller": ("198.51.100.9", "anonymous")}, [2, 1]),
        ({"upstream": ("anthropic",)}, [3]),
        ({"upstream": ("local",)}, [3]),
        ({"endpoint": ("openai.responses", "anthropic.messages")}, [3, 2]),
        ({"model": ("other-model",)}, [5]),
        ({"entity": ("PERSON",)}, [5, 3]),
        ({"entity": ("PERSON", "CREDIT_CARD")}, [5, 4, 3]),
        ({"entity": ("person",)}, []),
        ({"fingerprint": ("p2",)}, [5]),
        ({"fingerprint": ("c2", "p1")}, [4, 3]),
        ({"fingerprint": ("c2",), "entity": ("PERSON",)}, []),
        ({"fingerprint": ("p1",), "entity": ("CN_RESIDENT_ID",)}, [3]),
        ({"action": ("block",)}, [4]),
        ({"action": ("mask",)}, [6, 5, 2, 1]),
        ({"rule": ("stays-home", "no-cards")}, [4, 3]),
        ({"status": (429, 429)}, [2]),
        ({"status": (400, 499)}, [4, 2]),
        ({"state": (State.COMPLETE,)}, [1]),
        ({"state": (State.FAILED,)}, [3, 2]),
        ({"state": (State.REFUSED,)}, [4]),
        ({"state": (State.PENDING,)}, [6]),
        ({"state": (State.UNRESOLVED,)}, [5]),
        ({"state": (State.PENDING, State.UNRESOLVED)}, [6, 5]),
        ({"id_prefix": "01A20E2E-"}, [2, 1]),
        ({"id_prefix": "01a20e2e-0000-7"}, [1]),
        ({"id_prefix": "01a20e2effff"}, [2]),
        ({"before": 4}, [3, 2, 1]),
        ({"entity": ("PERSON",), "before": 5, "limit": 1}, [3]),
        ({"entity": ("PERSON",), "limit": 2}, [5, 3]),
        ({"fingerprint": ("p2", "p1"), "limit": 2}, [5, 3]),
        ({"limit": 2}, [6, 5]),
        ({"entity": ("PERSON",), "action": ("reroute",), "state": (State.FAILED,), "upstream": ("anthropic",)}, [3]),
    ],
)
def test_filters(reader: Reader, filters: dict[str, Any], expected: list[int]) -> None:
    assert seqs(reader, **filters) == expected


def test_the_states_of_all(reader: Reader) -> None:
    states = [record.state for record in reader.page(Query(), now=NOW).records]
    assert states == ["pending", "unresolved", "refused", "failed", "failed", "complete"]


def test_the_moment_at_which_pending_becomes_unresolved(tmp_path: Path, decision: Make[Decision]) -> None:
    reader = written(tmp_path, [decision(time=NOW - PENDING_FOR)])
    assert seqs(reader, state=(State.PENDING,)) == []
    assert seqs(reader, state=(State.UNRESOLVED,)) == [1]
    assert reader.find("1", now=NOW).state == State.UNRESOLVED


@pytest.mark.parametrize(
    "wrong", [{"limit": 0}, {"limit": 1001}, {"id_prefix": "xyz"}, {"id_prefix": ""}, {"id_prefix": "0%"}]
)
def test_wrong_filters_are_explained(reader: Reader, wrong: dict[str, Any]) -> None:
    with pytest.raises(AuditError) as caught:
        reader.page(Query(**wrong))
    assert caught.value.code == "query"


@pytest.mark.parametrize(
    ("text", "range_"), [("404", (404, 404)), ("4xx", (400, 499)), ("5XX", (500, 599)), ("400-403", (400, 403))]
)
def test_status(text: str, range_: tuple[int, int]) -> None:
    assert parse_status(text) == range_


@pytest.mark.parametrize("text", ["", "4x", "0xx", "40", "4044", "good", "400-"])
def test_wrong_status(text: str) -> None:
    with pytest.raises(AuditError, match="4xx"):
        parse_status(text)


def test_find(reader: Reader) -> None:
    whole = "01a20e2e-0000-7000-8000-000000000001"
    for name in (whole, whole.upper(), whole.replace("-", ""), "01a20e2e-0", "1"):
        assert reader.find(name).decision.id == whole
    for name, code in (
        ("01a2", "ambiguous"),
        ("7", "not_found"),
        ("0999", "not_found"),
        ("nobody", "query"),
        ("", "query"),
        (whole + "0", "query"),
        ("9" * 30, "not_found"),
    ):
        with pytest.raises(AuditError) as caught:
            reader.find(name)
        assert caught.value.code == code


def test_pages_stay_stable_while_records_come_in(tmp_path: Path, decision: Make[Decision]) -> None:
    url = str(tmp_path / "audit.db")
    writer = Writer(url, busy_timeout_s=1)
    writer.write([decision(findings=()) for _ in range(25)])
    reader = Reader(open_read_only(url))
    seen: list[int] = []
    before = None
    while True:
        page = reader.page(Query(limit=10, before=before))
        seen += [record.seq for record in page.records]
        writer.write([decision(findings=()) for _ in range(7)])
        before = page.before
        if before is None:
            break
    writer.close()
    assert seen == list(range(25, 0, -1))


def test_the_last_page_says_so(reader: Reader) -> None:
    assert reader.page(Query(limit=6)).before is None
    page = reader.page(Query(limit=5))
    assert page.before == 2
    assert [record.seq for record in reader.page(Query(limit=5, before=page.before)).records] == [1]
    assert reader.page(Query(before=1)).records == []


def test_an_empty_database_has_no_records(tmp_path: Path) -> None:
    reader = written(tmp_path, [])
    assert list(reader.records(Query())) == []


def test_time_zones_come_back_as_utc(tmp_path: Path, decision: Make[Decision]) -> None:
    east = dt.timezone(dt.timedelta(hours=8))
    reader = written(tmp_path, [decision(time=dt.datetime(2026, 11, 24, 20, 0, tzinfo=east))])
    (record,) = reader.page(Query(since=NOW, until=NOW + dt.timedelta(microseconds=1))).records
    assert record.decision.time == NOW
    assert record.decision.time.tzinfo is dt.UTC


# The same questions, answered in plain Python.

words = st.sampled_from(["a", "b", "c%", "A"])
moments = st.integers(-40, 0).map(lambda minutes: NOW + dt.timedelta(minutes=minutes))
actions = st.sampled_from(["allow", "mask", "reroute", "block"])
findings = st.builds(
    Finding, entity=words, recognizer=words, count=st.integers(1, 9), max_score=st.floats(0, 1), role=words, path=words,
    action=actions, fingerprints=st.lists(words, max_size=2).map(tuple),
)  # fmt: skip
decisions = st.builds(
    Decision, id=st.uuids(version=None).map(str), time=moments, tenant=words, principal=words, upstream=words,
    endpoint=words, action=actions, rule=words, reason=words, route=st.none() | words, would_action=st.none() | actions,
    client_address=st.none() | words, proxy_user=st.none() | words, model=st.none() | words,
    findings=st.lists(findings, max_size=3).map(tuple),
)  # fmt: skip
endings = st.none() | st.builds(
    Outcome, decision_id=st.just(""), time=moments, status=st.none() | st.sampled_from([200, 404, 499, 500]),
    error=st.none() | words, complete=st.booleans(), input_tokens=st.none() | st.integers(0, 9),
)  # fmt: skip
some = st.lists(words, max_size=2).map(tuple)
queries = st.builds(
    Query,
    since=st.none() | moments,
    until=st.none() | moments,
    tenant=some,
    principal=some,
    caller=some,
    upstream=some,
    endpoint=some,
    model=some,
    entity=some,
    fingerprint=some,
    action=st.lists(actions, max_size=2).map(tuple),
    rule=some,
    state=st.lists(st.sampled_from(State), max_size=2).map(tuple),
    status=st.none() | st.sampled_from([(200, 200), (400, 499), (0, 999)]),
    id_prefix=st.none() | st.text("0123456789abcdef", min_size=1, max_size=2),
    before=st.none() | st.integers(1, 20),
)
few_filters = st.builds(
    lambda query, kept: Query(**{name: getattr(query, name) for name in kept}),
    queries,
    st.lists(st.sampled_from([name for name in Query.__slots__ if name != "limit"]), max_size=3),
)


def expected(record: Record, query: Query) -> bool:
    d, o = record.decision, record.outcome

    def any_of(wanted: Sequence[str], *have: str | None) -> bool:
        return not wanted or any(value in wanted for value in have if value is not None)

    if d.route is None:
        state = State.REFUSED
    elif o is not None:
        state = State.COMPLETE if o.error is None and o.complete else State.FAILED
    else:
        state = State.PENDING if NOW - d.time < PENDING_FOR else State.UNRESOLVED
    return (
        (query.since is None or d.time >= query.since)
        and (query.until is None or d.time < query.until)
        and any_of(query.tenant, d.tenant)
        and any_of(query.principal, d.principal)
        and any_of(query.caller, d.principal, d.proxy_user, d.client_address)
        and any_of(query.upstream, d.upstream, d.route)
        and any_of(query.endpoint, d.endpoint)
        and any_of(query.model, d.model)
        and any_of(query.entity, *(f.entity for f in d.findings))
        and any_of(query.fingerprint, *(p for f in d.findings for p in f.fingerprints))
        and any_of(query.action, d.action, d.would_action)
        and any_of(query.rule, d.rule)
        and (not query.state or state in query.state)
        and (
            query.status is None
            or (o is not None and o.status is not None and query.status[0] <= o.status <= query.status[1])
        )
        and (query.id_prefix is None or d.id.replace("-", "").startswith(query.id_prefix))
        and (query.before is None or record.seq < query.before)
    )


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@settings(max_examples=40, deadline=None)
@given(
    pairs=st.lists(st.tuples(decisions, endings), max_size=12, unique_by=lambda pair: pair[0].id),
    asked=st.lists(queries | few_filters, min_size=1, max_size=25),
    size=st.integers(1, 5),
)
def test_the_database_answers_as_plain_python_does(
    folder: Path, pairs: list[tuple[Decision, Outcome | None]], asked: list[Query], size: int
) -> None:
    endings = [replace(ending, decision_id=made.id) for made, ending in pairs if ending is not None]
    reader = written(folder, [made for made, _ in pairs], endings)
    everything = list(reader.records(Query(), now=NOW))
    assert [record.decision for record in everything] == [made for made, _ in reversed(pairs)]
    by_id = {ending.decision_id: ending for ending in endings}
    assert [record.outcome for record in everything] == [by_id.get(made.id) for made, _ in reversed(pairs)]
    for query in asked:
        answer = list(reader.records(replace(query, limit=size), now=NOW))
        assert answer == [record for record in everything if expected(record, query)]
    assert all(one.seq > other.seq for one, other in itertools.pairwise(everything))
