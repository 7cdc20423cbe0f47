"""What ``/healthz`` and ``/metrics`` say of recording: into the database, into the journal, or not at all."""

from __future__ import annotations

import time
from typing import Any

from prometheus_client import CollectorRegistry, Gauge

from audit.recorder import Recorder

STATES = ("database", "journal", "draining", "refusing", "stopped")
"""`audit.recorder.RecorderStatus.state`."""


def recording(recorder: Recorder) -> dict[str, Any]:
    """For ``/healthz``: ``state`` is ``database`` when all is well; ``problem`` says what ails the database."""
    status = recorder.status
    return {
        "state": status.state,
        "problem": status.problem,
        "journal_records": status.journal_records,
        "journal_bytes": status.journal_bytes,
        "journal_age_s": _age_s(status.journal_since),
        "outcomes_lost": recorder.outcomes_lost,
    }


def measure(recorder: Recorder, registry: CollectorRegistry) -> None:
    """Add the gauges, read at each scrape."""

    def gauge(name: str, text: str) -> Gauge:
        return Gauge(name, text, namespace="coatcheck", registry=registry)

    gauge("journal_records", "Audit records in the journal that are not in the database yet.").set_function(
        lambda: recorder.status.journal_records
    )
    gauge("journal_bytes", "Size of the audit journal.").set_function(lambda: recorder.status.journal_bytes)
    gauge("journal_age_seconds", "Age of the oldest file of the audit journal; 0 when it is empty.").set_function(
        lambda: _age_s(recorder.status.journal_since) or 0.0
    )
    gauge("audit_database_up", "1 while the audit database answers.").set_function(
        lambda: 1.0 if recorder.status.problem is None else 0.0
    )
    gauge("audit_outcomes_lost", "Outcomes that could not be recorded.").set_function(lambda: recorder.outcomes_lost)


def _age_s(since: float | None) -> float | None:
    return None if since is None else round(max(0.0, time.time() - since), 1)
