"""What only a server can do to us: go away, be a standby, hold a lock, sync lazily, be restored from a backup."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from audit.database import open_database, open_read_only
from audit.errors import AuditError
from audit.ledger import root_at
from audit.postgresql import connect_args
from audit.records import Decision
from audit.verification import Kind
from audit.verify import verify_database
from audit.writer import Writer
from tests.audit.conftest import make_decision, make_outcome
from tests.audit.test_verify import KEY, Checkpoint
from tests.databases import count
from tests.postgresql import OWNER, Server, program


@pytest.fixture
def name(postgresql: Server, migrated_template: str) -> Iterator[str]:
    made = postgresql.new_database(migrated_template)
    yield made
    postgresql.drop_database(made)


@pytest.fixture
def there(postgresql: Server, name: str) -> str:
    return postgresql.url(name)


@pytest.fixture
def writer(there: str) -> Iterator[Writer]:
    made = Writer(there, busy_timeout_s=0.2)
    yield made
    made.close()


def refusal(writer: Writer, decision: Decision) -> AuditError:
    with pytest.raises(AuditError) as caught:
        writer.write([decision])
    assert caught.value.__cause__ is None
    return caught.value


def test_a_server_that_stops_and_starts(postgresql: Server, writer: Writer, there: str) -> None:
    assert writer.write([make_decision()]) == [None]
    postgresql.stop()
    try:
        with pytest.raises(AuditError):
            writer.check()  # an idle gateway notices, too
        assert refusal(writer, make_decision()).code == "unreachable"
        with pytest.raises(AuditError, match="no answer, or access denied"):
            open_read_only(there)
    finally:
        postgresql.start()
    writer.probe()
    assert writer.write([make_decision()]) == [None]
    assert count(there, "decisions") == 2


def test_an_account_that_may_not_record_is_not_taken_for_well(postgresql: Server, name: str) -> None:
    postgresql.sql(f"CREATE ROLE nobody_{name} LOGIN", f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO nobody_{name}",
                   database=name)  # fmt: skip
    writer = Writer(postgresql.url(name, f"nobody_{name}"), busy_timeout_s=1)
    told = refusal(writer, make_decision())
    assert told.code == "unopenable" and "coatcheck audit roles" in told.message
    for look in (writer.probe, writer.check):
        with pytest.raises(AuditError, match="audit roles"):
            look()
    postgresql.sql(f"DROP OWNED BY nobody_{name}", f"DROP ROLE nobody_{name}", database=name)


def test_a_standby_is_passed_over(postgresql: Server, writer: Writer, there: str, name: str) -> None:
    assert writer.write([make_decision()]) == [None]
    postgresql.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    writer.close()
    assert refusal(writer, make_decision()).code == "unreachable"
    any_server = Writer(f"{there}&target_session_attrs=any", busy_timeout_s=1)
    assert "it takes no writes" in refusal(any_server, make_decision()).message
    with pytest.raises(AuditError, match="takes no writes"):
        any_server.probe()
    assert count(there, "decisions") == 1


def test_others_that_hold_the_ledger_are_waited_for_only_so_long(writer: Writer, there: str) -> None:
    from audit.ledger import _LOCK

    assert writer.write([make_decision()]) == [None]
    with psycopg.connect(there) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        told = refusal(writer, make_decision())
        assert told.code == "locked" and "another transaction" in told.message
    assert writer.write([make_decision()]) == [None]


def test_a_commit_is_flushed_whatever_the_default(postgresql: Server, there: str, name: str) -> None:
    def setting(wanted: str) -> str:
        postgresql.sql(f"ALTER DATABASE {name} SET synchronous_commit = {wanted}")
        with open_database(there).engine.connect() as connection:
            return str(connection.execute(sa.text("SHOW synchronous_commit")).scalar())

    assert [setting(wanted) for wanted in ("off", "on", "remote_apply")] == ["on", "on", "remote_apply"]


def test_a_transaction_that_stands_still_is_ended_by_the_server(there: str) -> None:
    with open_database(there).engine.connect() as connection:
        shown = connection.execute(sa.text("SHOW idle_in_transaction_session_timeout")).scalar()
        name = connection.execute(sa.text("SHOW application_name")).scalar()
    assert (shown, name) == ("15s", "coatcheck")


def test_what_the_url_says_wins(postgresql: Server, name: str, there: str) -> None:
    own = sa.make_url("postgresql://h/d?connect_timeout=1&target_session_attrs=any&keepalives_idle=3")
    ours = connect_args(own, writes=True)
    assert not {"connect_timeout", "target_session_attrs", "keepalives_idle"} & set(ours)
    assert "target_session_attrs" not in connect_args(own, writes=False)
    several = f"postgresql://{OWNER}@/{name}?host=%2Fnowhere&host={there.partition('host=')[2]}&application_name=mine"
    with open_database(several).engine.connect() as connection:
        assert connection.execute(sa.text("SHOW application_name")).scalar() == "mine"
    secret = postgresql.url(name).replace(f"{OWNER}@", f"{OWNER}:hunter2@")
    assert "hunter2" not in open_database(secret).place


def test_a_backup_that_is_put_back(postgresql: Server, writer: Writer, there: str, name: str, tmp_path: Path) -> None:
    first = make_decision()
    writer.write([first, make_outcome(first), make_decision()])
    dump, restored = tmp_path / "dump", postgresql.new_database()
    _run("pg_dump", "--format=custom", f"--file={dump}", there)
    writer.write([make_decision()])
    with open_read_only(there).engine.connect() as connection:
        newest = Checkpoint(KEY.name, 4, root_at(connection, 4)).signed(KEY)
        before = Checkpoint(KEY.name, 3, root_at(connection, 3)).signed(KEY)
    back = postgresql.url(restored)
    _run("pg_restore", f"--dbname={back}", str(dump))
    database = open_read_only(back)
    assert verify_database(database, [KEY.public_key], [("kept", [before])]).verdict == 0
    report = verify_database(database, [KEY.public_key], [("kept", [newest])])
    assert [flaw.kind for flaw in report.flaws] == [Kind.TAIL]
    with psycopg.connect(back) as connection, pytest.raises(psycopg.Error, match="findings is append-only"):
        connection.execute("TRUNCATE findings CASCADE")
    on = Writer(back, busy_timeout_s=1)
    assert on.write([make_decision(), make_decision()]) == [None, None]
    on.close()
    report = verify_database(database, [KEY.public_key], [("kept", [newest])])
    assert [flaw.kind for flaw in report.flaws] == [Kind.HISTORY]
    postgresql.drop_database(restored)


def _run(name: str, *arguments: str) -> None:
    command = program(name)
    assert command is not None
    done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
