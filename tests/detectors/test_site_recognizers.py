"""Recognizers from the configuration: expression, checksum, context, examples; and plugins behind a check."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata

import pytest
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult
from pydantic import ValidationError

from detectors.config import DetectorConfig, NerConfig
from detectors.detector import Detector
from detectors.errors import DetectorError
from detectors.recognizers import site

BADGE = {
    "name": "badge",
    "entity": "BADGE_ID",
    "regex": r"\bBDG-(?P<value>\d{4}-\d{4})\b",
    "checksum": "luhn",
    "score": 0.5,
    "context": ["badge", "工牌"],
    "examples": {"match": ["BDG-1234-5674"], "no_match": ["BDG-1234-5678", "BDG-12345674"]},
}


def detector(**settings: object) -> Detector:
    return Detector(DetectorConfig.model_validate({"ner": NerConfig(enabled=False), **settings}))


def found(built: Detector, text: str) -> list[tuple[str, str, float]]:
    return [(span.entity, text[span.start : span.end], round(span.score, 2)) for span in built.detect([text])[0]]


def test_expression_checksum_context_and_score() -> None:
    built = detector(recognizers=[BADGE])
    assert found(built, "see BDG-1234-5674, BDG-1234-5678") == [("BADGE_ID", "1234-5674", 0.5)]
    assert ("BADGE_ID", "1234-5674", 1.0) in found(built, "工牌BDG-1234-5674")
    assert ("BADGE_ID", "1234-5674", 1.0) in found(built, "badge BDG-1234-5674"), "whatever else knows the label"
    (span,) = built.detect(["BDG-1234-5674"])[0]
    assert span.recognizer == "badge"


def test_below_the_threshold_it_needs_its_context() -> None:
    weak = {
        "name": "room",
        "entity": "ROOM",
        "regex": [r"R\d{3}", r"Z\d{3}"],
        "score": 0.2,
        "context": ["room"],
        "ignore_case": True,
    }
    built = detector(recognizers=[weak])
    assert found(built, "r101 and z202") == []
    assert found(built, "room r101 and Z202") == [("ROOM", "r101", 0.55), ("ROOM", "Z202", 0.55)]
    assert found(detector(recognizers=[weak], entities={"ROOM": 0.6}), "room r101") == []
    assert found(detector(recognizers=[weak], disabled=["ROOM"]), "room r101") == []


def test_an_expression_that_takes_too_long_fails_closed() -> None:
    built = detector(recognizers=[{"name": "slow", "entity": "SLOW", "regex": "(?:a|aa)+$"}], regex_timeout_ms=100)
    with pytest.raises(DetectorError, match="recognizer slow ran into the regex time-out") as caught:
        built.detect(["a" * 60 + "!"])
    assert "aaa" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"examples": {"match": ["BDG-1234-5674", "CANARY"]}}, "recognizer `badge`: example 2 of `match` is not found"),
        ({"examples": {"no_match": ["x BDG-1234-5674"]}}, "recognizer `badge`: example 1 of `no_match` is found"),
        ({"regex": "(CANARY"}, "is no regular expression"),
        ({"regex": ["x", "(CANARY"]}, "expression 2 is no regular expression"),
        ({"regex": r"\d*"}, "fits the empty text"),
        ({"regex": []}, "at least 1 item"),
        ({"checksum": "CANARY"}, "should be one of luhn"),
        ({"checksum": "stdnum.zz"}, "no such module"),
        ({"entity": "badge"}, "match pattern"),
        ({"name": "a b"}, "match pattern"),
    ],
)
def test_what_is_wrong_is_said_without_the_value(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DetectorConfig.model_validate({"recognizers": [{**BADGE, **changes}]})
    assert message in str(caught.value)
    assert "CANARY" not in str(caught.value)


def test_two_recognizers_of_one_name() -> None:
    with pytest.raises(ValidationError, match="is that of"):
        DetectorConfig.model_validate({"recognizers": [BADGE, BADGE]})


class Colours(PatternRecognizer):
    def __init__(self) -> None:
        super().__init__(
            supported_entity="COLOUR", patterns=[Pattern("c", "teal|mauve", 0.6)], context=["paint"], name="Colours"
        )


class Bare(EntityRecognizer):
    """Answers whatever it is told to."""

    def __init__(self, answers: Sequence[RecognizerResult]) -> None:
        self.answers = answers
        super().__init__(supported_entities=["COLOUR"], name="Bare")

    def load(self) -> None:
        """Nothing."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: object = None) -> list[RecognizerResult]:
        return list(self.answers)


def several() -> list[EntityRecognizer]:
    return [Colours(), Bare([RecognizerResult("COLOUR", 0, 1, 7.0)])]


def outside() -> EntityRecognizer:
    return Bare([RecognizerResult("COLOUR", 0, 10_000, 0.9)])


NOTHING = 5
HERE = __name__


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """This module under its own name, whatever the import mode."""
    import sys

    monkeypatch.setitem(sys.modules, "site_plugin_of_tests", sys.modules[HERE])


def test_a_class_a_function_and_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(detector(plugins=["site_plugin_of_tests:Colours"]), "paint it teal") == [("COLOUR", "teal", 0.95)]
    assert found(detector(plugins=["site_plugin_of_tests:several"]), "a teal") == [
        ("COLOUR", "a", 1.0),
        ("COLOUR", "teal", 0.6),
    ]
    point = metadata.EntryPoint("colours", "site_plugin_of_tests:Colours", site.PLUGIN_GROUP)

    def entry_points(*, group: str, name: str) -> list[metadata.EntryPoint]:
        return [point] if (group, name) == (site.PLUGIN_GROUP, "colours") else []

    monkeypatch.setattr(site.metadata, "entry_points", entry_points)
    assert found(detector(plugins=["colours"]), "mauve") == [("COLOUR", "mauve", 0.6)]
    with pytest.raises(DetectorError, match="no installed package has an entry point `other`"):
        detector(plugins=["other"])


def test_a_finding_outside_the_text_is_an_error_and_no_miss() -> None:
    with pytest.raises(DetectorError, match="does not lie in the text"):
        detector(plugins=["site_plugin_of_tests:outside"]).detect(["teal"])


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        ("site_plugin_of_tests:NOTHING", "EntityRecognizers"),
        ("site_plugin_of_tests:missing", r"cannot be loaded \(AttributeError\)"),
        ("no_such_module:x", r"cannot be loaded \(ModuleNotFoundError\)"),
    ],
)
def test_plugins_that_cannot_be_loaded(plugin: str, message: str) -> None:
    with pytest.raises(DetectorError, match=message):
        detector(plugins=[plugin])
