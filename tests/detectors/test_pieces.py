"""Long texts in pieces: nothing is lost or found twice at a cut, offsets are those of the whole, work is linear."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import DetectorError
from detectors.pieces import Answer, detect_all, ranges
from detectors.spans import Span

WORD = re.compile("[A-Z]+")


class Words:
    """Finds words in capitals; counts what it reads."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.read = 0

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        self.calls.append(len(texts))
        self.read += sum(map(len, texts))
        if any("!" in text for text in texts):
            raise DetectorError("no")
        return [[Span(*match.span(), "WORD", 1.0, "Words") for match in WORD.finditer(text)] for text in texts]


def one(text: str, piece: int, overlap: int) -> Answer:
    ((_, _, answer),) = detect_all(Words(), [(0, text)], piece=piece, overlap=overlap)
    return answer


@given(st.text("aB \n", max_size=200), st.integers(2, 50))
def test_ranges_make_up_the_text(text: str, piece: int) -> None:
    found = ranges(text, piece)
    assert "".join(text[start:end] for start, end in found) == text
    assert all(0 < end - start <= piece for start, end in found) or text == ""


def test_cuts_prefer_an_empty_line_then_a_line_then_a_blank() -> None:
    assert ranges("aaaa\nbb\n\nc d\n" + "e" * 20, 14)[0] == (0, 9)
    assert ranges("aaaaaa\nbb ccccccccc", 12)[0] == (0, 7)
    assert ranges("aaaaaa bbbbbbbbbbbb", 12)[0] == (0, 7)
    assert ranges("a" * 30, 12) == [(0, 12), (12, 24), (24, 30)]


@given(st.text("aBC \n", max_size=300), st.integers(12, 40))
def test_pieces_find_what_the_whole_does(text: str, piece: int) -> None:
    text = re.sub("[A-Z]{9,}", "AAAAAAAA", text)  # values are shorter than the overlap
    assert one(text, piece, overlap=10) == Words().detect([text])[0]


@given(st.text("BC a", max_size=300), st.integers(4, 40), st.integers(0, 6))
def test_whatever_the_cuts_coverage_stays_and_spans_are_disjoint(text: str, piece: int, overlap: int) -> None:
    answer = one(text, piece, overlap)
    assert isinstance(answer, list)
    covered = {offset for span in answer for offset in range(span.start, span.end)}
    assert covered == {i for i, char in enumerate(text) if char in "BC"}
    assert len(covered) == sum(span.end - span.start for span in answer)


def test_short_texts_share_a_call_and_long_ones_keep_their_place() -> None:
    words = Words()
    items = [("a", "A"), ("b", "B b " * 10), ("c", "C"), ("d", "D")]
    answers = list(detect_all(words, items, piece=20, overlap=2))
    assert [key for key, _, _ in answers] == ["a", "b", "c", "d"]
    assert words.calls == [1, 1, 1, 2]
    assert all(isinstance(answer, list) and answer for _, _, answer in answers)


def test_one_text_that_cannot_be_read_spoils_no_other() -> None:
    items = [("a", "A"), ("b", "B!"), ("long", "x" * 30 + "!"), ("c", "C")]
    answers = {key: answer for key, _, answer in detect_all(Words(), items, piece=20, overlap=2)}
    assert [isinstance(answer, DetectorError) for answer in answers.values()] == [False, True, True, False]


def test_what_the_source_raises_comes_after_the_answers() -> None:
    def items() -> Iterator[tuple[int, str]]:
        yield 1, "A"
        yield 2, "B"
        raise KeyError("third")

    answers = detect_all(Words(), items())
    assert [next(answers)[0], next(answers)[0]] == [1, 2]
    with pytest.raises(KeyError):
        next(answers)


def test_ten_times_the_text_is_ten_times_the_work() -> None:
    def read(length: int) -> int:
        words = Words()
        list(detect_all(words, [(0, "Word after word.\n" * (length // 17))]))
        return words.read

    assert read(10_000_000) < 11 * read(1_000_000)
    assert read(10_000_000) < 1.1 * 10_000_000


def test_progress_adds_up() -> None:
    done: list[int] = []
    texts = [(0, "A" * 7), (1, "a b " * 30), (2, "")]
    list(detect_all(Words(), texts, done.append, piece=20, overlap=2))
    assert sum(done) == sum(len(text) for _, text in texts)
