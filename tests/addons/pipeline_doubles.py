"""Doubles for the pipeline's neighbours, in memory: a detector that knows a few values, a recorder, a health monitor.

``Bench`` holds them together with a real policy, real codecs and real masking.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from addons.exchange import Forward, Refuse
from addons.keys import derive
from addons.metrics import Metrics
from addons.pipeline import Pipeline
from addons.policy.engine import Policy
from addons.recording import Inbound
from addons.settings import Settings
from audit.records import Decision, Outcome
from detectors.spans import Span

NAME = "Maria Gonzalez"
EMAIL = "maria.gonzalez@example.com"
PHONE = "13912345678"
PLANTED = (NAME, EMAIL, PHONE)
TEXT = f"Write to {NAME} at {EMAIL} or call {PHONE}."
KNOWN = {"PERSON": NAME, "EMAIL_ADDRESS": r"[\w.]+@example\.(?:com|org)", "CN_PHONE": r"(?<!\d)1\d{10}(?!\d)"}
SECRET = b"s" * 32


def spans_in(text: str) -> list[Span]:
    """The spans of ``KNOWN`` in a text."""
    return [
        Span(match.start(), match.end(), entity, 0.9, "double")
        for entity, pattern in KNOWN.items()
        for match in re.finditer(pattern, text)
    ]


class Detector:
    """Finds what ``KNOWN`` says, or fails as it is told."""

    version = "double-1"

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.answers: list[list[Span]] | None = None
        self.seen: list[str] = []

    async def detect(self, texts: Sequence[str], *, scope: str = "") -> list[list[Span]]:
        if self.fault is not None:
            raise self.fault
        self.seen += texts
        return self.answers if self.answers is not None else [spans_in(text) for text in texts]


class Recorder:
    """Keeps records, or fails as it is told."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.outcome_fault: Exception | None = None
        self.attempts = 0
        self.decisions: list[Decision] = []
        self.outcomes: list[Outcome] = []

    async def record_decision(self, decision: Decision) -> None:
        self.attempts += 1
        if self.fault is not None:
            raise self.fault
        self.decisions.append(decision)

    def submit_outcome(self, outcome: Outcome) -> None:
        if self.outcome_fault is not None:
            raise self.outcome_fault
        self.outcomes.append(outcome)


class Health:
    """Everything is up, unless ``down``."""

    def __init__(self) -> None:
        self.down = False
        self.told: list[tuple[str, bool]] = []

    def available(self, name: str) -> bool:
        return not self.down

    def succeeded(self, name: str) -> None:
        self.told.append((name, True))

    def failed(self, name: str) -> None:
        self.told.append((name, False))


class Bench:
    """A pipeline between doubles."""

    def __init__(self, changes: Mapping[str, Any] | None = None) -> None:
        self.settings = Settings.model_validate(changes or {})
        self.detector, self.recorder, self.health = Detector(), Recorder(), Health()
        self.policy = Policy(self.settings.policy, self.settings.masked_targets)
        self.announced: list[Decision] = []
        self.pipeline = Pipeline(
            self.settings,
            derive(SECRET),
            self.detector,
            self.recorder,
            self.policy,
            Metrics(),
            self.health,
            announce=self.announced.append,
        )

    async def judge(self, request: Inbound) -> Forward | Refuse:
        return await self.pipeline.judge(request)

    async def refused(self, request: Inbound) -> Refuse:
        plan = await self.judge(request)
        assert isinstance(plan, Refuse)
        return plan

    async def forwarded(self, request: Inbound) -> Forward:
        plan = await self.judge(request)
        assert isinstance(plan, Forward)
        return plan


def inbound(
    body: bytes | None = None,
    *,
    text: str = TEXT,
    provider: str = "openai",
    headers: Sequence[tuple[str, str]] = (),
    target: str | None = None,
    content_type: str = "application/json",
    trailers: bool = False,
    method: str = "POST",
    key: str = "sk-test-1",
) -> Inbound:
    """A request as the gateway would hand it on."""
    if body is None:
        extra = {"max_tokens": 9} if provider == "anthropic" else {}
        body = json.dumps({"model": "m-1", "messages": [{"role": "user", "content": text}], **extra}).encode()
    path = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}[provider]
    given = [("content-type", content_type), ("authorization", f"Bearer {key}"), *headers]
    return Inbound(
        upstream=provider,
        provider=provider,
        jurisdiction="US",
        method=method,
        host=f"api.{provider}.com",
        port=443,
        target=target or path,
        headers=given,
        body=body,
        trailers=trailers,
        client_address="127.0.0.1",
    )
