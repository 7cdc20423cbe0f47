"""What a site brings itself: its deny-list, its own recognizers, and plugins. Built from the configuration.

A plugin is Python code that the configuration names; nothing else of an installed package is loaded. May import
Presidio, the configuration's models, ``phrases``, ``checksums`` and ``strict``.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Sequence
from importlib import metadata
from typing import Any, ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import EntityRecognizer, Pattern, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from detectors.checksums import checksum
from detectors.config import DetectorConfig
from detectors.errors import DetectorError
from detectors.list_entries import DenyListed, unfolded
from detectors.own_recognizers import OwnRecognizer
from detectors.phrases import Phrases
from detectors.reading import Reading
from detectors.recognizers.strict import FLAGS, FLAGS_CASED, StrictPatterns, name_of, result_of

PLUGIN_GROUP = "coatcheck.recognizers"
"""Entry-point group of packages that bring recognizers."""
DECIDES = "decides"
"""Metadata key: this finding decides the type where it overlaps others, whatever its score."""
DENY_LIST = "DenyList"
"""Recognizer name of what the deny-list finds."""


class DenyListRecognizer(EntityRecognizer):
    """The deny-list: its values are always found, with score 1.0 and the entity that it names."""

    def __init__(self, entries: Sequence[DenyListed]) -> None:
        self._phrases: Phrases[str] = Phrases()
        self._patterns: list[tuple[regex.Pattern[str], str]] = []
        for entry in entries:
            if entry.literal is not None:
                self._phrases.add(entry.literal, entry.entity, ignore_case=entry.ignore_case)
            elif entry.pattern is not None:
                flags = FLAGS if entry.ignore_case else FLAGS_CASED
                self._patterns.append((regex.compile(entry.pattern, flags), entry.entity))
        entities = sorted({entry.entity for entry in entries})
        super().__init__(supported_entities=entities, name=DENY_LIST, supported_language="en")

    def load(self) -> None:
        """Nothing to load."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Every place of every value. Raises DetectorError on a regex time-out."""
        found = list(self._phrases.find(text)) if self._phrases else []
        seconds = Reading.of(text, nlp_artifacts).regex_timeout
        for number, (pattern, entity) in enumerate(self._patterns, 1):
            try:
                found += [
                    (*match.span(), entity)
                    for match in pattern.finditer(text, timeout=seconds)
                    if match.end() > match.start()
                ]
            except TimeoutError:
                raise DetectorError(f"pattern {number} of detector.deny_list ran into the regex time-out") from None
        return [result_of(self, entity, start, end, 1.0, verified=True) for start, end, entity in found]


class SitePatternRecognizer(StrictPatterns):
    """One entry of ``detector.recognizers``."""

    FLAGS: ClassVar[int] = FLAGS_CASED

    def __init__(self, settings: OwnRecognizer) -> None:
        super().__init__(
            supported_entity=settings.entity,
            name=settings.name,
            patterns=[
                Pattern(f"{settings.name} {number}", expression, settings.score)
                for number, expression in enumerate(settings.regex, 1)
            ],
            context=list(settings.context),
        )
        self._fits = checksum(settings.checksum) if settings.checksum else None
        self._score = settings.score

    @property
    def alone(self) -> float:
        """The score that the configuration gives, checksum or not."""
        return self._score

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """What fits the expression and the checksum, with the configured score."""
        start, end = match.span("value") if "value" in match.re.groupindex else match.span()
        if start >= end or (self._fits is not None and not self._fits(text[start:end])):
            return None
        checked = self._fits is not None
        result = result_of(self, self.supported_entities[0], start, end, pattern.score, checked=checked)
        result.recognition_metadata[DECIDES] = checked
        return result


class UncasedSitePatternRecognizer(SitePatternRecognizer):
    """The same where upper and lower case are one."""

    FLAGS: ClassVar[int] = FLAGS


class PluggedRecognizer(EntityRecognizer):
    """A plugin's recognizer behind a check of what it answers: a wrong answer is an error, never a miss."""

    def __init__(self, plugin: str, inner: EntityRecognizer) -> None:
        self._plugin = plugin
        self._inner = inner
        super().__init__(
            supported_entities=list(inner.supported_entities),
            name=name_of(inner),
            supported_language="en",
            context=list(inner.context or ()),
        )

    def load(self) -> None:
        """The inner one was loaded when it was made."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """The plugin's results. Raises DetectorError where they do not lie in the text."""
        results = []
        reading = Reading.of(text, nlp_artifacts)
        for found in self._inner.analyze(text, list(self.supported_entities), reading) or ():
            start, end, score = found.start, found.end, float(found.score)
            if not 0 <= start < end <= len(text) or math.isnan(score):
                raise DetectorError(f"plugin {self._plugin}: a finding does not lie in the text")
            results.append(result_of(self, str(found.entity_type), start, end, min(1.0, max(0.0, score))))
        return results


def site_recognizers(config: DetectorConfig) -> list[EntityRecognizer]:
    """All of the site's own. Raises DetectorError for files that cannot be read and plugins that cannot be loaded."""
    recognizers: list[EntityRecognizer] = []
    denied = list(unfolded("deny_list", config.deny_list))
    if denied:
        recognizers.append(DenyListRecognizer(denied))
    for own in config.recognizers:
        kind = UncasedSitePatternRecognizer if own.ignore_case else SitePatternRecognizer
        recognizers.append(kind(own))
    for plugin in config.plugins:
        recognizers += [PluggedRecognizer(plugin, inner) for inner in _plugged(plugin)]
    return recognizers


def _plugged(plugin: str) -> list[EntityRecognizer]:
    """The recognizers that ``module:attribute`` or an entry point of that name makes."""
    try:
        made: Any = _named(plugin)
        if callable(made) and not isinstance(made, EntityRecognizer):
            made = made()
        several = list(made) if isinstance(made, Iterable) else [made]
    except DetectorError:
        raise
    except Exception as error:
        raise DetectorError(f"detector.plugins: {plugin} cannot be loaded ({type(error).__name__})") from None
    if not several or not all(isinstance(one, EntityRecognizer) for one in several):
        raise DetectorError(
            f"detector.plugins: {plugin} should give Presidio EntityRecognizers, and gives something else"
        )
    return several


def _named(plugin: str) -> Any:
    if ":" not in plugin:
        points = list(metadata.entry_points(group=PLUGIN_GROUP, name=plugin))
        if not points:
            raise DetectorError(
                f"detector.plugins: no installed package has an entry point `{plugin}` in the group {PLUGIN_GROUP}"
            )
        return points[0].load()
    module, _, attribute = plugin.partition(":")
    here: Any = importlib.import_module(module)
    for step in attribute.split("."):
        here = getattr(here, step)
    return here
