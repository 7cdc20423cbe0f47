"""Alembic's environment: migrates on the connection that `audit.database` hands over, inside that one's transaction."""

from __future__ import annotations

from audit.migrations import VERSION_TABLE
from audit.migrations.online import run
from audit.schema import Base

_MIGRATION_LOCK = 0x636F6174_61756474
"""This one spells "coataudt"."""

run(Base.metadata, VERSION_TABLE, _MIGRATION_LOCK)
