"""The record's second set of fields, policies in force, and the version of each leaf. Rows from before keep version 1.

The ledger's list of kinds is no constraint of its table any more: it grows with versions, and verifying names what it
does not know. On SQLite that means copying the table, about ten seconds for ten million entries.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _columns() -> dict[str, list[sa.Column[Any]]]:
    """Anew at each call: a column belongs to one table."""
    return {
        "decisions": [
            sa.Column("destination_country", sa.String()),
            sa.Column("provider", sa.String()),
            sa.Column("operation", sa.String()),
            sa.Column("time_source", sa.String(), nullable=False, server_default="unknown"),
            sa.Column("model_version", sa.String(), nullable=False, server_default=""),
            sa.Column("shape", sa.String(), nullable=False, server_default="[]"),
            sa.Column("user_agent_family", sa.String()),
        ],
        "outcomes": [
            sa.Column("placeholders_withheld", sa.BigInteger(), nullable=False, server_default="0"),
            sa.Column("response_findings", sa.String(), nullable=False, server_default="[]"),
            sa.Column("finish_reason", sa.String()),
            sa.Column("cost", sa.Double()),
            sa.Column("currency", sa.String()),
            sa.Column("restore_ms", sa.Double()),
            sa.Column("gateway_ms", sa.Double()),
        ],
    }


def upgrade() -> None:
    dialect = op.get_context().dialect.name
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    version = sa.Column("version", sa.Integer(), nullable=False, server_default="1")
    if dialect == "sqlite":
        _copy_ledger([version], [])
    else:
        op.add_column("ledger", version)
        op.drop_constraint("ledger_kind", "ledger", type_="check")
    op.create_table(
        "policies",
        sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.UniqueConstraint("hash", "tenant", name="policies_hash"),
        sqlite_autoincrement=True,
    )
    if dialect == "sqlite":
        _guard_sqlite("policies", "seq = NEW.seq OR id = NEW.id OR (hash = NEW.hash AND tenant = NEW.tenant)")
    elif dialect == "postgresql":
        op.execute(
            "CREATE TRIGGER policies_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON policies "
            "FOR EACH STATEMENT EXECUTE FUNCTION coatcheck_append_only()"
        )


def downgrade() -> None:
    """What the new columns hold is lost: leaves of version 2 fit their rows no more, and verifying says so."""
    op.drop_table("policies")  # its triggers go with it
    if op.get_context().dialect.name == "sqlite":
        # Entries of kind `policy` stay: removing them would break the tree.
        op.execute("PRAGMA ignore_check_constraints=ON")
        _copy_ledger([], [sa.CheckConstraint("kind IN ('decision', 'outcome')", name="ledger_kind")])
        op.execute("PRAGMA ignore_check_constraints=OFF")
    else:
        op.drop_column("ledger", "version")
        op.execute("ALTER TABLE ledger ADD CONSTRAINT ledger_kind CHECK (kind IN ('decision', 'outcome')) NOT VALID")
    for table, columns in _columns().items():
        for column in reversed(columns):
            op.drop_column(table, column.name)


def _copy_ledger(more: list[sa.Column[Any]], checks: list[sa.CheckConstraint]) -> None:
    op.create_table(
        "ledger_next",
        sa.Column("leaf", _SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("record_seq", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        *more,
        *checks,
        sa.UniqueConstraint("kind", "record_seq", name="ledger_record"),
    )
    names = "leaf, kind, record_seq, record_id, hash"
    op.execute(f"INSERT INTO ledger_next ({names}) SELECT {names} FROM ledger ORDER BY leaf")  # noqa: S608  constants
    op.drop_table("ledger")  # its triggers go with it
    op.rename_table("ledger_next", "ledger")
    _guard_sqlite("ledger", "leaf = NEW.leaf OR (kind = NEW.kind AND record_seq = NEW.record_seq)")


def _guard_sqlite(table: str, same: str) -> None:
    for operation in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{operation.lower()} BEFORE {operation} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
    exists = f"SELECT 1 FROM {table} WHERE {same}"  # noqa: S608  constants of this file
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS ({exists}) "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )
