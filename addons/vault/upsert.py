"""``INSERT ... ON CONFLICT DO NOTHING`` in either dialect: SQLAlchemy has it in each one's own ``insert`` only."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_or_leave(connection: Connection, table: Table, unique: Sequence[str]) -> postgresql.Insert | sqlite.Insert:
    """An insert that leaves a row alone which has the same values in the columns ``unique``."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing(index_elements=list(unique))
    return sqlite.insert(table).on_conflict_do_nothing(index_elements=list(unique))
