"""Opens the audit database by its URL: creates and migrates it for a gateway, or opens it read-only for an auditor.

May import only the schema, its migrations and roles. SQLite is the default; PostgreSQL differs by URL alone. All
failures are `AuditError` with what to do. The trap of this file: never open and close the SQLite file by other means
while a connection is open; POSIX drops all of a process's locks on a file when any descriptor of it is closed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from audit import postgresql, roles
from audit.errors import AuditError
from audit.failures import explain
from audit.migrations import MIGRATION_LOCK, ONE_AT_A_TIME, REVISIONS, VERSION_TABLE
from audit.schema import TABLES, Base


@dataclass(frozen=True, slots=True)
class Database:
    """An opened audit database. Connections are not pooled: whoever connects keeps the connection or closes it."""

    engine: Engine
    place: str
    """The URL as it may be shown: without its password."""
    path: Path | None
    """The SQLite file; None for a server."""

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name


def open_database(url: str, *, create: bool = True, busy_timeout_s: float = 2.0) -> Database:
    """Open for writing: created if it does not exist (unless ``create`` is False), migrated to this version's schema.

    A new file gets mode 0600, a new directory 0700. Raises AuditError.
    """
    target = _parse(url)
    database = _describe(target, _writer_engine(target, busy_timeout_s))
    try:
        with _directory_locked(database.path, create=create):
            if database.path is not None:
                _ensure_file(database, create=create)
            with database.engine.begin() as connection:
                _migrate(connection, database.place)
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise explain(error, database.place) from None
    return database


def open_read_only(url: str) -> Database:
    """Open for reading: creates nothing, migrates nothing, writes nothing. Raises AuditError (``missing``, ...)."""
    target = _parse(url)
    database = _describe(target, _reader_engine(target))
    try:
        if database.path is not None and not database.path.exists():
            raise AuditError(
                "missing",
                f"There is no audit database at {database.place}: start the gateway once, or name another.",
            )
        with database.engine.connect() as connection:
            revision = _revision(connection, database.place)
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise explain(error, database.place) from None
    if revision is None:
        raise AuditError("missing", f"{database.place} holds no audit tables yet: start the gateway once.")
    if revision != REVISIONS[-1]:
        raise AuditError(
            "outdated", f"{database.place} has an older schema ({revision}): start the gateway once; it migrates."
        )
    return database


def migrate_to(database: Database, revision: str) -> None:
    """Bring an open database's schema to ``revision`` (``head``, ``base``, a number), up or down. Raises AuditError."""
    try:
        with database.engine.begin() as connection:
            _run_alembic(connection, revision, up=revision != "base" and not _is_older(connection, revision))
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise explain(error, database.place) from None


def _parse(url: str) -> URL:
    try:
        target = make_url(url) if "://" in url else URL.create("sqlite", database=url)
    except (ArgumentError, ValueError):
        raise AuditError("unopenable", "The audit database's URL cannot be read: use sqlite:////path/to/audit.db or "
                         "postgresql://user:password@host/name.") from None  # fmt: skip
    if target.get_backend_name() == "sqlite":
        if target.drivername not in ("sqlite", "sqlite+pysqlite") or target.query:
            raise AuditError(
                "unopenable", "An SQLite audit database is named by its path alone: sqlite:////path/to/audit.db."
            )
        if not target.database or target.database == ":memory:" or target.database.startswith("file:"):
            raise AuditError("unopenable", "The audit database must be a file: sqlite:////path/to/audit.db.")
        return target.set(database=str(Path(target.database).expanduser().absolute()))
    if target.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return target.set(drivername="postgresql+psycopg")
    raise AuditError("unopenable", "The audit database is SQLite or PostgreSQL: sqlite:////path/to/audit.db or "
                     "postgresql://user:password@host/name.")  # fmt: skip


def _describe(target: URL, engine: Engine) -> Database:
    sqlite = target.get_backend_name() == "sqlite"
    return Database(
        engine=engine,
        place=target.set(drivername=target.get_backend_name()).render_as_string(hide_password=True),
        path=Path(target.database) if sqlite and target.database else None,
    )


