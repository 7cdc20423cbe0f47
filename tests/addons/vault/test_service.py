"""The vault as the gateway has it: durable on return, refused where it cannot be, swept of what is over."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.vault.errors import VaultError
from addons.vault.keyring import KeyRing
from addons.vault.masters import KeyFile
from addons.vault.names import Forget, Keep
from addons.vault.service import Vault
from addons.wire.types import StoredObject
from tests.addons.vault.conftest import MONTH, NOON, original
from tests.databases import count

RESPONSE = StoredObject("response", "resp_1")
VALUES = {"PERSON_7KQ2M4XB": original("Maria Gonzalez")}


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def vault(url: str, keys: KeyFile, clock: Clock) -> AsyncIterator[Vault]:
    made = Vault(url, KeyRing(keys), "default", time_to_live=MONTH, sweep_every_s=0.01, now=clock)
    await made.start()
    yield made
    await made.stop()


async def test_written_then_found_by_its_owner_alone(vault: Vault) -> None:
    assert vault.ready
    assert await vault.find("key-me", [RESPONSE]) == [None]
    await vault.write(Keep(vault.owner("key-me"), RESPONSE, VALUES))
    assert await vault.find("key-me", [RESPONSE]) == [VALUES]
    assert await vault.find("key-other", [RESPONSE]) == [None]
    await vault.write(Forget(vault.owner("key-me"), RESPONSE))
    assert await vault.find("key-me", [RESPONSE]) == [None]


async def test_many_at_once_share_transactions_and_none_is_lost(vault: Vault) -> None:
    names = [StoredObject("response", f"resp_{number}") for number in range(300)]
    await asyncio.gather(*[vault.write(Keep(vault.owner("key-me"), name, VALUES)) for name in names])
    assert await vault.find("key-me", names) == [VALUES] * len(names)


async def test_it_sweeps_by_itself(vault: Vault, clock: Clock, url: str) -> None:
    await vault.write(Keep(vault.owner("key-me"), RESPONSE, VALUES))
    clock.now = NOON + MONTH
    assert await vault.find("key-me", [RESPONSE]) == [None]
    assert await emptied(url)


async def emptied(url: str) -> bool:
    """True once no object is left; gives up after many looks."""
    for _ in range(500):
        if count(url, "vault_objects") == 0:
            return True
        await asyncio.sleep(0.01)
    return False


@pytest.mark.sqlite_only("its file is moved away")
async def test_a_database_that_goes_away_and_comes_back(
    vault: Vault, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database, away = tmp_path / "state" / "audit.db", tmp_path / "away.db"
    await vault.write(Keep(vault.owner("key-me"), RESPONSE, VALUES))
    database.rename(away)
    with pytest.raises(VaultError) as caught:
        await vault.write(Keep(vault.owner("key-me"), RESPONSE, VALUES))
    assert caught.value.code == "unavailable"
    with pytest.raises(VaultError):
        await vault.find("key-me", [RESPONSE])
    assert not vault.ready
    assert "Maria" not in caplog.text
    away.rename(database)
    await vault.write(Keep(vault.owner("key-me"), RESPONSE, VALUES))
    assert await vault.find("key-me", [RESPONSE]) == [VALUES]
    assert vault.ready


@pytest.mark.sqlite_only("its one lock is held")
async def test_a_call_that_takes_too_long_is_refused(url: str, keys: KeyFile, tmp_path: Path) -> None:
    vault = Vault(url, KeyRing(keys), "default", time_to_live=MONTH, time_limit_s=0.05)
    await vault.start()
    holder = sqlite3.connect(tmp_path / "state" / "audit.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(VaultError) as caught:
        await vault.write(Keep(vault.owner("key-me"), RESPONSE, VALUES))
    assert caught.value.code == "timeout"
    holder.execute("ROLLBACK")
    holder.close()
    await vault.stop()


async def test_before_and_after_it_runs_it_refuses(url: str, keys: KeyFile) -> None:
    vault = Vault(url, KeyRing(keys), "default", time_to_live=MONTH)
    for running in (False, True):
        if running:
            await vault.start()
            await vault.stop()
        for ask in (vault.write(Keep(vault.owner("a"), RESPONSE, {})), vault.find("a", [RESPONSE])):
            with pytest.raises(VaultError) as caught:
                await ask
            assert caught.value.code == "stopped"


async def test_more_than_the_queue_takes_is_refused(url: str, keys: KeyFile) -> None:
    vault = Vault(url, KeyRing(keys), "default", time_to_live=MONTH, queue_limit=1)
    await vault.start()
    job = Keep(vault.owner("a"), RESPONSE, {})
    with pytest.raises(VaultError) as caught:
        await vault.write(job, job)
    assert caught.value.code == "queue_full"
    await vault.stop()


async def test_another_key_file_does_not_start(vault: Vault, url: str, tmp_path: Path) -> None:
    other = KeyFile(tmp_path / "other.key")
    other.ensure()
    stranger = Vault(url, KeyRing(other), "default", time_to_live=MONTH)
    with pytest.raises(VaultError, match="lacks the vault's master key"):
        await stranger.start()


async def test_two_that_start_together_have_one_data_key(
    url: str, keys: KeyFile, caplog: pytest.LogCaptureFixture
) -> None:
    both = [Vault(url, KeyRing(KeyFile(keys.path)), "default", time_to_live=MONTH) for _ in range(2)]
    with caplog.at_level(logging.ERROR):
        await asyncio.gather(*[one.start() for one in both])
    await both[0].write(Keep(both[0].owner("a"), RESPONSE, VALUES))
    assert await both[1].find("a", [RESPONSE]) == [VALUES]
    for one in both:
        await one.stop()
    assert caplog.text == ""
