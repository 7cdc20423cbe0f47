# ruff: noqa: E501 - specimens are one line each
"""Prefilters never change a result: looking everywhere and looking only where something can be gives the same."""

from __future__ import annotations

import re
from itertools import pairwise

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from presidio_analyzer import EntityRecognizer

from detectors.config import DetectorConfig, NerConfig
from detectors.detector import Detector
from detectors.reading import WINDOW, Reading, Seed, windows
from detectors.recognizers.phone import PhoneRecognizer

PIECES = st.sampled_from(
    [
        "+44 20 7946 0018", "(415) 555-0182", "4155550182", "020 7946 0018", "+1", "555-0143", "(13514637448)", "（4155550182", "/+8613764190827@", "+(86) 13764190827", ";Password=Pl4net*Otter", "a;token=abc123def", "?key=", " ext. 123", " x99", "00852 2068 1965",
        "1710000000", "2024-03-12", "10.0.0.1", "4111 1111 1111 1111", "219-09-9999", "943 476 5919", "11010519491231002X", "AB 12 34 56 C",
        "DE89 3704 0044 0532 0130 00", "529.982.247-25", "RCCMNL83S18D969H", "ABCPE1234F", "1EG4-TE5-MK73", "PA4471920", "91350100M000100Y43",
        "ssn ", "phone ", "passport ", "NHS ", "cpf ", "身份证", "电话", "护照号", "account no. ", "MRN: ", "password=", "hunter2x", "ghp_8799kQw7LmZx9B2vTn6180RyUoPaSd31",
        "anna@example.com", "京A·12345", "中关村大街27号院3号楼", " ", "\n", ", ", "。", "x", "词", "-", "(", "word ", "words between " * 12, "0", "42 ", "1234567",
    ]
)  # fmt: skip
TEXTS = st.lists(st.one_of(PIECES, st.text("0123456789+-() .a中", max_size=14)), max_size=14).map("".join)


def seen(recognizer: EntityRecognizer, text: str, *, prefilter: bool) -> list[tuple[str, int, int, float]]:
    reading = Reading(text, regex_timeout=30.0)
    reading.prefilter = prefilter
    found = recognizer.analyze(text, recognizer.supported_entities, reading)
    return sorted((r.entity_type, r.start, r.end, r.score) for r in found)


PHONE = PhoneRecognizer(("US", "GB", "DE", "IN"))


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_the_phone_prefilter_changes_nothing(text: str) -> None:
    assert seen(PHONE, text, prefilter=True) == seen(PHONE, text, prefilter=False)


@settings(max_examples=80, deadline=None)
@given(text=TEXTS)
def test_all_prefilters_together_change_nothing(detector: Detector, text: str) -> None:
    floors = detector.config.floor

    def found(*, prefilter: bool) -> list[tuple[str, int, int, float]]:
        reading = Reading(text, regex_timeout=30.0)
        reading.prefilter = prefilter
        results = detector._engine.find(reading, floors)
        return sorted((r.entity_type, r.start, r.end, r.score) for r in results if r.score >= floors(r.entity_type))

    assert found(prefilter=True) == found(prefilter=False)


@given(st.text("ab 0123456789.-", max_size=400), st.sampled_from([Seed.PAIR, Seed.LONG]))
def test_windows_hold_every_seed_with_its_surroundings(text: str, seed: Seed) -> None:
    stretches = windows(text, seed)
    assert all(first[1] < second[0] for first, second in pairwise(stretches))
    assert seed.value is not None
    for hit in seed.value.finditer(text):
        start, end = max(0, hit.start() - WINDOW), min(len(text), hit.end() + WINDOW)
        assert any(a <= start and end <= b for a, b in stretches)


def test_a_text_without_digits_has_no_windows() -> None:
    assert windows("Nothing to see here." * 10, Seed.PAIR) == []


def test_the_prefilter_sees_what_phonenumbers_sees() -> None:
    text = "Offices: +44 20 7946 0018, fax (415) 555-0182 ext. 44."
    found = [match.raw_string for match in phonenumbers.PhoneNumberMatcher(text, "US")]
    assert len(found) == 2
    for raw in found:
        start = text.index(raw)
        assert ("PHONE_NUMBER", start, start + len(raw)) in [s[:3] for s in seen(PHONE, text, prefilter=True)]


@pytest.mark.parametrize("floor", [0.0, 0.1])
def test_a_low_floor_turns_the_context_prefilter_off(floor: float) -> None:
    config = DetectorConfig(ner=NerConfig(enabled=False), entities={"US_BANK_NUMBER": floor}, countries=("us",))
    spans = Detector(config).detect(["the figure 1234567890123 stands here"])[0]
    assert ("US_BANK_NUMBER" in {span.entity for span in spans}) == (floor <= 0.05)
    assert not re.search("account", "the figure")
