"""Data keys as they are used: wrapped in the table, open in this process's memory and nowhere else.

Imports this room. Thread-safe. A key is remembered by its row and its wrapping, so that neither a row that was rolled
back nor one that was made anew can be taken for another.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Table, select

from addons.vault import crypto
from addons.vault.masters import Masters
from addons.vault.schema import Base
from addons.vault.upsert import insert_or_leave

_keys: Table = Base.metadata.tables["vault_data_keys"]
KEY_COLUMNS = (_keys.c.seq, _keys.c.tenant, _keys.c.number, _keys.c.master, _keys.c.wrapped)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A row of ``vault_data_keys``."""

    seq: int
    tenant: str
    number: int
    master: str
    wrapped: bytes = field(repr=False)

    @property
    def bound_to(self) -> Sequence[str]:
        """What the key inside is bound to."""
        return bound_to(self.tenant, self.number)


def bound_to(tenant: str, number: int) -> Sequence[str]:
    """What a data key is bound to."""
    return "data key", tenant, str(number)


class KeyRing:
    """Opens data keys by the master key, once each."""

    def __init__(self, masters: Masters) -> None:
        self.masters = masters
        self._lock = threading.Lock()
        self._open: dict[tuple[int, bytes], bytes] = {}

    def opened(self, key: WrappedKey) -> bytes:
        """The data key. Raises VaultError ``no_key`` or ``damaged``."""
        with self._lock:
            known = self._open.get((key.seq, key.wrapped))
            if known is None:
                known = crypto.data_key_of(self.masters.unwrap(key.master, key.wrapped), key.bound_to)
                self._open[key.seq, key.wrapped] = known
            return known

    def new_row(self, tenant: str, number: int, now: dt.datetime) -> dict[str, object]:
        """Values of the row of a new data key. Raises VaultError ``no_key``."""
        payload = crypto.payload_of(crypto.new_key(), bound_to(tenant, number))
        with self._lock:
            master, wrapped = self.masters.wrap(payload)
        return {"tenant": tenant, "number": number, "master": master, "wrapped": wrapped, "created": now}


def newest(connection: Connection, tenant: str) -> WrappedKey | None:
    """The tenant's data key in force, if it has any."""
    query = select(*KEY_COLUMNS).where(_keys.c.tenant == tenant).order_by(_keys.c.number.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else WrappedKey(*row)


def add(connection: Connection, row: dict[str, object]) -> None:
    """Add a data key's row, unless the tenant has one of that number."""
    connection.execute(insert_or_leave(connection, _keys, ["tenant", "number"]), [row])
