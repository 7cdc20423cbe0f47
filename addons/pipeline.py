"""inspect -> decide -> act -> record, with no mitmproxy import.

``judge`` takes a whole request and answers with what to do: let it go (with which bytes), or refuse it (with which
bytes). It never raises: any failure is a refusal, recorded like every other decision. ``finish`` completes the record.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from addons.exchange import Destination, Exchange, Forward, Refuse
from addons.keys import GatewayKeys
from addons.masking.placeholders import PlaceholderKey
from addons.masking.session import MaskingSession, PlaceholderCollision
from addons.metrics import Metrics
from addons.policy.engine import Policy
from addons.policy.types import Action, Facts, SegmentText, Verdict
from addons.reading import Reading, read_request
from addons.reroute.targets import RerouteError, rewrite
from addons.settings import Settings
from addons.templates import model_name, path_template
from addons.wire import registry
from addons.wire.types import Codec, WireError
from audit.errors import AuditError
from audit.ids import uuid7
from audit.records import Decision, Finding, Outcome
from detectors.errors import DetectorError, DetectorTimeout
from detectors.spans import Span

log = logging.getLogger("coatcheck")

CREDENTIAL_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
FINGERPRINTS_PER_FINDING = 50


@dataclass(frozen=True, slots=True)
class Inbound:
    """A whole request, as the client sent it."""

    upstream: str
    provider: str | None
    """None: the endpoint is recognized by path whatever the host (the base-URL listener)."""
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


class DetectorLike(Protocol):
    """What the pipeline needs of ``detectors.service.DetectorService``."""

    @property
    def version(self) -> str: ...

    async def detect(self, texts: Sequence[str]) -> list[list[Span]]: ...


class RecorderLike(Protocol):
    """What the pipeline needs of ``audit.recorder.Recorder``."""

    async def record_decision(self, decision: Decision) -> None: ...

    def submit_outcome(self, outcome: Outcome) -> None: ...


class HealthLike(Protocol):
    """What the pipeline needs of ``addons.reroute.health``."""

    def available(self, name: str) -> bool: ...


class Refusal(Exception):
    """This request is not let go; becomes the reply and the record."""

    def __init__(self, status: int, code: str, message: str, *, rule: str = "fail_closed", reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.rule = rule
        self.reason = reason or f"error:{code}"


@dataclass(slots=True)
class _Case:
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
    detect_ms: float = 0.0


class Pipeline:
    """One gateway's way from a request to a decision."""

    def __init__(
        self,
        settings: Settings,
        keys: GatewayKeys,
        detector: DetectorLike,
        recorder: RecorderLike,
        policy: Policy,
        metrics: Metrics,
        health: HealthLike,
        *,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        announce: Callable[[Decision], None] = lambda decision: None,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._placeholders = PlaceholderKey(keys.placeholders, keys.epoch)
        self._detector = detector
        self._recorder = recorder
        self._policy = policy
        self.metrics = metrics
        self._health = health
        self._now = now
        self._announce = announce
        self._process = f"{platform.node()}/{os.getpid()}"
        self._observe = settings.policy.mode == "observe"

    def codec_for(self, provider: str | None, method: str, target: str) -> Codec:
        """The codec that an endpoint's refusals are written with; the generic one if it is unknown."""
        endpoint = registry.match(provider, method, target.partition("?")[0])
        return endpoint.codec if endpoint is not None else registry.GENERIC

    async def judge(self, inbound: Inbound) -> Forward | Refuse:
        """Inspect, decide, act, record. Never raises."""
        endpoint = registry.match(inbound.provider, inbound.method, inbound.target.partition("?")[0])
        case = _Case(
            inbound=inbound,
            id=str(uuid7()),
            codec=endpoint.codec if endpoint is not None else registry.GENERIC,
            endpoint=endpoint.name if endpoint is not None else "generic",
            principal=self._keys.principal(self._settings.tenant, _credential(inbound.headers), inbound.proxy_user),
            started=time.perf_counter(),
        )
        try:
            return await self._judge(case)
        except Refusal as refusal:
            return await self._refuse(case, refusal)
        except Exception as e:
            log.error("judging a request failed: %s; refused", type(e).__name__)
            return await self._refuse(
                case, Refusal(500, "gateway_error", "The gateway failed to inspect this request.")
            )

    async def _judge(self, case: _Case) -> Forward:
        settings, inbound = self._settings, case.inbound
        try:
            case.reading = reading = read_request(case.codec, inbound, settings.limits)
        except WireError as e:
            if self._observe:
                return await self._pass_unread(case, e.code)
            raise Refusal(e.status, e.code, f"{e.message} ({e.where}).") from None
        try:
            case.spans = await self._detect(case, reading)
        except Refusal as refusal:
            if self._observe:
                return await self._pass_unread(case, refusal.code)
            raise
        case.verdict = verdict = self._policy.decide(
            [
                SegmentText(segment.path, segment.role, segment.text, spans)
                for segment, spans in zip(reading.segments, case.spans, strict=True)
            ],
            Facts(
                upstream=inbound.upstream,
                endpoint=case.endpoint,
                model=reading.model,
                principal=case.principal,
                tenant=settings.tenant,
                request_bytes=len(inbound.body),
                jurisdiction=inbound.jurisdiction,
                unreadable=[part.kind.value for part in reading.unreadable],
            ),
        )
        if verdict.action is Action.BLOCK:
            raise Refusal(
                403, "blocked_by_policy", _explain(verdict, reading), rule=verdict.rule, reason=verdict.reason
            )
        if verdict.action is Action.REROUTE:
            return await self._reroute(case, reading, verdict)
        texts = self._mask(case, reading, verdict)
        forward = Forward(self._exchange(case, inbound.upstream, masked=bool(texts)))
        if texts:
            body, path, headers = reading.encode(texts)
            forward = Forward(forward.exchange, body=body, path=path, headers=headers, identity_reply=True)
        action = Action.MASK if texts else Action.ALLOW
        await self._record(case, action, verdict.rule, verdict.reason, inbound.upstream)
        return forward

    async def _detect(self, case: _Case, reading: Reading) -> list[list[Span]]:
        begun = time.perf_counter()
        try:
            found = await self._detector.detect([segment.text for segment in reading.segments] + reading.joined_texts)
        except DetectorTimeout:
            raise Refusal(503, "detector_timeout", "The detector did not answer within its time limit.") from None
        except DetectorError:
            raise Refusal(503, "detector_failed", "The detector failed; nothing was sent.") from None
        elapsed = time.perf_counter() - begun
        case.detect_ms = elapsed * 1000
        self.metrics.detect_seconds.observe(elapsed)
        return reading.spread(found)

    def _mask(self, case: _Case, reading: Reading, verdict: Verdict) -> dict[int, str]:
        """Segment index -> masked text, for the segments that change."""
        if self._observe:
            return {}
        case.session = session = MaskingSession(self._placeholders, f"{self._settings.tenant}\x1f{case.principal}")
        try:
            texts = {}
            for i, segment in enumerate(reading.segments):
                masked = session.mask(segment.text, verdict.mask.get(i, ()))
                if masked != segment.text:
                    texts[i] = masked
        except PlaceholderCollision:
            raise Refusal(
                500, "placeholder_collision", "Two values of this request share a placeholder; nothing was sent."
            ) from None
        return texts

    async def _reroute(self, case: _Case, reading: Reading, verdict: Verdict) -> Forward:
        name = verdict.reroute_to
        target = self._settings.onprem.get(name) if name else None
        if name is None or target is None:
            raise Refusal(500, "reroute_unknown", "The policy reroutes to an upstream that is not configured.")
        if not self._health.available(name):
            raise Refusal(
                503, "reroute_unavailable", f"The on-premises model {name!r} is not available; nothing was sent."
            )
        inbound = case.inbound
        texts = self._mask(case, reading, verdict) if verdict.mask else {}
        body, path, headers = reading.encode(texts, model=target.model)
        try:
            sent = rewrite(name, target, case.endpoint, inbound.method, path, headers, body)
        except RerouteError as e:
            raise Refusal(e.status, e.code, e.message) from None
        exchange = self._exchange(case, name, masked=bool(texts))
        await self._record(case, Action.REROUTE, verdict.rule, verdict.reason, name)
        return Forward(
            exchange,
            body=sent.body,
            path=sent.target,
            headers=sent.headers,
            destination=Destination(sent.scheme, sent.host, sent.port),
            identity_reply=True,
        )

    async def _pass_unread(self, case: _Case, code: str) -> Forward:
        """Observe mode changes nothing, also where enforce would have refused; it records what would have happened."""
        exchange = self._exchange(case, case.inbound.upstream, masked=False)
        await self._record(case, Action.ALLOW, "fail_closed", f"error:{code}", exchange.upstream, would=Action.BLOCK)
        return Forward(exchange)

    def _exchange(self, case: _Case, upstream: str, *, masked: bool) -> Exchange:
        restoration = case.session.restoration() if masked and case.session is not None else None
        return Exchange(case.codec, case.id, upstream, restoration, self._settings.limits.response_bytes)

    async def _refuse(self, case: _Case, refusal: Refusal) -> Refuse:
        """Answer in the provider's shape, and record it. If it cannot be recorded it is still refused."""
        self.metrics.refusals.labels(refusal.code).inc()
        exchange: Exchange | None = self._exchange(case, case.inbound.upstream, masked=False)
        try:
            await self._record(case, Action.BLOCK, refusal.rule, refusal.reason, None)
        except Refusal as unrecorded:
            exchange = None
            if refusal.code != unrecorded.code:
                log.error("a refusal (%s) could not be recorded: %s", refusal.code, unrecorded.code)
        except Exception as e:
            exchange = None
            log.error("a refusal (%s) could not be recorded: %s", refusal.code, type(e).__name__)
        if exchange is not None:
            exchange.error = refusal.code
        return Refuse(case.codec.refusal(refusal.status, refusal.code, refusal.message), exchange)

    async def _record(
        self, case: _Case, action: Action, rule: str, reason: str, route: str | None, *, would: Action | None = None
    ) -> None:
        """Make the decision durable. Raises Refusal where that is not possible."""
        decision = self._decision(case, action, rule, reason, route, would)
        begun = time.perf_counter()
        try:
            await self._recorder.record_decision(decision)
        except AuditError as e:
            raise Refusal(
                503, "audit_unavailable", f"The decision could not be recorded ({e.code}); nothing was sent."
            ) from None
        done = time.perf_counter()
        self.metrics.record_seconds.observe(done - begun)
        self.metrics.inspect_seconds.observe(done - case.started)
        self.metrics.requests.labels(decision.upstream, decision.endpoint, decision.action).inc()
        for finding in decision.findings:
            self.metrics.findings.labels(finding.entity, finding.action).inc(finding.count)
        self._announce(decision)

    def _decision(
        self, case: _Case, action: Action, rule: str, reason: str, route: str | None, would: Action | None
    ) -> Decision:
        inbound, reading, verdict = case.inbound, case.reading, case.verdict
        if would is None and verdict is not None:
            would = verdict.would_action
        return Decision(
            id=case.id,
            time=self._now(),
            tenant=self._settings.tenant,
            principal=case.principal,
            upstream=inbound.upstream,
            endpoint=case.endpoint,
            action=action.value,
            rule=rule,
            reason=reason,
            route=route,
            mode=self._settings.policy.mode,
            would_action=would.value if would is not None else None,
            client_address=inbound.client_address,
            proxy_user=inbound.proxy_user,
            process=self._process,
            server_address=f"{inbound.host}:{inbound.port}",
            http_method=inbound.method,
            model=model_name(reading.model) if reading is not None else None,
            stream=reading.stream if reading is not None else False,
            request_bytes=len(inbound.body),
            segments=len(reading.segments) if reading is not None else 0,
            placeholders=len(case.session.mapping) if case.session is not None and action is not Action.BLOCK else 0,
            policy_hash=self._policy.hash,
            detector_version=self._detector.version,
            detect_ms=round(case.detect_ms, 3),
            total_ms=round((time.perf_counter() - case.started) * 1000, 3),
            findings=tuple(self._findings(case)),
        )

    def _findings(self, case: _Case) -> list[Finding]:
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
            tags = [
                self._keys.fingerprint(self._settings.tenant, entity, value)
                for value, _ in values.most_common(FINGERPRINTS_PER_FINDING)
            ]
            score = round(max(score for score, _ in hits), 4)
            findings.append(
                Finding(entity, recognizer, len(hits), score, role, template, span_action_value, tuple(tags))
            )
        return findings

    def finish(self, exchange: Exchange, status: int | None) -> None:
        """The reply is over, one way or the other: complete the record. Never raises, never waits."""
        counts = exchange.restoration.counts if exchange.restoration is not None else None
        facts = exchange.facts
        ended = time.monotonic()
        refused = exchange.sent is None
        error = exchange.error or (f"http_{status}" if status is not None and status >= 400 else None)
        outcome = Outcome(
            decision_id=exchange.decision_id,
            time=self._now(),
            status=status,
            error=error,
            complete=not exchange.error or refused,
            response_model=model_name(facts.model),
            input_tokens=facts.input_tokens,
            output_tokens=facts.output_tokens,
            placeholders_seen=counts.seen if counts else 0,
            placeholders_restored=counts.restored if counts else 0,
            placeholders_unknown=counts.unknown if counts else 0,
            placeholders_mangled=counts.mangled if counts else 0,
            response_bytes=exchange.response_bytes,
            upstream_ms=round((ended - exchange.sent) * 1000, 3) if exchange.sent is not None else None,
            first_byte_ms=(
                round((exchange.first_byte - exchange.sent) * 1000, 3)
                if exchange.first_byte is not None and exchange.sent is not None
                else None
            ),
        )
        try:
            self._recorder.submit_outcome(outcome)
        except Exception as e:
            log.error("an outcome could not be recorded: %s", type(e).__name__)
        self._count(exchange.upstream, outcome, "refused" if refused else "failed" if error else "ok")

    def _count(self, upstream: str, outcome: Outcome, word: str) -> None:
        self.metrics.replies.labels(upstream, word).inc()
        fates: Mapping[str, int] = {
            "restored": outcome.placeholders_restored,
            "unknown": outcome.placeholders_unknown,
            "mangled": outcome.placeholders_mangled,
        }
        for fate, count in fates.items():
            if count:
                self.metrics.placeholders.labels(fate).inc(count)
        for direction, tokens in (("input", outcome.input_tokens), ("output", outcome.output_tokens)):
            if tokens:
                self.metrics.tokens.labels(upstream, direction).inc(tokens)


def _credential(headers: Sequence[tuple[str, str]]) -> str | None:
    given = {name.lower(): value for name, value in headers}
    return next((given[name] for name in CREDENTIAL_HEADERS if given.get(name)), None)


def _explain(verdict: Verdict, reading: Reading) -> str:
    """For the developer: which rule, and what kind of thing where; never the thing."""
    if verdict.reason.startswith("unreadable:"):
        kind = verdict.reason.partition(":")[2]
        where = next((part.path for part in reading.unreadable if part.kind.value == kind), "the body")
        return f"Refused by policy: {kind} content cannot be inspected ({path_template(where)}). Nothing was sent."
    if verdict.reason.startswith("entity:"):
        return f"Refused by policy: the request holds {verdict.reason.partition(':')[2]}. Nothing was sent."
    return f"Refused by policy rule {verdict.rule!r}. Nothing was sent."
