"""An end to every statement of an engine's connections that takes too long. Imports the error only."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from audit.errors import AuditError

_STEPS = 20_000
_QUERY_CANCELED = "57014"


def limit(engine: Engine, seconds: float) -> None:
    """From now on a connection of this engine answers within ``seconds``, else AuditError ``too_slow``.

    Connections are not pooled: one serves one request.
    """

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            deadline = time.monotonic() + seconds
            connection.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS)
        else:
            with connection.cursor() as cursor:
                cursor.execute(f"SET statement_timeout = {max(1, int(seconds * 1000))}")
            connection.commit()

    @event.listens_for(engine, "handle_error")
    def explain(context: ExceptionContext) -> None:
        cause = context.original_exception
        sqlite = isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT
        if sqlite or getattr(cause, "sqlstate", None) == _QUERY_CANCELED:
            raise AuditError("too_slow", f"This question takes more than {seconds:g} s.")
