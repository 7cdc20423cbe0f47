"""Runs a history of migrations, the audit's or the vault's, on a connection handed over, inside its transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, MetaData, text


def run(metadata: MetaData, version_table: str, lock: int) -> None:
    """Migrate to the revision that Alembic was asked for.

    ``lock``: any fixed number of 64 bits; processes that start together migrate one after the other.
    """
    connection: Connection = context.config.attributes["connection"]
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock})
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=version_table,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()
