"""What is sealed opens again, and nothing else does: no bit changed, no other name, no other key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from addons.masking.restorer import Original
from addons.vault import crypto
from addons.vault.errors import VaultError
from addons.vault.records import PADDING, packed, unpacked

TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
PARTS = st.lists(TEXT, max_size=5)
KEY = b"k" * crypto.KEY_BYTES


@given(plain=st.binary(max_size=300), parts=PARTS)
def test_what_is_sealed_opens_again(plain: bytes, parts: list[str]) -> None:
    assert crypto.unseal(KEY, crypto.seal(KEY, plain, parts), parts) == plain


def test_the_same_thing_sealed_twice_differs() -> None:
    assert crypto.seal(KEY, b"value", ["a"]) != crypto.seal(KEY, b"value", ["a"])


@given(plain=st.binary(min_size=1, max_size=60), data=st.data())
def test_no_bit_can_be_changed(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(crypto.seal(KEY, plain, ["tenant", "object"]))
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[at // 8] ^= 1 << at % 8
    with pytest.raises(VaultError) as caught:
        crypto.unseal(KEY, bytes(sealed), ["tenant", "object"])
    assert caught.value.code == "damaged"


@given(cut=st.integers(0, 80))
def test_nothing_can_be_cut_off(cut: int) -> None:
    sealed = crypto.seal(KEY, b"Maria Gonzalez", ["t"])
    with pytest.raises(VaultError):
        crypto.unseal(KEY, sealed[: min(cut, len(sealed) - 1)], ["t"])


@given(parts=PARTS, others=PARTS)
def test_it_opens_under_its_own_name_only(parts: list[str], others: list[str]) -> None:
    sealed = crypto.seal(KEY, b"value", parts)
    if parts == others:
        assert crypto.unseal(KEY, sealed, others) == b"value"
        return
    with pytest.raises(VaultError):
        crypto.unseal(KEY, sealed, others)


@pytest.mark.parametrize("others", [["ab", "c"], ["abc"], ["a", "bc", ""], ["a", "b", "c"]])
def test_parts_do_not_run_together(others: list[str]) -> None:
    with pytest.raises(VaultError):
        crypto.unseal(KEY, crypto.seal(KEY, b"value", ["a", "bc"]), others)


def test_another_salt_is_another_key() -> None:
    salt, other = crypto.new_key(), crypto.new_key()
    assert crypto.object_key(KEY, salt) == crypto.object_key(KEY, salt) != crypto.object_key(KEY, other)
    sealed = crypto.seal(crypto.object_key(KEY, salt), b"value", [])
    for wrong in (crypto.object_key(KEY, other), KEY, crypto.object_key(b"x" * 32, salt)):
        with pytest.raises(VaultError):
            crypto.unseal(wrong, sealed, [])


def test_a_data_key_is_bound_to_its_tenant() -> None:
    payload = crypto.payload_of(KEY, ["tenant-a", "1"])
    assert crypto.data_key_of(payload, ["tenant-a", "1"]) == KEY
    for wrong, parts in ((payload, ["tenant-b", "1"]), (payload[:-1], ["tenant-a", "1"]), (b"", ["tenant-a", "1"])):
        with pytest.raises(VaultError):
            crypto.data_key_of(wrong, parts)


ORIGINALS = st.dictionaries(
    st.from_regex(r"[A-Z][A-Z_]{0,8}_[0-9A-Z]{8}", fullmatch=True) | TEXT,
    st.builds(Original, TEXT, st.integers(0, 8), TEXT),
    max_size=20,
)


@given(originals=ORIGINALS)
@examples(max_examples=60)
def test_records_round_trip(originals: dict[str, Original]) -> None:
    found: dict[str, Original] = {}
    for _, record in packed(originals):
        assert len(record) % PADDING == 0
        found.update(unpacked(record))
    assert found == originals


def test_long_lists_become_several_records() -> None:
    originals = {f"PERSON_{i:08d}": Original(f"Name {i}", 0, f"Name {i}") for i in range(1200)}
    records = list(packed(originals))
    assert [entity for entity, _ in records] == ["PERSON"] * 3
    assert dict(pair for _, record in records for pair in unpacked(record)) == originals


@pytest.mark.parametrize("record", [b"", b"{", b"[1]", b'[["a"]]', b"7", b'[["a","b","c","d"]]'])
def test_what_is_no_record_is_damaged(record: bytes) -> None:
    with pytest.raises(VaultError) as caught:
        list(unpacked(record))
    assert caught.value.code == "damaged"
