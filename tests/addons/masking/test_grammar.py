"""Which spellings are found, and where a text ends in the beginning of one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.masking.grammar import MAX_SPELLING, fold, grammar_of
from addons.masking.placeholders import PlaceholderKey, Scope

KEY = PlaceholderKey(b"a secret of the tests, 32 bytes.", 1)
SCOPE = Scope("tenant-a/caller-1")


@settings(deadline=None)
@given(st.text(st.characters()))
def test_folding_keeps_positions(text: str) -> None:
    folded = fold(text)
    assert len(folded) == len(text)
    for char, low in zip(text, folded, strict=True):
        if char.isascii():
            assert low == char.lower()


@settings(deadline=None)
@given(st.from_regex(r"[A-Z][A-Z0-9_]{0,63}", fullmatch=True), st.text(st.characters()), st.text(), st.text())
def test_what_is_made_is_found_whatever_stands_around_it(entity: str, value: str, before: str, after: str) -> None:
    token = KEY.placeholder(SCOPE, entity, value)
    found = list(grammar_of(frozenset({entity})).spellings(before + token + after))
    assert (len(before), len(before) + len(token), token) in found


def test_shared_beginnings_are_told_apart() -> None:
    names = frozenset({"PERSON", "PERSON_NAME", "PERSON_N", "A", "A_", "A__B", "ADDRESS", "EMAIL_ADDRESS"})
    grammar = grammar_of(names)
    for name in names:
        token = KEY.placeholder(SCOPE, name, "x")
        assert token in [found.token for found in grammar.spellings(token)]
        assert list(grammar_of(names - {name}).spellings(token)) == [
            found for found in grammar.spellings(token) if found.token != token
        ]


def test_no_entities_no_spellings() -> None:
    assert list(grammar_of(frozenset()).spellings("PERSON_7KQ2M4XB")) == []


def test_beginnings_are_open_until_they_fail() -> None:
    names = frozenset({"PERSON"})
    grammar = grammar_of(names)
    token = KEY.placeholder(SCOPE, "PERSON", "x").lower()
    for spelled in (token, token.replace("_", "\\\\_ "), token.replace("_", "\\u005f"), token[:-1] + "  " + token[-1]):
        for length in range(1, len(spelled)):
            assert list(grammar.readings(spelled[:length], 0, names)) == [None]
            assert list(grammar.readings(spelled[:length] + "!", 0, names)) == []
    assert list(grammar.readings("person\\7kq", 0, names)) == []
    assert list(grammar.readings("person_u", 0, names)) == []
    assert list(grammar.readings(token[:-1] + "   " + token[-1], 0, names)) == []
    assert list(grammar.readings(token[:5], 0, frozenset())) == []


def test_the_longest_beginning_is_bounded() -> None:
    entity = "_".join("A" * 32)
    grammar = grammar_of(frozenset({entity}))
    longest = entity.lower().replace("_", " " * 9 + "_")
    assert grammar.find(longest, 0) == 0
    assert grammar.find(longest + "_" * MAX_SPELLING, 0) == -1


@pytest.mark.parametrize("text", ["PERSON7KQ2M4XB", "PERSON-7KQ2M4XB", "PERSON\n7KQ2M4XB", "PERSON\\7KQ2M4XB"])
def test_other_separators_are_none(text: str) -> None:
    assert grammar_of(frozenset({"PERSON"})).find(text, 0) == -1
