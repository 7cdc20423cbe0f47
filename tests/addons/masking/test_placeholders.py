"""The placeholder itself: layout, determinism, check character."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.masking.placeholders import (
    ALPHABET,
    COMMON_ENTITIES,
    MAX_ENTITY_LENGTH,
    PlaceholderKey,
    Scope,
    canonical_code,
    check_character,
    code_fits,
    verify,
)

KEY = PlaceholderKey(b"a secret of the tests, 32 bytes.", 1)
SCOPE = Scope("tenant-a/caller-1")
entities = st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True)
values = st.text(st.characters(), max_size=40)
sevens = st.text(ALPHABET, min_size=7, max_size=7)


@settings(deadline=None)
@given(entities, values)
def test_layout_and_check_character(entity: str, value: str) -> None:
    token = KEY.placeholder(SCOPE, entity, value)
    assert re.fullmatch(rf"{entity}_[0-9A-HJKMNP-TV-Z]{{8}}", token)
    assert verify(token)
    assert token == PlaceholderKey(KEY.secret, KEY.epoch).placeholder(Scope(SCOPE.principal), entity, value)


def test_placeholder_does_not_change_between_releases() -> None:
    """A golden value: changing the derivation would break every stored conversation and prompt cache."""
    assert KEY.placeholder(SCOPE, "PERSON", "Maria Silva") == "PERSON_P40DTPV8"


def test_everything_that_is_hashed_matters() -> None:
    tokens = [
        KEY.placeholder(SCOPE, "PERSON", "Maria"),
        KEY.placeholder(SCOPE, "PERSON", "maria"),
        KEY.placeholder(SCOPE, "PERSON", "Maria", 1),
        KEY.placeholder(SCOPE, "PERSONM", "aria"),
        KEY.placeholder(SCOPE, "NAME", "Maria"),
        KEY.placeholder(Scope("tenant-a/caller-2"), "PERSON", "Maria"),
        KEY.placeholder(Scope(SCOPE.principal, ""), "PERSON", "Maria"),
        KEY.placeholder(Scope(SCOPE.principal, "c1"), "PERSON", "Maria"),
        KEY.placeholder(Scope(SCOPE.principal + "c1"), "PERSON", "Maria"),
        PlaceholderKey(KEY.secret, 2).placeholder(SCOPE, "PERSON", "Maria"),
        PlaceholderKey(KEY.secret[::-1], 1).placeholder(SCOPE, "PERSON", "Maria"),
    ]
    assert len({token.rpartition("_")[2][:7] for token in tokens}) == len(tokens)


def test_long_secrets_count_to_their_last_byte() -> None:
    one = PlaceholderKey(b"x" * 100 + b"1", 0).placeholder(SCOPE, "PERSON", "Maria")
    assert one != PlaceholderKey(b"x" * 100 + b"2", 0).placeholder(SCOPE, "PERSON", "Maria")


@settings(deadline=None)
@given(entities, sevens, st.integers(0, 7), st.sampled_from(ALPHABET))
def test_any_single_substitution_is_noticed(entity: str, seven: str, position: int, other: str) -> None:
    code = seven + check_character(entity, seven)
    changed = code[:position] + other + code[position + 1 :]
    assert code_fits(entity, changed) == (changed == code)


@settings(deadline=None)
@given(entities, sevens, st.integers(0, 6))
def test_any_adjacent_transposition_is_noticed(entity: str, seven: str, position: int) -> None:
    code = seven + check_character(entity, seven)
    swapped = code[:position] + code[position + 1] + code[position] + code[position + 2 :]
    assert code_fits(entity, swapped) == (swapped == code)


@settings(deadline=None)
@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=1, max_size=20), sevens, st.data())
def test_a_wrong_letter_in_the_entity_is_noticed(rest: str, seven: str, data: st.DataObject) -> None:
    entity = "E" + rest
    code = seven + check_character(entity, seven)
    position = data.draw(st.integers(1, len(entity) - 1))
    letter = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ_"))
    changed = entity[:position] + letter + entity[position + 1 :]
    assert code_fits(changed, code) == (changed == entity)


@pytest.mark.parametrize(
    "token",
    ["", "PERSON", "PERSON_", "_7KQ2M4XB", "PERSON_ILOU0000", "person_7kq2m4xb", "PERSON_7KQ2M4X", "1PERSON_7KQ2M4XB"],
)
def test_verify_refuses_what_is_not_in_the_strict_grammar(token: str) -> None:
    assert not verify(token)


def test_verify_refuses_aliases_and_surroundings() -> None:
    token = KEY.placeholder(SCOPE, "PERSON", "Maria")
    assert verify(token)
    for wrong in (token.lower(), token + "S", " " + token, token.replace("_", " "), token + "\n"):
        assert not verify(wrong)


def test_aliases_become_canonical() -> None:
    assert canonical_code("o1iL 7kq z") == "01117KQZ"


@pytest.mark.parametrize(
    "entity", ["", "person", "9LIVES", "_X", "PER SON", "人", "A" * (MAX_ENTITY_LENGTH + 1), "PERSON\n"]
)
def test_unfit_entity_names_are_refused(entity: str) -> None:
    with pytest.raises(ValueError, match="cannot name a placeholder"):
        KEY.placeholder(SCOPE, entity, "x")


def test_weak_keys_are_refused_and_secrets_not_shown() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        PlaceholderKey(b"short", 0)
    with pytest.raises(ValueError, match="negative"):
        PlaceholderKey(b"x" * 16, -1)
    assert "secret" not in repr(KEY)


def test_common_entities_are_fit() -> None:
    for entity in COMMON_ENTITIES:
        assert verify(KEY.placeholder(SCOPE, entity, "x"))
