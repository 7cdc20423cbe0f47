"""One reader's view of the database: one snapshot, and an end to a question that takes too long. Imports nothing else.

Without a limit one question over millions of rows holds a page, a worker and, on SQLite, the WAL for minutes.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from audit.database import Database
from audit.errors import AuditError
from audit.failures import explain

_STEPS = 20_000
"""SQLite's virtual machine looks at the clock after so many instructions: some hundred times a second."""

_QUERY_CANCELED = "57014"
"""PostgreSQL's SQLSTATE for a statement that ran into its limit."""


@contextlib.contextmanager
def snapshot(database: Database, time_limit_s: float | None = None) -> Iterator[Connection]:
    """A connection whose statements all see the same records, within the time limit taken together.

    Raises AuditError: ``too_slow`` past the limit, else what ails the database.
    """
    deadline = None if time_limit_s is None else time.monotonic() + time_limit_s
    try:
        engine = database.engine
        if database.dialect != "sqlite":
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with engine.connect() as connection, connection.begin():
            driver = connection.connection.driver_connection
            if deadline is not None and isinstance(driver, sqlite3.Connection):
                stop_at(driver, deadline)
            elif time_limit_s is not None:
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, int(time_limit_s * 1000))}")
            yield connection
    except SQLAlchemyError as error:
        if time_limit_s is not None and isinstance(error, DBAPIError) and was_cut(error.orig):
            raise AuditError(
                "too_slow",
                f"This question takes more than {time_limit_s:g} s: narrow the time (--since), drop a filter, allow "
                "more time (--time-limit), or see that `coatcheck audit summarize` was run.",
            ) from None
        raise explain(error, database.place) from None


def stop_at(driver: sqlite3.Connection, deadline: float) -> None:
    """From ``deadline`` (`time.monotonic`) on, this connection's statements are cut off."""
    driver.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS)


def was_cut(cause: BaseException | None) -> bool:
    """True if a driver's error says that a statement ran into its limit."""
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT
    return getattr(cause, "sqlstate", None) == _QUERY_CANCELED
