"""The tables. Imports nothing of ours; the migrations create what stands here (a test compares the two).

``seq`` is the database's own number: it grows with every row, tables refer to one another by it, pages are cut by it.
``id`` (UUIDv7) is the record's name everywhere else. Rows are only ever added: triggers refuse UPDATE and DELETE, and
on SQLite also INSERT OR REPLACE, which would delete without firing the DELETE trigger.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

ACTIONS = ("allow", "mask", "reroute", "block")
MODES = ("enforce", "observe")
WAYS = ("page", "api")

Sequence64 = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only in a column that is declared INTEGER."""


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An aware datetime in UTC. On SQLite fixed-width text without a zone, so that text order is time order."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be recorded")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Base(DeclarativeBase):
    """Types by annotation: counts and sizes are 64 bits wide, text has no length, times are UTC."""

    type_annotation_map = {  # noqa: RUF012  SQLAlchemy's own way to declare it
        int: BigInteger(),
        float: Double(),
        str: String(),
        bytes: LargeBinary(),
        dt.datetime: UtcDateTime(),
    }


def _in(column: str, allowed: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(word) for word in allowed)})"


class DecisionRow(Base):
    """One `audit.records.Decision`."""

    __tablename__ = "decisions"

    seq: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), unique=True)
    time: Mapped[dt.datetime]
    tenant: Mapped[str]
    principal: Mapped[str]
    upstream: Mapped[str]
    endpoint: Mapped[str]
    action: Mapped[str]
    rule: Mapped[str]
    reason: Mapped[str]
    route: Mapped[str | None]
    mode: Mapped[str]
    would_action: Mapped[str | None]
    client_address: Mapped[str | None]
    proxy_user: Mapped[str | None]
    process: Mapped[str | None]
    server_address: Mapped[str | None]
    http_method: Mapped[str | None]
    model: Mapped[str | None]
    stream: Mapped[bool]
    request_bytes: Mapped[int]
    segments: Mapped[int]
    placeholders: Mapped[int]
    policy_hash: Mapped[str]
    detector_version: Mapped[str]
    detect_ms: Mapped[float]
    total_ms: Mapped[float]
    destination_country: Mapped[str | None]
    provider: Mapped[str | None]
    operation: Mapped[str | None]
    time_source: Mapped[str] = mapped_column(server_default="unknown")
    model_version: Mapped[str] = mapped_column(server_default="")
    shape: Mapped[str] = mapped_column(server_default="[]")
    user_agent_family: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(_in("action", ACTIONS), name="decisions_action"),
        CheckConstraint(_in("mode", MODES), name="decisions_mode"),
        CheckConstraint(_in("would_action", ACTIONS), name="decisions_would_action"),
        Index("decisions_time", "time", "seq"),
        Index("decisions_principal", "principal", "seq"),
        Index("decisions_upstream", "upstream", "seq"),
        Index("decisions_endpoint", "endpoint", "seq"),
        Index("decisions_action", "action", "seq"),
        Index("decisions_rule", "rule", "seq"),
        {"sqlite_autoincrement": True},
    )


class FindingRow(Base):
    """One `audit.records.Finding` of a decision, in the order given."""

    __tablename__ = "findings"

    decision_seq: Mapped[int] = mapped_column(Sequence64, ForeignKey("decisions.seq"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    entity: Mapped[str]
    recognizer: Mapped[str]
    count: Mapped[int]
    max_score: Mapped[float]
    role: Mapped[str]
    path: Mapped[str]
    action: Mapped[str]

    __table_args__ = (
        CheckConstraint(_in("action", ACTIONS), name="findings_action"),
        Index("findings_entity", "entity", "decision_seq"),
        {"sqlite_with_rowid": False},
    )


class FingerprintRow(Base):
    """One keyed fingerprint of a value behind a finding: "the same person again?" is an index look-up."""

    __tablename__ = "fingerprints"

    decision_seq: Mapped[int] = mapped_column(Sequence64, primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    fingerprint: Mapped[str]

    __table_args__ = (
        ForeignKeyConstraint(["decision_seq", "position"], ["findings.decision_seq", "findings.position"]),
        Index("fingerprints_fingerprint", "fingerprint", "decision_seq"),
        {"sqlite_with_rowid": False},
    )


class OutcomeRow(Base):
    """One `audit.records.Outcome`; a decision has at most one."""

    __tablename__ = "outcomes"

    seq: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=True)
    decision_seq: Mapped[int] = mapped_column(Sequence64, ForeignKey("decisions.seq"), unique=True)
    time: Mapped[dt.datetime]
    status: Mapped[int | None]
    error: Mapped[str | None]
    complete: Mapped[bool]
    response_model: Mapped[str | None]
    input_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    placeholders_seen: Mapped[int]
    placeholders_restored: Mapped[int]
    placeholders_unknown: Mapped[int]
    placeholders_mangled: Mapped[int]
    response_bytes: Mapped[int]
    upstream_ms: Mapped[float | None]
    first_byte_ms: Mapped[float | None]
    placeholders_withheld: Mapped[int] = mapped_column(server_default="0")
    response_findings: Mapped[str] = mapped_column(server_default="[]")
    finish_reason: Mapped[str | None]
    cost: Mapped[float | None]
    currency: Mapped[str | None]
    restore_ms: Mapped[float | None]
    gateway_ms: Mapped[float | None]

    __table_args__ = (
        Index("outcomes_status", "status", "decision_seq"),
        {"sqlite_autoincrement": True},
    )


class PolicyRow(Base):
    """One `audit.records.PolicyRecord`; a tenant has each policy once."""

    __tablename__ = "policies"

    seq: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), unique=True)
    time: Mapped[dt.datetime]
    tenant: Mapped[str]
    hash: Mapped[str]
    policy: Mapped[str]

    __table_args__ = (
        UniqueConstraint("hash", "tenant", name="policies_hash"),
        {"sqlite_autoincrement": True},
    )


