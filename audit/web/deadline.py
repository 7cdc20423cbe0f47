"""An end to every statement of an engine's connections that takes too long: `audit.snapshot`'s, for all of them."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from audit.errors import AuditError
from audit.snapshot import stop_at, was_cut


def limit(engine: Engine, seconds: float) -> None:
    """From now on a connection of this engine answers within ``seconds``, else AuditError ``too_slow``.

    Connections are not pooled: one serves one request.
    """

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            stop_at(connection, time.monotonic() + seconds)
        else:
            with connection.cursor() as cursor:
                cursor.execute(f"SET statement_timeout = {max(1, int(seconds * 1000))}")
            connection.commit()

    @event.listens_for(engine, "handle_error")
    def explain(context: ExceptionContext) -> None:
        if was_cut(context.original_exception):
            raise AuditError("too_slow", f"This question takes more than {seconds:g} s.")
