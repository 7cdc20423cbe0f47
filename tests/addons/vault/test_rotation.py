"""New keys in place of old ones, stopped between any two steps: nothing is lost, all stays readable, old keys go."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from addons.vault import crypto, rotation
from addons.vault.errors import VaultError
from addons.vault.forgetting import forget
from addons.vault.keyring import KeyRing
from addons.vault.masters import HeldKeys, KeyFile, Masters
from addons.vault.names import Keep, Owner
from addons.vault.store import Store
from addons.vault.tables import open_tables
from addons.wire.types import StoredObject
from tests.addons.vault.conftest import MONTH, NOON, original
from tests.databases import rows

ME, OTHER = Owner("default", "key-me"), Owner("second", "key-other")
NAMES = [StoredObject("response", f"resp_{number}") for number in range(7)]
VALUES = {"PERSON_7KQ2M4XB": original("Maria Gonzalez"), "LOCATION_7KQ2M4XB": original("Delft")}


def steps(url: str, masters: Masters, *, master: bool = True, data: bool = True) -> list[str]:
    return list(rotation.rotate(open_tables(url), masters, NOON, master=master, data=data))


def fill(store: Store) -> None:
    for owner in (ME, OTHER):
        store.write([Keep(owner, name, VALUES) for name in NAMES], NOON)


def check(store: Store) -> None:
    for owner in (ME, OTHER):
        assert store.find(owner, NAMES, NOON) == [VALUES] * len(NAMES)


def test_all_keys_are_new_and_all_is_there(stores: Callable[..., Store], keys: KeyFile, url: str) -> None:
    running = stores()
    fill(running)
    query = "SELECT sealed FROM vault_records UNION ALL SELECT wrapped FROM vault_data_keys"
    before, old = set(rows(url, query)), keys.ids()
    said = steps(url, keys)
    assert len(said) >= 6
    assert not before & set(rows(url, query))
    assert len(keys.ids()) == 1
    assert not set(old) & set(keys.ids())
    assert rows(url, "SELECT tenant, number FROM vault_data_keys ORDER BY tenant") == [
        ("default", 2),
        ("second", 2),
    ]
    check(stores())
    check(running)
    running.write([Keep(ME, NAMES[0], {"PERSON_AAAAAAAA": original("Bo")})], NOON)
    assert stores().find(ME, NAMES[:1], NOON) == [VALUES | {"PERSON_AAAAAAAA": original("Bo")}]


def test_stopped_between_any_two_steps(
    keys: KeyFile, url: str, stores: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "OBJECTS_AT_ONCE", 2)
    running = stores()
    fill(running)
    total = len(steps(url, keys))
    assert total > 10
    for stop in range(1, total):
        going = rotation.rotate(open_tables(url), KeyFile(keys.path), NOON, master=True, data=True)
        assert len(list(itertools.islice(going, stop))) == stop
        going.close()
        check(running)
        check(stores(writes=False))
        running.write([Keep(ME, StoredObject("response", f"during_{stop}"), VALUES)], NOON)
        steps(url, KeyFile(keys.path))
        check(stores())
        with open_tables(url).engine.begin() as connection:
            assert not rotation.unfinished(connection)
    assert len(keys.ids()) == 1
    assert running.find(ME, [StoredObject("response", f"during_{stop}") for stop in range(1, total)], NOON) == [
        VALUES
    ] * (total - 1)


def test_keys_of_a_variable_are_put_in_front(url: str) -> None:
    old, new = crypto.new_key(), crypto.new_key()
    store = Store(url, KeyRing(HeldKeys([old], "x")), MONTH, writes=True)
    fill(store)
    assert "put a new one in front" in steps(url, HeldKeys([old], "x"), data=False)[0]
    steps(url, HeldKeys([new, old], "x"), data=False)
    after = Store(url, KeyRing(HeldKeys([new], "x")), MONTH, writes=False)
    check(after)
    with pytest.raises(VaultError):
        Store(url, KeyRing(HeldKeys([old], "x")), MONTH, writes=False).find(ME, NAMES, NOON)
    store.close()
    after.close()


@pytest.mark.parametrize(
    ("what", "left"),
    [
        ({"principal": "key-me"}, []),
        ({"principal": "key-nobody"}, NAMES),
        ({"object_id": "resp_3"}, [name for name in NAMES if name.id != "resp_3"]),
        ({"object_id": "msg_3"}, [name for name in NAMES if name.id != "resp_3"]),
        ({}, []),
    ],
)
def test_what_is_forgotten_is_gone_and_the_rest_is_not(
    store: Store, url: str, tmp_path: Path, what: dict[str, str], left: list[StoredObject]
) -> None:
    fill(store)
    store.write([Keep(ME, NAMES[3], {}, [StoredObject("item", "msg_3")])], NOON)
    sealed = dict(rows(url, "SELECT object_seq, sealed FROM vault_records"))
    assert forget(open_tables(url), "default", **what) == len(NAMES) - len(left)
    assert [name for name, found in zip(NAMES, store.find(ME, NAMES, NOON), strict=True) if found is not None] == left
    assert store.find(OTHER, NAMES, NOON) == [VALUES] * len(NAMES)
    store.close()
    gone = set(sealed.values()) - {one for (one,) in rows(url, "SELECT sealed FROM vault_records")}
    data = b"".join(path.read_bytes() for path in (tmp_path / "state").glob("audit.db*"))
    assert not [one for one in gone if one in data]


def test_after_forgetting_everything_it_goes_on(store: Store, url: str) -> None:
    fill(store)
    forget(open_tables(url), "default")
    store.write([Keep(ME, NAMES[0], VALUES)], NOON)
    assert store.find(ME, NAMES[:2], NOON) == [VALUES, None]
