"""Counters and histograms for ``/metrics`` (Prometheus text format).

Labels come from small closed sets, never from traffic.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """One gateway's figures, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        made = {"registry": self.registry, "namespace": "coatcheck"}
        self.requests = Counter(
            "requests",
            "Requests judged.",
            ["upstream", "endpoint", "action"],
            **made,  # type: ignore[arg-type]
        )
        self.refusals = Counter("refusals", "Requests refused, by reason code.", ["reason"], **made)  # type: ignore[arg-type]
        self.findings = Counter("findings", "Findings, by entity and action.", ["entity", "action"], **made)  # type: ignore[arg-type]
        self.response_findings = Counter(
            "response_findings",
            "Distinct values that the model added and that did not pass, by entity and action.",
            ["entity", "action"],
            **made,  # type: ignore[arg-type]
        )
        self.placeholders = Counter(
            "placeholders",
            "Placeholders, by what became of them.",
            ["fate"],
            **made,  # type: ignore[arg-type]
        )
        self.pointers_dropped = Counter(
            "pointers_dropped",
            "Offsets and probabilities in replies that could not follow the restored text.",
            ["upstream"],
            **made,  # type: ignore[arg-type]
        )
        self.replies = Counter("replies", "Replies, by outcome.", ["upstream", "outcome"], **made)  # type: ignore[arg-type]
        self.tokens = Counter("tokens", "Tokens that replies reported.", ["upstream", "direction"], **made)  # type: ignore[arg-type]
        self.in_flight = Gauge("in_flight_requests", "Requests under way.", **made)  # type: ignore[arg-type]
        self.ready = Gauge("ready", "1 when detector, database and key are.", **made)  # type: ignore[arg-type]
        self.inspect_seconds = Histogram(
            "inspect_seconds",
            "Time from a whole request to its decision.",
            buckets=_SECONDS,
            **made,  # type: ignore[arg-type]
        )
        self.detect_seconds = Histogram("detect_seconds", "Time in the detector.", buckets=_SECONDS, **made)  # type: ignore[arg-type]
        self.record_seconds = Histogram(
            "record_seconds",
            "Time until the decision was durable.",
            buckets=_SECONDS,
            **made,  # type: ignore[arg-type]
        )
        self.vault_seconds = Histogram(
            "vault_seconds",
            "Time until the vault had what a reply names.",
            buckets=_SECONDS,
            **made,  # type: ignore[arg-type]
        )

    def render(self) -> bytes:
        """The figures in Prometheus' text format."""
        return generate_latest(self.registry)
