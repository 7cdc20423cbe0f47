"""Context words raise scores: a window of text around a finding, English by word, Chinese by substring.

Presidio's own enhancer compares lemmas, which blank spaCy pipelines lack. May import Presidio and
``recognizers.strict``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts

from detectors.recognizers.strict import CHECKED, VERIFIED

BEFORE = 64
"""Code points before a finding that are looked at."""
AFTER = 24
BOOST = 0.35
FLOOR = 0.4
"""With context a finding has at least this score (Presidio's default)."""


def context_pattern(words: Sequence[str]) -> re.Pattern[str]:
    """One pattern for all words: Latin ones as whole words (``user_ssn`` counts), others wherever they stand."""
    parts = []
    for word in sorted({word.strip().lower() for word in words if word.strip()}, key=len, reverse=True):
        escaped = re.escape(word)
        if word[0].isascii() and word[0].isalnum():
            escaped = rf"(?<![a-z0-9]){escaped}"
        if word[-1].isascii() and word[-1].isalnum():
            escaped = rf"{escaped}(?:s|no|nr)?(?![a-z])"
        parts.append(escaped)
    return re.compile("|".join(parts), re.IGNORECASE | re.ASCII)


class WindowContextEnhancer(ContextAwareEnhancer):
    """Presidio's interface over a window of text instead of lemmas."""

    def __init__(self) -> None:
        super().__init__(
            context_similarity_factor=BOOST,
            min_score_with_context_similarity=FLOOR,
            context_prefix_count=BEFORE,
            context_suffix_count=AFTER,
        )
        self._patterns: dict[str, re.Pattern[str] | None] = {}

    def pattern_of(self, recognizer: EntityRecognizer) -> re.Pattern[str] | None:
        """The recognizer's context words as one pattern."""
        if recognizer.id not in self._patterns:
            self._patterns[recognizer.id] = context_pattern(recognizer.context) if recognizer.context else None
        return self._patterns[recognizer.id]

    def enhance(self, text: str, result: RecognizerResult, recognizer: EntityRecognizer) -> None:
        """Raise the score of one result in place. A fitting checksum together with context is proof."""
        metadata = result.recognition_metadata
        if metadata.get(VERIFIED):
            return
        pattern = self.pattern_of(recognizer)
        if pattern is None:
            return
        before = max(0, result.start - BEFORE)
        if pattern.search(text, before, result.start) is None and (
            pattern.search(text, result.end, min(len(text), result.end + AFTER)) is None
        ):
            return
        metadata[RecognizerResult.IS_SCORE_ENHANCED_BY_CONTEXT_KEY] = True
        if metadata.get(CHECKED):
            result.score, metadata[VERIFIED] = 1.0, True
        else:
            result.score = min(1.0, max(FLOOR, result.score + BOOST))

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: NlpArtifacts,
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        """Presidio's entry point."""
        by_id = {recognizer.id: recognizer for recognizer in recognizers}
        for result in raw_results:
            recognizer = by_id.get(result.recognition_metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY])
            if recognizer is not None:
                self.enhance(text, result, recognizer)
        return raw_results