def _engine(target: URL, connect_args: dict[str, Any]) -> Engine:
    try:
        # hide_parameters: an exception's text must not hold what was to be recorded.
        return create_engine(target, poolclass=NullPool, hide_parameters=True, connect_args=connect_args)
    except ModuleNotFoundError:
        raise AuditError("unopenable", "PostgreSQL needs the psycopg package: pip install 'psycopg[binary]'.") from None


def _writer_engine(target: URL, busy_timeout_s: float) -> Engine:
    if target.get_backend_name() != "sqlite":
        engine = _engine(target, postgresql.connect_args(target, writes=True))
        postgresql.prepare_writer(engine, busy_timeout_s)
        return engine
    engine = _engine(target, {"isolation_level": None, "timeout": busy_timeout_s})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        if connection.execute("PRAGMA journal_mode=WAL").fetchone() != ("wal",):
            raise AuditError("unopenable", f"Audit database {target.database}: this file system has no shared memory "
                             "for SQLite's WAL: put it on a local one.")  # fmt: skip
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA recursive_triggers=ON")
        connection.execute("PRAGMA trusted_schema=OFF")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Not deferred: a transaction that reads first and then writes would fail at once, without the busy timeout.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _reader_engine(target: URL) -> Engine:
    if target.get_backend_name() != "sqlite":
        engine = _engine(target, postgresql.connect_args(target, writes=False))
        postgresql.prepare_reader(engine)
        return engine
    read_only = target.set(database=f"file:{quote(target.database or '')}", query={"mode": "ro", "uri": "true"})
    engine = _engine(read_only, {"isolation_level": None, "timeout": 5.0})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA trusted_schema=OFF")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


@contextlib.contextmanager
def _directory_locked(path: Path | None, *, create: bool) -> Iterator[None]:
    """One process at a time creates and migrates: switching an SQLite file to WAL does not wait by itself."""
    if path is None:
        yield
        return
    if create:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _ensure_file(database: Database, *, create: bool) -> None:
    path = database.path
    assert path is not None
    if path.exists():
        return
    if not create:
        raise AuditError(
            "gone",
            f"The audit database {database.place} is gone: put it back, or restart the gateway to begin a new one.",
        )
    with contextlib.suppress(FileExistsError):
        # SQLite gives its -wal and -shm files the mode of this one.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _revision(connection: Connection, place: str) -> str | None:
    """The schema's revision; None for an empty database. Raises AuditError if it is newer than this program."""
    inspector = inspect(connection)
    # By name, as the search path has it: an auditor's account sees views of the same names in another schema.
    if not inspector.has_table(VERSION_TABLE):
        if any(map(inspector.has_table, TABLES)):
            raise AuditError(
                "foreign", f"{place} has tables of the same names that are not Coatcheck's: name another database."
            )
        return None
    revision = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608  a constant
    if revision is None:
        return None
    if revision not in REVISIONS:
        raise AuditError(
            "newer",
            f"{place} was written by a newer Coatcheck (this one knows schemas up to {REVISIONS[-1]}): "
            "upgrade Coatcheck, or name another database.",
        )
    return str(revision)


def _migrate(connection: Connection, place: str) -> None:
    revision = _revision(connection, place)
    if revision == REVISIONS[-1]:
        return
    if connection.dialect.name == "postgresql":
        postgresql.require_ownership(connection, (*Base.metadata.tables, VERSION_TABLE), revision, REVISIONS[-1])
    _run_alembic(connection, "head", up=True)


def _is_older(connection: Connection, revision: str) -> bool:
    current = _revision(connection, "")
    if current is None or revision == "head":
        return False
    return REVISIONS.index(revision) < REVISIONS.index(current)


def _run_alembic(connection: Connection, revision: str, *, up: bool) -> None:
    # Loaded here: it costs a quarter of a second, and a database that is up to date does not need it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "audit:migrations")
    config.attributes["connection"] = connection
    with contextlib.ExitStack() as around:
        around.enter_context(ONE_AT_A_TIME)
        if connection.dialect.name == "postgresql":
            postgresql.unhurried(connection)
            postgresql.alone(connection, MIGRATION_LOCK)
            around.enter_context(roles.without_views(connection))
        if up:
            command.upgrade(config, revision)
        else:
            command.downgrade(config, revision)
