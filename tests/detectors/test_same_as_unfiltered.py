"""The filtered engine against the unfiltered one and against plain Presidio, over texts as they come."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import regex  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from presidio_analyzer import PatternRecognizer, RecognizerResult

from detectors import reading
from detectors.detector import Detector
from detectors.reading import Reading
from detectors.recognizers.presidio import SHIPPED
from detectors.recognizers.strict import StrictPatterns

PROMPTS = Path(__file__).parents[1] / "data" / "prompts"
STANDARD = [Path(random.__file__), Path(regex.__file__), Path(reading.__file__)]


def pieces(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return [text[start : start + 900] for start in range(0, min(len(text), 36_000), 1_200)]


CORPUS = [piece for path in [*sorted(PROMPTS.glob("*.txt")), *STANDARD] for piece in pieces(path)]


def logs(generator: random.Random) -> str:
    """A few lines of a service's log: times, addresses, identifiers, durations."""
    return "\n".join(
        f"2026-11-{generator.randint(10, 28)}T08:{generator.randint(10, 59)}:00.{generator.randint(100, 999)}Z INFO "
        f"[worker-{generator.randint(1, 16)}] 192.0.2.{generator.randint(1, 254)} "
        f"GET /v1/items/{generator.randint(1, 10**9)} "
        f"{generator.choice((200, 404, 500))} {generator.randint(1, 4000)}ms trace={generator.getrandbits(64):016x} "
        f"user_id={generator.randint(1, 10**7)} build {generator.getrandbits(160):040x}"
        for _ in range(4)
    )


def digits_changed(text: str, seed: int) -> str:
    """Other numbers of the same shapes."""
    generator = random.Random(seed)
    return "".join(generator.choice("0123456789") if char.isdigit() and char.isascii() else char for char in text)


def found(detector: Detector, text: str, *, prefilter: bool) -> set[tuple[str, str, int, int, float]]:
    floors = detector.config.floor
    view = Reading(text, regex_timeout=30.0)
    view.prefilter = prefilter
    return {
        (r.entity_type, str(r.recognition_metadata[r.RECOGNIZER_NAME_KEY]), r.start, r.end, r.score)
        for r in detector._engine.find(view, floors)
        if r.score >= floors(r.entity_type)
    }


@pytest.mark.parametrize("step", range(4))
def test_prompts_and_sources(detector: Detector, step: int) -> None:
    for text in CORPUS[step::24]:
        assert found(detector, text, prefilter=True) == found(detector, text, prefilter=False)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(CORPUS), st.integers(0, 10**6), st.integers(0, 500))
def test_prompts_with_other_numbers(detector: Detector, text: str, seed: int, start: int) -> None:
    text = digits_changed(text[start : start + 400], seed)
    assert found(detector, text, prefilter=True) == found(detector, text, prefilter=False)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6))
def test_logs(detector: Detector, seed: int) -> None:
    text = logs(random.Random(seed))
    assert found(detector, text, prefilter=True) == found(detector, text, prefilter=False)


def presidios(recognizer: StrictPatterns, text: str) -> set[tuple[int, int]]:
    """Where Presidio's own ``analyze`` finds something with this recognizer's patterns and checks."""
    results: list[RecognizerResult] = PatternRecognizer.analyze(
        recognizer, text, recognizer.supported_entities, regex_flags=recognizer.FLAGS
    )
    return {(result.start, result.end) for result in results}


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(CORPUS), st.integers(0, 10**6), st.integers(0, 500))
def test_presidios_own_recognizers(detector: Detector, text: str, seed: int, start: int) -> None:
    """Each of Presidio's recognizers finds, filtered, what plain Presidio finds with the same patterns.

    Presidio drops what another pattern of the same recognizer covers, so the comparison is of covered code points.
    """
    text = digits_changed(text[start : start + 400], seed)
    view = Reading(text, regex_timeout=30.0)
    engine = detector._engine
    engine.find(view)
    compared = 0
    shipped = {entry.name for entry in SHIPPED}
    for recognizer in engine._recognizers:
        if type(recognizer).__name__ not in shipped or not isinstance(recognizer, StrictPatterns):
            continue
        if recognizer.REJECT is not None:
            continue
        ours = recognizer.analyze(text, recognizer.supported_entities, view)
        covered = {place for result in ours for place in range(result.start, result.end)}
        plain = {place for start, end in presidios(recognizer, text) for place in range(start, end)}
        assert covered == plain, recognizer.name
        compared += 1
    assert compared > 30
