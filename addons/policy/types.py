"""The words of policy: actions, facts, verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from detectors.spans import Span


class Action(StrEnum):
    """What to do with a finding or a request, mildest first."""

    ALLOW = "allow"
    MASK = "mask"
    REROUTE = "reroute"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Facts:
    """What policy may look at besides findings."""

    upstream: str
    endpoint: str
    model: str | None
    principal: str
    tenant: str
    request_bytes: int
    jurisdiction: str | None = None
    unreadable: Sequence[str] = ()
    """Kinds of the parts that could not be read (``image``, ``tokens``, ...)."""


@dataclass(frozen=True, slots=True)
class SegmentText:
    """A segment as policy sees it: its role, text (for the allow-list) and spans."""

    path: str
    role: str
    text: str
    spans: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The one decision about a request and its reason."""

    action: Action
    """What is done. In observe mode always ALLOW."""
    rule: str
    reason: str
    reroute_to: str | None
    """Name of the on-prem upstream, if action is REROUTE."""
    mask: Mapping[int, Sequence[Span]]
    """Segment index -> spans to replace (also on reroute where the target's policy says so)."""
    span_actions: Sequence[Sequence[Action]]
    """For each segment, for each span: its own action (allow-listed and below-threshold spans: ALLOW)."""
    would_action: Action | None = None
    """In observe mode: what enforce would have done."""
