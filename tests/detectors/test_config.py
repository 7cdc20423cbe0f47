"""The configuration: frozen, strict, and ready to be embedded in YAML."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from detectors.config import ALL_COUNTRIES, DetectorConfig


def test_defaults_and_floors() -> None:
    config = DetectorConfig.model_validate(
        {"entities": {"PERSON": 0.7}, "languages": ["zh"], "countries": ["cn", "hk"]}
    )
    assert config.floor("PERSON") == 0.7
    assert config.floor("SECRET") == config.min_score
    assert config.countries == ("cn", "hk")
    assert {"us", "uk", "cn", "de"} <= set(ALL_COUNTRIES)


@pytest.mark.parametrize(
    "wrong",
    [
        {"contries": ["us"]},
        {"countries": ["atlantis"]},
        {"min_score": 2},
        {"entities": {"PERSON": -1}},
        {"time_limit_ms": 0},
        {"ner": {"gpu": True}},
        {"languages": ["tlh"]},
    ],
)
def test_wrong_values_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DetectorConfig.model_validate(wrong)


def test_it_does_not_change() -> None:
    with pytest.raises(ValidationError):
        DetectorConfig().min_score = 0.1  # type: ignore[misc]
