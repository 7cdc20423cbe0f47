"""Many phrases in one text: found where they stand as words, in any script, however many there are."""

from __future__ import annotations

import re

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


@given(st.lists(st.text(ALPHABET, min_size=1, max_size=4), max_size=5), st.text(ALPHABET, max_size=30))
def test_as_a_plain_search_would_find(phrases: list[str], text: str) -> None:
    index: Phrases[str] = Phrases()
    for phrase in phrases:
        index.add(phrase, phrase)
    folded = lower(text)
    assert len(folded) == len(text)
    expected = {
        (match.start(), match.start() + len(phrase), phrase)
        for phrase in phrases
        for match in re.finditer(f"(?={re.escape(lower(phrase))})", folded)
        if stands_alone(folded, match.start(), match.start() + len(phrase))
    }
    assert set(index.find(text)) == expected
