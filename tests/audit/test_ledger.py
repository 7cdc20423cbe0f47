"""The ledger in the database, on SQLite and on PostgreSQL: leaves with their records, migration, proofs, guards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import canonical, read
from audit.database import migrate_to, open_database, open_read_only
from audit.errors import AuditError
from audit.leaf import CONTEXTS, DECISION_FIELDS, OUTCOME_FIELDS, decision_json, leaf_hash, leaf_hash_of, outcome_json
from audit.ledger import consistency_proof, inclusion_proof, root_at, size_of
from audit.merkle import hash_leaf, is_consistent, root_of_inclusion
from audit.records import Decision, Finding, Outcome
from audit.rows import decision_values, finding_values, outcome_values, storable
from audit.schema import TABLES
from audit.stored import load
from audit.verification import Kind
from audit.verify import verify_database
from audit.writer import Writer
from tests.audit.conftest import make_decision, make_finding, make_outcome, make_policy

type Make[T] = Callable[..., T]

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "ledger" / "leaves.json").read_text())


def ledger(url: str) -> list[tuple[int, str, int]]:
    with open_read_only(url).engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT leaf, kind, record_seq FROM ledger ORDER BY leaf"))
        return [(row.leaf, row.kind, row.record_seq) for row in rows]


@contextmanager
def as_owner(url: str) -> Iterator[sa.Connection]:
    """A connection without guards."""
    with open_database(url).engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            for table in TABLES:
                connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        else:
            for name in connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars():
                connection.execute(sa.text(f"DROP TRIGGER {name}"))
        yield connection


@pytest.mark.postgresql_too
def test_records_and_leaves_come_together(ledger_url: str, decision: Make[Decision], outcome: Make[Outcome]) -> None:
    writer = Writer(ledger_url, busy_timeout_s=1)
    first, second = decision(), decision(findings=())
    assert writer.write([second, first, outcome(second)]) == [None] * 3
    again = writer.write([outcome(first), first, outcome(second)])
    assert [error and error.code for error in again] == [None, "invalid", "invalid"]
    endless = decision(total_ms=float("inf"))
    assert [error and error.code for error in writer.write([endless, decision()])] == ["invalid", None]
    writer.close()
    entries = ledger(ledger_url)
    assert [leaf for leaf, _, _ in entries] == [0, 1, 2, 3, 4]
    assert [kind for _, kind, _ in entries] == ["decision", "decision", "outcome", "outcome", "decision"]
    assert verify_database(open_read_only(ledger_url)).flaws == []


def test_hostile_and_odd_values_are_read_back_as_they_were_signed(
    ledger_url: str, decision: Make[Decision], finding: Make[Finding], outcome: Make[Outcome]
) -> None:
    writer = Writer(ledger_url, busy_timeout_s=1)
    odd = [
        decision(reason='nul \0 and \ud800 lone, 张伟, \u202e, \x1b[31m, "quotes" \\ \n'),
        decision(model="x" * 5000, detect_ms=1e-300, total_ms=123456789012345680000.0),
        decision(
            detect_ms=-0.0, total_ms=3, request_bytes=2**62, findings=(finding(max_score=1), finding(path="")) * 3
        ),
    ]
    assert writer.write(odd) == [None] * 3
    assert writer.write([outcome(odd[0], input_tokens=2**53 + 1, upstream_ms=None, complete=False)]) == [None]
    writer.close()
    report = verify_database(open_read_only(ledger_url))
    assert (report.flaws, report.size) == ([], 4)
    with open_read_only(ledger_url).engine.connect() as connection:
        stored = [*load(connection, "decision", [1, 2, 3]).values(), *load(connection, "outcome", [1]).values()]
    for one in stored:
        assert one.json is not None
        assert canonical(read(one.json)) == one.json
        assert leaf_hash_of(one.kind, read(one.json), one.version) == one.hash


def test_two_writers_take_turns_without_a_gap(
    ledger_url: str, decision: Make[Decision], outcome: Make[Outcome]
) -> None:
    writers = [Writer(ledger_url, busy_timeout_s=1) for _ in range(2)]
    for turn in range(12):
        one = decision()
        assert writers[turn % 2].write([one, decision()]) == [None, None]
        assert writers[(turn + turn // 3) % 2].write([outcome(one)]) == [None]
    for writer in writers:
        writer.close()
    assert [leaf for leaf, _, _ in ledger(ledger_url)] == list(range(36))
    assert verify_database(open_read_only(ledger_url)).flaws == []


def test_proofs_from_the_stored_tree(ledger_url: str, decision: Make[Decision]) -> None:
    writer = Writer(ledger_url, busy_timeout_s=1)
    writer.write([decision(findings=()) for _ in range(23)])
    writer.close()
    with open_read_only(ledger_url).engine.connect() as connection:
        assert size_of(connection) == 23
        hashes = [bytes(one) for one in connection.execute(sa.text("SELECT hash FROM ledger ORDER BY leaf")).scalars()]
        roots = {size: root_at(connection, size) for size in range(24)}
        for size in (1, 2, 8, 16, 21, 23):
            for index in {0, size // 2, size - 1}:
                proof = inclusion_proof(connection, index, size)
                assert root_of_inclusion(hashes[index], index, size, proof) == roots[size]
            for old in (0, 1, size // 2, size):
                assert is_consistent(old, roots[old], size, roots[size], consistency_proof(connection, old, size))


@pytest.mark.postgresql_too
def test_records_from_before_the_ledger_get_their_leaves(
    ledger_url: str, decision: Make[Decision], outcome: Make[Outcome]
) -> None:
    writer = Writer(ledger_url, busy_timeout_s=1)
    decisions = [decision() for _ in range(600)]
    writer.write(decisions)
    writer.write([outcome(one) for one in decisions[:550]])
    writer.close()
    database = open_database(ledger_url)
    migrate_to(database, "0001")
    with database.engine.connect() as connection:
        assert not {"ledger", "ledger_nodes", "ledger_checkpoints"} & set(sa.inspect(connection).get_table_names())
    writer = Writer(ledger_url, busy_timeout_s=1)
    assert writer.write([outcome(decisions[550])]) == [None]  # opening migrates
    writer.close()
    entries = ledger(ledger_url)
    assert [leaf for leaf, _, _ in entries] == list(range(1151))
    assert [kind for _, kind, _ in entries] == ["decision"] * 600 + ["outcome"] * 551
    report = verify_database(open_read_only(ledger_url))
    assert (report.flaws, report.decisions, report.outcomes) == ([], 600, 551)


def test_a_row_that_nobody_wrote_keeps_the_ledger_from_beginning(ledger_url: str, decision: Make[Decision]) -> None:
    writer = Writer(ledger_url, busy_timeout_s=1)
    writer.write([decision(findings=(make_finding(fingerprints=()),))])
    writer.close()
    migrate_to(open_database(ledger_url), "0001")
    engine = plain_engine(ledger_url)
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("ALTER TABLE findings DISABLE TRIGGER USER"))
        else:
            connection.execute(sa.text("DROP TRIGGER findings_no_update"))
        connection.execute(sa.text("UPDATE findings SET position = 3"))
    with pytest.raises(AuditError, match="Row 1 of decisions") as caught:
        open_database(ledger_url)
    assert caught.value.code == "damaged"


def plain_engine(url: str) -> sa.Engine:
    """An engine that migrates nothing."""
    return sa.create_engine(
        sa.make_url(url).set(drivername="sqlite" if url.startswith("sqlite") else "postgresql+psycopg"),
        poolclass=sa.NullPool,
    )


@pytest.mark.parametrize("table", TABLES)
def test_guards(ledger_url: str, decision: Make[Decision], outcome: Make[Outcome], table: str) -> None:
    writer = Writer(ledger_url, busy_timeout_s=1)
    one = decision()
    writer.write([make_policy(), one, outcome(one)])
    writer.close()
    engine = open_database(ledger_url).engine
    with engine.begin() as connection:
        noon = "'2026-11-24 12:00:00.000000'"
        connection.execute(sa.text(f"INSERT INTO ledger_checkpoints VALUES (2, {noon}, 'a note')"))
        connection.execute(
            sa.text("INSERT INTO reads (time, reader, role, via, route, filters) VALUES "
                    f"({noon}, 'ann', 'auditor', 'api', '/', '{{}}')")
        )  # fmt: skip
        key = "'01931c2e-0000-7000-8000-000000000000'"
        connection.execute(sa.text(f"INSERT INTO tombstones VALUES (1, {key}, {noon}, 'retention', 1, 'a note')"))
        connection.execute(sa.text(f"INSERT INTO pruned VALUES (9, 'decision', 9, {key}, 1)"))
    column = {"outcomes": "error", "ledger_checkpoints": "note", "fingerprints": "fingerprint", "reads": "role"}.get(
        table
    )
    column = column or {
        "ledger": "hash",
        "ledger_nodes": "hash",
        "findings": "entity",
        "tombstones": "note",
        "pruned": "kind",
    }.get(table, "tenant")
    statements = [f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"]
    if engine.dialect.name == "postgresql":
        statements.append(f"TRUNCATE {table} CASCADE")
    for statement in statements:
        with pytest.raises(sa.exc.IntegrityError, match="append-only"), engine.begin() as connection:
            connection.execute(sa.text(statement))


@pytest.mark.postgresql_too
def test_tampering_is_found_on_either_database(
    ledger_url: str, decision: Make[Decision], outcome: Make[Outcome]
) -> None:
    writer = Writer(ledger_url, busy_timeout_s=1)
    decisions = [decision() for _ in range(6)]
    writer.write(decisions)
    writer.write([outcome(one) for one in decisions])
    writer.close()
    with as_owner(ledger_url) as connection:
        connection.execute(sa.text("UPDATE decisions SET rule = 'other' WHERE seq = 2"))
        connection.execute(
            sa.text("UPDATE fingerprints SET fingerprint = 'other' WHERE decision_seq = 3 AND ordinal = 1")
        )
        zone = "+00:00" if connection.dialect.name == "postgresql" else ""
        connection.execute(sa.text(f"UPDATE outcomes SET time = '2026-11-24 12:00:01.000000{zone}' WHERE seq = 4"))
        connection.execute(sa.text("DELETE FROM outcomes WHERE seq = 5"))
        connection.execute(sa.text("UPDATE ledger SET leaf = 99 WHERE leaf = 0"))
        connection.execute(sa.text("UPDATE ledger SET leaf = 0 WHERE leaf = 1"))
        connection.execute(sa.text("UPDATE ledger SET leaf = 1 WHERE leaf = 99"))
    found = {(flaw.kind, flaw.leaf, flaw.seq) for flaw in verify_database(open_read_only(ledger_url)).flaws}
    assert found == {
        (Kind.CHANGED, 0, 2),
        (Kind.CHANGED, 2, 3),
        (Kind.CHANGED, 9, 4),
        (Kind.REMOVED, 10, 5),
        (Kind.REORDERED, 0, None),
        (Kind.REORDERED, 1, 1),
    }


def test_published_leaves() -> None:
    """The records' JSON, canonical bytes and hashes, for whoever writes a verifier of their own."""
    assert len(VECTORS["leaves"]) >= 3
    for one in VECTORS["leaves"]:
        data = one["context"].encode() + canonical(one["record"])
        assert data.hex() == one["bytes"]
        assert CONTEXTS[one["version"], one["kind"]] == one["context"].encode()
        assert leaf_hash_of(one["kind"], one["record"], one["version"]).hex() == hash_leaf(data).hex() == one["hash"]


