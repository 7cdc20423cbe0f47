"""Opening: created once, migrated, refused with words that help; up and down again; nobody changes a row."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from audit.database import migrate_to, open_database, open_read_only
from audit.errors import AuditError
from audit.migrations import REVISIONS, VERSION_TABLE
from audit.records import Decision, Outcome
from audit.schema import DERIVED_TABLES, TABLES, Base
from audit.writer import Writer
from tests.audit.conftest import make_policy


def test_a_new_database_is_private_durable_and_ours(url: str, database_path: Path) -> None:
    database = open_database(url)
    assert stat.S_IMODE(database_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(database_path.parent.stat().st_mode) == 0o700
    with database.engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
        wal = database_path.with_name("audit.db-wal")
        connection.exec_driver_sql("PRAGMA user_version=0")
        assert stat.S_IMODE(wal.stat().st_mode) == 0o600
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 2000}


def test_a_path_alone_is_a_url(tmp_path: Path) -> None:
    database = open_database(str(tmp_path / "with space" / "audit #1?.db"))
    assert database.path == tmp_path / "with space" / "audit #1?.db"
    assert open_read_only(str(database.path)).dialect == "sqlite"


def test_opening_again_keeps_what_is_there(url: str, decision: Callable[..., Decision]) -> None:
    writer = Writer(url, busy_timeout_s=1)
    writer.write([decision()])
    writer.close()
    with open_database(url).engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM decisions")).scalar() == 1


@pytest.mark.postgresql_too
def test_migrations_end_at_the_schema(url: str) -> None:
    config = Config()
    config.set_main_option("script_location", "audit:migrations")
    script = ScriptDirectory.from_config(config)
    assert tuple(revision.revision for revision in reversed(list(script.walk_revisions()))) == REVISIONS
    with open_database(url).engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert set(sa.inspect(connection).get_table_names()) == {*TABLES, *DERIVED_TABLES, VERSION_TABLE}
        for table in Base.metadata.sorted_tables:
            checks = {check["name"] for check in sa.inspect(connection).get_check_constraints(table.name)}
            assert checks == {c.name for c in table.constraints if isinstance(c, sa.CheckConstraint)}


@pytest.mark.postgresql_too
def test_down_and_up_again(url: str) -> None:
    database = open_database(url)
    migrate_to(database, "base")
    with database.engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == [VERSION_TABLE]
        left = "sqlite_master WHERE type = 'trigger'"
        if database.dialect == "postgresql":
            left = "pg_proc WHERE proname LIKE 'coatcheck%'"
        assert connection.execute(sa.text(f"SELECT count(*) FROM {left}")).scalar() == 0
    with pytest.raises(AuditError, match="no audit tables"):
        open_read_only(url)
    migrate_to(database, "head")
    assert open_read_only(url).path == database.path


@pytest.mark.parametrize("opening", [open_database, open_read_only])
def test_a_newer_database_is_refused_and_left_alone(url: str, opening: Callable[[str], object]) -> None:
    with open_database(url).engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(AuditError, match="upgrade Coatcheck") as caught:
        opening(url)
    assert caught.value.code == "newer"


def test_tables_of_someone_else_are_refused(url: str, database_path: Path) -> None:
    database_path.parent.mkdir()
    with sqlite3.connect(database_path) as connection:
        connection.execute("CREATE TABLE outcomes (mine TEXT)")
    connection.close()
    with pytest.raises(AuditError, match="name another database") as caught:
        open_database(url)
    assert caught.value.code == "foreign"


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where a directory should be")
    with pytest.raises(AuditError, match=r"Not a directory|exists") as caught:
        open_database(f"sqlite:///{tmp_path}/file/state/audit.db")
    assert caught.value.code == "unopenable"
    with pytest.raises(AuditError) as caught:
        open_read_only(f"sqlite:///{tmp_path}/file/audit.db")
    assert caught.value.code in ("missing", "unopenable")


def test_a_directory_in_place_of_the_file(url: str, database_path: Path) -> None:
    database_path.mkdir(parents=True)
    with pytest.raises(AuditError, match="cannot be opened") as caught:
        open_database(url)
    assert caught.value.code == "unopenable"


def test_a_file_that_is_no_database(url: str, database_path: Path) -> None:
    database_path.parent.mkdir()
    database_path.write_bytes(b"not a database at all, " * 100)
    for opening in (open_database, open_read_only):
        with pytest.raises(AuditError, match="not an SQLite database") as caught:
            opening(url)
        assert caught.value.code == "unopenable"
    assert database_path.read_bytes().startswith(b"not a database")


@pytest.mark.parametrize(
    "wrong",
    ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=ro&uri=true", "sqlite:///x.db?mode=ro",
     "mysql://user:secret@192.0.2.1/x", "://", "sqlite+pysqlcipher:///x.db"],
)  # fmt: skip
def test_other_urls_are_explained_without_their_password(wrong: str) -> None:
    with pytest.raises(AuditError, match=r"audit\.db") as caught:
        open_database(wrong)
    assert "secret" not in str(caught.value)


def test_a_reader_creates_nothing(url: str, database_path: Path) -> None:
    with pytest.raises(AuditError, match="no audit database") as caught:
        open_read_only(url)
    assert caught.value.code == "missing"
    assert not database_path.parent.exists()


def test_a_reader_writes_nothing(url: str) -> None:
    open_database(url)
    refused = pytest.raises(sa.exc.DBAPIError, match=r"readonly|read-only")
    with open_read_only(url).engine.connect() as connection, refused:
        connection.execute(sa.text("CREATE TABLE mine (x TEXT)"))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("way", ["update", "delete", "replace", "upsert"])
def test_rows_are_neither_changed_nor_removed(
    url: str,
    database_path: Path,
    decision: Callable[..., Decision],
    outcome: Callable[..., Outcome],
    table: str,
    way: str,
) -> None:
    recorded = decision()
    writer = Writer(url, busy_timeout_s=1)
    assert writer.write([recorded, outcome(recorded), make_policy()]) == [None] * 3
    writer.close()
    with open_database(url).engine.begin() as writing:
        writing.execute(sa.text("INSERT INTO ledger_checkpoints VALUES (2, '2026-11-24 12:00:00.000000', 'a note')"))
        writing.execute(
            sa.text("INSERT INTO reads VALUES (1, '2026-11-24 12:00:00.000000', 'ann', 'auditor', 'api', '/', '{}', "
                    "NULL, NULL)")
        )  # fmt: skip
        writing.execute(
            sa.text("INSERT INTO tombstones VALUES (1, '00', '2026-11-24 12:00:00.000000', 'retention', 1, 'a note')")
        )
        writing.execute(sa.text("INSERT INTO pruned VALUES (9, 'decision', 9, '00', 1)"))
    connection = sqlite3.connect(database_path)  # with SQLite's defaults, as anyone's shell would open it
    before = connection.execute(f"SELECT * FROM {table}").fetchall()
    assert before
    column = {
        "decisions": "tenant",
        "findings": "entity",
        "fingerprints": "fingerprint",
        "outcomes": "error",
        "policies": "policy",
        "ledger": "hash",
        "ledger_nodes": "hash",
        "ledger_checkpoints": "note",
        "reads": "reader",
        "tombstones": "note",
        "pruned": "kind",
    }[table]
    statement = {
        "update": f"UPDATE {table} SET {column} = 'forged'",
        "delete": f"DELETE FROM {table}",
        "replace": f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
        "upsert": f"INSERT INTO {table} SELECT * FROM {table} WHERE true ON CONFLICT DO UPDATE SET {column} = 'forged'",
    }[way]
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    assert connection.execute(f"SELECT * FROM {table}").fetchall() == before
    connection.close()


def test_numbers_are_never_given_twice(url: str, database_path: Path, decision: Callable[..., Decision]) -> None:
    writer = Writer(url, busy_timeout_s=1)
    writer.write([decision(findings=()), decision(findings=())])
    writer.close()
    connection = sqlite3.connect(database_path)
    connection.execute("DROP TRIGGER decisions_no_delete")
    connection.execute("DELETE FROM decisions WHERE seq = 2")
    connection.commit()
    connection.close()
    writer.write([decision(findings=())])
    writer.close()
    connection = sqlite3.connect(database_path)
    assert connection.execute("SELECT seq FROM decisions ORDER BY seq").fetchall() == [(1,), (3,)]
    connection.close()


@pytest.mark.postgresql_too
def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    code = "import sys; from audit.database import open_database; open_database(sys.argv[1])"
    root = Path(__file__).parents[2]
    children = [
        subprocess.Popen([sys.executable, "-c", code, empty_url], cwd=root, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [(child.communicate()[1], child.returncode) for child in children] == [("", 0)] * 4
    assert open_read_only(empty_url).place.startswith(empty_url.partition(":")[0])


def test_postgresql_gets_the_same_tables_and_its_own_guards() -> None:
    """The revisions as SQL for PostgreSQL, without a server."""
    import io

    from alembic.operations import Operations

    text = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": text})
    config = Config()
    config.set_main_option("script_location", "audit:migrations")
    for name in REVISIONS:
        revision = ScriptDirectory.from_config(config).get_revision(name)
        assert revision is not None
        with Operations.context(context):
            revision.module.upgrade()
    sql = text.getvalue()
    for table in TABLES:
        assert f"CREATE TABLE {table} (" in sql
        assert f"BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} " in sql
    assert "seq BIGSERIAL NOT NULL" in sql
    assert "time TIMESTAMP WITH TIME ZONE NOT NULL" in sql
    assert "id UUID NOT NULL" in sql
