"""Kept under its owner and id, found there and nowhere else; on disk there is nothing to read."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from addons.masking.restorer import Original
from addons.vault.errors import VaultError
from addons.vault.keyring import KeyRing
from addons.vault.masters import KeyFile
from addons.vault.migrations import REVISIONS, VERSION_TABLE
from addons.vault.names import Forget, Keep, Owner
from addons.vault.schema import TABLES, Base
from addons.vault.store import Store
from addons.vault.tables import open_tables
from addons.wire.types import StoredObject
from audit.database import open_database
from tests.addons.vault.conftest import MONTH, NOON, original
from tests.databases import by_hand, count, rows

ME, OTHER = Owner("default", "key-me"), Owner("default", "key-other")
RESPONSE, NEXT = StoredObject("response", "resp_1"), StoredObject("response", "resp_2")
ITEM = StoredObject("item", "msg_1")
NAME, EMAIL = "Maria Gonzalez", "maria.gonzalez@example.com"
VALUES = {
    "PERSON_7KQ2M4XB": original(NAME),
    "EMAIL_ADDRESS_1234567A": original(EMAIL),
    "PERSON_AAAAAAAA": Original('Jo\\"e', 1, 'Jo"e'),
}


def find(store: Store, owner: Owner, name: StoredObject, now: dt.datetime = NOON) -> dict[str, Original] | None:
    found = store.find(owner, [name], now)[0]
    return None if found is None else dict(found)


def test_what_is_kept_is_found_by_its_id_and_its_items(stores: Callable[..., Store]) -> None:
    stores().write([Keep(ME, RESPONSE, VALUES, [ITEM])], NOON)
    for store in (stores(), stores(writes=False)):
        assert find(store, ME, RESPONSE) == find(store, ME, ITEM) == VALUES


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (OTHER, RESPONSE),
        (Owner("another", "key-me"), RESPONSE),
        (ME, StoredObject("conversation", "resp_1")),
        (ME, StoredObject("response", "resp_12")),
        (OTHER, ITEM),
    ],
)
def test_nothing_is_there_for_another(store: Store, owner: Owner, name: StoredObject) -> None:
    store.write([Keep(ME, RESPONSE, VALUES, [ITEM])], NOON)
    assert find(store, owner, name) is None


def test_the_same_id_of_two_owners_is_two_objects(store: Store) -> None:
    mine, theirs = {"PERSON_7KQ2M4XB": original(NAME)}, {"PERSON_7KQ2M4XB": original("Zhang Wei")}
    store.write([Keep(ME, RESPONSE, mine), Keep(OTHER, RESPONSE, theirs)], NOON)
    assert (find(store, ME, RESPONSE), find(store, OTHER, RESPONSE)) == (mine, theirs)
    store.write([Forget(ME, RESPONSE)], NOON)
    assert (find(store, ME, RESPONSE), find(store, OTHER, RESPONSE)) == (None, theirs)


def test_an_object_without_placeholders_is_known_all_the_same(store: Store) -> None:
    store.write([Keep(ME, RESPONSE, {})], NOON)
    assert find(store, ME, RESPONSE) == {}


def test_what_is_added_from_two_sides_is_all_there(stores: Callable[..., Store]) -> None:
    first, second = stores(), stores()
    first.write([Keep(ME, RESPONSE, {"PERSON_7KQ2M4XB": original(NAME)})], NOON)
    second.write([Keep(ME, RESPONSE, {"EMAIL_ADDRESS_1234567A": original(EMAIL)}, [ITEM])], NOON)
    first.write([Keep(ME, RESPONSE, {"PERSON_AAAAAAAA": VALUES["PERSON_AAAAAAAA"]})], NOON)
    assert find(second, ME, ITEM) == VALUES


@pytest.mark.postgresql_too
def test_it_is_there_until_its_time_is_over_and_then_it_is_gone(store: Store, url: str) -> None:
    store.write([Keep(ME, RESPONSE, VALUES, [ITEM])], NOON)
    assert find(store, ME, RESPONSE, NOON + MONTH - dt.timedelta(seconds=1)) == VALUES
    for name in (RESPONSE, ITEM):
        assert find(store, ME, name, NOON + MONTH) is None
    assert store.sweep(NOON) == 0
    assert store.sweep(NOON + MONTH) == 1
    assert [count(url, table) for table in TABLES] == [1, 0, 0]


def test_use_prolongs_it_and_what_had_expired_does_not_come_back(store: Store) -> None:
    store.write([Keep(ME, RESPONSE, VALUES)], NOON)
    later = NOON + MONTH * 2 / 3
    store.write([Keep(ME, RESPONSE, {}, [ITEM])], later)
    assert find(store, ME, RESPONSE, NOON + MONTH) == VALUES
    store.write([Keep(ME, RESPONSE, {})], later + MONTH)
    assert find(store, ME, RESPONSE, later + MONTH) == {}


def test_forgetting_an_item_leaves_the_response(store: Store) -> None:
    store.write([Keep(ME, RESPONSE, VALUES, [ITEM]), Forget(ME, ITEM)], NOON)
    assert find(store, ME, ITEM) is None
    assert find(store, ME, RESPONSE) == VALUES
    store.write([Keep(ME, NEXT, VALUES, [ITEM]), Forget(ME, NEXT)], NOON)
    assert find(store, ME, ITEM) is None


@pytest.mark.parametrize("column", ["sealed", "entity", "salt", "principal", "object_id", "wrapped", "tenant"])
def test_a_row_that_was_altered_is_refused(stores: Callable[..., Store], url: str, column: str) -> None:
    stores().write([Keep(ME, RESPONSE, VALUES)], NOON)
    changed = {
        "sealed": "UPDATE vault_records SET sealed = ?",
        "entity": "UPDATE vault_records SET entity = 'LOCATION' WHERE entity = 'PERSON'",
        "salt": "UPDATE vault_objects SET salt = ?",
        "principal": "UPDATE vault_objects SET principal = 'key-other'",
        "object_id": "UPDATE vault_objects SET object_id = 'resp_2'",
        "wrapped": "UPDATE vault_data_keys SET wrapped = ?",
        "tenant": "UPDATE vault_data_keys SET tenant = 'another'",
    }
    old = {
        "sealed": "SELECT sealed FROM vault_records ORDER BY seq LIMIT 1",
        "salt": "SELECT salt FROM vault_objects",
        "wrapped": "SELECT wrapped FROM vault_data_keys",
    }
    bent = []
    if column in old:
        ((value,),) = rows(url, old[column])
        bent = [bytes([value[0]]) + bytes(value[2:]) + b"\x01"]
    with by_hand(url) as hand:
        hand.execute(changed[column], bent)
    owner = OTHER if column == "principal" else ME
    with pytest.raises(VaultError) as caught:
        find(stores(), owner, NEXT if column == "object_id" else RESPONSE)
    assert caught.value.code == "damaged"
    assert NAME not in str(caught.value)


@pytest.mark.sqlite_only("what is looked through is its file")
def test_nothing_on_disk_can_be_read(store: Store, tmp_path: Path) -> None:
    store.write([Keep(ME, RESPONSE, VALUES, [ITEM])], NOON)
    data = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir() if path.name != "vault.key")
    assert b"resp_1" in data
    for value in (NAME, EMAIL, "Gonzalez"):
        raw = value.encode()
        shifted = [base64.b64encode(b"x" * n + raw)[4 if n else 0 : -4] for n in range(3)]
        for form in (raw, raw.hex().encode(), value.encode("utf-16-le"), *shifted):
            assert form not in data


def test_without_the_key_file_nothing_opens(store: Store, url: str, tmp_path: Path) -> None:
    store.write([Keep(ME, RESPONSE, VALUES)], NOON)
    other = KeyFile(tmp_path / "other.key")
    other.ensure()
    stranger = Store(url, KeyRing(other), MONTH, writes=True)
    for ask in (lambda: find(stranger, ME, RESPONSE), lambda: stranger.ensure_key("default", NOON)):
        with pytest.raises(VaultError, match="lacks the vault's master key") as caught:
            ask()
        assert caught.value.code == "no_key"
    stranger.close()


@pytest.mark.sqlite_only("its file is moved away")
def test_a_database_that_is_gone_is_an_error_and_no_new_one(store: Store, url: str, tmp_path: Path) -> None:
    store.write([Keep(ME, RESPONSE, VALUES)], NOON)
    path = tmp_path / "state" / "audit.db"
    path.rename(tmp_path / "away.db")
    for _ in range(2):
        with pytest.raises(VaultError) as caught:
            store.write([Keep(ME, NEXT, VALUES)], NOON)
        assert caught.value.code == "unavailable"
    assert not path.exists()


TOKENS = st.sampled_from([*VALUES, "DATE_TIME_00000000"])
type Step = tuple[str, Owner, StoredObject, dict[str, Original]]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["keep", "forget"]),
        st.sampled_from([ME, OTHER]),
        st.sampled_from([RESPONSE, NEXT, StoredObject("conversation", "conv_1")]),
        st.dictionaries(TOKENS, st.builds(original, st.text(max_size=8)), max_size=3),
    ),
    max_size=12,
)


@given(steps=STEPS)
@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_holds_what_a_dictionary_would(steps: list[Step], tmp_path: Path) -> None:
    number = len(list(tmp_path.glob("*.db")))
    keys = KeyFile(tmp_path / "k")
    keys.ensure()
    store = Store(f"sqlite:///{tmp_path / f'{number}.db'}", KeyRing(keys), MONTH, writes=True)
    model: dict[tuple[Owner, StoredObject], dict[str, Original]] = {}
    for what, owner, name, originals in steps:
        if what == "keep":
            store.write([Keep(owner, name, originals)], NOON)
            model.setdefault((owner, name), {}).update(originals)
        else:
            store.write([Forget(owner, name)], NOON)
            model.pop((owner, name), None)
    for owner in (ME, OTHER):
        for name in (RESPONSE, NEXT, StoredObject("conversation", "conv_1")):
            assert find(store, owner, name) == model.get((owner, name))
    store.close()


# -- the tables --------------------------------------------------------------------------------------------------------


def test_migrations_end_at_the_schema_and_leave_the_audits_tables_alone(url: str) -> None:
    open_database(url)
    with open_tables(url).engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "compare_type": True,
                "include_name": lambda name, kind, parents: kind != "table" or name.startswith("vault_"),
            },
        )
        assert compare_metadata(context, Base.metadata) == []
        assert {*TABLES, VERSION_TABLE, "decisions"} <= set(sa.inspect(connection).get_table_names())
    assert set(Base.metadata.tables) == set(TABLES)


def test_later_tables_are_refused(url: str) -> None:
    with open_tables(url).engine.begin() as connection:
        assert connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() == REVISIONS[-1]
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(VaultError, match="upgrade") as caught:
        open_tables(url)
    assert caught.value.code == "newer"
