"""Every kind of tampering, by SQL as the database's owner would do it: found, and named with its place."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit import leaf
from audit.checkpoint import Checkpoint, SignedCheckpoint, parse_checkpoint
from audit.database import open_database, open_read_only
from audit.ledger import root_at
from audit.merkle import Frontier, hash_node
from audit.note import SigningKey
from audit.records import Decision
from audit.schema import TABLES, Base
from audit.stored import all_columns, load
from audit.verification import Kind, Report
from audit.verify import verify_database
from audit.writer import Writer
from tests.audit.conftest import NOON, make_decision, make_finding, make_outcome, make_policy
from tests.databases import Hand, by_hand

type Make[T] = Callable[..., T]

KEY = SigningKey("example.org/ledger", bytes(range(32)))
OTHER = SigningKey("example.org/ledger", bytes(32))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Decision]]:
    """The file of such a database, and its decisions."""
    path = tmp_path_factory.mktemp("template") / "audit.db"
    return path, fill(f"sqlite:///{path}")


def fill(url: str) -> list[Decision]:
    """21 leaves: decisions 1 to 11 with outcomes 1 to 10, alternating from the fourth batch on."""
    decision, finding, outcome = make_decision, make_finding, make_outcome
    writer = Writer(url, busy_timeout_s=1)
    decisions = [decision(findings=(finding(), finding(entity="PERSON", fingerprints=()))) for _ in range(11)]
    assert writer.write([*decisions[:3]]) == [None] * 3
    for number, one in enumerate(decisions[3:], 3):
        assert writer.write([one, outcome(decisions[number - 3])]) == [None, None]
    assert writer.write([outcome(one) for one in decisions[8:10]]) == [None, None]
    writer.close()
    return decisions


@pytest.fixture
def records(url: str, database_kind: str, request: pytest.FixtureRequest) -> list[Decision]:
    if database_kind != "sqlite":
        return fill(url)
    path, decisions = request.getfixturevalue("template")
    file = Path(url.removeprefix("sqlite:///"))
    file.parent.mkdir()
    shutil.copyfile(path, file)
    return list(decisions)


def signed_at(url: str, size: int, key: SigningKey = KEY) -> str:
    with open_read_only(url).engine.connect() as connection:
        return Checkpoint(key.name, size, root_at(connection, size)).signed(key)


def verified(url: str, *notes: str) -> Report:
    return verify_database(open_read_only(url), [KEY.public_key], [("anchor", notes)] if notes else [])


def kinds(report: Report) -> set[Kind]:
    return {flaw.kind for flaw in report.flaws}


@contextlib.contextmanager
def as_owner(url: str) -> Iterator[Hand]:
    """A connection without guards."""
    with by_hand(url) as connection:
        connection.lift_guards()
        yield connection


def rebuild_tree(connection: Hand) -> None:
    """What a careful forger does: make the hashes above the leaves fit again."""
    connection.execute("DELETE FROM ledger_nodes")
    frontier = Frontier()
    for (value,) in connection.execute("SELECT hash FROM ledger ORDER BY leaf").fetchall():
        for node, above in frontier.append(value):
            connection.execute("INSERT INTO ledger_nodes VALUES (?, ?, ?)", (node.level, node.position, above))


def test_an_untouched_database_is_whole(url: str, records: list[Decision]) -> None:
    report = verified(url, signed_at(url, 7), signed_at(url, 21))
    assert (report.verdict, report.flaws, report.doubts) == (0, [], [])
    assert (report.size, report.decisions, report.outcomes) == (21, 11, 10)
    assert (report.checkpoints, report.covered) == (2, 21)
    assert report.without_outcome == 1
    assert report.first_without_outcome == [(11, records[10].id)]
    assert "1 decisions without an outcome" in report.notices[0]


def test_without_a_checkpoint_or_a_key_it_cannot_be_told(url: str, records: list[Decision]) -> None:
    report = verified(url)
    assert report.verdict == 2 and "--checkpoint" in report.doubts[0]
    report = verify_database(open_read_only(url), [], [("anchor", [signed_at(url, 21)])])
    assert report.verdict == 2 and "--public-key" in report.doubts[0]


def test_what_no_checkpoint_covers_is_said(url: str, records: list[Decision]) -> None:
    report = verified(url, signed_at(url, 16))
    assert report.verdict == 0
    assert report.notices[0].startswith("The last 5 entries are newer")


def test_a_leaf_covers_every_column() -> None:
    covered = all_columns()
    for table, columns in covered.items():
        assert {column.name for column in columns} == {column.name for column in Base.metadata.tables[table].c}
    assert {*covered, "ledger", "ledger_nodes", "ledger_checkpoints", "reads", "tombstones", "pruned"} == set(TABLES)


CHANGES = [
    (table, column.name)
    for table, columns in all_columns().items()
    for column in columns
    if (table, column.name) != ("decisions", "seq")
]


@pytest.mark.parametrize(("table", "column"), CHANGES)
def test_a_change_in_any_column_is_found_where_it_is(
    url: str, records: list[Decision], table: str, column: str
) -> None:
    note, policy = signed_at(url, 21), make_policy()
    writer = Writer(url, busy_timeout_s=1)
    writer.write([policy])
    writer.close()
    at = 1 if table == "policies" else 5
    where = (
        f"seq = {at}"
        if table in ("decisions", "outcomes", "policies")
        else "decision_seq = 5 AND position = 0" + (" AND ordinal = 0" if table == "fingerprints" else "")
    )
    with as_owner(url) as connection:
        connection.lift_checks()
        (old,) = connection.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchone()
        if column in ("seq", "decision_seq", "position", "ordinal"):
            new = "900"
        elif column == "time":
            new = "'2026-11-24 12:00:00.000001'"
        elif column == "id":
            new = "'" + "0" * 32 + "'"
        elif isinstance(old, str):
            new = f"{column} || 'x'"
        elif isinstance(old, bool):
            new = f"NOT {column}"
        elif old is None:
            new = "'0'"
        else:
            new = f"{column} + 1"
        connection.execute(f"UPDATE {table} SET {column} = {new} WHERE {where}")
    report = verified(url, note)
    assert report.verdict == 1
    leaf_kind = {"outcomes": "outcome", "policies": "policy"}.get(table, "decision")
    told = [flaw for flaw in report.flaws if flaw.seq == at and f"{leaf_kind} {at}" in flaw.message]
    expected = {"seq": Kind.REMOVED, "id": Kind.REORDERED}.get(column, Kind.CHANGED)
    assert told and told[0].kind is expected and told[0].leaf is not None
    assert told[0].id == (policy.id if table == "policies" else records[4].id)
    assert report.checkpoints == 1  # the leaves are what was signed: it is the row that is not


@pytest.mark.sqlite_only("its columns take values of any type")
@pytest.mark.parametrize("value", ["1", "2.0", "'1'", "NULL", "x'01'"])
def test_a_value_that_means_the_same_is_a_change_too(url: str, records: list[Decision], value: str) -> None:
    """A truth of 2, a number in quotes: SQLAlchemy would read them as they were."""
    with as_owner(url) as connection:
        connection.lift_checks()
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'stream BOOLEAN NOT NULL', 'stream BLOB')")
    with as_owner(url) as connection:
        connection.execute(f"UPDATE decisions SET stream = {value} WHERE seq = 2")
    report = verified(url)
    assert [(flaw.kind, flaw.seq) for flaw in report.flaws] == [(Kind.CHANGED, 2)]


def test_a_removed_decision_is_named_though_its_row_is_gone(url: str, records: list[Decision]) -> None:
    note = signed_at(url, 21)
    with as_owner(url) as connection:
        for table in ("fingerprints", "findings"):
            connection.execute(f"DELETE FROM {table} WHERE decision_seq = 4")
        connection.execute("DELETE FROM decisions WHERE seq = 4")
    report = verified(url, note)
    assert [(flaw.kind, flaw.seq, flaw.id) for flaw in report.flaws] == [(Kind.REMOVED, 4, records[3].id)]
    assert report.verdict == 1


def test_a_removed_outcome_and_a_removed_finding(url: str, records: list[Decision]) -> None:
    with as_owner(url) as connection:
        connection.execute("DELETE FROM outcomes WHERE seq = 2")
        connection.execute("DELETE FROM findings WHERE decision_seq = 6 AND position = 1")
    report = verified(url)
    assert {(flaw.kind, flaw.seq) for flaw in report.flaws} == {(Kind.REMOVED, 2), (Kind.CHANGED, 6)}


def test_a_record_removed_with_its_leaf_leaves_a_gap(url: str, records: list[Decision]) -> None:
    note = signed_at(url, 21)
    with as_owner(url) as connection:
        connection.execute("DELETE FROM ledger WHERE leaf IN (4, 5)")
        connection.execute("DELETE FROM outcomes WHERE seq = 1")
    report = verified(url, note)
    assert Kind.MISSING in kinds(report)
    assert "entries 4 to 5 are missing" in next(f for f in report.flaws if f.kind is Kind.MISSING).message


@pytest.mark.postgresql_too
@pytest.mark.parametrize("careful", [False, True])
def test_a_removed_tail_shows_against_a_checkpoint(url: str, records: list[Decision], careful: bool) -> None:
    note = signed_at(url, 21)
    with as_owner(url) as connection:
        kept = dict(connection.execute("SELECT kind, max(record_seq) FROM ledger WHERE leaf < 18 GROUP BY kind"))
        connection.execute("DELETE FROM ledger WHERE leaf >= 18")
        connection.execute("DELETE FROM outcomes WHERE seq > ?", (kept["outcome"],))
        for table in ("fingerprints", "findings"):
            connection.execute(f"DELETE FROM {table} WHERE decision_seq > ?", (kept["decision"],))
        connection.execute("DELETE FROM decisions WHERE seq > ?", (kept["decision"],))
        if careful:
            rebuild_tree(connection)
    report = verified(url, note)
    tails = [flaw for flaw in report.flaws if flaw.kind is Kind.TAIL]
    assert any("entries 18 to 20 were removed" in flaw.message for flaw in tails)
    assert kinds(report) == {Kind.TAIL}
    # Without a checkpoint the tree's own hashes still tell, unless they were made to fit.
    assert verified(url).verdict == (2 if careful else 1)


def add_decision(connection: Hand) -> None:
    """Decision 77: the first one's copy."""
    columns = [column.name for column in Base.metadata.tables["decisions"].c]
    values = ", ".join({"seq": "77", "id": f"'{'7' * 32}'"}.get(name, name) for name in columns)
    connection.execute(f"INSERT INTO decisions ({', '.join(columns)}) SELECT {values} FROM decisions WHERE seq = 1")


