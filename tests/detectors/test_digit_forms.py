"""Numbers in other groupings: a telephone with and without its country code, an id with other separators."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.digit_forms import Numbers, identifier_form, phone_forms, telling


def found(text: str, *, phone: str = "", identifier: str = "") -> list[str]:
    numbers: Numbers[str] = Numbers()
    for form in phone_forms(phone) if phone else ():
        numbers.add(form, phone)
    known = identifier_form(identifier) if identifier else None
    if known is not None:
        numbers.add(known[1], identifier, prefix=known[0], suffix=known[2])
    out: list[tuple[int, int]] = []
    for start, end, _ in sorted(numbers.find(text), key=lambda hit: (hit[0], -hit[1])):
        if not out or start >= out[-1][1]:
            out.append((start, end))
    return [text[start:end] for start, end in out]


@pytest.mark.parametrize(
    ("phone", "other"),
    [
        ("+1 415 555 0132", "(415) 555-0132"),
        ("+1 415 555 0132", "4155550132"),
        ("(415) 555-0132", "+1 415-555-0132"),
        ("13800138000", "+86 138 0013 8000"),
        ("+8613800138000", "138-0013-8000"),
        ("+44 20 7946 0958", "020 7946 0958"),
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("0044 20 7946 0958", "+44 20 7946 0958"),
        ("020 7946 0958", "+44 20 7946 0958"),
    ],
)
def test_one_telephone(phone: str, other: str) -> None:
    assert found(f"call {other}, please", phone=phone) == [other]


@pytest.mark.parametrize("text", ["415-555-01325", "x4155550132", "2415-555-0132", "2026-01-01 12", "555-0132", ""])
def test_another_number(text: str) -> None:
    assert found(text, phone="+1 415 555 0132") == []


@pytest.mark.parametrize(
    ("identifier", "text", "expected"),
    [
        ("4111 1111 1111 1111", "card 4111111111111111.", ["4111111111111111"]),
        ("E-12 345 679", "E12345679 e-12345679 12345679 XE12345679", ["E12345679", "e-12345679"]),
        ("11010519491231002X", "11010519491231002x 110105194912310021", ["11010519491231002x"]),
        ("20391748", "no. 2039-1748; 20391748A", ["2039-1748"]),
    ],
)
def test_one_identifier(identifier: str, text: str, expected: list[str]) -> None:
    assert found(text, identifier=identifier) == expected


@pytest.mark.parametrize("value", ["2026-01-01", "01.02.2026", "111111", "123456", "12345", "1" * 40, "Elm Street 12"])
def test_what_many_numbers_share_is_not_looked_for(value: str) -> None:
    assert identifier_form(value) is None


@given(st.text("0123456789", min_size=9, max_size=20), st.data())
def test_any_grouping_is_found(digits: str, data: st.DataObject) -> None:
    if not telling(digits):
        return
    numbers: Numbers[int] = Numbers()
    numbers.add(digits, 1)
    size = data.draw(st.integers(2, 5))
    separator = data.draw(st.sampled_from([" ", "-", ".", "/", ") "]))
    text = separator.join(digits[i : i + size] for i in range(0, len(digits), size))
    assert (3, 3 + len(text), 1) in set(numbers.find(f"no {text}, "))
