"""One patterns-only detector for all tests: building it takes half a second."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from detectors.config import DetectorConfig, NerConfig
from detectors.detector import Detector
from detectors.spans import Span

Find = Callable[[str], list[tuple[str, str]]]


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector(DetectorConfig(ner=NerConfig(enabled=False)))


@pytest.fixture(scope="session")
def find(detector: Detector) -> Find:
    """``(entity, found text)`` of each span."""

    def run(text: str) -> list[tuple[str, str]]:
        return [(span.entity, text[span.start : span.end]) for span in detector.detect([text])[0]]

    return run


def covered(spans: list[Span]) -> set[int]:
    return {offset for span in spans for offset in range(span.start, span.end)}