@pytest.mark.parametrize("with_leaf", [False, True])
def test_an_inserted_record(url: str, records: list[Decision], with_leaf: bool) -> None:
    note = signed_at(url, 21)
    with as_owner(url) as connection:
        add_decision(connection)
        if with_leaf:  # in the middle, everything after it moved up
            value = b"?" * 32
            with open_read_only(url).engine.connect() as reading:
                value = load(reading, "decision", [77])[77].hash or value
            rows = connection.execute("SELECT * FROM ledger ORDER BY leaf").fetchall()
            rows.insert(10, (0, "decision", 77, "7" * 32, value, leaf.NEWEST))
            connection.execute("DELETE FROM ledger")
            for at, row in enumerate(rows):
                connection.execute("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?)", (at, *row[1:]))
            rebuild_tree(connection)
    report = verified(url, note)
    assert report.verdict == 1
    if with_leaf:
        assert Kind.HISTORY in kinds(report)
    else:
        assert [(flaw.kind, flaw.seq) for flaw in report.flaws] == [(Kind.INSERTED, 77)]
        assert report.flaws[0].id == "77777777-7777-7777-7777-777777777777"


def test_a_leaf_at_no_place_hides_no_record(url: str, records: list[Decision]) -> None:
    with as_owner(url) as connection:
        add_decision(connection)
        connection.execute("INSERT INTO ledger VALUES (-1, 'decision', 77, ?, ?, 2)", ("7" * 32, bytes(32)))
    assert [(flaw.kind, flaw.leaf) for flaw in verified(url).flaws] == [(Kind.INSERTED, -1)]


