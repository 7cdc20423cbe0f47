"""What the policy says of a reply's own data: of what the model adds and the caller did not say.

Rules for this file: pure; how ``policy.response`` is applied. What may be written there is in ``rules.py``.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from addons.policy.entities import PLACEHOLDER
from addons.policy.rules import PolicySettings, ResponseEntity
from detectors.allow_list import AllowList
from detectors.spans import Span


class ResponsePolicy:
    """The ``policy.response`` section in force."""

    def __init__(self, settings: PolicySettings) -> None:
        self._rules = settings.response
        self._allow_list = AllowList(settings.allow_list)
        self._known: dict[str, ResponseEntity] = {}
        self.judges = settings.mode == "enforce" and settings.response.judges
        """False where everything is allowed: then no detector is asked about replies."""

    def action(self, span: Span, value: str) -> str:
        """``allow``, ``mask`` or ``block``."""
        if span.entity == PLACEHOLDER:
            return "allow"
        rule = self._known.get(span.entity)
        if rule is None:
            rule = self._known[span.entity] = self._look_up(span.entity)
        if rule.action == "allow" or not span.score >= rule.min_score:
            return "allow"
        return "allow" if self._allow_list and self._allow_list.allows(span.entity, value) else rule.action

    def _look_up(self, entity: str) -> ResponseEntity:
        configured = self._rules.entities
        if entity in configured:
            return configured[entity]
        for pattern, rule in configured.items():
            if fnmatchcase(entity, pattern):
                return rule
        return ResponseEntity(action=self._rules.default)
