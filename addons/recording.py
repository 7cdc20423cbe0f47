"""From a request's case to its records: what is written of it, and what never is. Pure.

Values become keyed fingerprints, paths become templates, model names are checked; nothing else of a text goes in.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from addons.describing import (
    Clock,
    cost_of,
    findings_json,
    finish_reason,
    operation_name,
    provider_name,
    shape_of,
    user_agent_family,
)
from addons.exchange import Exchange
from addons.keys import GatewayKeys
from addons.masking.restorer import Original
from addons.masking.session import MaskingSession
from addons.policy.types import Action, Verdict
from addons.reading import Reading
from addons.settings_prices import Prices
from addons.templates import method_name, model_name, path_template
from addons.wire.types import Codec, StoredObject
from audit.records import Decision, Finding, Outcome
from detectors.spans import Span

FINGERPRINTS_PER_FINDING = 50
NO_PRICES = Prices()
_CLOCK = Clock()
PROCESS = f"{platform.node()}/{os.getpid()}"


@dataclass(frozen=True, slots=True)
class Inbound:
    """A whole request, as the client sent it."""

    upstream: str
    provider: str | None
    """None: the endpoint is recognized by path whatever the host (a base-URL listener before an unknown one)."""
    jurisdiction: str | None
    method: str
    host: str
    port: int
    target: str
    """Path and query."""
    headers: Sequence[tuple[str, str]]
    body: bytes
    """As on the wire: still content-encoded."""
    trailers: bool = False
    client_address: str | None = None
    proxy_user: str | None = None
    reverse: bool = False
    """It came to a base-URL listener: the ``Host`` that it names is the gateway's."""


@dataclass(slots=True)
class Case:
    """What is known of one request so far; a refusal at any stage records as much."""

    inbound: Inbound
    id: str
    codec: Codec
    endpoint: str
    principal: str
    started: float
    reading: Reading | None = None
    verdict: Verdict | None = None
    spans: list[list[Span]] = field(default_factory=list)
    session: MaskingSession | None = None
    recalled: Mapping[StoredObject, Mapping[str, Original]] = field(default_factory=dict)
    """What the vault knows of the stored objects that the request names."""
    detect_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is the same for all decisions of one gateway."""

    tenant: str
    mode: str
    policy_hash: str
    detector_version: str

    @property
    def model_version(self) -> str:
        """The NER model's, as the detector's version names it last; empty where there is none."""
        _, named, model = self.detector_version.rpartition("+ner-")
        return model if named and model != "none" else ""


def decision_of(
    case: Case,
    keys: GatewayKeys,
    circumstances: Circumstances,
    now: dt.datetime,
    *,
    action: Action,
    rule: str,
    reason: str,
    route: str | None,
    would: Action | None = None,
) -> Decision:
    """The record of a case as it stands."""
    inbound, reading, verdict = case.inbound, case.reading, case.verdict
    if would is None and verdict is not None:
        would = verdict.would_action
    return Decision(
        id=case.id,
        time=now,
        tenant=circumstances.tenant,
        principal=case.principal,
        upstream=inbound.upstream,
        endpoint=case.endpoint,
        action=action.value,
        rule=rule,
        reason=reason,
        route=route,
        mode=circumstances.mode,
        would_action=would.value if would is not None else None,
        client_address=inbound.client_address,
        proxy_user=inbound.proxy_user,
        process=PROCESS,
        server_address=f"{inbound.host}:{inbound.port}",
        http_method=method_name(inbound.method),
        model=model_name(reading.model) if reading is not None else None,
        stream=reading.stream if reading is not None else False,
        request_bytes=len(inbound.body),
        segments=len(reading.segments) if reading is not None else 0,
        placeholders=case.session.count if case.session is not None and action is not Action.BLOCK else 0,
        policy_hash=circumstances.policy_hash,
        detector_version=circumstances.detector_version,
        # An on-premises target is no provider's, and where it stands the settings do not say.
        destination_country=inbound.jurisdiction if route is not None and route == inbound.upstream else None,
        provider=provider_name(inbound.provider, inbound.host) if route in (None, inbound.upstream) else None,
        operation=operation_name(case.endpoint),
        time_source=_CLOCK.source(),
        model_version=circumstances.model_version,
        shape=shape_of(reading.segments) if reading is not None else "[]",
        user_agent_family=user_agent_family(inbound.headers),
        detect_ms=round(case.detect_ms, 3),
        total_ms=round((time.perf_counter() - case.started) * 1000, 3),
        findings=tuple(_findings(case, keys, circumstances.tenant)),
    )


def _findings(case: Case, keys: GatewayKeys, tenant: str) -> list[Finding]:
    if case.reading is None or case.verdict is None:
        return []
    groups: dict[tuple[str, str, str, str, str], list[tuple[float, str]]] = {}
    per_segment = zip(case.reading.segments, case.spans, case.verdict.span_actions, strict=True)
    for segment, spans, actions in per_segment:
        template = path_template(segment.path)
        for span, span_action in zip(spans, actions, strict=True):
            key = (span.entity, span.recognizer, segment.role, template, span_action.value)
            groups.setdefault(key, []).append((span.score, segment.text[span.start : span.end]))
    findings = []
    for (entity, recognizer, role, template, span_action_value), hits in groups.items():
        values = Counter(value for _, value in hits)
        tags = [keys.fingerprint(tenant, entity, value) for value, _ in values.most_common(FINGERPRINTS_PER_FINDING)]
        score = round(max(score for score, _ in hits), 4)
        findings.append(Finding(entity, recognizer, len(hits), score, role, template, span_action_value, tuple(tags)))
    return findings


def outcome_of(exchange: Exchange, status: int | None, now: dt.datetime, prices: Prices = NO_PRICES) -> Outcome:
    """The record of how a request ended."""
    counts = exchange.restoration.counts if exchange.restoration is not None else None
    facts = exchange.facts
    ended = time.monotonic()
    # What runs on the premises costs no tokens.
    cost = cost_of(prices, facts.model, facts.input_tokens, facts.output_tokens) if not exchange.rerouted else None
    before = exchange.sent - exchange.begun if exchange.sent is not None and exchange.begun is not None else None
    error = exchange.error or (f"http_{status}" if status is not None and status >= 400 else None)
    return Outcome(
        decision_id=exchange.decision_id,
        time=now,
        status=status,
        error=error,
        complete=exchange.error is None or exchange.sent is None,
        response_model=model_name(facts.model),
        input_tokens=facts.input_tokens,
        output_tokens=facts.output_tokens,
        placeholders_seen=counts.seen if counts else 0,
        placeholders_restored=counts.restored if counts else 0,
        placeholders_unknown=counts.unknown if counts else 0,
        placeholders_mangled=counts.mangled if counts else 0,
        placeholders_withheld=counts.withheld if counts else 0,
        response_findings=findings_json(exchange.judge.told) if exchange.judge is not None else "[]",
        finish_reason=finish_reason(facts.finish_reasons),
        cost=cost,
        currency=prices.currency if cost is not None else None,
        restore_ms=(
            round(exchange.restore_s * 1000, 3)
            if exchange.restoration is not None and exchange.sent is not None and exchange.restore_s
            else None
        ),
        gateway_ms=round((before + exchange.restore_s) * 1000, 3) if before is not None else None,
        response_bytes=exchange.response_bytes,
        upstream_ms=round((ended - exchange.sent) * 1000, 3) if exchange.sent is not None else None,
        first_byte_ms=(
            round((exchange.first_byte - exchange.sent) * 1000, 3)
            if exchange.first_byte is not None and exchange.sent is not None
            else None
        ),
    )
