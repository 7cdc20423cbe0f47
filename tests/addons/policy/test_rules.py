"""The policy section: what may be written, and its hash."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from addons.policy.entities import BUILT_IN_ACTIONS, KNOWN_ENTITIES
from addons.policy.rules import PolicySettings
from addons.policy.types import Action
from addons.wire.types import UnreadableKind


def test_every_kind_of_the_codecs_has_its_key() -> None:
    assert set(type(PolicySettings().unreadable).model_fields) == {kind.value for kind in UnreadableKind}


def test_the_known_entities_are_those_of_the_detector() -> None:
    from detectors.config import DetectorConfig
    from detectors.recognizers.catalogue import build

    found = {entity for recognizer in build(DetectorConfig()) for entity in recognizer.supported_entities}
    assert found <= KNOWN_ENTITIES
    assert set(BUILT_IN_ACTIONS) <= KNOWN_ENTITIES


def test_the_default_masks_people_and_secrets() -> None:
    assert PolicySettings().default is Action.MASK
    assert not {"PERSON", "EMAIL_ADDRESS", "SECRET", "CREDIT_CARD", "ADDRESS"} & set(BUILT_IN_ACTIONS)


def test_the_hash_follows_the_meaning_and_not_the_spelling() -> None:
    short = PolicySettings.model_validate({"entities": {"PERSON": "mask"}, "unreadable": "block"})
    long = PolicySettings.model_validate({"entities": {"PERSON": {"action": "mask", "min_score": 0}}})
    assert short.hash() == long.hash()
    assert re.fullmatch("[0-9a-f]{64}", short.hash())
    assert short.hash() != PolicySettings.model_validate({"entities": {"PERSON": "allow"}}).hash()
    assert short.hash() != PolicySettings.model_validate({"entities": {"PERSON": "mask"}, "mode": "observe"}).hash()


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ({"rules": [{"name": "x", "action": "allow"}]}, "opens only what it names"),
        ({"rules": [{"name": "x", "action": "mask", "when": {"unreadable": ["image"]}}]}, "needs `when.entities`"),
        ({"rules": [{"name": "x", "action": "block", "when": {"min_count": 2}}]}, "add `entities`"),
        ({"rules": [{"name": "x", "action": "block", "when": {"roles": ["tool"]}}]}, "add `entities`"),
        (
            {"rules": [{"name": "x", "action": "block", "when": {"entities": ["A"], "unreadable": ["*"]}}]},
            "write two rules",
        ),
        ({"rules": [{"name": "clean", "action": "block"}]}, "uses itself"),
        ({"unreadable": "mask"}, "cannot be masked"),
        ({"allow_list": [{"pattern": "("}]}, "no regular expression"),
        ({"allow_list": [{}]}, "either `literal` or `pattern`"),
        ({"allow_list": [{"literal": "a", "pattern": "b"}]}, "either `literal` or `pattern`"),
    ],
)
def test_what_may_not_be_written(written: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        PolicySettings.model_validate(written)


def test_routes_name_every_reroute() -> None:
    policy = PolicySettings.model_validate(
        {
            "default": "reroute",
            "reroute_to": "a",
            "unreadable": {"image": {"action": "reroute", "to": "b"}},
            "entities": {"PERSON": {"action": "reroute", "to": "c"}, "SECRET": "block"},
            "rules": [{"name": "x", "action": "reroute"}, {"name": "y", "action": "block", "to": "d"}],
        }
    )
    assert list(policy.routes()) == [
        (("default",), "a"),
        (("entities", "PERSON"), "c"),
        (("unreadable", "image"), "b"),
        (("rules", 0), "a"),
    ]
