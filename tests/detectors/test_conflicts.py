"""Conflict resolution: nothing covered is let go, nothing overlaps, the order of candidates does not matter."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from detectors.conflicts import Candidate, resolve
from detectors.spans import Span

TEXT = "ab, cd 12-34 (é) 中文。x!y  z9"


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    made = []
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, len(TEXT) - 1))
        end = draw(st.integers(start + 1, len(TEXT)))
        entity = draw(st.sampled_from(["PERSON", "ADDRESS", "SECRET", "PHONE_NUMBER", "RECORD_ID"]))
        score = draw(st.sampled_from([0.4, 0.75, 1.0]))
        recognizer = draw(st.sampled_from(["NerRecognizer", "A", "B"]))
        made.append(Candidate(Span(start, end, entity, score, recognizer), draw(st.booleans())))
    return made


@given(candidates(), st.randoms())
def test_coverage_is_kept_and_spans_are_disjoint(given_candidates: list[Candidate], random: object) -> None:
    spans = resolve(TEXT, given_candidates)
    before = {i for c in given_candidates for i in range(c.span.start, c.span.end) if TEXT[i].isalnum()}
    after = {i for s in spans for i in range(s.start, s.end)}
    assert before <= after
    assert all(first.end <= second.start for first, second in pairwise(spans))
    shuffled = list(given_candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert resolve(TEXT, shuffled) == spans


@given(candidates())
def test_nothing_is_added(given_candidates: list[Candidate]) -> None:
    allowed = {i for c in given_candidates for i in range(c.span.start, c.span.end)}
    assert {i for s in resolve(TEXT, given_candidates) for i in range(s.start, s.end)} <= allowed


def spans_of(text: str, *found: tuple[str, str, float, bool]) -> list[tuple[str, str]]:
    made = [
        Candidate(Span(text.index(part), text.index(part) + len(part), entity, score, entity), verified)
        for part, entity, score, verified in found
    ]
    return [(span.entity, text[span.start : span.end]) for span in resolve(text, made)]


def test_an_address_around_a_verified_number_keeps_both_types() -> None:
    text = "5 Elm St, 4111111111111111, Leeds"
    found = spans_of(text, (text, "ADDRESS", 0.9, False), ("4111111111111111", "CREDIT_CARD", 1.0, True))
    assert found == [("ADDRESS", "5 Elm St"), ("CREDIT_CARD", "4111111111111111"), ("ADDRESS", "Leeds")]


def test_a_short_address_does_not_cut_the_models_whole_one() -> None:
    text = "12 Elm Street, Flat 4, Leeds"
    assert spans_of(text, ("12 Elm Street", "ADDRESS", 0.95, False), (text, "ADDRESS", 0.6, False)) == [
        ("ADDRESS", text)
    ]


def test_overlapping_addresses_become_one() -> None:
    text = "12 Elm Street, Leeds LS1"
    found = spans_of(
        text, ("12 Elm Street, Leeds", "ADDRESS", 0.6, False), ("Street, Leeds LS1", "ADDRESS", 0.9, False)
    )
    assert found == [("ADDRESS", text)]


def test_the_longer_span_wins_over_the_higher_score() -> None:
    text = "anna@example.com"
    assert spans_of(text, ("anna", "PERSON", 1.0, False), (text, "EMAIL_ADDRESS", 0.9, False)) == [
        ("EMAIL_ADDRESS", text)
    ]


def test_a_pattern_decides_which_record_number_it_is() -> None:
    text = "MRN-0093402"
    found = spans_of(text, (text, "RECORD_ID", 0.99, False), ("0093402", "MEDICAL_RECORD", 0.6, False))
    assert found == [("MEDICAL_RECORD", text)]


def test_the_rest_of_a_secret_keeps_its_punctuation() -> None:
    text = "!!4111111111111111??"
    found = spans_of(text, (text, "SECRET", 0.7, False), ("4111111111111111", "CREDIT_CARD", 1.0, True))
    assert found == [("SECRET", "!!"), ("CREDIT_CARD", "4111111111111111"), ("SECRET", "??")]


def test_an_address_wins_over_a_longer_place() -> None:
    text = "12 Elm Street, Leeds, England"
    found = spans_of(
        text, ("12 Elm Street, Leeds", "ADDRESS", 0.6, False), ("Street, Leeds, England", "LOCATION", 0.9, False)
    )
    assert found == [("ADDRESS", "12 Elm Street, Leeds"), ("ADDRESS", "England")]


def test_a_place_that_continues_an_address_belongs_to_it() -> None:
    text = "12 Elm Street,\nLeeds. London is far"
    found = spans_of(
        text,
        ("12 Elm Street", "ADDRESS", 0.6, False),
        ("Leeds", "LOCATION", 0.9, False),
        ("London", "LOCATION", 0.9, False),
    )
    assert found == [("ADDRESS", "12 Elm Street"), ("ADDRESS", "Leeds"), ("LOCATION", "London")]
    text = "住浙江省杭州市文三路12号3幢"
    found = spans_of(text, ("浙江省", "LOCATION", 0.9, False), ("杭州市文三路12号3幢", "ADDRESS", 0.6, False))
    assert found == [("ADDRESS", "浙江省杭州市文三路12号3幢")]


def test_a_title_makes_a_person_of_a_place() -> None:
    for text, value in (("ask Ms. Sandoval now", "Sandoval"), ("请乐瑶女士来", "乐瑶"), ("找金城总签字", "金城")):
        assert spans_of(text, (value, "LOCATION", 0.9, False)) == [("PERSON", value)]
    for text, value in (("to Paris with love", "Paris"), ("华为总部", "华为"), ("in Dr Who's London", "London")):
        assert spans_of(text, (value, "ORGANIZATION", 0.9, False)) == [("ORGANIZATION", value)]


def test_a_person_is_not_swallowed_by_an_organization() -> None:
    text = "Whitfield Consulting"
    found = spans_of(text, ("Whitfield", "PERSON", 0.5, False), (text, "ORGANIZATION", 0.9, False))
    assert found == [("PERSON", "Whitfield"), ("ORGANIZATION", "Consulting")]


def test_a_country_code_outweighs_a_checksum_that_part_of_the_number_fits() -> None:
    text = "mobile +1 503 555 0117, thanks"
    phone = Candidate(Span(7, 22, "PHONE_NUMBER", 0.75, "Phone"))
    nhs = Candidate(Span(10, 22, "UK_NHS", 1.0, "Nhs"), verified=True)
    assert [(s.start, s.end, s.entity) for s in resolve(text, [nhs, phone])] == [(7, 22, "PHONE_NUMBER")]
    national = text.replace("+", " ")
    assert "UK_NHS" in {s.entity for s in resolve(national, [nhs, phone])}