def test_a_leaf_without_its_record_and_a_record_without_its_leaf(url: str, records: list[Decision]) -> None:
    with as_owner(url) as connection:
        connection.execute("UPDATE ledger SET record_seq = 500 WHERE kind = 'outcome' AND record_seq = 3")
    report = verified(url)
    assert {(flaw.kind, flaw.seq) for flaw in report.flaws} >= {(Kind.REMOVED, 500), (Kind.INSERTED, 3)}


@pytest.mark.parametrize("pair", [(0, 1), (4, 5), (1, 2), (3, 12), (0, 19), (19, 20)])
@pytest.mark.parametrize("careful", [False, True])
def test_a_reordered_pair(url: str, records: list[Decision], pair: tuple[int, int], careful: bool) -> None:
    note = signed_at(url, 21)
    first, second = pair
    with as_owner(url) as connection:
        connection.execute("UPDATE ledger SET leaf = -1 WHERE leaf = ?", (first,))
        connection.execute("UPDATE ledger SET leaf = ? WHERE leaf = ?", (first, second))
        connection.execute("UPDATE ledger SET leaf = ? WHERE leaf = -1", (second,))
        if careful:
            rebuild_tree(connection)
    report = verified(url, note)
    assert report.verdict == 1
    assert Kind.HISTORY in kinds(report)
    if not careful and second != 20:
        told = [flaw.message for flaw in report.flaws if flaw.kind is Kind.REORDERED]
        assert f"Entries {first} and {second} stand at one another's places." in told


