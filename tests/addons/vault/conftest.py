"""A vault in a database of the test's own, with a clock that the test moves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from addons.masking.restorer import Original
from addons.vault.keyring import KeyRing
from addons.vault.masters import KeyFile
from addons.vault.store import Store

NOON = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
MONTH = dt.timedelta(days=30)


def original(value: str) -> Original:
    return Original(value, 0, value)


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    file = KeyFile(tmp_path / "state" / "vault.key")
    file.ensure()
    return file


@pytest.fixture
def stores(url: str, keys: KeyFile) -> Iterator[Callable[..., Store]]:
    """Makes stores as other processes would: each with key ring and connection of its own."""
    made: list[Store] = []

    def make(*, writes: bool = True) -> Store:
        made.append(Store(url, KeyRing(KeyFile(keys.path)), MONTH, writes=writes))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(stores: Callable[..., Store]) -> Store:
    return stores()
