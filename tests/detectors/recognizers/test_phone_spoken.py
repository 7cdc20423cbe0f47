# ruff: noqa: E501 - specimens are one line each
"""Telephone numbers spoken, misread, national behind a cue; extensions; service numbers are none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from detectors.recognizers.phone_spoken import count_of

Find = Callable[[str], list[tuple[str, str]]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("caller oh seven seven double oh nine hundred three one four", "oh seven seven double oh nine hundred three one four"),
        ("a new one: oh seven seven hundred, nine hundred, five one six.", "oh seven seven hundred, nine hundred, five one six"),
        ("Te1. O2 4350 1947", "O2 4350 1947"),
        ("te1 O7700 9OO 144", "O7700 9OO 144"),
        ("fax (520) 555-O164", "(520) 555-O164"),
        ('Call driver Edin 031 555 044"', "031 555 044"),
        ("Niech zadzwoni: 601 774 390", "601 774 390"),
        ("My cell is 830, 555, 0145, please", "830, 555, 0145"),
        ("(the clerk, 03 257 80 16)", "03 257 80 16"),
        ("Agent: Mr. Blevins, ext. 226.", "226"),
        ("找IT罗哥,分机8023。", "8023"),
        ("收 危小满(转8821)", "8821"),
        ("佢爸爸郜偉倫(9730 2185)喺深圳", "9730 2185"),
        ("查詢可致電校護 2389 4416。", "2389 4416"),
        ("台灣 0912-345-678", "0912-345-678"),
        ("hp 8123 4567 (sg)", "8123 4567"),
        ("座机 0571-88112233", "0571-88112233"),
        ("说话人2:幺三三零零零零一三五一", "幺三三零零零零一三五一"),
    ],
)  # fmt: skip
def test_found(find: Find, text: str, value: str) -> None:
    assert ("PHONE_NUMBER", value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "客服 400-820-8820",
        "客服热线95588,或拨打10086、12345",
        "one two three, go",
        "step one, two and three of four",
        "ext4 and ext3 file systems, ext 4",
        "the file extension 12",
        "call 3 times in 10 minutes",
        "call f(031, 555, 044)",
        "version 2389 4416 tokens",
        "row 1234 5678",
        "tel: O2 sensors Ol l0",
        "text 2024-03-12 10:20",
        "number 10.20.30",
        "golf hotel india november",
    ],
)
def test_near_misses(find: Find, text: str) -> None:
    assert find(text) == []


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("account six six one zero dash nine and i said", "CUSTOMER_ID", "six six one zero dash nine"),
        ("index is whiskey romeo six seven hotel uniform kilo", "LICENSE_PLATE", "whiskey romeo six seven hotel uniform kilo"),
        ("plate is c as in charlie j k nine two four five", "LICENSE_PLATE", "c as in charlie j k nine two four five"),
    ],
)  # fmt: skip
def test_other_numbers_spelled_aloud(find: Find, text: str, entity: str, value: str) -> None:
    assert (entity, value) in find(text)


def test_how_many_digits_words_say() -> None:
    assert count_of("oh seven seven double oh nine hundred three one four") == 11
    assert count_of("triple five") == 3


def test_a_text_of_cues_alone_takes_linear_time(find: Find) -> None:
    assert find("call " * 12_000) == []
    assert find("call Anna " * 6_000) == []
