"""Presidio's pattern recognizer, made to fail closed and to look only where it can match.

Presidio's own ``analyze`` swallows a regex time-out and skips the pattern: sensitive text would pass. Here a
time-out is a ``DetectorError``. Also: a named group ``value`` is the span (the label before it is not data),
``\\b``, ``\\w`` and ``\\d`` mean ASCII (between Chinese characters they would mean nothing), and a check digit in a
bare run of digits convinces only together with context. May import Presidio, ``reading``, ``errors``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from detectors.errors import DetectorError
from detectors.reading import Reading, Seed

FLAGS = regex.ASCII | regex.MULTILINE | regex.IGNORECASE
FLAGS_CASED = regex.ASCII | regex.MULTILINE

VERIFIED = "verified"
"""Metadata key: a checksum or an unmistakable format proves the type."""
CHECKED = "checked"
"""Metadata key: a checksum fits, but the form alone proves little; with context it is proof."""

GENERIC = "generic"
"""Metadata key: only a label says what this is; a recognizer that knows the form knows better."""

PROVEN = 0.4
"""A pattern of at least this score has a form of its own (separators, letters); with its checksum it is proof."""

BARE_DIGITS = 13
"""A run of so many digits or fewer without separators proves nothing by one check digit: timestamps and row
ids pass, too.
"""
BARE_SCORE = 0.25

MANY_SPOTS = 64
"""With more possible beginnings (and one in 64 code points) a search through the whole text is faster than each try."""


def name_of(recognizer: EntityRecognizer) -> str:
    """The recognizer's name (Presidio sets it in untyped code)."""
    return str(vars(recognizer)["name"])


def result_of(
    recognizer: EntityRecognizer,
    entity: str,
    start: int,
    end: int,
    score: float,
    *,
    verified: bool = False,
    checked: bool = False,
) -> RecognizerResult:
    """A Presidio result with the metadata that the engine, the context and the conflict resolution read."""
    return RecognizerResult(
        entity_type=entity,
        start=start,
        end=end,
        score=score,
        recognition_metadata={
            RecognizerResult.RECOGNIZER_NAME_KEY: name_of(recognizer),
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recognizer.id,
            VERIFIED: verified,
            CHECKED: checked,
        },
    )


class StrictPatterns(PatternRecognizer):
    """Base of all pattern recognizers here; also mixed into Presidio's own (see ``presidio.py``)."""

    name: str
    patterns: list[Pattern]

    SEED: ClassVar[Seed] = Seed.NONE
    """Digit runs that every match contains."""
    LITERALS: ClassVar[tuple[str, ...]] = ()
    """Lower-case strings of which every matching text contains one; empty: no such condition."""
    NEEDS: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """The same for single patterns, by name."""
    FLAGS: ClassVar[int] = FLAGS
    PROVEN: ClassVar[float] = PROVEN
    CLIP: ClassVar[bool] = False
    """True: a bare run of digits never scores more than ``BARE_SCORE`` by itself."""
    REJECT: ClassVar[str | None] = None
    """Expression (case-sensitive, at the beginning) of values that are none."""

    @property
    def alone(self) -> float:
        """The best score that a finding can have without a context word."""
        checks = type(self).validate_result is not PatternRecognizer.validate_result
        return max(
            1.0 if checks and pattern.score >= self.PROVEN else float(pattern.score) for pattern in self.patterns
        )

    def stretches(self, reading: Reading) -> list[tuple[int, int]]:
        """Where to look."""
        return reading.windows(self.SEED)

    def can_match(self, reading: Reading) -> bool:
        """False if no pattern can match anywhere in this text."""
        if not self.LITERALS or not reading.prefilter:
            return True
        lower = reading.lower
        return any(literal in lower for literal in self.LITERALS)

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: NlpArtifacts | None = None,
        regex_flags: int | None = None,
    ) -> list[RecognizerResult]:
        """Presidio's entry point. Raises DetectorError on a regex time-out."""
        reading = Reading.of(text, nlp_artifacts)
        if not self.can_match(reading):
            return []
        results: list[RecognizerResult] = []
        windows: list[tuple[int, int]] | None = None
        for pattern in self.patterns:
            spots = reading.spots(id(pattern))
            if spots is not None and not spots:
                continue
            needs = self.NEEDS.get(pattern.name)
            if needs and reading.prefilter and not any(literal in reading.lower for literal in needs):
                continue
            if windows is None:
                windows = self.stretches(reading)
            try:
                for match in self._matches(reading, pattern, windows, spots):
                    found = self.judge(text, match, pattern)
                    if found is not None:
                        results.append(found)
            except TimeoutError:
                raise DetectorError(f"recognizer {self.name} ran into the regex time-out") from None
        return results

    def _matches(
        self, reading: Reading, pattern: Pattern, windows: list[tuple[int, int]], spots: list[int] | None
    ) -> Iterator[regex.Match[str]]:
        """Matches in order, not overlapping: everywhere in the windows, or what begins at one of ``spots`` in them."""
        compiled, text, timeout = self._compiled(pattern), reading.text, reading.regex_timeout
        if spots is None or len(spots) > MANY_SPOTS + len(text) // 64:
            for start, end in windows:
                yield from compiled.finditer(text, start, end, timeout=timeout)
            return
        first = 0
        for start, end in windows:
            first = bisect_left(spots, start, first)
            last = bisect_left(spots, end, first)
            free = start
            for spot in spots[first:last]:
                if spot >= free and (match := compiled.match(text, spot, end, timeout=timeout)) is not None:
                    yield match
                    free = match.end()
            first = last

    def compile(self) -> None:
        """Compile the expressions now."""
        for pattern in self.patterns:
            self._compiled(pattern)

    def _compiled(self, pattern: Pattern) -> regex.Pattern[str]:
        compiled: Any = pattern.compiled_regex
        if compiled is None or pattern.compiled_with_flags != self.FLAGS:
            compiled = regex.compile(pattern.regex, flags=self.FLAGS)
            pattern.compiled_regex = compiled
            pattern.compiled_with_flags = self.FLAGS  # type: ignore[assignment]
        return compiled

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """The result that a match means, or None."""
        start, end = match.span("value") if "value" in match.re.groupindex else match.span()
        if start >= end:
            return None
        value = text[start:end]
        valid = self.validate_result(value)
        if valid is False or self.invalidate_result(value):
            return None
        if self.REJECT is not None and regex.match(self.REJECT, value):
            return None
        bare = value.isdigit() and (len(value) <= BARE_DIGITS if valid else self.CLIP)
        proven = bool(valid) and pattern.score >= self.PROVEN and not bare
        score = self.MAX_SCORE if proven else min(pattern.score, BARE_SCORE) if bare else pattern.score
        return result_of(self, self.supported_entities[0], start, end, score, verified=proven, checked=bool(valid))


class Patterns(StrictPatterns):
    """Our own recognizers: class attributes instead of constructor arguments."""

    ENTITY: ClassVar[str]
    LANGUAGE: ClassVar[str] = "en"
    PATTERNS: ClassVar[Sequence[tuple[str, str, float]]]
    """``(name, regex, score)``."""
    CONTEXT: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__(
            supported_entity=self.ENTITY,
            supported_language=self.LANGUAGE,
            patterns=[Pattern(name, expression, score) for name, expression, score in self.PATTERNS],
            context=list(self.CONTEXT),
            name=type(self).__name__,
        )
