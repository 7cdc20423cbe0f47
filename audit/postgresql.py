"""What connections to PostgreSQL are set to, and whether an account may migrate. Imports nothing of ours but the error.

Settings are made with SET after connecting, not as start-up options: a pooler in between would refuse those, and a
URL's own ``options`` stay what they are.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, event, text

from audit.errors import AuditError

_CONNECT_TIMEOUT_S = 5

_IDLE_LIMIT_S = 15
"""A writer whose machine has vanished in the middle of a transaction holds up all others until the server ends it."""

_ANSWER_LIMIT_S = 10
"""How long the other side may leave bytes unacknowledged before the connection counts as dead."""


def connect_args(target: URL, *, writes: bool) -> dict[str, Any]:
    """libpq's parameters, where the URL does not have them."""
    wanted: dict[str, Any] = {
        "connect_timeout": _CONNECT_TIMEOUT_S,
        "fallback_application_name": "coatcheck",
        "keepalives_idle": _ANSWER_LIMIT_S,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": _ANSWER_LIMIT_S * 1000,
    }
    if writes:
        # After a failover the old server may still answer, and a standby does: neither takes writes.
        wanted["target_session_attrs"] = "read-write"
    return {name: value for name, value in wanted.items() if name not in target.query}


def prepare_writer(engine: Engine, lock_timeout_s: float) -> None:
    """Have each connection of the engine durable, and patient only so long."""
    _at_connect(
        engine,
        f"SELECT set_config('lock_timeout', '{max(1, round(lock_timeout_s * 1000))}ms', false), "
        f"set_config('idle_in_transaction_session_timeout', '{_IDLE_LIMIT_S}s', false), "
        # A commit that is not flushed is no record: "off" as the default of a server or a role does not hold here.
        "set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' "
        "ELSE current_setting('synchronous_commit') END, false)",
    )


def prepare_reader(engine: Engine) -> None:
    """Have each connection of the engine refuse to write."""
    _at_connect(engine, "SET default_transaction_read_only = on")


def alone(connection: Connection, lock: int) -> None:
    """Wait until nobody else holds this advisory lock, and hold it until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock})


def unhurried(connection: Connection) -> None:
    """Lift the limits for this transaction: a migration waits for another's, and may think for a while."""
    connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def require_ownership(connection: Connection, tables: tuple[str, ...], found: str | None, wanted: str) -> None:
    """Raises AuditError (``outdated``) if this account may not bring the schema from ``found`` to ``wanted``."""
    account, database, may_create = connection.execute(
        text("SELECT current_user, current_database(), has_schema_privilege(current_schema(), 'CREATE')")
    ).one()
    foreign = connection.execute(
        text("SELECT count(*) FROM pg_class WHERE relname = ANY(:names) AND relkind IN ('r', 'p', 'v') "
             "AND pg_table_is_visible(oid) AND NOT pg_has_role(relowner, 'USAGE')"),
        {"names": list(tables)},
    ).scalar_one()  # fmt: skip
    if may_create and not foreign:
        return
    state = f"an older schema ({found}; this Coatcheck needs {wanted})" if found else "no audit tables yet"
    raise AuditError(
        "outdated",
        f"Database {database} has {state}, and the account {account} may not change that, as it should be: "
        "let the tables' owner run `coatcheck audit migrate --database URL`.",
    )


def require_writable(connection: Connection) -> None:
    """Raises AuditError if nothing can be recorded here now: a standby, or an account without the right."""
    read_only, may_insert = connection.execute(
        text("SELECT current_setting('transaction_read_only')::boolean, has_table_privilege('decisions', 'INSERT')")
    ).one()
    if read_only:
        raise AuditError("unreachable", "The audit database takes no writes: it is a standby, or set to read-only.")
    if not may_insert:
        raise AuditError("unopenable", "This account may not record: run `coatcheck audit roles` for it.")


def _at_connect(engine: Engine, statement: str) -> None:
    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.commit()
