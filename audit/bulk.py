"""Many rows into one table with the driver's own ``executemany``: the part of a commit that grows with its records.

SQLAlchemy's way costs more per row than SQLite itself does. What is given must be as the driver takes it (text,
numbers, bytes); an id goes through `driver_id`. Imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table


class BulkInsert:
    """Inserts rows, given as tuples in the order of ``columns``."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        assert all(name in table.c for name in columns)
        names = ", ".join(columns)
        self._statements = {
            dialect: f"INSERT INTO {table.name} ({names}) VALUES ({', '.join([mark] * len(columns))})"  # noqa: S608
            for dialect, mark in (("sqlite", "?"), ("postgresql", "%s"))
        }

    def __call__(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert; nothing for no rows. Raises what SQLAlchemy raises."""
        if rows:
            connection.exec_driver_sql(self._statements[connection.dialect.name], list(rows))


def driver_id(connection: Connection, key: str) -> str:
    """A canonical id as `sqlalchemy.Uuid` stores it: on SQLite its digits alone."""
    return key.replace("-", "") if connection.dialect.name == "sqlite" else key
