"""Who read the audit record, when and by which question: rows can be added and neither changed nor removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "reads",
        sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("via", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("filters", sa.String(), nullable=False),
        sa.Column("record_id", sa.String()),
        sa.Column("client_address", sa.String()),
        sa.CheckConstraint("via IN ('page', 'api')", name="reads_via"),
        sqlite_autoincrement=True,
    )
    op.create_index("reads_reader", "reads", ["reader", "seq"])
    if op.get_context().dialect.name == "sqlite":
        _guard_sqlite()
    elif op.get_context().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER reads_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reads "
            "FOR EACH STATEMENT EXECUTE FUNCTION coatcheck_append_only()"
        )


def downgrade() -> None:
    op.drop_table("reads")  # its triggers go with it


def _guard_sqlite() -> None:
    for operation in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER reads_no_{operation.lower()} BEFORE {operation} ON reads "
            "BEGIN SELECT RAISE(ABORT, 'reads is append-only'); END"
        )
    op.execute(
        "CREATE TRIGGER reads_no_replace BEFORE INSERT ON reads WHEN EXISTS (SELECT 1 FROM reads WHERE seq = NEW.seq) "
        "BEGIN SELECT RAISE(ABORT, 'reads is append-only'); END"
    )
