"""Policy applied: who decides, in which order, and what never happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.policy.engine import Policy
from addons.policy.rules import PolicySettings
from addons.policy.types import Action, Facts, SegmentText, Verdict
from detectors import allow_list
from detectors.spans import Span

RANK = {action: rank for rank, action in enumerate(Action)}


def facts(**changed: Any) -> Facts:
    values: dict[str, Any] = {
        "upstream": "openai",
        "endpoint": "openai.chat",
        "model": "gpt-4o",
        "principal": "key-1",
        "tenant": "default",
        "request_bytes": 100,
        "jurisdiction": "US",
    }
    return Facts(**{**values, **changed})


def segment(*found: tuple[str, str] | tuple[str, str, float], role: str = "user") -> SegmentText:
    """A segment whose text is the values of ``found``: (entity, value[, score])."""
    text, spans = "", []
    for entity, value, *score in found:
        start = len(text)
        text += value + " "
        spans.append(Span(start, start + len(value), entity, float(score[0]) if score else 0.9, "test"))
    return SegmentText("$.messages[0].content", role, text, tuple(spans))


def decide(policy: dict[str, Any], *segments: SegmentText, targets: Sequence[str] = (), **changed: Any) -> Verdict:
    return Policy(PolicySettings.model_validate(policy), targets).decide(segments, facts(**changed))


def outcome(verdict: Verdict) -> tuple[Action, str, str]:
    return verdict.action, verdict.rule, verdict.reason


PERSON = ("PERSON", "Ada Example")
PERSON_ZH = ("PERSON", "王小明")
SECRET = ("SECRET", "sk-test-0000")
RECORD = ("MEDICAL_RECORD", "MRN 0093402")
ORGANIZATION = ("ORGANIZATION", "Acme Corp")


class TestEntities:
    def test_nothing_found_is_clean(self) -> None:
        verdict = decide({}, segment())
        assert outcome(verdict) == (Action.ALLOW, "clean", "clean")
        assert verdict.mask == {} and verdict.span_actions == [[]]

    def test_what_identifies_is_masked_by_default(self) -> None:
        found = segment(PERSON, ORGANIZATION, PERSON_ZH)
        verdict = decide({}, segment(), found)
        assert outcome(verdict) == (Action.MASK, "default", "entity:PERSON")
        assert verdict.mask == {1: (found.spans[0], found.spans[2])}
        assert verdict.span_actions == [[], [Action.MASK, Action.ALLOW, Action.MASK]]

    def test_organizations_and_places_are_allowed_and_told(self) -> None:
        verdict = decide({}, segment(ORGANIZATION, ("LOCATION", "Berlin")))
        assert outcome(verdict) == (Action.ALLOW, "entities", "entity:ORGANIZATION")

    def test_the_strictest_wins(self) -> None:
        policy = {"entities": {"PERSON": "mask", "SECRET": "block", "MEDICAL_RECORD": "reroute"}, "reroute_to": "local"}
        assert outcome(decide(policy, segment(PERSON, RECORD))) == (Action.REROUTE, "entities", "entity:MEDICAL_RECORD")
        verdict = decide(policy, segment(PERSON, RECORD), segment(SECRET))
        assert outcome(verdict) == (Action.BLOCK, "entities", "entity:SECRET")
        assert verdict.mask == {} and verdict.reroute_to is None
        assert verdict.span_actions == [[Action.MASK, Action.REROUTE], [Action.BLOCK]]

    def test_default_is_for_what_is_not_named(self) -> None:
        policy = {"default": "block", "entities": {"PERSON": "allow"}}
        assert decide(policy, segment(PERSON)).action is Action.ALLOW
        assert outcome(decide(policy, segment(RECORD))) == (Action.BLOCK, "default", "entity:MEDICAL_RECORD")

    def test_an_exact_name_goes_before_a_wildcard_and_this_before_the_built_in_table(self) -> None:
        policy = {"entities": {"CN_*": "block", "CN_USCC": "allow", "ORG*": "mask"}}
        assert decide(policy, segment(("CN_RESIDENT_ID", "110101199003078515"))).action is Action.BLOCK
        assert decide(policy, segment(("CN_USCC", "91350100M000100Y43"))).action is Action.ALLOW
        assert decide(policy, segment(ORGANIZATION)).action is Action.MASK

    def test_below_its_threshold_a_finding_is_none(self) -> None:
        policy = {"entities": {"PERSON": {"action": "block", "min_score": 0.5}}}
        assert decide(policy, segment((*PERSON, 0.5))).action is Action.BLOCK
        verdict = decide(policy, segment((*PERSON, 0.49)))
        assert outcome(verdict) == (Action.ALLOW, "clean", "clean")
        assert verdict.span_actions == [[Action.ALLOW]]

    def test_without_a_threshold_every_score_counts(self) -> None:
        assert decide({}, segment((*PERSON, 0.0))).action is Action.MASK

    def test_planted_placeholders_are_no_concern_of_policy(self) -> None:
        verdict = decide({"default": "block"}, segment(("PLACEHOLDER", "PERSON_7KQ2M4XB")))
        assert outcome(verdict) == (Action.ALLOW, "clean", "clean")
        assert verdict.span_actions == [[Action.ALLOW]]

    @pytest.mark.parametrize("bounds", [(-1, 2), (2, 2), (3, 2), (0, 99)])
    def test_a_span_outside_its_text_is_an_error(self, bounds: tuple[int, int]) -> None:
        broken = SegmentText("$.x", "user", "Ada", (Span(*bounds, "PERSON", 1.0, "test"),))
        with pytest.raises(ValueError, match=r"\$\.x"):
            decide({}, broken)


class TestReroute:
    POLICY: ClassVar[dict[str, Any]] = {"entities": {"MEDICAL_RECORD": {"action": "reroute", "to": "clinic"}}}

    def test_where_to(self) -> None:
        verdict = decide(self.POLICY, segment(RECORD, PERSON))
        assert (verdict.action, verdict.reroute_to) == (Action.REROUTE, "clinic")
        assert verdict.mask == {}

    def test_targets_that_want_placeholders_get_them(self) -> None:
        found = segment(RECORD, ORGANIZATION, PERSON)
        verdict = decide(self.POLICY, found, targets=["clinic"])
        assert verdict.mask == {0: (found.spans[0], found.spans[2])}
        assert decide(self.POLICY, found, targets=["other"]).mask == {}

    def test_a_reroute_to_nowhere_is_refused_beforehand(self) -> None:
        with pytest.raises(ValueError, match=r"policy\.entities\.PERSON reroutes"):
            Policy(PolicySettings.model_validate({"entities": {"PERSON": "reroute"}}))


class TestRules:
    def test_the_first_that_reroutes_or_blocks_decides(self) -> None:
        health = {"name": "health", "when": {"entities": ["MEDICAL_*"]}, "action": "reroute", "to": "local"}
        keys = {"name": "keys", "when": {"entities": ["SECRET"]}, "action": "block"}
        both = segment(RECORD, SECRET)
        assert outcome(decide({"rules": [health, keys]}, both)) == (Action.REROUTE, "health", "rule")
        assert outcome(decide({"rules": [keys, health]}, both)) == (Action.BLOCK, "keys", "rule")
        assert outcome(decide({"rules": [health, keys]}, segment(SECRET))) == (Action.BLOCK, "keys", "rule")

    def test_a_reroute_does_not_soften_what_entities_block(self) -> None:
        health = {"name": "health", "when": {"entities": ["MEDICAL_RECORD"]}, "action": "reroute", "to": "local"}
        policy = {"rules": [health], "entities": {"SECRET": "block"}}
        assert outcome(decide(policy, segment(RECORD, SECRET))) == (Action.BLOCK, "entities", "entity:SECRET")

    def test_an_allow_rule_opens_only_what_it_names(self) -> None:
        rules = [
            {"name": "names are fine", "when": {"entities": ["PERSON"]}, "action": "allow"},
            {"name": "no keys", "when": {"entities": ["SECRET"]}, "action": "block"},
        ]
        assert outcome(decide({"rules": rules}, segment(PERSON))) == (Action.ALLOW, "names are fine", "rule")
        assert outcome(decide({"rules": rules}, segment(PERSON, SECRET))) == (Action.BLOCK, "no keys", "rule")
        assert decide({"rules": rules}, segment(PERSON, RECORD)).action is Action.MASK

    def test_what_one_rule_took_the_next_does_not_see(self) -> None:
        rules = [
            {"name": "hr may", "when": {"entities": ["PERSON"], "principals": ["hr-*"]}, "action": "mask"},
            {"name": "no names", "when": {"entities": ["PERSON"]}, "action": "block"},
        ]
        assert outcome(decide({"rules": rules}, segment(PERSON), principal="hr-1")) == (Action.MASK, "hr may", "rule")
        assert outcome(decide({"rules": rules}, segment(PERSON))) == (Action.BLOCK, "no names", "rule")

    def test_a_mask_rule_masks_what_entities_allow(self) -> None:
        rule = {"name": "firms too", "when": {"entities": ["*"]}, "action": "mask"}
        found = segment(ORGANIZATION)
        verdict = decide({"rules": [rule]}, found)
        assert outcome(verdict) == (Action.MASK, "firms too", "rule")
        assert verdict.mask == {0: found.spans}

    def test_min_count_counts_distinct_values(self) -> None:
        rule = {"name": "lists", "when": {"entities": ["PERSON"], "min_count": 2}, "action": "block"}
        assert decide({"rules": [rule]}, segment(PERSON, PERSON), segment(PERSON)).action is Action.MASK
        assert decide({"rules": [rule]}, segment(PERSON), segment(PERSON_ZH)).action is Action.BLOCK

    def test_roles(self) -> None:
        rule = {"name": "tools", "when": {"entities": ["PERSON"], "roles": ["tool"]}, "action": "block"}
        assert decide({"rules": [rule]}, segment(PERSON)).action is Action.MASK
        verdict = decide({"rules": [rule]}, segment(PERSON), segment(PERSON, role="tool"))
        assert verdict.action is Action.BLOCK
        assert verdict.span_actions == [[Action.MASK], [Action.BLOCK]]

    @pytest.mark.parametrize(
        ("when", "holds", "fails"),
        [
            ({"upstreams": ["open*"]}, {}, {"upstream": "anthropic"}),
            ({"endpoints": ["openai.*"]}, {}, {"endpoint": "anthropic.messages"}),
            ({"models": ["gpt-4*"]}, {}, {"model": None}),
            ({"models": ["GPT-4O", "gpt-4o"]}, {}, {"model": "gpt-5"}),
            ({"principals": ["key-?"]}, {}, {"principal": "key-12"}),
            ({"tenants": ["default"]}, {}, {"tenant": "other"}),
            ({"jurisdictions": ["US", "CN"]}, {}, {"jurisdiction": "FR"}),
            ({"jurisdictions": ["unknown"]}, {"jurisdiction": None}, {}),
            ({"min_bytes": 1000}, {"request_bytes": 1000}, {"request_bytes": 999}),
            ({"upstreams": ["openai"], "models": ["gpt-*"]}, {}, {"model": "o9"}),
        ],
    )
    def test_facts(self, when: dict[str, Any], holds: dict[str, Any], fails: dict[str, Any]) -> None:
        policy = {"rules": [{"name": "stop", "when": when, "action": "block"}]}
        assert outcome(decide(policy, segment(), **holds)) == (Action.BLOCK, "stop", "rule")
        assert outcome(decide(policy, segment(), **fails)) == (Action.ALLOW, "clean", "clean")

    def test_a_rule_about_the_whole_request_has_the_last_word(self) -> None:
        rule = {"name": "hr stays", "when": {"principals": ["hr-*"]}, "action": "reroute", "to": "local"}
        policy = {"rules": [rule], "entities": {"SECRET": "block"}}
        verdict = decide(policy, segment(SECRET), principal="hr-1", unreadable=("image",))
        assert outcome(verdict) == (Action.REROUTE, "hr stays", "rule")
        assert verdict.reroute_to == "local"


class TestUnreadable:
    def test_blocked_by_default(self) -> None:
        verdict = decide({}, segment(PERSON), unreadable=("image",))
        assert outcome(verdict) == (Action.BLOCK, "unreadable", "unreadable:image")

    def test_a_kind_that_nobody_knows_is_blocked(self) -> None:
        verdict = decide({"unreadable": "allow"}, segment(), unreadable=("hologram",))
        assert outcome(verdict) == (Action.BLOCK, "unreadable", "unreadable:hologram")

    def test_per_kind(self) -> None:
        policy = {"unreadable": {"image": "allow", "audio": {"action": "reroute", "to": "local"}}}
        assert outcome(decide(policy, segment(), unreadable=("image",)))[0] is Action.ALLOW
        verdict = decide(policy, segment(), unreadable=("image", "audio"))
        assert (verdict.action, verdict.reroute_to) == (Action.REROUTE, "local")
        assert outcome(decide(policy, segment(), unreadable=("audio", "tokens")))[2] == "unreadable:tokens"

    def test_one_action_for_all(self) -> None:
        assert decide({"unreadable": "allow"}, segment(), unreadable=("image", "remote")).action is Action.ALLOW

    def test_a_rule_may_name_kinds(self) -> None:
        rule = {"name": "own pictures", "when": {"unreadable": ["image"], "upstreams": ["openai"]}, "action": "allow"}
        assert decide({"rules": [rule]}, segment(), unreadable=("image",)).action is Action.ALLOW
        assert decide({"rules": [rule]}, segment(), unreadable=("image", "audio")).action is Action.BLOCK
        assert decide({"rules": [rule]}, segment(), unreadable=("image",), upstream="x").action is Action.BLOCK


class TestAllowList:
    def test_literals_fit_whole_values_in_their_case(self) -> None:
        policy = {"allow_list": ["Ada Example"]}
        assert outcome(decide(policy, segment(PERSON))) == (Action.ALLOW, "clean", "clean")
        assert decide(policy, segment(("PERSON", "ada example"))).action is Action.MASK
        assert decide(policy, segment(("PERSON", "Ada Example Jr"))).action is Action.MASK

    def test_ignore_case(self) -> None:
        policy = {"allow_list": [{"literal": "ADA EXAMPLE", "ignore_case": True}]}
        assert decide(policy, segment(PERSON)).action is Action.ALLOW

    def test_patterns_fit_whole_values(self) -> None:
        policy = {"allow_list": [{"pattern": r"MRN \d+"}]}
        assert decide(policy, segment(RECORD)).action is Action.ALLOW
        assert decide(policy, segment(("MEDICAL_RECORD", "MRN 1 for Ada"))).action is Action.MASK

    def test_only_for_some_entities(self) -> None:
        policy = {"allow_list": [{"literal": "Acme", "entities": ["PERS*"]}]}
        assert decide(policy, segment(("PERSON", "Acme"))).action is Action.ALLOW
        assert decide(policy, segment(("SECRET", "Acme"))).action is Action.MASK

    def test_a_pattern_that_takes_too_long_allows_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        policy, found = {"allow_list": [{"pattern": "(?:a|b|ab)+"}]}, segment(("PERSON", "ab" * 100_000))
        monkeypatch.setattr(allow_list, "MATCH_SECONDS", 600)
        assert decide(policy, found).action is Action.ALLOW
        monkeypatch.setattr(allow_list, "MATCH_SECONDS", 1e-9)
        assert decide(policy, found).action is Action.MASK

    def test_listed_values_do_not_count_for_rules(self) -> None:
        rule = {"name": "no names", "when": {"entities": ["PERSON"]}, "action": "block"}
        assert decide({"rules": [rule], "allow_list": ["Ada Example"]}, segment(PERSON)).action is Action.ALLOW


class TestObserve:
    def test_it_changes_nothing_and_says_what_it_would_do(self) -> None:
        policy = {"mode": "observe", "entities": {"SECRET": "block"}}
        verdict = decide(policy, segment(PERSON, SECRET))
        assert outcome(verdict) == (Action.ALLOW, "entities", "entity:SECRET")
        assert verdict.would_action is Action.BLOCK
        assert verdict.span_actions == [[Action.MASK, Action.BLOCK]]
        assert (verdict.mask, verdict.reroute_to) == ({}, None)

    def test_enforce_has_no_would(self) -> None:
        assert decide({}, segment(PERSON)).would_action is None


entities = st.sampled_from(["PERSON", "ORGANIZATION", "SECRET", "MEDICAL_RECORD", "OWN_THING", "PLACEHOLDER"])
finding = st.tuples(entities, st.text(min_size=1, max_size=6), st.floats(0, 1))
segments = st.lists(
    st.builds(
        lambda found, role: segment(*found, role=role), st.lists(finding, max_size=4), st.sampled_from(["user", "tool"])
    ),
    max_size=4,
)
actions = st.sampled_from(["allow", "mask", "reroute", "block"])
entity_tables = st.dictionaries(
    st.sampled_from(["PERSON", "ORGANIZATION", "SECRET", "M*"]),
    st.one_of(actions, st.fixed_dictionaries({"action": actions, "min_score": st.floats(0, 1)})),
)
policies = st.fixed_dictionaries({"reroute_to": st.just("local"), "default": actions, "entities": entity_tables})
strict_rules = st.lists(st.tuples(entities, st.integers(1, 3)), max_size=3).map(
    lambda rules: [
        {"name": f"rule {i}", "when": {"entities": [entity], "min_count": count}, "action": "block"}
        for i, (entity, count) in enumerate(rules)
    ]
)


@given(policies, strict_rules, segments, finding, st.lists(st.sampled_from(["image", "tokens"]), max_size=2))
def test_one_more_finding_never_makes_it_milder(
    policy: dict[str, Any], rules: list[Any], before: list[SegmentText], more: tuple[str, str, float], kinds: list[str]
) -> None:
    policy = {**policy, "rules": rules}
    first = decide(policy, *before, unreadable=kinds)
    second = decide(policy, *before, segment(more), unreadable=kinds)
    assert RANK[second.action] >= RANK[first.action]


@given(policies, segments, st.booleans())
def test_what_is_masked_lies_within_its_text_and_is_what_span_actions_say(
    policy: dict[str, Any], given_segments: list[SegmentText], masked_target: bool
) -> None:
    verdict = decide(policy, *given_segments, targets=["local"] if masked_target else [])
    for index, spans in verdict.mask.items():
        assert spans
        for span in spans:
            assert 0 <= span.start < span.end <= len(given_segments[index].text)
    if verdict.action is Action.MASK:
        for index, actions_of in enumerate(verdict.span_actions):
            wanted = [s for s, a in zip(given_segments[index].spans, actions_of, strict=True) if a is Action.MASK]
            assert list(verdict.mask.get(index, ())) == wanted
    everything = [action for actions_of in verdict.span_actions for action in actions_of]
    assert verdict.action == max(everything, key=RANK.__getitem__, default=Action.ALLOW)


@given(policies, strict_rules, segments, st.lists(st.sampled_from(["image", "tokens"]), max_size=2))
def test_observing_changes_nothing_and_tells_what_enforcing_does(
    policy: dict[str, Any], rules: list[Any], given_segments: list[SegmentText], kinds: list[str]
) -> None:
    policy = {**policy, "rules": rules}
    enforced = decide(policy, *given_segments, unreadable=kinds)
    observed = decide({**policy, "mode": "observe"}, *given_segments, unreadable=kinds)
    assert (observed.action, observed.mask, observed.reroute_to) == (Action.ALLOW, {}, None)
    assert observed.would_action is enforced.action
    assert (observed.rule, observed.reason) == (enforced.rule, enforced.reason)
    assert observed.span_actions == enforced.span_actions


@given(policies, segments)
def test_no_text_enters_a_verdict(policy: dict[str, Any], given_segments: list[SegmentText]) -> None:
    verdict = decide(policy, *given_segments)
    assert verdict.reason in {"clean"} | {f"entity:{s.entity}" for one in given_segments for s in one.spans}
