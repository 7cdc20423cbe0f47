"""Policy applied: findings and facts in, one verdict out.

Rules for this file: pure. No I/O, no clock, no logging; the same arguments always give the same verdict. No text of a
segment enters a verdict: ``reason`` and ``rule`` are words of the configuration.

How a verdict comes about:

1. What is below its entity's ``min_score`` or on the allow-list is no finding. Nor is a ``PLACEHOLDER``.
2. Rules are tried in order. A rule speaks of the findings (or unreadable parts) that it names, less those that an
   earlier rule took; or, if it names none, of the request as a whole. The first rule that holds and says ``reroute`` or
   ``block`` is the last one tried. ``allow`` and ``mask`` fix what becomes of the findings that the rule names and of
   nothing else, so the next rules are still tried.
3. Findings that no rule took follow ``entities``, then ``default``; unreadable parts follow ``unreadable``.
4. The strictest of all these is what happens to the request: block > reroute > mask > allow.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from addons.policy.entities import BUILT_IN_ACTIONS, PLACEHOLDER
from addons.policy.rules import EntityRule, PolicySettings, Rule, When
from addons.policy.types import Action, Facts, SegmentText, Verdict
from detectors.allow_list import AllowList
from detectors.spans import Span

_STRICTNESS = {action: rank for rank, action in enumerate(Action)}
_MASKED_ON_REROUTE = frozenset({Action.MASK, Action.REROUTE})


@dataclass(slots=True)
class _Finding:
    segment: int
    index: int
    role: str
    span: Span
    value: str


@dataclass(slots=True)
class _Part:
    kind: str


@dataclass(frozen=True, slots=True)
class _Claim:
    """Somebody's say about a finding, a part or the whole request."""

    action: Action
    to: str | None
    rule: str
    reason: str


_CLEAN = _Claim(Action.ALLOW, None, "clean", "clean")


