"""The pass over several regions finds what ``phonenumbers`` finds in one pass for each."""

from __future__ import annotations

import re

import phonenumbers
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.recognizers.phone import LENIENCY, MIN_DIGITS
from detectors.recognizers.phone_matcher import RegionsMatcher, could_be_valid

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = [phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE]
FORMATS = [
    phonenumbers.PhoneNumberFormat.NATIONAL,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.E164,
]


def plainly(text: str, regions: list[str]) -> list[tuple[int, int]]:
    return [
        (match.start, match.end)
        for region in regions
        for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=LENIENCY)
        if sum(map(str.isdigit, match.raw_string)) >= MIN_DIGITS
    ]


def at_once(text: str, regions: list[str]) -> list[tuple[int, int]]:
    found = RegionsMatcher(text, regions, LENIENCY, MIN_DIGITS)
    return [(start, end) for start, end in found if sum(map(str.isdigit, text[start:end])) >= MIN_DIGITS]


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """A region's example number in one of its formats, some digits changed or a prefix put before it."""
    region = draw(st.sampled_from(REGIONS))
    number = phonenumbers.example_number_for_type(region, draw(st.sampled_from(KINDS)))
    if number is None:
        return draw(st.text("0123456789 -", max_size=12))
    text = phonenumbers.format_number(number, draw(st.sampled_from(FORMATS)))
    digits = [place for place, char in enumerate(text) if char.isdigit()]
    for place in draw(st.lists(st.sampled_from(digits), max_size=3)):
        text = text[:place] + draw(st.sampled_from("0123456789")) + text[place + 1 :]
    return draw(st.sampled_from(["", "", "", "0", "00", "011", "1", "(0)", "+", "+00", "0015", "9"])) + text


GLUE = st.sampled_from([" ", ", ", "/", "\n", " - ", ". ", "x", "–", " ext. 12", "(", ")", "", ":30", "; ", "a"])
DATES = st.sampled_from(
    ["2024-03-12 10:30", "12/03/2024", "10.0.0.1", "1.2.3", "211-227 (2003)", "20240312", "$5", "٣٤٥٦٧٨٩٠"]
)
TEXTS = st.lists(st.one_of(numbers(), GLUE, DATES, st.text("0123456789-() +./", max_size=16)), max_size=7).map("".join)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.lists(st.sampled_from(REGIONS), min_size=1, max_size=3, unique=True))
def test_several_regions_at_once(text: str, regions: list[str]) -> None:
    assert set(at_once(text, regions)) == set(plainly(text, regions))


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_the_default_regions_at_once(text: str) -> None:
    regions = ["US", "GB", "FR", "DE", "IN", "BR", "AU"]
    assert set(at_once(text, regions)) == set(plainly(text, regions))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(REGIONS), st.text("0123456789", min_size=4, max_size=16))
def test_the_condition_is_necessary(region: str, digits: str) -> None:
    condition = could_be_valid(region)
    try:
        valid = phonenumbers.is_valid_number(phonenumbers.parse(digits, region))
    except phonenumbers.NumberParseException:
        valid = False
    assert not valid or condition is None or condition.match(digits)


def test_the_condition_rules_out_dates_and_holds_for_examples() -> None:
    condition = could_be_valid("US")
    assert condition is not None
    assert condition.match("20240312") is None
    assert sum(could_be_valid(region) is not None for region in REGIONS) > 0.8 * len(REGIONS)
    for region in REGIONS:
        condition = could_be_valid(region)
        number = phonenumbers.example_number(region)
        if condition is not None and number is not None:
            national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
            assert condition.match(re.sub(r"\D", "", national)), region


def test_a_region_that_nobody_knows_has_no_condition() -> None:
    assert could_be_valid("ZZ") is None
