"""Two versions of the leaf in one ledger: migrated, told apart, carried out, and neither passed for the other."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from audit.database import migrate_to, open_database, open_read_only
from audit.errors import AuditError
from audit.export import export_lines, verify_export
from audit.leaf import ADDED, VERSIONS, leaf_hash_of
from audit.query import Query
from audit.records import Decision, Outcome, PolicyRecord
from audit.rows import policy_of
from audit.stored import load
from audit.verification import Kind
from audit.verify import verify_database
from audit.writer import Writer
from tests.audit.conftest import make_policy
from tests.audit.test_ledger import as_owner, plain_engine

type Make[T] = Callable[..., T]


def write(url: str, *records: Decision | Outcome | PolicyRecord) -> None:
    writer = Writer(url, busy_timeout_s=1)
    assert writer.write(records) == [None] * len(records)
    writer.close()


def versions(url: str) -> list[tuple[str, int, int]]:
    with open_read_only(url).engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT kind, record_seq, version FROM ledger ORDER BY leaf"))
        return [(row.kind, row.record_seq, row.version) for row in rows]


@pytest.fixture
def both(ledger_url: str, decision: Make[Decision], outcome: Make[Outcome]) -> list[Decision]:
    """Two decisions and an outcome of version 1, as a database from before has them; then as many of version 2."""
    old, new = [decision(), decision(findings=())], [decision(provider="openai", shape='[["$.input","user",1,9]]')]
    write(ledger_url, *old, outcome(old[0]))
    migrate_to(open_database(ledger_url), "0001")
    database = open_database(ledger_url)  # which migrates again: their leaves are made as version 1 made them
    assert verify_database(database).flaws == []
    write(ledger_url, make_policy(), *new, outcome(new[0], cost=0.25, currency="USD", response_findings="[]"))
    return [*old, *new]


def test_old_rows_keep_their_version_and_all_is_whole(ledger_url: str, both: list[Decision]) -> None:
    assert versions(ledger_url) == [
        ("decision", 1, 1),
        ("decision", 2, 1),
        ("outcome", 1, 1),
        ("policy", 1, 2),
        ("decision", 3, 2),
        ("outcome", 2, 2),
    ]
    report = verify_database(open_read_only(ledger_url))
    assert (report.flaws, report.decisions, report.outcomes, report.policies) == ([], 3, 2, 1)


@pytest.mark.parametrize(
    ("table", "column"),
    [(f"{kind}s", column) for kind, columns in ADDED.items() for column in columns],
)
def test_what_version_1_does_not_cover_cannot_be_filled_in(
    ledger_url: str, both: list[Decision], table: str, column: str
) -> None:
    with as_owner(ledger_url) as connection:
        number = column.startswith("placeholders") or column == "cost" or column.endswith("_ms")
        value = "7" if number else "'forged'"
        connection.execute(sa.text(f"UPDATE {table} SET {column} = {value} WHERE seq = 1"))
    found = {(flaw.kind, flaw.seq) for flaw in verify_database(open_read_only(ledger_url)).flaws}
    assert found == {(Kind.CHANGED, 1)}


@pytest.mark.parametrize(("leaf", "version"), [(0, 2), (4, 1), (3, 1), (2, 2), (5, 3), (4, 0), (4, -1)])
def test_a_leaf_passed_for_another_version_is_a_change(
    ledger_url: str, both: list[Decision], leaf: int, version: int
) -> None:
    with as_owner(ledger_url) as connection:
        connection.execute(sa.text(f"UPDATE ledger SET version = {version} WHERE leaf = {leaf}"))
    report = verify_database(open_read_only(ledger_url))
    assert [(flaw.kind, flaw.leaf) for flaw in report.flaws] == [(Kind.CHANGED, leaf)]


def test_a_kind_that_nobody_knows_is_named(ledger_url: str, both: list[Decision]) -> None:
    with as_owner(ledger_url) as connection:
        connection.execute(sa.text("UPDATE ledger SET kind = 'wish' WHERE leaf = 3"))
    found = {(flaw.kind, flaw.leaf, flaw.seq) for flaw in verify_database(open_read_only(ledger_url)).flaws}
    assert found == {(Kind.REMOVED, 3, 1), (Kind.INSERTED, None, 1)}


def test_down_to_the_schema_before_and_up_again(ledger_url: str, both: list[Decision]) -> None:
    """What version 2 alone has is lost on the way down, and what was not lost still verifies."""
    migrate_to(open_database(ledger_url), "0003")
    engine = plain_engine(ledger_url)
    with engine.begin() as connection:
        assert "policies" not in sa.inspect(connection).get_table_names()
        for table, columns in (
            ("decisions", ADDED["decision"]),
            ("outcomes", ADDED["outcome"]),
            ("ledger", ["version"]),
        ):
            left = {column["name"] for column in sa.inspect(connection).get_columns(table)}
            assert left.isdisjoint(columns)
        assert connection.execute(sa.text("SELECT count(*) FROM ledger")).scalar() == 6
    with engine.begin() as connection, pytest.raises(sa.exc.IntegrityError):
        connection.execute(
            sa.text("INSERT INTO ledger SELECT 9, 'wish', 9, record_id, hash FROM ledger WHERE leaf = 0")
        )
    with engine.begin() as connection, pytest.raises(sa.exc.IntegrityError, match="append-only"):
        connection.execute(sa.text("DELETE FROM ledger"))
    migrate_to(open_database(ledger_url), "head")
    report = verify_database(open_read_only(ledger_url))
    assert {(flaw.kind, flaw.leaf) for flaw in report.flaws} == {
        (Kind.REMOVED, 3),
        (Kind.CHANGED, 4),
        (Kind.CHANGED, 5),
    }


def test_a_policy_is_written_once_per_tenant(ledger_url: str) -> None:
    other = make_policy(tenant="other")
    write(ledger_url, make_policy(), make_policy(), other)
    write(ledger_url, make_policy(), make_policy(hash="7b" * 32, policy='{"mode":"observe"}'))
    assert versions(ledger_url) == [("policy", seq, 2) for seq in (1, 2, 3)]
    with open_read_only(ledger_url).engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM policies ORDER BY seq")).mappings().all()
    assert [(row["tenant"], row["hash"][:2]) for row in rows] == [("default", "6a"), ("other", "6a"), ("default", "7b")]
    assert policy_of(rows[1]).policy == other.policy


def test_a_long_policy_is_kept_whole(ledger_url: str) -> None:
    policy = json.dumps({"rules": ["x" * 100] * 1000})
    write(ledger_url, make_policy(policy=policy))
    with open_read_only(ledger_url).engine.connect() as connection:
        assert connection.execute(sa.text("SELECT policy FROM policies")).scalar() == policy
        stored = load(connection, "policy", [1])[1]
    assert json.loads(stored.json or b"")["policy"] == policy


def test_exports_carry_the_version(ledger_url: str, both: list[Decision]) -> None:
    database = open_read_only(ledger_url)
    lines = list(export_lines(database, None, {}))
    entries = [json.loads(line) for line in lines[1:-1]]
    assert [(entry["kind"], entry["version"]) for entry in entries] == [
        (kind, version) for kind, _, version in versions(ledger_url)
    ]
    for entry in entries:
        assert leaf_hash_of(entry["kind"], entry["record"], entry["version"]).hex() == entry["hash"]
    report = verify_export(lines)
    assert (report.flaws, report.size, report.policies) == ([], 6, 1)
    part = verify_export(export_lines(database, Query(id_prefix=both[2].id), {}))
    assert (part.flaws, part.decisions, part.outcomes) == ([], 1, 1)


def test_an_export_of_the_first_form_still_verifies(ledger_url: str, both: list[Decision]) -> None:
    lines = list(export_lines(open_read_only(ledger_url), None, {}))
    header = json.loads(lines[0]) | {"format": "coatcheck-export/1", "size": 3}
    entries = [json.loads(line) for line in lines[1:4]]
    for entry in entries:
        assert entry.pop("version") == 1
    end = {"end": {"query": {}, "range": [0, 2], "count": 3, "checkpoint": None}}
    report = verify_export([json.dumps(one) for one in (header, *entries, end)])
    assert (report.flaws, report.size) == ([], 3)


@pytest.mark.parametrize("version", [1, 3, True, "2", None])
def test_an_entry_passed_for_another_version_in_an_export(
    ledger_url: str, both: list[Decision], version: object
) -> None:
    lines = list(export_lines(open_read_only(ledger_url), None, {}))
    lines[5] = json.dumps(json.loads(lines[5]) | {"version": version})
    if version is not True and version == 1:
        assert [flaw.kind for flaw in verify_export(lines).flaws] == [Kind.CHANGED]
        return
    with pytest.raises(AuditError, match="newer Coatcheck") as caught:
        verify_export(lines)
    assert caught.value.code == "export"


def test_each_version_knows_its_kinds() -> None:
    assert VERSIONS[1] == ("decision", "outcome")
    assert set(VERSIONS[1]) < set(VERSIONS[2])
