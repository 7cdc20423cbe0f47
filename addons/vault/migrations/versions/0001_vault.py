"""Data keys, objects, records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "vault_data_keys",
        sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("master", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.UniqueConstraint("tenant", "number", name="vault_data_keys_number"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "vault_objects",
        sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("principal", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("holder", _SEQUENCE, sa.ForeignKey("vault_objects.seq", ondelete="CASCADE")),
        sa.Column("data_key", _SEQUENCE, sa.ForeignKey("vault_data_keys.seq")),
        sa.Column("salt", sa.LargeBinary()),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("expires", _TIME, nullable=False),
        sa.UniqueConstraint("tenant", "principal", "kind", "object_id", name="vault_objects_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("vault_objects_expires", "vault_objects", ["expires"])
    op.create_index("vault_objects_holder", "vault_objects", ["holder"])
    op.create_index("vault_objects_data_key", "vault_objects", ["data_key", "seq"])
    op.create_index("vault_objects_object_id", "vault_objects", ["object_id"])
    op.create_table(
        "vault_records",
        sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("object_seq", _SEQUENCE, sa.ForeignKey("vault_objects.seq", ondelete="CASCADE"), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("vault_records_object", "vault_records", ["object_seq"])


def downgrade() -> None:
    for table in ("vault_records", "vault_objects", "vault_data_keys"):
        op.drop_table(table)
