"""Alembic's environment: migrates on the connection that `audit.database` hands over, inside that one's transaction."""

from __future__ import annotations

from audit.migrations import MIGRATION_LOCK, VERSION_TABLE
from audit.migrations.online import run
from audit.schema import Base

run(Base.metadata, VERSION_TABLE, MIGRATION_LOCK)
