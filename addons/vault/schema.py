"""The vault's tables. They lie in the audit database's file or server; the migrations create what stands here.

Unlike records of the audit, rows here change and go. No column but ``sealed`` and ``wrapped`` depends on a value.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from audit.schema import Sequence64, UtcDateTime


class Base(DeclarativeBase):
    """Types by annotation, as in ``audit.schema``."""

    type_annotation_map = {  # noqa: RUF012  SQLAlchemy's own way to declare it
        int: BigInteger(),
        str: String(),
        bytes: LargeBinary(),
        dt.datetime: UtcDateTime(),
    }


class DataKeyRow(Base):
    """A tenant's data key, wrapped by a master key. The one with the highest number is in force."""

    __tablename__ = "vault_data_keys"

    seq: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=True)
    tenant: Mapped[str]
    number: Mapped[int] = mapped_column(Integer)
    master: Mapped[str]
    wrapped: Mapped[bytes]
    created: Mapped[dt.datetime]

    __table_args__ = (
        UniqueConstraint("tenant", "number", name="vault_data_keys_number"),
        {"sqlite_autoincrement": True},
    )


class ObjectRow(Base):
    """What a provider stores for one principal, or (``holder`` is set) another id for the same."""

    __tablename__ = "vault_objects"

    seq: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=True)
    tenant: Mapped[str]
    principal: Mapped[str]
    kind: Mapped[str]
    object_id: Mapped[str]
    holder: Mapped[int | None] = mapped_column(Sequence64, ForeignKey("vault_objects.seq", ondelete="CASCADE"))
    data_key: Mapped[int | None] = mapped_column(Sequence64, ForeignKey("vault_data_keys.seq"))
    salt: Mapped[bytes | None]
    created: Mapped[dt.datetime]
    expires: Mapped[dt.datetime]

    __table_args__ = (
        UniqueConstraint("tenant", "principal", "kind", "object_id", name="vault_objects_name"),
        Index("vault_objects_expires", "expires"),
        Index("vault_objects_holder", "holder"),
        Index("vault_objects_data_key", "data_key", "seq"),
        Index("vault_objects_object_id", "object_id"),
        {"sqlite_autoincrement": True},
    )


class RecordRow(Base):
    """Placeholders of one entity of one object, sealed."""

    __tablename__ = "vault_records"

    seq: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=True)
    object_seq: Mapped[int] = mapped_column(Sequence64, ForeignKey("vault_objects.seq", ondelete="CASCADE"))
    entity: Mapped[str]
    sealed: Mapped[bytes]

    __table_args__ = (Index("vault_records_object", "object_seq"), {"sqlite_autoincrement": True})


TABLES = ("vault_data_keys", "vault_objects", "vault_records")