def test_rows_that_changed_places(url: str, records: list[Decision]) -> None:
    with as_owner(url) as connection:
        for old, new in ((1, 900), (2, 1), (900, 2)):
            connection.execute("UPDATE outcomes SET decision_seq = ? WHERE decision_seq = ?", (new, old))
            for table in ("findings", "fingerprints"):
                connection.execute(f"UPDATE {table} SET decision_seq = ? WHERE decision_seq = ?", (new, old))
            connection.execute("UPDATE decisions SET seq = ? WHERE seq = ?", (new, old))
    report = verified(url)
    assert {(flaw.kind, flaw.leaf, flaw.seq) for flaw in report.flaws if flaw.kind is Kind.REORDERED} == {
        (Kind.REORDERED, 0, 1),
        (Kind.REORDERED, 1, 2),
    }


def test_a_row_and_its_leaf_changed_together_show_in_the_tree(url: str, records: list[Decision]) -> None:
    note = signed_at(url, 21)
    with as_owner(url) as connection:
        connection.execute("UPDATE decisions SET rule = 'forged' WHERE seq = 7")
        with open_read_only(url).engine.connect() as reading:
            forged = load(reading, "decision", [7])[7].hash
        (at,) = connection.execute("SELECT leaf FROM ledger WHERE kind = 'decision' AND record_seq = 7").fetchone()
        connection.execute("UPDATE ledger SET hash = ? WHERE leaf = ?", (forged, at))
    report = verified(url, note)
    tree = [flaw for flaw in report.flaws if flaw.kind is Kind.TREE]
    assert [flaw.leaf for flaw in tree] == [at & ~1]
    with as_owner(url) as connection:
        rebuild_tree(connection)
    report = verified(url, note)
    assert kinds(report) == {Kind.HISTORY}


def test_two_checkpoints_narrow_down_where_history_differs(url: str, records: list[Decision]) -> None:
    notes = [signed_at(url, size) for size in (5, 10, 15, 21)]
    with as_owner(url) as connection:
        connection.execute("UPDATE ledger SET hash = ? WHERE leaf = 12", (bytes(32),))
        rebuild_tree(connection)
    report = verified(url, *notes)
    history = [flaw.message for flaw in report.flaws if flaw.kind is Kind.HISTORY]
    assert len(history) == 2
    assert "one of 10 to 14" in history[0]


