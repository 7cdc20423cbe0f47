"""Sums, intervals, aims and calibration of made-up tallies."""

from __future__ import annotations

from collections import Counter

import pytest

from models.ner.measure.counting import Key, Tally
from models.ner.measure.figures import FIGURES, Figure, Sums, reliability, rows, uncovered, value


def sums(*counts: dict[Key, int]) -> Sums:
    return Sums([Tally(Counter(entry)) for entry in counts])


LEAK = uncovered(["PERSON"], "all", "leak", 2)


def leaky(missed: int, of: int) -> dict[Key, int]:
    return {("uncovered", "PERSON", "all"): missed, ("characters", "PERSON"): of}


def test_a_figure_is_a_share_of_sums() -> None:
    found = value(LEAK, sums(leaky(1, 10), leaky(0, 90)))
    assert found is not None
    assert (found.value, found.below) == (1.0, 100)
    assert found.low <= found.value <= found.high


def test_the_interval_spans_what_drawing_gives_and_is_the_same_again() -> None:
    many = sums(*[leaky(number % 10 == 0, 1) for number in range(200)])
    first, second = value(LEAK, many), value(LEAK, many)
    assert first == second
    assert first is not None
    # Binomial: 10 % of 200, standard error 2.1 points.
    assert first.low == pytest.approx(10 - 1.96 * 2.12, abs=1.0)
    assert first.high == pytest.approx(10 + 1.96 * 2.12, abs=1.0)


def test_no_interval_from_one_record_and_nothing_from_nothing() -> None:
    one = value(LEAK, sums(leaky(1, 4)))
    assert one is not None
    assert (one.low, one.value, one.high) == (25, 25, 25)
    assert value(LEAK, sums({})) is None


def test_a_rate_per_ten_thousand() -> None:
    rate = Figure("rate", (("false",),), (("bytes",),), per=10_000, at_most=1)
    found = value(rate, sums({("false",): 3, ("bytes",): 20_000}))
    assert found is not None
    assert found.value == 1.5


def test_aims() -> None:
    assert LEAK.reached(2.0) and not LEAK.reached(2.1)
    assert Figure("r", (), (), at_least=99).reached(99) and not Figure("r", (), (), at_least=99).reached(98.9)
    assert Figure("n", (), ()).reached(50) is None
    assert [LEAK.aim, Figure("r", (), (), at_least=99).aim, Figure("n", (), ()).aim] == ["≤ 2 %", "≥ 99 %", ""]


def test_what_identifies_leaves_organizations_and_places_out() -> None:
    figure = next(figure for figure in FIGURES if figure.name.startswith("all identifying"))
    labels = {key[1] for key in figure.below}
    assert {"PERSON", "SECRET", "NATIONAL_ID", "AGE"} <= labels
    assert not labels & {"ORGANIZATION", "LOCATION", "PUBLIC_FIGURE"}


def test_rows_give_precision_recall_and_f1() -> None:
    counts: Counter[Key] = Counter(
        {
            ("gold", "PERSON"): 4,
            ("predicted", "PERSON"): 5,
            ("exact", "PERSON"): 2,
            ("hit", "PERSON"): 4,
            ("seen", "PERSON"): 3,
            **leaky(1, 20),
        }
    )
    whole, person = rows(counts)
    assert (whole.name, person.name, person.gold) == ("all", "PERSON", 4)
    assert person.exact == pytest.approx((2 / 5, 2 / 4, 4 / 9))
    assert person.overlap == pytest.approx((4 / 5, 3 / 4, 2 * 0.8 * 0.75 / 1.55))
    assert person.uncovered == 1 / 20
    assert whole.exact == person.exact


def test_calibration_error_by_hand() -> None:
    # Eight findings at 0.9 of which six are right, two at 0.3 of which none is: 0.8 * 0.15 + 0.2 * 0.3.
    error, bins = reliability([(0.9, number < 6) for number in range(8)] + [(0.3, False)] * 2)
    assert error == pytest.approx(0.18)
    assert [(entry.low, entry.count, entry.right) for entry in bins] == [(0.3, 2, 0.0), (0.9, 8, 0.75)]
    assert reliability([(1.0, True)]) == (0.0, reliability([(1.0, True)])[1])
    assert reliability([])[0] == 0.0
