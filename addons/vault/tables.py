"""Opens the audit database for the vault: creates its tables and brings them up to date.

Imports the audit room's database, which knows files, modes and engines. All failures are VaultError.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from addons.vault.errors import VaultError
from addons.vault.migrations import REVISIONS, VERSION_TABLE
from audit.database import Database, open_database
from audit.errors import AuditError
from audit.failures import explain
from audit.migrations import ONE_AT_A_TIME
from audit.postgresql import unhurried


def open_tables(url: str, *, create: bool = True, busy_timeout_s: float = 2.0) -> Database:
    """The database with the vault's tables in it. Raises VaultError."""
    try:
        database = open_database(url, create=create, busy_timeout_s=busy_timeout_s)
        with database.engine.begin() as connection:
            _migrate(connection, database.place)
    except AuditError as error:
        raise VaultError("unavailable", error.message) from None
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise unavailable(error, url) from None
    return database


def has_tables(connection: Connection) -> bool:
    """True if the vault's tables are there, in this version's form. Raises VaultError for a later version's."""
    if not inspect(connection).has_table(VERSION_TABLE):  # by name: on PostgreSQL in any schema of the search path
        return False
    revision = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608  a constant
    if revision is not None and revision not in REVISIONS:
        raise VaultError("newer", "The vault's tables were written by a newer Coatcheck: upgrade this one.")
    return bool(revision == REVISIONS[-1])


def unavailable(error: BaseException, place: str) -> VaultError:
    """The VaultError for a driver's exception."""
    return VaultError("unavailable", explain(error, place).message)


def file_identity(path: Path | None) -> tuple[int, int] | None:
    """What a file is, whatever its name; None for a server's database. Raises VaultError if it is gone."""
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        raise VaultError("unavailable", f"The database {path} is gone: put it back, or restart the gateway.") from None
    return status.st_dev, status.st_ino


def _migrate(connection: Connection, place: str) -> None:
    if has_tables(connection):
        return
    if connection.dialect.name == "postgresql":
        unhurried(connection)
    # Loaded here: it costs a quarter of a second, and tables that are up to date do not need it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "addons.vault:migrations")
    config.attributes["connection"] = connection
    with ONE_AT_A_TIME:
        command.upgrade(config, "head")
