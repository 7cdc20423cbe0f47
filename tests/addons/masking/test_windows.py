"""Windows of a run: a function of the joined text, none too long, nothing left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from addons.masking.windows import AHEAD, BEFORE, LONGEST, MOST_HELD, SHORTEST, Window, Windows

TEXTS = st.lists(
    st.sampled_from(["word ", "x" * 90, "\n", ". ", "。", "Maria Silva", "! ", "a" * 300, "，"]), max_size=30
).map("".join)


def windows(*pieces: str) -> list[Window]:
    made = Windows()
    return [one for piece in pieces for one in made.feed(piece)] + made.flush()


@given(TEXTS, st.integers(1, 50))
def test_cuts_change_nothing(text: str, size: int) -> None:
    assert windows(*[text[at : at + size] for at in range(0, len(text), size)]) == windows(text)


@given(TEXTS)
def test_every_character_is_let_go_once_and_judged_with_what_is_around_it(text: str) -> None:
    done = 0
    for one in windows(text):
        assert one.end > done and one.start == max(0, done - BEFORE)
        assert text.startswith(one.text, one.start)
        assert one.start + len(one.text) == min(len(text), one.end + AHEAD) or one.end == len(text)
        assert one.end - done <= LONGEST + AHEAD
        assert one.end - done >= SHORTEST or one.end == len(text)
        done = one.end
    assert done == len(text)


@given(TEXTS)
def test_no_more_is_held_than_said(text: str) -> None:
    made = Windows()
    done = 0
    for at, char in enumerate(text):
        for one in made.feed(char):
            done = one.end
        assert at + 1 - done <= MOST_HELD
