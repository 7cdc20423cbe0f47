"""What the policy does with single findings outside any request, and why."""

from __future__ import annotations

import pytest

from addons.detect_policy import SitePolicy
from addons.policy.rules import PolicySettings
from detectors.spans import Span

TEXT = "Anna, Bob, Globex, hunter2hunter2"
SPANS = [
    Span(0, 4, "PERSON", 0.9, "r"),
    Span(6, 9, "PERSON", 0.4, "r"),
    Span(11, 17, "ORGANIZATION", 0.9, "r"),
    Span(19, 33, "SECRET", 0.9, "r"),
]


def judged(**policy: object) -> list[tuple[str, str]]:
    site = SitePolicy(PolicySettings.model_validate(policy))
    return list(zip(site.actions(TEXT, SPANS), site.why(TEXT, SPANS), strict=True))


def test_the_built_in_policy() -> None:
    assert judged() == [
        ("mask", "policy.default, as nothing else names PERSON"),
        ("mask", "policy.default, as nothing else names PERSON"),
        ("allow", "the built-in policy for ORGANIZATION"),
        ("mask", "policy.default, as nothing else names SECRET"),
    ]


def test_entities_rules_the_allow_list_and_scores() -> None:
    assert judged(
        entities={"PERSON": {"action": "mask", "min_score": 0.5}, "ORG*": "mask"},
        rules=[{"name": "no credentials", "when": {"entities": ["SECRET"]}, "action": "block"}],
        allow_list=["Anna"],
    ) == [
        ("allow", "on the allow-list"),
        ("allow", "its score is below the policy's min_score"),
        ("mask", "policy.entities"),
        ("block", "rule `no credentials`"),
    ]


def test_a_rule_that_counts_sees_all_findings() -> None:
    rule = {"name": "two", "when": {"entities": ["PERSON"], "min_count": 2}, "action": "block"}
    assert judged(rules=[rule])[:2] == [("block", "rule `two`"), ("block", "rule `two`")]


@pytest.mark.parametrize(("upstreams", "action"), [(["openai"], "mask"), (["*"], "block")])
def test_conditions_on_the_request_hold_only_if_they_hold_for_any(upstreams: list[str], action: str) -> None:
    rule = {"name": "x", "when": {"entities": ["PERSON"], "upstreams": upstreams}, "action": "block"}
    assert judged(rules=[rule])[0][0] == action


def test_observe_says_what_enforce_would_do() -> None:
    assert [action for action, _ in judged(mode="observe")] == ["mask", "mask", "allow", "mask"]


def test_lone_surrogates() -> None:
    assert SitePolicy(PolicySettings()).actions("\ud800a", [Span(1, 2, "PERSON", 0.9, "r")]) == ["mask"]
