"""What the site's policy does with single findings, and why: for ``coatcheck detect``, which has no request.

The text stands for one user message. Conditions on upstream, endpoint, model or caller hold only where they hold for
any. Imports policy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from addons.policy.engine import Policy
from addons.policy.rules import PolicySettings
from addons.policy.types import Action, Facts, SegmentText, Verdict
from detectors.spans import Span


class SitePolicy:
    """The policy section, applied to one text at a time."""

    def __init__(self, settings: PolicySettings, tenant: str = "default") -> None:
        self._policy = Policy(settings)
        self._configured = tuple(settings.entities)
        self._tenant = tenant

    def actions(self, text: str, spans: Sequence[Span]) -> list[Action]:
        """What becomes of each span."""
        return list(self._decide(text, spans).span_actions[0])

    def why(self, text: str, spans: Sequence[Span]) -> list[str]:
        """For each span, what in the policy decides so."""
        together = self._decide(text, spans)
        return [
            self._why(text, span, action, together)
            for span, action in zip(spans, together.span_actions[0], strict=True)
        ]

    def _decide(self, text: str, spans: Sequence[Span]) -> Verdict:
        size = len(text.encode("utf-8", "surrogatepass"))
        facts = Facts("", "", None, principal="", tenant=self._tenant, request_bytes=size)
        return self._policy.decide([SegmentText("", "user", text, spans)], facts)

    def _why(self, text: str, span: Span, action: Action, together: Verdict) -> str:
        alone = self._decide(text, [span])
        if alone.rule == "clean":  # no finding at all to the policy: would it be one if the detector were sure?
            surely = self._decide(text, [replace(span, score=1.0)])
            return "on the allow-list" if surely.rule == "clean" else "its score is below the policy's min_score"
        said = alone if alone.span_actions[0][0] is action else together
        if said.reason == "rule":
            return f"rule `{said.rule}`"
        if said.rule == "default":
            return f"policy.default, as nothing else names {span.entity}"
        configured = any(fnmatchcase(span.entity, name) for name in self._configured)
        return "policy.entities" if configured else f"the built-in policy for {span.entity}"
