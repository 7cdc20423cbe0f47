"""What tests do to a database behind the program's back, on either kind: look at rows, change them, lift the guards."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa


class Hand:
    """A connection of the driver's own, each statement durable at once. Parameters are marked ``?``."""

    def __init__(self, url: str) -> None:
        self.dialect = sa.make_url(url).get_backend_name()
        self._connection: Any
        if self.dialect == "sqlite":
            self._connection = sqlite3.connect(str(sa.make_url(url).database), isolation_level=None)
        else:
            import psycopg

            self._connection = psycopg.connect(url, autocommit=True)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """The driver's cursor."""
        if self.dialect != "sqlite":
            statement = statement.replace("%", "%%").replace("?", "%s")
        return self._connection.execute(statement, values)

    def lift_guards(self) -> None:
        """As whoever owns the database can: no trigger fires, no reference is checked."""
        if self.dialect == "sqlite":
            for (name,) in self.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                self.execute(f"DROP TRIGGER {name}")
        else:
            self.execute("SET session_replication_role = replica")

    def lift_checks(self) -> None:
        """No word is outside a column's list."""
        if self.dialect == "sqlite":
            self.execute("PRAGMA ignore_check_constraints=ON")
            return
        checks = "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0"
        for table, name in self.execute(f"{checks} AND connamespace = 'public'::regnamespace").fetchall():
            self.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")

    def close(self) -> None:
        self._connection.close()


@contextlib.contextmanager
def by_hand(url: str) -> Iterator[Hand]:
    hand = Hand(url)
    try:
        yield hand
    finally:
        hand.close()


def rows(url: str, question: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of an answer."""
    with by_hand(url) as hand:
        return [tuple(row) for row in hand.execute(question, values).fetchall()]


def count(url: str, table: str) -> int:
    return int(rows(url, f"SELECT count(*) FROM {table}")[0][0])