class Policy:
    """The policy section in force.

    ``masked_targets`` are the on-prem upstreams that want placeholders too (``mask: true``). Raises ValueError if the
    settings reroute without saying where.
    """

    def __init__(self, settings: PolicySettings, masked_targets: Collection[str] = ()) -> None:
        for path, target in settings.routes():
            if target is None:
                where = ".".join(str(step) for step in path)
                raise ValueError(f"policy.{where} reroutes without `to`, and policy.reroute_to is not set")
        self._settings = settings
        self._masked_targets = frozenset(masked_targets)
        self._allow_list = AllowList(settings.allow_list)
        self._entity_rules: dict[str, tuple[EntityRule, str]] = {}
        self.hash = settings.hash()
        """SHA-256 of the policy section, for the audit record."""

    def as_surrogate(self, entity: str) -> bool:
        """True if masked values of this entity get a surrogate where they have one, and not a token."""
        return self._entity_rule(entity)[0].style == "surrogate"

    def decide(self, segments: Sequence[SegmentText], facts: Facts) -> Verdict:
        """The one verdict. Raises ValueError if a span does not lie within its segment's text."""
        findings = self._findings(segments)
        parts = [_Part(kind) for kind in facts.unreadable]
        claims, whole = self._apply_rules(findings, parts, facts)

        span_actions = [[Action.ALLOW] * len(segment.spans) for segment in segments]
        deciding = whole or _CLEAN
        for finding in findings:
            claim = claims.get(id(finding)) or self._by_entity(finding.span.entity)
            span_actions[finding.segment][finding.index] = claim.action
            deciding = _stricter(deciding, claim)
        for part in parts:
            deciding = _stricter(deciding, claims.get(id(part)) or self._by_kind(part.kind))

        if self._settings.mode == "observe":
            return Verdict(Action.ALLOW, deciding.rule, deciding.reason, None, {}, span_actions, deciding.action)
        reroute_to = deciding.to if deciding.action is Action.REROUTE else None
        mask = self._mask(findings, span_actions, deciding.action, reroute_to)
        return Verdict(deciding.action, deciding.rule, deciding.reason, reroute_to, mask, span_actions)

    def _findings(self, segments: Sequence[SegmentText]) -> list[_Finding]:
        found = []
        allowed: dict[tuple[str, str], bool] = {}
        for segment_index, segment in enumerate(segments):
            for index, span in enumerate(segment.spans):
                if not 0 <= span.start < span.end <= len(segment.text):
                    raise ValueError(f"a span of {span.recognizer} does not lie within its segment ({segment.path})")
                if span.entity == PLACEHOLDER:
                    continue
                value = segment.text[span.start : span.end]
                if not span.score >= self._entity_rule(span.entity)[0].min_score:
                    continue
                if self._allow_list:
                    key = (span.entity, value)  # a history repeats its values; a pattern need see each but once
                    if key not in allowed:
                        allowed[key] = self._allow_list.allows(span.entity, value)
                    if allowed[key]:
                        continue
                found.append(_Finding(segment_index, index, segment.role, span, value))
        return found

    def _apply_rules(
        self, findings: Sequence[_Finding], parts: Sequence[_Part], facts: Facts
    ) -> tuple[dict[int, _Claim], _Claim | None]:
        """What rules say of single findings and parts, by ``id``, and of the request as a whole."""
        claims: dict[int, _Claim] = {}
        for rule in self._settings.rules:
            if not _facts_hold(rule.when, facts):
                continue
            claim = self._claim_of(rule)
            free = [finding for finding in findings if id(finding) not in claims]
            named: Sequence[_Finding | _Part]
            if rule.when.entities:
                named = _named(rule.when, free)
            elif rule.when.unreadable:
                kinds = rule.when.unreadable
                named = [part for part in parts if id(part) not in claims and ("*" in kinds or part.kind in kinds)]
            else:
                claims.update((id(subject), claim) for subject in (*findings, *parts) if id(subject) not in claims)
                return claims, claim
            claims.update((id(subject), claim) for subject in named)
            if named and _STRICTNESS[rule.action] >= _STRICTNESS[Action.REROUTE]:
                return claims, claim
        return claims, None

    def _mask(
        self,
        findings: Sequence[_Finding],
        span_actions: Sequence[Sequence[Action]],
        action: Action,
        reroute_to: str | None,
    ) -> dict[int, Sequence[Span]]:
        if action is Action.MASK:
            wanted = frozenset({Action.MASK})
        elif action is Action.REROUTE and reroute_to in self._masked_targets:
            wanted = _MASKED_ON_REROUTE
        else:
            return {}
        mask: dict[int, list[Span]] = {}
        for finding in findings:
            if span_actions[finding.segment][finding.index] in wanted:
                mask.setdefault(finding.segment, []).append(finding.span)
        return {segment: tuple(spans) for segment, spans in mask.items()}

    def _claim_of(self, rule: Rule) -> _Claim:
        return _Claim(rule.action, rule.to or self._settings.reroute_to, rule.name, "rule")

    def _by_entity(self, entity: str) -> _Claim:
        rule, source = self._entity_rule(entity)
        return _Claim(rule.action, rule.to or self._settings.reroute_to, source, f"entity:{entity}")

    def _by_kind(self, kind: str) -> _Claim:
        rule = self._settings.unreadable.of(kind)
        return _Claim(rule.action, rule.to or self._settings.reroute_to, "unreadable", f"unreadable:{kind}")

    def _entity_rule(self, entity: str) -> tuple[EntityRule, str]:
        """The rule for an entity and the name of its source: exact name, wildcard, built-in table, default."""
        known = self._entity_rules.get(entity)
        if known is None:
            known = self._entity_rules[entity] = self._look_up(entity)
        return known

    def _look_up(self, entity: str) -> tuple[EntityRule, str]:
        configured = self._settings.entities
        if entity in configured:
            return configured[entity], "entities"
        for pattern, rule in configured.items():
            if fnmatchcase(entity, pattern):
                return rule, "entities"
        if entity in BUILT_IN_ACTIONS:
            return EntityRule(action=BUILT_IN_ACTIONS[entity]), "entities"
        return EntityRule(action=self._settings.default), "default"


def _named(when: When, findings: Sequence[_Finding]) -> Sequence[_Finding]:
    """The findings that a rule names; none if they hold fewer distinct values than it asks for."""
    named = [
        finding
        for finding in findings
        if (not when.roles or finding.role in when.roles) and _fits(finding.span.entity, when.entities)
    ]
    distinct = {(finding.span.entity, finding.value) for finding in named}
    return named if len(distinct) >= when.min_count else ()


@lru_cache(maxsize=4096)
def _fits(entity: str, patterns: tuple[str, ...]) -> bool:
    """True if one of ``patterns`` fits the entity's name."""
    return any(fnmatchcase(entity, pattern) for pattern in patterns)


def _facts_hold(when: When, facts: Facts) -> bool:
    return facts.request_bytes >= when.min_bytes and all(
        not patterns or any(fnmatchcase(value, pattern) for pattern in patterns)
        for patterns, value in (
            (when.upstreams, facts.upstream),
            (when.endpoints, facts.endpoint),
            (when.models, facts.model or ""),
            (when.principals, facts.principal),
            (when.tenants, facts.tenant),
            (when.jurisdictions, facts.jurisdiction or "unknown"),
        )
    )


def _stricter(held: _Claim, other: _Claim) -> _Claim:
    """The stricter of two; the earlier one if they are equal, but anything found goes before ``clean``."""
    if _STRICTNESS[other.action] > _STRICTNESS[held.action] or held is _CLEAN:
        return other
    return held
