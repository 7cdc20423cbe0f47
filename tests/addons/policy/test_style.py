"""The style of an entity: what stands for its masked values."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.policy.engine import Policy
from addons.policy.rules import PolicySettings
from addons.settings import SettingsError, load_settings


def test_style_is_a_token_unless_the_entity_says_otherwise() -> None:
    entities = {"PERSON": {"action": "mask", "style": "surrogate"}, "EMAIL_ADDRESS": "mask", "CN_*": {"action": "mask"}}
    policy = Policy(PolicySettings.model_validate({"entities": entities}))
    assert policy.as_surrogate("PERSON")
    assert not any(map(policy.as_surrogate, ("EMAIL_ADDRESS", "CN_RESIDENT_ID", "PHONE_NUMBER", "LOCATION")))


def test_a_wildcard_gives_its_style_and_an_exact_name_goes_first() -> None:
    entities = {"*": {"action": "mask", "style": "surrogate"}, "SECRET": {"action": "mask"}}
    policy = Policy(PolicySettings.model_validate({"entities": entities}))
    assert policy.as_surrogate("PERSON") and not policy.as_surrogate("SECRET")


def written(directory: Path, entity: str, style: str) -> Path:
    file = directory / "coatcheck.yaml"
    file.write_text(f"policy: {{entities: {{{entity}: {{action: mask, style: {style}}}}}}}\n", encoding="utf-8")
    return file


def test_an_entity_without_surrogates_is_named(tmp_path: Path) -> None:
    assert not load_settings(written(tmp_path, "PERSON", "surrogate")).warnings
    (warning,) = load_settings(written(tmp_path, "ORGANIZATION", "surrogate")).warnings
    assert "this entity has no surrogates" in warning


def test_an_unknown_style_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="style"):
        load_settings(written(tmp_path, "PERSON", "surogate"))
