"""Pruning and erasing: rows go, proofs stay, every tombstone is held to what it was signed for."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from audit.checkpoint import Checkpoint, load_or_create_key
from audit.cli import app
from audit.database import open_database, open_read_only
from audit.errors import AuditError
from audit.export import export_lines, verify_export
from audit.exports.entries import following
from audit.ledger import root_at, size_of
from audit.note import SigningKey
from audit.query import Query, Reader
from audit.records import Decision, Outcome
from audit.retention import Selection, preview, remove
from audit.tombstone import Tombstone, parse_tombstone, ranges, ranges_text
from audit.verification import Kind, Report
from audit.verify import verify_database
from audit.writer import Writer
from tests.audit.conftest import make_decision, make_finding, make_outcome
from tests.audit.test_ledger import as_owner

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
KEY = SigningKey("example.org/ledger", bytes(range(32)))
OTHER = SigningKey("example.org/ledger", bytes(32))


@pytest.fixture
def decisions(ledger_url: str) -> list[Decision]:
    """Ten decisions, a hundred days between them, the newest today; all but the last have ended."""
    made = [
        make_decision(
            time=NOW - dt.timedelta(days=100 * (9 - number)),
            action="allow" if number % 2 else "mask",
            principal=f"key-{number % 3}",
            findings=(make_finding(fingerprints=(f"print-{number % 4}", "common")),),
        )
        for number in range(10)
    ]
    writer = Writer(ledger_url, busy_timeout_s=1)
    records: list[Decision | Outcome] = []
    for one in made[:-1]:
        records += [one, make_outcome(one)]
    assert writer.write([*records, made[-1]]) == [None] * 19
    writer.close()
    return made


def gone(url: str, selection: Selection, reason: str = "retention", key: SigningKey = KEY) -> list[Tombstone]:
    return remove(open_database(url), key, selection, reason, NOW)


def verified(url: str, key: SigningKey = KEY) -> Report:
    database = open_read_only(url)
    with database.engine.connect() as connection:
        size = size_of(connection)
        note = Checkpoint(KEY.name, size, root_at(connection, size)).signed(KEY)
    return verify_database(database, [key.public_key], [("anchor", [note])] if key is KEY else [])


def remaining(url: str) -> set[str]:
    return {record.decision.id for record in Reader(open_read_only(url)).records(Query())}


def counts(url: str) -> list[int]:
    with open_read_only(url).engine.connect() as connection:
        tables = ("decisions", "findings", "fingerprints", "outcomes", "ledger", "tombstones", "pruned")
        return [connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables]


OLD = Selection(before=NOW - dt.timedelta(days=400))


def test_old_records_go_and_the_ledger_holds(ledger_url: str, decisions: list[Decision]) -> None:
    before = preview(open_read_only(ledger_url), OLD, NOW)
    assert (before.decisions, before.outcomes, before.first) == (5, 5, decisions[0].time)
    (one,) = gone(ledger_url, OLD)
    assert counts(ledger_url) == [5, 5, 10, 4, 20, 1, 10]
    assert remaining(ledger_url) == {one.id for one in decisions[5:]}
    assert (one.count, one.reason, one.criteria) == (10, "retention", {"before": "2025-10-20T12:00:00+00:00"})
    assert ranges(one.leaves)
    report = verified(ledger_url)
    assert report.flaws == [] and report.verdict == 0
    assert report.pruned == {one.id: 10} and report.tombstones == 1
    assert f"10 records pruned by tombstone {one.id}." in report.notices
    assert gone(ledger_url, OLD) == []
    with pytest.raises(AuditError, match=rf"removed at .* by tombstone {one.id} \(retention\)") as caught:
        Reader(open_read_only(ledger_url)).find(decisions[0].id)
    assert caught.value.code == "not_found"
    with pytest.raises(AuditError, match=decisions[1].id):
        Reader(open_read_only(ledger_url)).find("2")


def test_records_come_after_a_tombstone_and_may_go_in_turn(ledger_url: str, decisions: list[Decision]) -> None:
    gone(ledger_url, OLD)
    writer = Writer(ledger_url, busy_timeout_s=1)
    late = make_decision()
    assert writer.write([late, make_outcome(late)]) == [None, None]
    assert writer.write([decisions[0], make_outcome(decisions[0])], again=True) == [None, None]  # from a journal
    writer.close()
    assert decisions[0].id not in remaining(ledger_url)
    gone(ledger_url, Selection(before=NOW - dt.timedelta(days=150)))
    report = verified(ledger_url)
    assert report.flaws == [] and sorted(report.pruned.values()) == [6, 10]


def test_a_class_and_what_is_under_way(ledger_url: str, decisions: list[Decision]) -> None:
    of_class = Selection(before=NOW + dt.timedelta(days=1), classes={"action": ["allow"]})
    gone(ledger_url, of_class)
    assert remaining(ledger_url) == {one.id for one in decisions if one.action == "mask"} | {decisions[9].id}
    assert verified(ledger_url).flaws == []


@pytest.mark.parametrize("selection", [Selection(principal="key-1"), Selection(fingerprint="print-2")])
def test_erasure_leaves_no_name(ledger_url: str, decisions: list[Decision], selection: Selection) -> None:
    (one,) = gone(ledger_url, selection, "erasure")
    assert "key-1" not in str(one) and "print-2" not in str(one)
    assert verified(ledger_url).flaws == []
    with open_read_only(ledger_url).engine.connect() as connection:
        for table, column, value in (("decisions", "principal", selection.principal),
                                     ("fingerprints", "fingerprint", selection.fingerprint)):  # fmt: skip
            found = connection.execute(sa.text(f"SELECT count(*) FROM {table} WHERE {column} = :v"), {"v": value})
            assert found.scalar_one() == 0


def test_erased_text_is_not_left_in_the_file(url: str, database_path: Path) -> None:
    writer = Writer(url, busy_timeout_s=1)
    told = make_decision(principal="key-of-one-person", time=NOW, route=None)
    assert writer.write([told, *(make_decision() for _ in range(50))]) == [None] * 51
    writer.close()
    assert b"key-of-one-person" in database_path.read_bytes()
    gone(url, Selection(principal="key-of-one-person"), "erasure")
    for file in database_path.parent.glob("audit.db*"):
        assert b"key-of-one-person" not in file.read_bytes()


def test_a_record_that_was_changed_is_not_pruned_away(ledger_url: str, decisions: list[Decision]) -> None:
    with as_owner(ledger_url) as owner:
        owner.execute(sa.text("UPDATE decisions SET rule = 'forged' WHERE seq = 2"))
    with pytest.raises(AuditError) as caught:
        gone(ledger_url, OLD)
    assert caught.value.code == "damaged"
    assert len(remaining(ledger_url)) == 10


def test_rows_without_a_tombstone_cannot_be_deleted(ledger_url: str, decisions: list[Decision]) -> None:
    gone(ledger_url, OLD)
    engine = open_database(ledger_url).engine
    for table in ("fingerprints", "findings", "outcomes", "decisions"):
        with pytest.raises(sa.exc.IntegrityError, match="append-only"), engine.begin() as connection:
            connection.execute(sa.text(f"DELETE FROM {table}"))


def forged(one: Tombstone, key: SigningKey, **changes: Any) -> str:
    values = {name: getattr(one, name) for name in Tombstone.__slots__}
    return Tombstone(**(values | changes)).signed(key)


@contextlib.contextmanager
def widened(owner: sa.Connection) -> Iterator[None]:
    """Decision 8 and its outcome are said to be pruned, and go."""
    rows = owner.execute(sa.text("SELECT leaf, kind, record_seq, record_id FROM ledger WHERE record_seq = 8 AND "
                                 "kind IN ('decision', 'outcome')")).all()  # fmt: skip
    for row in rows:
        owner.execute(
            sa.text("INSERT INTO pruned VALUES (:leaf, :kind, :record_seq, :record_id, 1)"), dict(row._mapping)
        )
    yield
    for table, column in (("fingerprints", "decision_seq"), ("findings", "decision_seq"),
                          ("outcomes", "decision_seq"), ("decisions", "seq")):  # fmt: skip
        owner.execute(sa.text(f"DELETE FROM {table} WHERE {column} = 8"))


def kinds(report: Report) -> set[Kind]:
    return {flaw.kind for flaw in report.flaws}


def test_a_removed_row_that_no_tombstone_covers_is_still_found(ledger_url: str, decisions: list[Decision]) -> None:
    gone(ledger_url, OLD)
    with as_owner(ledger_url) as owner:
        owner.execute(sa.text("DELETE FROM outcomes WHERE seq = 9"))
    assert kinds(verified(ledger_url)) == {Kind.REMOVED}


def test_a_widened_tombstone(ledger_url: str, decisions: list[Decision]) -> None:
    (one,) = gone(ledger_url, OLD)
    with as_owner(ledger_url) as owner, widened(owner):
        pass
    report = verified(ledger_url)
    assert kinds(report) == {Kind.TOMBSTONE, Kind.REMOVED}
    assert any(decisions[7].id in flaw.message for flaw in report.flaws)
    # Its text changed to match, which its signature does not.
    with as_owner(ledger_url) as owner:
        leaves = [*(n for a, b in ranges(one.leaves) for n in range(a, b + 1))]
        note = forged(one, OTHER, leaves=ranges_text(sorted({*leaves, 7, 17})), count=12)
        owner.execute(sa.text("UPDATE tombstones SET note = :note, count = 12"), {"note": note})
    assert {Kind.TOMBSTONE, Kind.REMOVED, Kind.CHANGED} <= kinds(verified(ledger_url))


def test_a_tombstone_signed_by_another_key(ledger_url: str, decisions: list[Decision]) -> None:
    gone(ledger_url, OLD, key=OTHER)
    report = verified(ledger_url)
    assert kinds(report) == {Kind.TOMBSTONE, Kind.REMOVED}
    assert sum(flaw.kind is Kind.REMOVED for flaw in report.flaws) == 10


def test_a_tombstone_of_another_ledger(ledger_url: str, decisions: list[Decision]) -> None:
    (one,) = gone(ledger_url, OLD)
    with as_owner(ledger_url) as owner:
        owner.execute(sa.text("UPDATE tombstones SET note = :note"), {"note": forged(one, KEY, digest="00" * 32)})
    assert kinds(verified(ledger_url)) == {Kind.TOMBSTONE, Kind.CHANGED}


def test_a_tombstone_that_is_taken_away(ledger_url: str, decisions: list[Decision]) -> None:
    gone(ledger_url, OLD)
    with as_owner(ledger_url) as owner:
        owner.execute(sa.text("DELETE FROM pruned"))
        owner.execute(sa.text("DELETE FROM tombstones"))
    report = verified(ledger_url)
    assert kinds(report) == {Kind.REMOVED}
    assert len(report.flaws) == 11


def test_a_pruned_record_that_is_back(ledger_url: str, decisions: list[Decision]) -> None:
    with as_owner(ledger_url) as owner:
        owner.execute(sa.text("CREATE TABLE kept AS SELECT * FROM decisions WHERE seq = 1"))
    gone(ledger_url, OLD)
    with as_owner(ledger_url) as owner:
        owner.execute(sa.text("INSERT INTO decisions SELECT * FROM kept"))
    assert Kind.INSERTED in kinds(verified(ledger_url))


def test_without_a_key_it_cannot_be_told(ledger_url: str, decisions: list[Decision]) -> None:
    gone(ledger_url, OLD)
    report = verify_database(open_read_only(ledger_url))
    assert report.flaws == [] and any("tombstones" in doubt for doubt in report.doubts)


@pytest.mark.parametrize("numbers", [[0], [3, 4, 5, 9], [0, 1, 2, 3], [5, 7, 9, 10]])
def test_ranges(numbers: list[int]) -> None:
    assert [n for a, b in ranges(ranges_text(numbers)) for n in range(a, b + 1)] == numbers


@pytest.mark.parametrize("text", ["", "1,1", "3-2", "2,1", "01", "1-", "x", "1-2,2-3"])
def test_wrong_ranges(text: str) -> None:
    with pytest.raises(ValueError, match="ranges"):
        ranges(text)


def test_a_checkpoint_is_no_tombstone() -> None:
    with pytest.raises(AuditError):
        parse_tombstone(Checkpoint(KEY.name, 1, bytes(32)).signed(KEY))


def asked(url: str, key: Path, *words: str, code: int = 0, text: str | None = None) -> Any:
    result = CliRunner().invoke(app, [*words, "--database", url, "--key-file", str(key)], input=text)
    assert result.exit_code == code, result.output
    return result.output


def test_the_commands(ledger_url: str, decisions: list[Decision], tmp_path: Path,
                      monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("COATCHECK_STATE_DIR", str(tmp_path))
    key = tmp_path / "ledger.key"
    ask: Callable[..., Any] = lambda *words, **more: asked(ledger_url, key, *words, **more)  # noqa: E731
    dry = ask("prune", "--older-than", "2025-10-01", "--class", "action=allow", "--dry-run")
    assert "2 records and 2 outcomes" in dry and len(remaining(ledger_url)) == 10
    assert "ledger's key" in ask("prune", "--older-than", "2025-10-01", "--yes", code=2)
    load_or_create_key(key)
    assert "future" in ask("prune", "--older-than", "2126-10-01", code=2)
    assert "FIELD=VALUE" in ask("prune", "--older-than", "1d", "--class", "colour=red", code=2)
    ask("prune", "--older-than", "2025-10-01", "--class", "action=allow", text="n\n", code=1)
    assert len(remaining(ledger_url)) == 10
    told = json.loads(ask("prune", "--older-than", "2025-10-01", "--class", "action=allow", "--yes", "--json"))
    assert (told["decisions"], [one["count"] for one in told["tombstones"]]) == (2, [4])
    assert "either" in ask("erase", code=2)
    said = ask("erase", "--principal", "key-0", text="y\n")
    assert "Not erased" in said and "coatcheck vault forget" in said and "Tombstones:" in said
    assert "No record is concerned" in ask("erase", "--fingerprint", "nobody", "--dry-run")


def carried(url: str, selection: Query | None = None) -> list[str]:
    return list(export_lines(open_read_only(url), selection, {}))


def signed(url: str) -> None:
    database = open_database(url)
    with database.engine.begin() as connection:
        size = size_of(connection)
        note = Checkpoint(KEY.name, size, root_at(connection, size)).signed(KEY)
        connection.execute(sa.text("INSERT INTO ledger_checkpoints VALUES (:size, :time, :note)"),
                           {"size": size, "time": NOW.strftime("%Y-%m-%d %H:%M:%S.%f"), "note": note})  # fmt: skip


def test_exports_hold_too(ledger_url: str, decisions: list[Decision]) -> None:
    (one,) = gone(ledger_url, OLD)
    signed(ledger_url)
    lines = carried(ledger_url)
    report = verify_export(lines, [KEY.public_key])
    assert report.flaws == [] and report.verdict == 0
    assert report.pruned == {one.id: 10} and (report.decisions, report.tombstones, report.size) == (5, 1, 20)
    assert sum(f'"pruned": "{one.id}"' in line for line in lines) == 10
    part = carried(ledger_url, Query(action=("mask",), limit=100))
    assert verify_export(part, [KEY.public_key]).flaws == []
    assert Kind.TOMBSTONE in kinds(verify_export(lines, [OTHER.public_key]))
    without = [line for line in lines if '"kind": "tombstone"' not in line]
    assert Kind.REMOVED in kinds(verify_export(without, [KEY.public_key]))
    at = next(number for number, line in enumerate(lines) if '"pruned"' in line)
    assert Kind.TOMBSTONE in kinds(verify_export([*lines[:at], *lines[at + 1 :]], [KEY.public_key]))
    other = lines[at].replace('"hash": "', '"hash": "00')[:-2]
    with pytest.raises(AuditError):
        verify_export([*lines[:at], other, *lines[at + 1 :]], [KEY.public_key])


def test_the_stream_to_a_siem_passes_over_what_is_gone(ledger_url: str, decisions: list[Decision]) -> None:
    gone(ledger_url, OLD)
    with open_read_only(ledger_url).engine.connect() as connection:
        found = following(connection, -1, 3)
        assert found and all(entry.leaf >= 0 for entry in found)
        everything = following(connection, -1, 100)
        assert sum(entry.kind == "decision" for entry in everything) == 5
        assert sum(entry.kind == "outcome" for entry in everything) == 4
        assert following(connection, 18) == []
