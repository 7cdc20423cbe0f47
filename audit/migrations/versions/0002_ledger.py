"""The ledger: a leaf for every record, the tree above the leaves, checkpoints. Records from before it get their leaves.

These stand in the order: all decisions, then all outcomes, each by ``seq``. The migration reads and writes a thousand
rows at a time.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from audit.backfill import add_missing_leaves

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = ("ledger", "ledger_nodes", "ledger_checkpoints")
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_IDENTITY = {
    "ledger": "leaf = NEW.leaf OR (kind = NEW.kind AND record_seq = NEW.record_seq)",
    "ledger_nodes": "level = NEW.level AND position = NEW.position",
    "ledger_checkpoints": "size = NEW.size",
}


def upgrade() -> None:
    op.create_table(
        "ledger",
        sa.Column("leaf", _SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("record_seq", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('decision', 'outcome')", name="ledger_kind"),
        sa.UniqueConstraint("kind", "record_seq", name="ledger_record"),
    )
    op.create_table(
        "ledger_nodes",
        sa.Column("level", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("position", _SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_checkpoints",
        sa.Column("size", _SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
    )
    if not op.get_context().as_sql:
        add_missing_leaves(op.get_bind())
    if op.get_context().dialect.name == "sqlite":
        _guard_sqlite()
    elif op.get_context().dialect.name == "postgresql":
        _guard_postgresql()


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)  # its triggers go with it


def _guard_sqlite() -> None:
    for table in _TABLES:
        for operation in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{operation.lower()} BEFORE {operation} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        exists = f"SELECT 1 FROM {table} WHERE {_IDENTITY[table]}"  # noqa: S608  constants of this file
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS ({exists}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _guard_postgresql() -> None:
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION coatcheck_append_only()"
        )
