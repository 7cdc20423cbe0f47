"""New keys for old: each step is durable by itself, and whoever is stopped between two begins where it stopped.

Imports this room. While it goes on, everything stays readable: old keys are removed when nothing needs them any more.
A rotation that was not finished is finished before another can begin.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, delete, exists, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from addons.vault import crypto, keyring
from addons.vault.keyring import KEY_COLUMNS, KeyRing, WrappedKey
from addons.vault.masters import KMS, HeldKeys, KeyFile, Masters
from addons.vault.names import Owner
from addons.vault.schema import Base
from addons.vault.store import bound_record
from addons.vault.tables import unavailable
from addons.wire.types import StoredObject
from audit.database import Database

OBJECTS_AT_ONCE = 50
_tables = Base.metadata.tables
_keys: Table = _tables["vault_data_keys"]
_objects: Table = _tables["vault_objects"]
_records: Table = _tables["vault_records"]


def rotate(database: Database, masters: Masters, now: dt.datetime, *, master: bool, data: bool) -> Iterator[str]:
    """Do it, saying after each durable step what was done. Raises VaultError.

    ``master``: wrap all data keys by a new master key. Of a file the new one is made here; of an environment variable
    it is the first of the keys in it; a key service has its own. ``data``: seal all records by new data keys.
    """
    ring = KeyRing(masters)
    try:
        if master:
            yield from _rotate_master(database, masters, ring)
        if data:
            yield from _rotate_data(database, ring, now)
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise unavailable(error, database.place) from None


def unfinished(connection: Connection) -> bool:
    """True if a tenant has more than one data key: a rotation was stopped, or is going on."""
    several = select(_keys.c.tenant).group_by(_keys.c.tenant).having(func.count() > 1)
    return connection.execute(several.limit(1)).first() is not None


def _rotate_master(database: Database, masters: Masters, ring: KeyRing) -> Iterator[str]:
    locked = masters.locked() if isinstance(masters, KeyFile) else contextlib.nullcontext()
    with locked:
        if isinstance(masters, KeyFile):
            if len(masters.ids()) == 1:
                masters.add_new()
                yield "made a new master key"
            else:
                yield "resuming: the key file holds a new master key already"
        elif isinstance(masters, HeldKeys) and len(masters.ids) == 1:
            yield "the environment variable holds one master key: put a new one in front of it to rotate"
            return
        yield from _wrap_again(database, masters, ring)
        if isinstance(masters, KeyFile):
            masters.drop_old()
            yield "removed the old master key"


def _wrap_again(database: Database, masters: Masters, ring: KeyRing) -> Iterator[str]:
    with database.engine.begin() as connection:
        keys = [WrappedKey(*row) for row in connection.execute(select(*KEY_COLUMNS).order_by(_keys.c.seq))]
    for key in keys:
        if key.master == masters.current != KMS:
            continue
        payload = crypto.payload_of(ring.opened(key), key.bound_to)
        name, wrapped = masters.wrap(payload)
        with database.engine.begin() as connection:
            connection.execute(
                update(_keys)
                .where(_keys.c.seq == key.seq, _keys.c.wrapped == key.wrapped)
                .values(master=name, wrapped=wrapped)
            )
        yield f"wrapped data key {key.number} of tenant {key.tenant} by the master key in force"


def _rotate_data(database: Database, ring: KeyRing, now: dt.datetime) -> Iterator[str]:
    with database.engine.begin() as connection:
        counts = connection.execute(
            select(_keys.c.tenant, func.max(_keys.c.number), func.count()).group_by(_keys.c.tenant)
        )
        tenants = [(tenant, number, count) for tenant, number, count in counts]
    for tenant, number, count in tenants:
        if count == 1:
            row = ring.new_row(tenant, number + 1, now)
            with database.engine.begin() as connection:
                keyring.add(connection, row)
            yield f"made data key {number + 1} of tenant {tenant}"
        else:
            yield f"resuming: tenant {tenant} has a new data key already"
        yield from _seal_again(database, ring, tenant)
        with database.engine.begin() as connection:
            newest = keyring.newest(connection, tenant)
            assert newest is not None
            unused = ~exists().where(_objects.c.data_key == _keys.c.seq)
            old = delete(_keys).where(_keys.c.tenant == tenant, _keys.c.seq != newest.seq, unused)
            removed = connection.execute(old).rowcount
        yield f"destroyed {removed} old data key(s) of tenant {tenant}"


def _seal_again(database: Database, ring: KeyRing, tenant: str) -> Iterator[str]:
    total = 0
    while True:
        with database.engine.begin() as connection:
            newest = keyring.newest(connection, tenant)
            assert newest is not None
            query = (
                select(_objects, *KEY_COLUMNS[1:])
                .join(_keys, _keys.c.seq == _objects.c.data_key)
                .where(_objects.c.tenant == tenant, _objects.c.data_key != newest.seq)
                .order_by(_objects.c.seq)
                .limit(OBJECTS_AT_ONCE)
                .with_for_update(of=_objects)
            )
            found = list(connection.execute(query))
            for one in found:
                _seal_object(connection, ring, one, newest)
        if not found:
            return
        total += len(found)
        yield f"sealed {total} object(s) of tenant {tenant} anew"


def _seal_object(connection: Connection, ring: KeyRing, one: Any, newest: WrappedKey) -> None:
    old = WrappedKey(one.data_key, *one[-len(KEY_COLUMNS) + 1 :])
    salt = crypto.new_key()
    before, after = crypto.object_key(ring.opened(old), one.salt), crypto.object_key(ring.opened(newest), salt)
    about = bound_record(Owner(one.tenant, one.principal), StoredObject(one.kind, one.object_id))
    for seq, entity, sealed in list(
        connection.execute(
            select(_records.c.seq, _records.c.entity, _records.c.sealed).where(_records.c.object_seq == one.seq)
        )
    ):
        plain = crypto.unseal(before, sealed, (*about, entity))
        again = crypto.seal(after, plain, (*about, entity))
        connection.execute(update(_records).where(_records.c.seq == seq).values(sealed=again))
    connection.execute(update(_objects).where(_objects.c.seq == one.seq).values(data_key=newest.seq, salt=salt))
