"""Presidio's AnalyzerEngine as the frame: all recognizers, one pass over mixed-language text, fail closed, silent.

``Engine.find`` runs every recognizer of every language on a shared ``Reading``; Presidio's ``analyze`` (one
language, spaCy tokens) works, too. May import
Presidio, spaCy, ``reading``, ``openings``, ``context``, ``recognizers``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

import presidio_analyzer.pattern_recognizer
import presidio_analyzer.predefined_recognizers.generic.iban_recognizer
import regex  # type: ignore[import-untyped]
import spacy
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.nlp_engine import SpacyNlpEngine

from detectors.context import WindowContextEnhancer
from detectors.errors import DetectorError
from detectors.openings import Openings
from detectors.reading import Reading
from detectors.recognizers.strict import StrictPatterns, name_of

_LOGGERS = (
    "presidio-analyzer",
    "presidio_analyzer",
    "decision_process",
    "phonenumbers",
    "tldextract",
    "spacy",
    "filelock",
)


def silence() -> None:
    """Turn off the loggers of Presidio and what it uses: some of their messages quote the text."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
        logger.disabled = True


def limit_regexes(seconds: float) -> None:
    """Presidio's own time-out (a minute by default), for the few expressions that it runs itself."""
    for module in (
        presidio_analyzer.pattern_recognizer,
        presidio_analyzer.predefined_recognizers.generic.iban_recognizer,
    ):
        module.REGEX_TIMEOUT_SECONDS = seconds  # type: ignore[attr-defined]


class BlankNlpEngine(SpacyNlpEngine):
    """spaCy's tokenizers only: nothing is downloaded."""

    def load(self) -> None:
        """Blank pipelines for the configured languages."""
        pipelines = {model["lang_code"]: spacy.blank(model["lang_code"]) for model in self.models}
        self.nlp = pipelines  # type: ignore[assignment]


class Engine(AnalyzerEngine):
    """All recognizers together."""

    def __init__(self, recognizers: Sequence[EntityRecognizer], languages: Sequence[str], regex_seconds: float) -> None:
        silence()
        limit_regexes(regex_seconds)
        self._recognizers = list(recognizers)
        self._enhancer = WindowContextEnhancer()
        self._plan = [
            (
                recognizer,
                getattr(recognizer, "alone", 1.0),
                tuple(word.strip().lower() for word in recognizer.context or ()),
            )
            for recognizer in recognizers
        ]
        self._owner: dict[int, int] = {}
        """Pattern -> number of its recognizer, for the patterns that ``openings`` can read."""
        expressions: dict[int, str] = {}
        for number, recognizer in enumerate(self._recognizers):
            if isinstance(recognizer, StrictPatterns) and recognizer.FLAGS & regex.ASCII:
                for pattern in recognizer.patterns:
                    expressions[id(pattern)] = pattern.regex
                    self._owner[id(pattern)] = number
        self._openings = Openings(expressions)
        self._everywhere = frozenset(
            number
            for number, recognizer in enumerate(self._recognizers)
            if not isinstance(recognizer, StrictPatterns)
            or any(id(pattern) not in self._openings.filtered for pattern in recognizer.patterns)
        )
        """Recognizers that run on every text."""
        registry = RecognizerRegistry(recognizers=list(recognizers), supported_languages=list(languages))
        nlp_engine = BlankNlpEngine(models=[{"lang_code": code, "model_name": "blank"} for code in languages])
        super().__init__(
            registry=registry,
            nlp_engine=nlp_engine,
            supported_languages=list(languages),
            context_aware_enhancer=self._enhancer,
        )

    def _worth_running(self, reading: Reading, floors: Callable[[str], float]) -> Iterator[EntityRecognizer]:
        """All recognizers but those that cannot find anything here.

        Two prefilters: no pattern of theirs can begin anywhere (``openings``); or they could only find something with
        a context word, and a text without any cannot raise the score above the floor.
        """
        numbers: Iterable[int] = range(len(self._plan))
        if reading.prefilter:
            owner = self._owner
            numbers = sorted(self._everywhere.union(owner[key] for key in reading.look_for(self._openings)))
        for number in numbers:
            recognizer, alone, words = self._plan[number]
            if (
                reading.prefilter
                and words
                and alone < floors(recognizer.supported_entities[0])
                and not any(word in reading.lower for word in words)
            ):
                continue
            yield recognizer

    def find(self, reading: Reading, floors: Callable[[str], float] = lambda entity: 0.0) -> list[RecognizerResult]:
        """What all recognizers find, context considered, duplicates and overlaps included.

        ``floors`` says which score a span of an entity needs: what cannot reach it need not be looked for.
        Raises DetectorError.
        """
        results: list[RecognizerResult] = []
        for recognizer in self._worth_running(reading, floors):
            try:
                found = recognizer.analyze(reading.text, recognizer.supported_entities, reading)
            except DetectorError:
                raise
            except Exception:
                raise DetectorError(f"recognizer {name_of(recognizer)} failed") from None
            for result in found:
                self._enhancer.enhance(reading.text, result, recognizer)
            results.extend(found)
        return results

    def compile(self) -> None:
        """Compile all expressions now instead of at their first use."""
        for recognizer in self._recognizers:
            if isinstance(recognizer, StrictPatterns):
                recognizer.compile()

    @property
    def recognizer_names(self) -> Iterable[str]:
        """Names of all recognizers."""
        return [name_of(recognizer) for recognizer in self._recognizers]
