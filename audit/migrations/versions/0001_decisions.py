"""Decisions, findings, fingerprints, outcomes: rows can be added and neither changed nor removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = ("decisions", "findings", "fingerprints", "outcomes")
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)

# What makes a row the same row, for the trigger against INSERT OR REPLACE.
_IDENTITY = {
    "decisions": "seq = NEW.seq OR id = NEW.id",
    "findings": "decision_seq = NEW.decision_seq AND position = NEW.position",
    "fingerprints": "decision_seq = NEW.decision_seq AND position = NEW.position AND ordinal = NEW.ordinal",
    "outcomes": "seq = NEW.seq OR decision_seq = NEW.decision_seq",
}


def upgrade() -> None:
    _create_tables()
    if op.get_context().dialect.name == "sqlite":
        _guard_sqlite()
    elif op.get_context().dialect.name == "postgresql":
        _guard_postgresql()


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)  # its triggers go with it
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION coatcheck_append_only()")


def _create_tables() -> None:
    actions = "('allow', 'mask', 'reroute', 'block')"
    op.create_table(
        "decisions",
        sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("principal", sa.String(), nullable=False),
        sa.Column("upstream", sa.String(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("route", sa.String()),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("would_action", sa.String()),
        sa.Column("client_address", sa.String()),
        sa.Column("proxy_user", sa.String()),
        sa.Column("process", sa.String()),
        sa.Column("server_address", sa.String()),
        sa.Column("http_method", sa.String()),
        sa.Column("model", sa.String()),
        sa.Column("stream", sa.Boolean(), nullable=False),
        sa.Column("request_bytes", sa.BigInteger(), nullable=False),
        sa.Column("segments", sa.BigInteger(), nullable=False),
        sa.Column("placeholders", sa.BigInteger(), nullable=False),
        sa.Column("policy_hash", sa.String(), nullable=False),
        sa.Column("detector_version", sa.String(), nullable=False),
        sa.Column("detect_ms", sa.Double(), nullable=False),
        sa.Column("total_ms", sa.Double(), nullable=False),
        sa.CheckConstraint(f"action IN {actions}", name="decisions_action"),
        sa.CheckConstraint("mode IN ('enforce', 'observe')", name="decisions_mode"),
        sa.CheckConstraint(f"would_action IN {actions}", name="decisions_would_action"),
        sqlite_autoincrement=True,
    )
    for column in ("time", "principal", "upstream", "endpoint", "action", "rule"):
        op.create_index(f"decisions_{column}", "decisions", [column, "seq"])
    op.create_table(
        "findings",
        sa.Column("decision_seq", _SEQUENCE, sa.ForeignKey("decisions.seq"), primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("recognizer", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("max_score", sa.Double(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.CheckConstraint(f"action IN {actions}", name="findings_action"),
        sqlite_with_rowid=False,
    )
    op.create_index("findings_entity", "findings", ["entity", "decision_seq"])
    op.create_table(
        "fingerprints",
        sa.Column("decision_seq", _SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("ordinal", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["decision_seq", "position"], ["findings.decision_seq", "findings.position"]),
        sqlite_with_rowid=False,
    )
    op.create_index("fingerprints_fingerprint", "fingerprints", ["fingerprint", "decision_seq"])
    op.create_table(
        "outcomes",
        sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("decision_seq", _SEQUENCE, sa.ForeignKey("decisions.seq"), nullable=False, unique=True),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("status", sa.BigInteger()),
        sa.Column("error", sa.String()),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("response_model", sa.String()),
        sa.Column("input_tokens", sa.BigInteger()),
        sa.Column("output_tokens", sa.BigInteger()),
        sa.Column("placeholders_seen", sa.BigInteger(), nullable=False),
        sa.Column("placeholders_restored", sa.BigInteger(), nullable=False),
        sa.Column("placeholders_unknown", sa.BigInteger(), nullable=False),
        sa.Column("placeholders_mangled", sa.BigInteger(), nullable=False),
        sa.Column("response_bytes", sa.BigInteger(), nullable=False),
        sa.Column("upstream_ms", sa.Double()),
        sa.Column("first_byte_ms", sa.Double()),
        sqlite_autoincrement=True,
    )
    op.create_index("outcomes_status", "outcomes", ["status", "decision_seq"])


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
    op.execute(
        "CREATE FUNCTION coatcheck_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; "
        "END $$"
    )
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION coatcheck_append_only()"
        )
