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


class ContextWords:
    """Words that say more of what stands near them."""

    def __init__(self, words: Sequence[str]) -> None:
        self.pattern = context_pattern(words)
        self._words = tuple({word.strip().lower() for word in words if word.strip()})

    def near(self, text: str, start: int, end: int) -> bool:
        """True if one of them stands within ``BEFORE`` code points before or ``AFTER`` after ``text[start:end]``."""
        return self._within(text, max(0, start - BEFORE), start) or self._within(text, end, min(len(text), end + AFTER))

    def _within(self, text: str, start: int, end: int) -> bool:
        lower = text[start:end].lower()
        for word in self._words:
            if word in lower:
                return self.pattern.search(text, start, end) is not None
        return False


class WindowContextEnhancer(ContextAwareEnhancer):
    """Presidio's interface over a window of text instead of lemmas."""

    def __init__(self) -> None:
        super().__init__(
            context_similarity_factor=BOOST,
            min_score_with_context_similarity=FLOOR,
            context_prefix_count=BEFORE,
            context_suffix_count=AFTER,
        )
        self._words: dict[str, ContextWords | None] = {}

    def words_of(self, recognizer: EntityRecognizer) -> ContextWords | None:
        """The recognizer's context words."""
        if recognizer.id not in self._words:
            self._words[recognizer.id] = ContextWords(recognizer.context) if recognizer.context else None
        return self._words[recognizer.id]

    def pattern_of(self, recognizer: EntityRecognizer) -> re.Pattern[str] | None:
        """The recognizer's context words as one pattern."""
        words = self.words_of(recognizer)
        return None if words is None else words.pattern

    def enhance(self, text: str, result: RecognizerResult, recognizer: EntityRecognizer) -> None:
        """Raise the score of one result in place. A fitting checksum together with context is proof."""
        metadata = result.recognition_metadata
        if metadata.get(VERIFIED):
            return
        words = self.words_of(recognizer)
        if words is None or not words.near(text, result.start, result.end):
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
