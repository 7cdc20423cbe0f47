"""Many phrases in one text: found where they stand as words, in any script, however many there are."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.phrases import Phrases, lower, stands_alone


def found(phrases: Phrases[str], text: str) -> list[tuple[str, str]]:
    return sorted((text[start:end], payload) for start, end, payload in phrases.find(text))


def test_whole_words_only_where_words_have_ends() -> None:
    phrases: Phrases[str] = Phrases()
    for phrase in ("Project Bluebird", "acme", "张伟", "C++", "№", "서울"):
        phrases.add(phrase, phrase.upper())
    text = "project bluebird; Acmes, acme_1 (ACME) 在张伟处 c++ №5 서울에서"
    assert [piece for piece, _ in found(phrases, text)] == sorted(
        ["project bluebird", "acme", "ACME", "张伟", "c++", "№", "서울"]
    )
    assert found(phrases, "bluebird project") == []


def test_case_may_count() -> None:
    phrases: Phrases[str] = Phrases()
    phrases.add("Acme", "cased", ignore_case=False)
    phrases.add("acme", "any")
    assert found(phrases, "ACME Acme") == [("ACME", "any"), ("Acme", "any"), ("Acme", "cased")]


def test_phrases_that_share_words_are_kept_under_others() -> None:
    phrases: Phrases[int] = Phrases()
    for number in range(2000):
        phrases.add(f"Project number {number}", number)
    assert max(map(len, phrases._by_word.values())) <= 2
    assert [payload for _, _, payload in phrases.find("see project number 77, project number 7x")] == [77]


ALPHABET = "aB1_ -é张王小İß"


def expected(phrases: list[str], folded: str) -> set[tuple[int, int, str]]:
    """What a search for each phrase by itself finds."""
    return {
        (match.start(), match.start() + len(phrase), phrase)
        for phrase in phrases
        for match in re.finditer(f"(?={re.escape(lower(phrase))})", folded)
        if stands_alone(folded, match.start(), match.start() + len(phrase))
    }


@pytest.mark.parametrize("searches", [0, 1000])
@given(st.lists(st.text(ALPHABET, min_size=1, max_size=4), max_size=5), st.text(ALPHABET, max_size=30))
def test_as_a_plain_search_would_find(searches: int, phrases: list[str], text: str) -> None:
    """In one pass over the text as well as by one search for each known word or pair."""
    index: Phrases[str] = Phrases()
    for phrase in phrases:
        index.add(phrase, phrase)
    folded = lower(text)
    assert len(folded) == len(text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("detectors.phrases.WORD_SEARCHES", searches)
        patched.setattr("detectors.phrases.PAIR_SEARCHES", searches)
        assert Counter(index.find(text)) == {one: phrases.count(one[2]) for one in expected(phrases, folded)}


def test_many_phrases_in_one_text_are_all_found() -> None:
    """More than are looked for one by one, of words and of pairs; each once for each of its places."""
    phrases = [f"w{number}" for number in range(60)] + [chr(0x4E00 + number) * 3 for number in range(200)]
    index: Phrases[str] = Phrases()
    for phrase in phrases:
        index.add(phrase, phrase)
    text = f"{', '.join(phrases)}; {' '.join(reversed(phrases))}W59"
    assert Counter(index.find(text)) == Counter(expected(phrases, lower(text)))
