"""What statistics consist of, and the parts that they are put together from. No database; imports the histogram."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from audit.histogram import STEPS, Counts, quantile


class Dimension(StrEnum):
    """What decisions can be counted by."""

    ACTION = "action"
    UPSTREAM = "upstream"
    PROVIDER = "provider"
    ENDPOINT = "endpoint"
    MODEL = "model"
    RULE = "rule"
    REASON = "reason"
    PRINCIPAL = "principal"
    TENANT = "tenant"
    ENTITY = "entity"
    RECOGNIZER = "recognizer"
    ROLE = "role"
    DESTINATION_COUNTRY = "destination_country"
    MODE = "mode"
    STATUS_CLASS = "status_class"
    """``2xx`` and so on."""
    ERROR = "error"
    ROUTE = "route"
    OPERATION = "operation"
    FINISH_REASON = "finish_reason"


OF_FINDINGS = (Dimension.ENTITY, Dimension.RECOGNIZER, Dimension.ROLE)
"""A decision with several of these counts for each."""
OF_OUTCOMES = (Dimension.STATUS_CLASS, Dimension.ERROR, Dimension.FINISH_REASON)
"""Decisions without an outcome have none of these."""

LATENCIES = ("detect_ms", "total_ms", "upstream_ms", "first_byte_ms")
"""Milliseconds: of the first two every decision has one, of the others the outcomes that got so far."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of one latency, in milliseconds, within 5 percent: values are counted in steps of a tenth."""

    count: int
    """Values that there are."""
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the decisions that a query admits, their findings and their outcomes."""

    decisions: int
    by_action: Mapping[str, int]
    """All four actions."""
    findings: int
    """Values found: the findings' counts."""
    complete: int
    failed: int
    refused: int
    unresolved: int
    pending: int
    input_tokens: int
    output_tokens: int
    cost: Mapping[str, float]
    """By currency."""
    placeholders_sent: int
    placeholders_seen: int
    placeholders_restored: int
    placeholders_unknown: int
    placeholders_mangled: int
    placeholders_withheld: int
    request_bytes: int
    response_bytes: int
    latency: Mapping[str, Quantiles]
    """By `LATENCIES`; one without values is left out."""


@dataclass(frozen=True, slots=True)
class Count:
    """One key of a dimension."""

    key: str | None
    """None: the decisions that have none, such as no model or no route."""
    decisions: int
    findings: int
    """Of an entity, a recognizer or a role: its values found; else all values found in those decisions."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One step of a timeline."""

    start: dt.datetime
    """UTC; the bucket ends where the next begins."""
    counts: Mapping[str, int]
    """Decisions by key; those without a key are under the empty text."""


type Series = defaultdict[int, Counter[str]]
"""Decisions by number of the bucket and key."""


class Keys:
    """Counts by key, in the making."""

    def __init__(self) -> None:
        self._counts: dict[str | None, list[int]] = {}

    def add(self, key: str | None, decisions: int, findings: int) -> None:
        """Add to a key."""
        both = self._counts.setdefault(key, [0, 0])
        both[0] += decisions
        both[1] += findings

    def first(self, limit: int) -> list[Count]:
        """The keys with the most decisions; ties by findings, then by key."""
        ordered = sorted(self._counts.items(), key=lambda one: (-one[1][0], -one[1][1], one[0] or ""))
        return [Count(key, *both) for key, both in ordered[:limit] if both[0]]


class Tally:
    """`Totals` in the making."""

    def __init__(self) -> None:
        self.actions: Counter[str] = Counter()
        self.states: Counter[str] = Counter()
        self.sums: Counter[str] = Counter()
        self.cost: defaultdict[str, float] = defaultdict(float)
        self.latency: dict[str, Counts] = {name: np.zeros(STEPS, np.int64) for name in LATENCIES}

    def totals(self) -> Totals:
        """What has been added up."""
        return Totals(
            decisions=self.actions.total(),
            by_action={action: self.actions[action] for action in ("allow", "mask", "reroute", "block")},
            complete=self.states["complete"],
            failed=self.states["failed"],
            refused=self.states["refused"],
            unresolved=self.states["unresolved"],
            pending=self.states["pending"],
            cost=dict(sorted(self.cost.items())),
            latency={
                name: Quantiles(int(counts.sum()), *(quantile(counts, share) for share in (0.5, 0.95, 0.99)))
                for name, counts in self.latency.items()
                if counts.any()
            },
            **{name: self.sums[name] for name in SUMS},
        )


SUMS = (
    "findings", "input_tokens", "output_tokens", "placeholders_sent", "placeholders_seen", "placeholders_restored",
    "placeholders_unknown", "placeholders_mangled", "placeholders_withheld", "request_bytes", "response_bytes",
)  # fmt: skip
