"""One thread's hold on the vault's rows: writes a batch in one transaction, finds what an id stands for.

Imports this room and the audit room's database; synchronous. After a failure the next call connects anew. Whoever reads
with this does it by the owner: there is no query here that crosses from one owner to another, but for the sweep.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from addons.masking.restorer import Original
from addons.vault import crypto, keyring
from addons.vault.errors import VaultError
from addons.vault.keyring import KEY_COLUMNS, KeyRing, WrappedKey
from addons.vault.names import Forget, Keep, Owner
from addons.vault.records import packed, unpacked
from addons.vault.schema import Base
from addons.vault.tables import file_identity, open_tables, unavailable
from addons.vault.upsert import insert_or_leave
from addons.wire.types import StoredObject
from audit.database import Database, open_read_only
from audit.errors import AuditError

type Job = Keep | Forget

_tables: Mapping[str, Table] = Base.metadata.tables
_keys, _objects, _records = (_tables[name] for name in ("vault_data_keys", "vault_objects", "vault_records"))
_holders = _objects.alias("holders")
_HOLDER_COLUMNS = (
    _holders.c.seq,
    _holders.c.kind,
    _holders.c.object_id,
    _holders.c.salt,
    _holders.c.expires,
    *KEY_COLUMNS,
)
_SWEPT_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class _Holder:
    """An object as it stands in its row, with the data key that its records are under."""

    seq: int
    name: StoredObject
    salt: bytes = field(repr=False)
    expires: dt.datetime
    key: WrappedKey


class Store:
    """Opens at `open`. Not thread-safe: each thread has its own."""

    def __init__(
        self, url: str, ring: KeyRing, time_to_live: dt.timedelta, *, writes: bool, busy_timeout_s: float = 2.0
    ) -> None:
        self._url = url
        self._ring = ring
        self._ttl = time_to_live
        self._writes = writes
        self._busy_timeout_s = busy_timeout_s
        self._database: Database | None = None
        self._connection: Connection | None = None
        self._identity: tuple[int, int] | None = None

    def open(self) -> None:
        """Connect; a writing store creates and migrates the tables at its first call. Raises VaultError."""
        try:
            if not self._writes:
                self._database = open_read_only(self._url)
            else:
                first = self._database is None
                self._database = open_tables(self._url, create=first, busy_timeout_s=self._busy_timeout_s)
            self._connection = self._database.engine.connect()
            if self._database.dialect == "postgresql" and not self._writes:
                # an object and its records as of one moment, also while a rotation seals them anew
                self._connection = self._connection.execution_options(isolation_level="REPEATABLE READ")
            if self._writes and self._database.dialect == "sqlite":
                self._connection.exec_driver_sql("PRAGMA secure_delete=ON")
                self._connection.commit()
        except AuditError as error:
            raise VaultError("unavailable", error.message) from None
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise unavailable(error, self._place) from None
        self._identity = file_identity(self._database.path)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(SQLAlchemyError, sqlite3.Error):
                connection.close()

    def ensure_key(self, tenant: str, now: dt.datetime) -> None:
        """See that the tenant has a data key and that it opens. Raises VaultError."""
        with self._transaction() as connection:
            key = keyring.newest(connection, tenant)
        if key is None:
            row = self._ring.new_row(tenant, 1, now)  # not in a transaction: a key service may take its time
            with self._transaction() as connection:
                keyring.add(connection, row)
                key = keyring.newest(connection, tenant)
        assert key is not None
        self._ring.opened(key)

    def write(self, jobs: Sequence[Job], now: dt.datetime) -> None:
        """Durable on return. Raises VaultError: then nothing of the batch is."""
        with self._transaction() as connection:
            newest: dict[str, WrappedKey] = {}
            for job in sorted(jobs, key=_place):  # two gateways on one server lock rows in the same order
                if isinstance(job, Keep):
                    self._keep(connection, job, now, newest)
                else:
                    connection.execute(delete(_objects).where(*_named(_objects, job.owner, job.target)))

    def sweep(self, now: dt.datetime) -> int:
        """Destroy what has expired, some at a time; answers how many objects. Raises VaultError."""
        expired = (
            select(_objects.c.seq).where(_objects.c.holder.is_(None), _objects.c.expires <= now).limit(_SWEPT_AT_ONCE)
        )
        with self._transaction() as connection:
            return connection.execute(delete(_objects).where(_objects.c.seq.in_(expired))).rowcount

    def find(
        self, owner: Owner, names: Sequence[StoredObject], now: dt.datetime
    ) -> list[Mapping[str, Original] | None]:
        """For each name what its placeholders stand for; None for what this owner has not. Raises VaultError."""
        with self._transaction() as connection:
            found = []
            for name in names:
                holder = self._holder(connection, owner, name)
                alive = holder is not None and holder.expires > now
                found.append((holder, self._sealed(connection, holder)) if alive and holder is not None else None)
        return [None if one is None else self._opened(owner, *one) for one in found]

    # -- inside a transaction ------------------------------------------------------------------------------------------

    def _keep(self, connection: Connection, job: Keep, now: dt.datetime, newest: dict[str, WrappedKey]) -> None:
        holder = self._holder(connection, job.owner, job.holder, lock=True)
        if holder is not None and holder.expires <= now:
            connection.execute(delete(_objects).where(_objects.c.seq == holder.seq))
            holder = None
        if holder is None:
            holder = self._insert(connection, job.owner, job.holder, now, newest)
        elif holder.expires < now + (self._ttl / 2 if not job.originals else self._ttl):
            connection.execute(update(_objects).where(_objects.c.seq == holder.seq).values(expires=now + self._ttl))
        if job.originals:
            key = crypto.object_key(self._ring.opened(holder.key), holder.salt)
            about = bound_record(job.owner, holder.name)
            rows = [
                {"object_seq": holder.seq, "entity": entity, "sealed": crypto.seal(key, plain, (*about, entity))}
                for entity, plain in packed(job.originals)
            ]
            connection.execute(insert(_records), rows)
        if job.others:
            same = {"holder": holder.seq, "created": now, "expires": holder.expires}
            rows = [_name_values(job.owner, other) | same for other in job.others]
            connection.execute(insert_or_leave(connection, _objects, _UNIQUE), rows)

    def _insert(
        self, connection: Connection, owner: Owner, name: StoredObject, now: dt.datetime, newest: dict[str, WrappedKey]
    ) -> _Holder:
        """``newest`` holds the data keys in force that this transaction has looked up: none comes into force in it."""
        key = newest.get(owner.tenant) or keyring.newest(connection, owner.tenant)
        if key is None:
            keyring.add(connection, self._ring.new_row(owner.tenant, 1, now))
            key = keyring.newest(connection, owner.tenant)
            assert key is not None
        newest[owner.tenant] = key
        salt, expires = crypto.new_key(), now + self._ttl
        row = {"data_key": key.seq, "salt": salt, "created": now, "expires": expires}
        adding = insert_or_leave(connection, _objects, _UNIQUE).values(_name_values(owner, name) | row)
        seq = connection.execute(adding.returning(_objects.c.seq)).scalar()
        if seq is not None:
            return _Holder(seq, name, salt, expires, key)
        holder = self._holder(connection, owner, name, lock=True)  # another gateway was first, on a server
        assert holder is not None
        return holder

    def _holder(
        self, connection: Connection, owner: Owner, name: StoredObject, *, lock: bool = False
    ) -> _Holder | None:
        query = (
            select(*_HOLDER_COLUMNS)
            .select_from(_objects)
            .join(_holders, _holders.c.seq == func.coalesce(_objects.c.holder, _objects.c.seq))
            .join(_keys, _keys.c.seq == _holders.c.data_key)
            .where(*_named(_objects, owner, name))
        )
        row = connection.execute(query.with_for_update(of=_holders) if lock else query).first()
        if row is None:
            return None
        seq, kind, key, salt, expires, *wrapped = row
        return _Holder(seq, StoredObject(kind, key), salt, expires, WrappedKey(*wrapped))

    def _sealed(self, connection: Connection, holder: _Holder) -> Sequence[tuple[str, bytes]]:
        query = select(_records.c.entity, _records.c.sealed).where(_records.c.object_seq == holder.seq)
        return [(entity, sealed) for entity, sealed in connection.execute(query.order_by(_records.c.seq))]

    def _opened(self, owner: Owner, holder: _Holder, sealed: Sequence[tuple[str, bytes]]) -> Mapping[str, Original]:
        if not sealed:
            return {}
        key = crypto.object_key(self._ring.opened(holder.key), holder.salt)
        about = bound_record(owner, holder.name)
        originals: dict[str, Original] = {}
        for entity, one in sealed:
            originals.update(unpacked(crypto.unseal(key, one, (*about, entity))))
        return originals

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """A transaction on the connection; on any failure it is rolled back and the connection closed."""
        if self._connection is None:
            self.open()
        assert self._connection is not None and self._database is not None
        try:
            with self._connection.begin():
                yield self._connection
            if file_identity(self._database.path) != self._identity:
                raise VaultError("unavailable", "The database was replaced while in use: restart the gateway.")
        except (SQLAlchemyError, sqlite3.Error) as error:
            self.close()
            raise unavailable(error, self._place) from None
        except BaseException:
            self.close()
            raise

    @property
    def _place(self) -> str:
        return self._database.place if self._database is not None else "?"


_UNIQUE = ("tenant", "principal", "kind", "object_id")


def _place(job: Job) -> tuple[bool, str, str, str]:
    """What is to be kept goes before what is to be forgotten."""
    name = job.holder if isinstance(job, Keep) else job.target
    return isinstance(job, Forget), job.owner.principal, name.kind, name.id


def bound_record(owner: Owner, name: StoredObject) -> tuple[str, ...]:
    """What an object's records are bound to, the entity aside."""
    return "record", owner.tenant, owner.principal, name.kind, name.id


def _named(table: Table, owner: Owner, name: StoredObject) -> Sequence[ColumnElement[bool]]:
    values = _name_values(owner, name)
    return [table.c[column] == values[column] for column in _UNIQUE]


def _name_values(owner: Owner, name: StoredObject) -> dict[str, object]:
    return {"tenant": owner.tenant, "principal": owner.principal, "kind": name.kind, "object_id": name.id}
