"""What the model adds: labelled or stopped before a fragment of it leaves, however the stream was cut."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.masking.judged import Blocked, Flagged, JudgedRestoration, Scout, Unjudged, Verdicts
from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession
from addons.masking.windows import LONGEST, MOST_HELD
from addons.wire.types import Restoration
from detectors.spans import Span

KEY, SCOPE = PlaceholderKey(b"a secret of the tests, 32 bytes.", 1), Scope("t/c")
NAME, CARD, OTHER = "Maria Silva", "4111 1111 1111 1111", "Pedro\nAlvarez Cabral"
FOUND = {CARD: "CREDIT_CARD", OTHER: "PERSON", "4111111111111111": "CREDIT_CARD"}


def label(entity: str, value: str) -> str:
    return KEY.placeholder(SCOPE, entity, value)


class Bench:
    """A flow with one placeholder, and a detector that knows ``FOUND``."""

    def __init__(self, blocked: str = "") -> None:
        session = MaskingSession(KEY, SCOPE)
        self.token = session.mask(NAME, [Span(0, len(NAME), "PERSON", 0.9, "test")])
        self.flow = session.restoration()
        self.verdicts = Verdicts()
        self.scout = Scout(self.verdicts)
        self.judged = JudgedRestoration(self.flow, self.verdicts, label)
        self.blocked = blocked

    def settle(self) -> None:
        for text in self.verdicts.wanted:
            found = [
                Flagged(match.start(), match.end(), entity, entity == self.blocked)
                for value, entity in FOUND.items()
                for match in re.finditer(re.escape(value), text)
            ]
            self.verdicts.settle(text, tuple(sorted(found)))

    def stream(self, pieces: list[str], *, is_json: bool = False) -> tuple[list[str], str]:
        """What left for each piece, and how it ended."""
        ahead = self.scout.text()
        run = self.judged.json() if is_json else self.judged.text()
        out: list[str] = []
        try:
            for piece in pieces:
                ahead.feed(piece)
                self.settle()
                out.append(run.feed(piece))
            ahead.flush()
            self.settle()
            out.append(run.flush())
        except Blocked as blocked:
            return out, blocked.entity
        return out, ""


def test_the_contract_is_kept() -> None:
    bench = Bench()
    one: Restoration = bench.judged
    other: Restoration = bench.scout
    assert other.whole("x") == "x"
    bench.settle()
    assert one.whole("x") == "x"


PARTS = st.sampled_from(
    ["{token}", "{card}", "{other}", "word ", "x" * 90, "\n", ". ", "。", "中文，", "b" * (LONGEST - 5), "411", "Pedro"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PARTS, max_size=25), st.integers(1, 60))
def test_nothing_that_was_found_leaves_and_all_else_does(parts: list[str], size: int) -> None:
    bench = Bench()
    whole = "".join(parts)
    text = whole.format(token=bench.token, card=CARD, other=OTHER)
    expected = text
    for value in (CARD, OTHER):
        expected = expected.replace(value, label(FOUND[value], value))
    out, ended = bench.stream([text[at : at + size] for at in range(0, len(text), size)])
    assert ended == ""
    assert "".join(out) == expected.replace(bench.token, NAME)
    again = Bench()
    assert "".join(again.stream([text])[0]) == "".join(out)
    assert again.flow.counts == bench.flow.counts
    assert bench.flow.counts.unknown == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(PARTS, max_size=15), st.lists(PARTS, max_size=5))
def test_a_blocked_value_ends_the_reply_before_a_character_of_it_has_left(before: list[str], after: list[str]) -> None:
    bench = Bench(blocked="CREDIT_CARD")
    head = "".join(before).replace("{card}", "").format(token=bench.token, other=OTHER)
    text = head + CARD + "".join(after).format(token=bench.token, card=CARD, other=OTHER)
    out, ended = bench.stream(list(text))
    assert ended == "CREDIT_CARD"
    said = head.replace(OTHER, label("PERSON", OTHER)).replace(bench.token, NAME)
    assert said.startswith("".join(out))


def test_a_label_in_place_of_a_number_is_a_string() -> None:
    bench = Bench()
    text = json.dumps({"card": 4111111111111111, "text": f"x {CARD}", "by": bench.token})
    out, _ = bench.stream([text], is_json=True)
    assert json.loads("".join(out)) == {
        "card": label("CREDIT_CARD", "4111111111111111"),
        "text": f"x {label('CREDIT_CARD', CARD)}",
        "by": NAME,
    }


def test_no_more_is_held_back_than_the_bound() -> None:
    bench = Bench()
    text = "x" * 3000
    out, _ = bench.stream(list(text))
    went = 0
    for at, piece in enumerate(out[:-1]):
        went += len(piece)
        assert at + 1 - went <= MOST_HELD


def test_a_whole_text_and_a_run_that_is_repeated() -> None:
    bench = Bench()
    text = f"{bench.token} paid with {CARD}."
    bench.scout.whole(text)
    bench.settle()
    expected = f"{NAME} paid with {label('CREDIT_CARD', CARD)}."
    assert bench.judged.whole(text) == expected
    other = Bench()
    assert "".join(other.stream([text])[0]) == expected
    assert other.scout.whole(text) == text
    assert other.verdicts.wanted == []
    assert other.judged.whole(text) == expected


def test_what_nobody_judged_does_not_leave() -> None:
    bench = Bench()
    with pytest.raises(Unjudged):
        bench.judged.whole("never seen")
    run = bench.judged.text()
    run.feed("never seen")
    with pytest.raises(Unjudged):
        run.flush()
    bench.judged.end()
    assert run.flush() == ""
