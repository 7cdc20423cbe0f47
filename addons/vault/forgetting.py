"""Destroying what the vault holds, on an operator's word. Imports this room; records nothing itself.

Rows are deleted with their salts, without which nothing that is left of the records on a disk can be opened. SQLite
overwrites them (``secure_delete``), and its write-ahead log is emptied as far as no other process is reading.
"""

from __future__ import annotations

import contextlib
import sqlite3

from sqlalchemy import ColumnElement, Connection, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from addons.vault.schema import Base
from addons.vault.tables import unavailable
from audit.database import Database

_objects = Base.metadata.tables["vault_objects"]
_keys = Base.metadata.tables["vault_data_keys"]


def forget(database: Database, tenant: str, *, principal: str | None = None, object_id: str | None = None) -> int:
    """Destroy a principal's objects, or those of an id, or (neither given) all of the tenant's and its data keys.

    An id of an item means the object that it belongs to. Answers how many objects. Raises VaultError.
    """
    meant: list[ColumnElement[bool]] = [_objects.c.tenant == tenant]
    if principal is not None:
        meant.append(_objects.c.principal == principal)
    if object_id is not None:
        of_id = select(func.coalesce(_objects.c.holder, _objects.c.seq)).where(
            *meant, _objects.c.object_id == object_id
        )
        meant.append(_objects.c.seq.in_(of_id))
    try:
        with database.engine.connect() as connection:
            if database.dialect == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
                connection.commit()
            with connection.begin():
                count = connection.execute(delete(_objects).where(*meant, _objects.c.holder.is_(None))).rowcount
                if principal is None and object_id is None:
                    connection.execute(delete(_keys).where(_keys.c.tenant == tenant))
            _empty_log(connection, database)
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise unavailable(error, database.place) from None
    return count


def _empty_log(connection: Connection, database: Database) -> None:
    if database.dialect == "sqlite":
        raw = connection.connection.driver_connection
        with contextlib.suppress(sqlite3.Error):  # another process is reading: the next checkpoint does it
            if isinstance(raw, sqlite3.Connection):
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
