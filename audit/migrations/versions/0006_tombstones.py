"""Tombstones: what was pruned, by whom and why, signed. A record whose place stands in one may be deleted; no other.

Verifying asks more than these triggers can: that the tombstone is signed and names exactly what is gone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Which place of the ledger a row belongs to: kind and number.
_OWNERS = {
    "decisions": ("decision", "seq"),
    "findings": ("decision", "decision_seq"),
    "fingerprints": ("decision", "decision_seq"),
    "outcomes": ("outcome", "seq"),
}
_IDENTITY = {
    "tombstones": "seq = NEW.seq OR id = NEW.id",
    "pruned": "leaf = NEW.leaf OR (kind = NEW.kind AND record_seq = NEW.record_seq)",
}


def upgrade() -> None:
    op.create_table(
        "tombstones",
        sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "pruned",
        sa.Column("leaf", _SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("record_seq", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("tombstone", sa.BigInteger(), sa.ForeignKey("tombstones.seq"), nullable=False),
        sa.UniqueConstraint("kind", "record_seq", name="pruned_record"),
    )
    op.create_index("pruned_id", "pruned", ["record_id"])
    if op.get_context().dialect.name == "sqlite":
        _guard_sqlite()
    elif op.get_context().dialect.name == "postgresql":
        _guard_postgresql()


def downgrade() -> None:
    """Which records were pruned is forgotten; verifying then calls them removed."""
    dialect = op.get_context().dialect.name
    for table in _OWNERS:
        if dialect == "sqlite":
            op.execute(f"DROP TRIGGER {table}_no_delete")
            _refuse_sqlite(table, "DELETE")
        elif dialect == "postgresql":
            op.execute(f"DROP TRIGGER {table}_pruned_only ON {table}")
            op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
            _refuse_postgresql(table, "UPDATE OR DELETE OR TRUNCATE")
    op.drop_table("pruned")
    op.drop_table("tombstones")
    if dialect == "postgresql":
        op.execute("DROP FUNCTION coatcheck_pruned_only()")


def _refuse_sqlite(table: str, operation: str, when: str = "") -> None:
    op.execute(
        f"CREATE TRIGGER {table}_no_{operation.lower()} BEFORE {operation} ON {table} {when} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _guard_sqlite() -> None:
    for table, same in _IDENTITY.items():
        for operation in ("UPDATE", "DELETE"):
            _refuse_sqlite(table, operation)
        exists = f"SELECT 1 FROM {table} WHERE {same}"  # noqa: S608  constants of this file
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS ({exists}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
    for table, (kind, number) in _OWNERS.items():
        place = f"SELECT 1 FROM pruned WHERE kind = '{kind}' AND record_seq = OLD.{number}"  # noqa: S608  constants
        op.execute(f"DROP TRIGGER {table}_no_delete")
        _refuse_sqlite(table, "DELETE", f"WHEN NOT EXISTS ({place})")


def _refuse_postgresql(table: str, operations: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE {operations} ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION coatcheck_append_only()"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION coatcheck_pruned_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NOT EXISTS (SELECT 1 FROM pruned WHERE kind = TG_ARGV[0] "
        "AND record_seq = (to_jsonb(OLD) ->> TG_ARGV[1])::bigint) THEN "
        "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; "
        "END IF; RETURN OLD; END $$"
    )
    for table in _IDENTITY:
        _refuse_postgresql(table, "UPDATE OR DELETE OR TRUNCATE")
    for table, (kind, number) in _OWNERS.items():
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        _refuse_postgresql(table, "UPDATE OR TRUNCATE")
        op.execute(
            f"CREATE TRIGGER {table}_pruned_only BEFORE DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION coatcheck_pruned_only('{kind}', '{number}')"
        )