class LedgerRow(Base):
    """One leaf of the ledger: which record stands at this place, and its hash (`audit.leaf`)."""

    __tablename__ = "ledger"

    leaf: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=False)
    """0, 1, 2 and so on without a gap, over the records of all processes."""
    kind: Mapped[str]
    """``decision``, ``outcome``, ``policy``: no constraint, since the list grows; `audit.verify` names what it does
    not know."""
    record_seq: Mapped[int]
    record_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    """The record's id, of an outcome its decision's: it names the record when the record is gone."""
    hash: Mapped[bytes]
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    """Which set of fields `hash` is of (`audit.leaf`); the context line binds it."""

    __table_args__ = (UniqueConstraint("kind", "record_seq", name="ledger_record"),)


class LedgerNodeRow(Base):
    """Hash of a complete subtree above the leaves: `audit.merkle.Node`."""

    __tablename__ = "ledger_nodes"

    level: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=False)
    hash: Mapped[bytes]

    __table_args__ = ({"sqlite_with_rowid": False},)


class LedgerCheckpointRow(Base):
    """A signed checkpoint; the outside anchor has the same text."""

    __tablename__ = "ledger_checkpoints"

    size: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=False)
    """Leaves that it covers."""
    time: Mapped[dt.datetime]
    note: Mapped[str]


class ReadRow(Base):
    """One look at the audit record through the page or the REST API: who, when, by which question."""

    __tablename__ = "reads"

    seq: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=True)
    time: Mapped[dt.datetime]
    reader: Mapped[str]
    """Name of the token, or of whom the identity provider signed in."""
    role: Mapped[str]
    via: Mapped[str]
    route: Mapped[str]
    """Template of the path, such as ``/api/v1/records/{id}``."""
    filters: Mapped[str]
    """JSON object: the filters' names; their values only where these cannot hold data, else null."""
    record_id: Mapped[str | None]
    client_address: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(_in("via", WAYS), name="reads_via"),
        Index("reads_reader", "reader", "seq"),
        {"sqlite_autoincrement": True},
    )


class TombstoneRow(Base):
    """What was pruned or erased at one time, by whom and why: signed, and itself an entry of the ledger."""

    __tablename__ = "tombstones"

    seq: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), unique=True)
    time: Mapped[dt.datetime]
    reason: Mapped[str]
    """``retention`` or ``erasure``."""
    count: Mapped[int]
    """Entries of the ledger whose records are gone."""
    note: Mapped[str]
    """All of it as a signed note: `audit.tombstone`."""

    __table_args__ = ({"sqlite_autoincrement": True},)


class PrunedRow(Base):
    """An entry of the ledger whose record may be deleted, since a tombstone says so."""

    __tablename__ = "pruned"

    leaf: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=False)
    kind: Mapped[str]
    record_seq: Mapped[int]
    record_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    tombstone: Mapped[int] = mapped_column(BigInteger, ForeignKey("tombstones.seq"))

    __table_args__ = (
        UniqueConstraint("kind", "record_seq", name="pruned_record"),
        Index("pruned_id", "record_id"),
    )


class SummaryRow(Base):
    """Head of what `audit.summaries` has added up over the decisions of a range of numbers. Derived data: no guard."""

    __tablename__ = "summaries"

    level: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """1: from the records; above it: put together from those of the level below."""
    first_seq: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=False)
    last_seq: Mapped[int]
    """Inclusive, whether there is a decision of this number or not."""
    format: Mapped[int] = mapped_column(Integer)
    decisions: Mapped[int]
    unended: Mapped[int]
    """Decisions that may have gone out and have no outcome: what they count as depends on when one asks."""
    first_us: Mapped[int | None]
    """Time of the earliest decision, in microseconds since 1970; None if there is no decision."""
    last_us: Mapped[int | None]
    outcomes: Mapped[int]
    """The newest outcome's number when this, and all that is older, was right."""

    __table_args__ = ({"sqlite_with_rowid": False},)


class SummaryPartRow(Base):
    """One part of a summary: cells, times, latencies or callers (`audit.summaries_block`), packed."""

    __tablename__ = "summary_parts"

    part: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    first_seq: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=False)
    data: Mapped[bytes]


RECORD_TABLES = ("decisions", "findings", "fingerprints", "outcomes", "policies")
TABLES = (*RECORD_TABLES, "ledger", "ledger_nodes", "ledger_checkpoints", "reads", "tombstones", "pruned")
DERIVED_TABLES = ("summaries", "summary_parts")
"""Not append-only: they can be made anew from the records at any time."""
