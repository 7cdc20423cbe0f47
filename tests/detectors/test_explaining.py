"""The explaining detector finds what the detector finds, and says how."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.config import DetectorConfig, NerConfig
from detectors.detector import Detector
from detectors.explaining import ExplainedSpan, ExplainingDetector, Explanation, explanation_of
from detectors.pieces import detect_all
from detectors.spans import Span


@pytest.fixture(scope="module")
def explaining() -> ExplainingDetector:
    return ExplainingDetector(DetectorConfig(ner=NerConfig(enabled=False)))


def told(explaining: ExplainingDetector, text: str) -> tuple[Span, Explanation]:
    (span,) = explaining.detect([text])[0]
    explanation = explanation_of(span)
    assert explanation is not None
    return span, explanation


def plain(spans: list[Span]) -> list[Span]:
    return [Span(s.start, s.end, s.entity, s.score, s.recognizer) for s in spans]


WORDS = st.sampled_from(
    [
        "SSN 219-09-9999",
        "anna@example.com",
        "passport X1234567",
        "一三八零零一三八零零零",
        "4111 1111 1111 1111",
        "the",
        "\n",
        ", ",
    ]
)


@settings(max_examples=25, deadline=None)
@given(st.lists(WORDS, max_size=6).map(" ".join))
def test_it_finds_what_the_detector_finds(explaining: ExplainingDetector, detector: Detector, text: str) -> None:
    spans = explaining.detect([text])[0]
    assert plain(spans) == detector.detect([text])[0]
    assert all(explanation_of(span) is not None for span in spans)


def test_context_words_and_the_score_before(explaining: ExplainingDetector) -> None:
    span, explanation = told(explaining, "my passport number is X1234567")
    assert explanation.score_before < span.score
    assert any("passport" in word for word in explanation.words)
    assert any(beaten.entity == "PASSPORT" for beaten in explanation.beaten)


def test_a_checksum(explaining: ExplainingDetector) -> None:
    _, explanation = told(explaining, "card 4111 1111 1111 1111")
    assert explanation.proof == "its checksum fits"
    assert explanation.score_before == 1.0


def test_how_it_was_written(explaining: ExplainingDetector) -> None:
    assert told(explaining, "anna@example.com")[1].hidden == ""
    assert told(explaining, "anna%40example.com")[1].hidden == "obfuscated or escaped"
    run = base64.b64encode(b"mail: anna@example.com").decode()
    assert told(explaining, f"x {run}")[1].hidden == "in base64"


def test_what_stays_below_the_minimum_is_told(explaining: ExplainingDetector) -> None:
    _, explanation = told(explaining, "my passport number is X1234567")
    assert all("minimum score" in beaten.reason for beaten in explanation.beaten if beaten.score < 0.4)


def test_explanations_hold_no_value(explaining: ExplainingDetector) -> None:
    _, explanation = told(explaining, "my passport number is X1234567")
    assert "X1234567" not in repr(explanation)


def test_explanations_survive_pieces(explaining: ExplainingDetector) -> None:
    text = "line of text\n" * 5 + "mail anna@example.com\n" + "line of text\n" * 5
    ((_, _, answer),) = detect_all(explaining, [(0, text)], piece=40, overlap=30)
    assert isinstance(answer, list)
    (span,) = answer
    assert text[span.start : span.end] == "anna@example.com"
    assert isinstance(span, ExplainedSpan) and span.explanation is not None