@pytest.mark.parametrize("level", [1, 2, 4])
def test_a_forged_or_lost_node(url: str, records: list[Decision], level: int) -> None:
    with as_owner(url) as connection:
        connection.execute("UPDATE ledger_nodes SET hash = ? WHERE level = ? AND position = 0", (bytes(32), level))
    report = verified(url, signed_at(url, 1))
    assert [(flaw.kind, flaw.leaf) for flaw in report.flaws] == [(Kind.TREE, 0)]
    with as_owner(url) as connection:
        connection.execute("DELETE FROM ledger_nodes WHERE level = ? AND position = 0", (level,))
    assert ["missing" in flaw.message for flaw in verified(url, signed_at(url, 1)).flaws] == [True]


def test_forged_checkpoints(url: str, records: list[Decision]) -> None:
    good = signed_at(url, 21)
    for forged in (
        signed_at(url, 21, OTHER),
        signed_at(url, 21, dataclasses.replace(KEY, name="example.org/other")),
        good.replace("\n21\n", "\n20\n"),
        "no note at all\n",
        good[: len(good) // 2],
    ):
        report = verified(url, good, forged)
        assert [flaw.kind for flaw in report.flaws] == [Kind.FORGED]
        assert report.flaws[0].message.startswith("anchor, checkpoint 2")
        assert report.checkpoints == 1


def test_a_checkpoint_of_another_history_with_the_right_signature(url: str, records: list[Decision]) -> None:
    other = Checkpoint(KEY.name, 9, bytes(32)).signed(KEY)
    report = verified(url, other, signed_at(url, 21))
    assert [(flaw.kind, flaw.leaf) for flaw in report.flaws] == [(Kind.HISTORY, 0)]


def test_a_rolled_back_file_of_checkpoints(url: str, records: list[Decision]) -> None:
    report = verified(url, signed_at(url, 9), signed_at(url, 21), signed_at(url, 12))
    assert [flaw.kind for flaw in report.flaws] == [Kind.ROLLED_BACK]
    assert "size 12 follows one of 21" in report.flaws[0].message


def test_a_database_that_was_rolled_back(url: str, database_path: Path, decision: Make[Decision]) -> None:
    """An older copy was put back and recording went on."""
    writer = Writer(url, busy_timeout_s=1)
    writer.write([decision() for _ in range(5)])
    writer.close()
    copy = database_path.read_bytes()
    writer.write([decision() for _ in range(5)])
    writer.close()
    note = signed_at(url, 10)
    database_path.write_bytes(copy)
    assert [flaw.kind for flaw in verified(url, note).flaws] == [Kind.TAIL]
    writer.write([decision() for _ in range(8)])
    writer.close()
    assert [flaw.kind for flaw in verified(url, note).flaws] == [Kind.HISTORY]


def test_checkpoints_in_the_database_are_asked_too(url: str, records: list[Decision]) -> None:
    note, other = signed_at(url, 21), signed_at(url, 8, OTHER)
    with open_database(url).engine.begin() as connection:
        for size, one in ((21, note), (8, other), (9, "nothing")):
            values = {"size": size, "time": NOON, "note": one}
            connection.execute(Base.metadata.tables["ledger_checkpoints"].insert(), values)
    report = verified(url)
    assert [flaw.kind for flaw in report.flaws] == [Kind.FORGED, Kind.FORGED]
    assert report.covered == 21


def test_the_list_of_flaws_is_bounded(url: str, decision: Make[Decision]) -> None:
    writer = Writer(url, busy_timeout_s=1)
    writer.write([decision(findings=()) for _ in range(450)])
    writer.close()
    with as_owner(url) as connection:
        connection.execute("UPDATE decisions SET rule = 'forged'")
    report = verified(url)
    assert report.flaw_count == 450
    assert len(report.flaws) == 200


def test_progress_is_told(url: str, records: list[Decision]) -> None:
    told: list[tuple[int, int]] = []
    verify_database(open_read_only(url), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (21, 21)


def test_a_checkpoint_is_what_it_was(url: str, records: list[Decision]) -> None:
    one = parse_checkpoint(signed_at(url, 2))
    assert isinstance(one, SignedCheckpoint)
    with open_read_only(url).engine.connect() as connection:
        rows = load(connection, "decision", [1, 2])
    hashes = [leaf.leaf_hash("decision", rows[seq].json or b"") for seq in (1, 2)]
    assert one.checkpoint.root == hash_node(*hashes)