SCORES = st.floats(allow_nan=False, allow_infinity=False)


# As the writer leaves text behind: no NUL, no lone surrogates, no more than MAX_TEXT.
TEXT = st.text(max_size=50).map(storable)


@given(TEXT, st.integers(-(2**63), 2**63 - 1), SCORES, SCORES, st.booleans(), TEXT)
def test_the_fast_way_and_the_general_way_agree(
    text: str, count: int, score: float, milliseconds: float, truth: bool, path: str
) -> None:
    finding = make_finding(entity=text, count=count, max_score=score, path=path, fingerprints=(text, path))
    one = make_decision(
        rule=text, request_bytes=count, detect_ms=milliseconds, stream=truth, findings=(finding, finding)
    )
    values = decision_values(one) | {"seq": 7}
    inner = finding_values(finding)
    written = decision_json(values, [(inner, [text, path])] * 2)
    general = values | {"time": "2026-11-24T12:00:00.000000Z", "findings": [inner | {"fingerprints": [text, path]}] * 2}
    assert written == canonical(_exact(general))
    ended = outcome_values(make_outcome(one, status=count, upstream_ms=score, complete=truth, error=text))
    ended |= {"seq": 8, "decision_seq": 7, "decision_id": one.id}
    general = ended | {"time": "2026-11-24T12:00:02.000000Z"}
    assert outcome_json(ended) == canonical(_exact(general))
    assert leaf_hash("outcome", outcome_json(ended)) == hash_leaf(CONTEXTS[2, "outcome"] + outcome_json(ended))
    assert {*read(written)} == {*DECISION_FIELDS, "findings"}
    assert {*read(outcome_json(ended))} == {*OUTCOME_FIELDS}


def _exact(value: object) -> object:
    """Integers that JSON readers would round, as text."""
    if isinstance(value, dict):
        return {key: _exact(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_exact(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return str(value)
    return value
