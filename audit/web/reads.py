"""Reads are recorded too: who asked what, in the table ``reads``, before the answer goes out. Imports schema, database.

Of the filters only the names are kept, and the values that cannot hold data: times, actions, states, numbers. What was
typed into a free field (a fingerprint, an address, somebody's name by mistake) is not.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import SQLAlchemyError

from audit.database import Database
from audit.errors import AuditError
from audit.failures import explain
from audit.rows import storable
from audit.schema import Base
from audit.web.sessions import Identity

_reads = Base.metadata.tables["reads"]

_HARMLESS: dict[str, re.Pattern[str]] = {
    **dict.fromkeys(("action", "would_action", "mode", "state", "by", "role"), re.compile(r"[a-z_]{1,24}")),
    **dict.fromkeys(("since", "until"), re.compile(r"[0-9TZ:+.smhdw-]{1,40}|now|today|yesterday")),
    **dict.fromkeys(("limit", "before", "every"), re.compile(r"[0-9]{1,18}[smhdw]?")),
    **dict.fromkeys(("stream", "withheld", "unknown"), re.compile(r"true|false|yes|no|1|0")),
    "entity": re.compile(r"[A-Z][A-Z_]{1,39}"),
    "status": re.compile(r"[1-9](?:xx|[0-9]{2}(?:-[1-9][0-9]{2})?)"),
}
"""Filters whose values are kept, where they look like this."""


@dataclass(frozen=True, slots=True)
class Read:
    """One look at the audit record."""

    seq: int
    time: dt.datetime
    reader: str
    role: str
    via: str
    route: str
    filters: Mapping[str, Any]
    record_id: str | None
    client_address: str | None


class Reads:
    """The table ``reads`` of a database that was opened for writing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        identity: Identity,
        via: str,
        route: str,
        filters: Mapping[str, Sequence[str]],
        *,
        record_id: str | None = None,
        client_address: str | None = None,
    ) -> None:
        """Make the read durable. Raises AuditError: who asked must then be refused."""
        values = {
            "time": dt.datetime.now(dt.UTC),
            "reader": storable(identity.name),
            "role": str(identity.role),
            "via": via,
            "route": route,
            "filters": json.dumps(harmless(filters), separators=(",", ":")),
            "record_id": record_id,
            "client_address": client_address,
        }
        try:
            with self._database.engine.begin() as connection:
                connection.execute(insert(_reads).values(**values))
        except SQLAlchemyError as error:
            raise explain(error, self._database.place) from None


def read_page(database: Database, before: int | None = None, limit: int = 50) -> list[Read]:
    """Reads, the newest first. Raises AuditError."""
    if not 1 <= limit <= 1000:
        raise AuditError("query", "A page has 1 to 1000 reads.")
    statement = select(_reads).order_by(_reads.c.seq.desc()).limit(limit)
    if before is not None:
        statement = statement.where(_reads.c.seq < before)
    try:
        with database.engine.connect() as connection, connection.begin():
            return [_read(row._mapping) for row in connection.execute(statement)]
    except SQLAlchemyError as error:
        raise explain(error, database.place) from None


def harmless(filters: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Filters as they may be kept: values that cannot hold data, else null for each."""
    kept: dict[str, Any] = {}
    for name, values in filters.items():
        pattern = _HARMLESS.get(name)
        kept[name] = [value if pattern is not None and pattern.fullmatch(value) else None for value in values]
    return kept


def _read(row: Mapping[Any, Any]) -> Read:
    try:
        filters = json.loads(row["filters"])
    except ValueError:
        filters = {}
    names = ("seq", "time", "reader", "role", "via", "route", "record_id", "client_address")
    return Read(**{name: row[name] for name in names}, filters=filters if isinstance(filters, dict) else {})
