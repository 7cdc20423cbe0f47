"""Alembic's environment: migrates on the connection that ``addons.vault.tables`` hands over, in its transaction."""

from __future__ import annotations

from addons.vault.migrations import VERSION_TABLE
from addons.vault.schema import Base
from audit.migrations.online import run

_MIGRATION_LOCK = 0x636F6174_7661756C
"""This one spells "coatvaul"."""

run(Base.metadata, VERSION_TABLE, _MIGRATION_LOCK)
