"""Alembic's environment: migrates on the connection that ``addons.vault.tables`` hands over, in its transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from addons.vault.migrations import VERSION_TABLE
from addons.vault.schema import Base

_MIGRATION_LOCK = 0x636F6174_7661756C
"""Any fixed number (this one spells "coatvaul"): processes that start together migrate one after the other."""


def run() -> None:
    connection: Connection = context.config.attributes["connection"]
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        version_table=VERSION_TABLE,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
