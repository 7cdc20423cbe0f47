"""inspect -> decide -> act -> record, with no mitmproxy import.

``judge`` takes a whole request and answers with what to do: let it go (with which bytes), or refuse it (with which
bytes). It never raises: any failure is a refusal, recorded like every other decision. ``finish`` completes the record.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Callable, Mapping

from addons.credentials import credential_of
from addons.exchange import HTTP_ERROR, Destination, Exchange, Forward, Refuse
from addons.judging import FAILED, FAILURE, ReplyJudge
from addons.keys import GatewayKeys
from addons.listing import COLLISION, listing
from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession, PlaceholderCollision
from addons.metrics import Metrics
from addons.needs import DetectorLike, HealthLike, RecorderLike
from addons.policy.engine import Policy
from addons.policy.entities import KNOWN_ENTITIES
from addons.policy.response import ResponsePolicy
from addons.policy.types import Action, Facts, SegmentText, Verdict
from addons.reading import Reading, read_request
from addons.recording import Case, Circumstances, Inbound, decision_of, outcome_of
from addons.refusal import Refusal, refused_because
from addons.remembering import Memory, VaultLike
from addons.reroute.targets import RerouteError, check_spoken, rewrite
from addons.resigning import NO_KEYS, Resigner
from addons.settings import Settings
from addons.signing import SigningRefused
from addons.templates import method_name
from addons.wire import registry
from addons.wire.encodings import decode
from addons.wire.types import Codec, KnowsBaseUrl, WireError
from audit.errors import AuditError
from audit.ids import new_id
from audit.records import Decision, Outcome
from detectors.allow_list import AllowList
from detectors.errors import DetectorError, DetectorTimeout
from detectors.linking import link
from detectors.list_entries import unfolded
from detectors.spans import Span

log = logging.getLogger("coatcheck")

_TIMED_OUT = "error:audit_timeout"
LARGE_BODY = 256 * 1024
"""Bytes as sent; a smaller body is read in a few milliseconds."""


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
        vault: VaultLike | None = None,
        resigner: Resigner | None = None,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        announce: Callable[[Decision], None] = lambda decision: None,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._placeholders = PlaceholderKey(keys.placeholders, keys.epoch)
        self._entities = KNOWN_ENTITIES | settings.detector.own_entities
        listed = unfolded("allow_list", settings.detector.allow_list)
        self._passing = AllowList([*listed, *settings.policy.allow_list])
        self._policy = policy
        self._session_for("warm-up").planted("")  # the grammar of all entity names takes a moment to compile
        self._detector = detector
        self._recorder = recorder
        self._response_policy = ResponsePolicy(settings.policy)
        self.metrics = metrics
        self._health = health
        self._memory = Memory(vault, metrics, required=settings.policy.mode != "observe")
        self._resigner = resigner or Resigner(settings.upstreams, NO_KEYS)
        self._now = now
        self._announce = announce
        self._observe = settings.policy.mode == "observe"

    def codec_for(self, provider: str | None, method: str, target: str) -> Codec:
        """The codec that an endpoint's refusals are written with; the generic one if it is unknown."""
        endpoint = registry.match(provider, method, target.partition("?")[0])
        return endpoint.codec if endpoint is not None else registry.GENERIC

    async def judge(self, inbound: Inbound) -> Forward | Refuse:
        """Inspect, decide, act, record. Never raises."""
        case = self._open(inbound)
        try:
            forward = await self._judge(case)
            forward.exchange.begun = time.monotonic() - (time.perf_counter() - case.started)
            return forward
        except Refusal as refusal:
            return await self._refuse(case, refusal)
        except Exception as e:
            log.error("judging a request failed: %s; refused", type(e).__name__)
            message = "The gateway failed to inspect this request; nothing was sent."
            return await self._refuse(case, Refusal(500, "gateway_error", message))

    async def refuse(self, inbound: Inbound, refusal: Refusal) -> Refuse:
        """Refuse a request that is not to be read at all, and record that. Never raises."""
        return await self._refuse(self._open(inbound), refusal)

    def _open(self, inbound: Inbound) -> Case:
        endpoint = registry.match(inbound.provider, inbound.method, inbound.target.partition("?")[0])
        codec = endpoint.codec if endpoint is not None else registry.GENERIC
        return Case(
            inbound=inbound,
            id=new_id(),
            codec=codec.for_base_url() if inbound.reverse and isinstance(codec, KnowsBaseUrl) else codec,
            endpoint=endpoint.name if endpoint is not None else "generic",
            principal=self._keys.principal(
                self._settings.tenant, credential_of(inbound.headers, inbound.target), inbound.proxy_user
            ),
            started=time.perf_counter(),
        )

    async def _judge(self, case: Case) -> Forward:
        settings, inbound = self._settings, case.inbound
        if inbound.trailers and not self._observe:
            raise Refusal(400, "trailers_refused", "Request trailers are not inspected; send the text in the body.")
        if method_name(inbound.method) is None and not self._observe:
            raise Refusal(405, "unknown_method", "The request's HTTP method is none that the gateway knows.")
        try:
            case.reading = reading = await _aside(
                inbound.body,
                lambda: read_request(
                    case.codec,
                    inbound.target,
                    inbound.headers,
                    inbound.body,
                    settings.limits,
                ),
            )
        except WireError as e:
            if self._observe:
                return await self._pass_unread(case, e.code)
            raise Refusal(e.status, e.code, f"{e.message} ({e.where}).") from None
        try:
            case.recalled = await self._memory.recall(case.principal, reading.stored)
            reading.know(case.recalled)
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
                403, "blocked_by_policy", refused_because(verdict, reading), rule=verdict.rule, reason=verdict.reason
            )
        if verdict.action is Action.REROUTE:
            return await self._reroute(case, reading, verdict)
        texts = await _aside(inbound.body, lambda: self._mask(case, reading, verdict))
        await self._memory.add(case, reading.stored)
        lists = reading.stored.lists
        rewrites = lists or getattr(case.codec, "rewrites", False)
        masked = case.session is not None and (bool(texts) or any(case.recalled.values()) or rewrites)
        exchange = self._exchange(case, inbound.upstream, masked=masked)
        if lists and case.session is not None:
            exchange.listing = listing(
                self._memory,
                case.principal,
                case.session,
                exchange,
                lambda: self._exchange(case, inbound.upstream, masked=True),
            )
        exchange.keeping = self._memory.keeping(case, reading.stored)
        forward = Forward(exchange, identity_reply=exchange.restoration is not None)
        if texts:
            body, path, headers = await _aside(inbound.body, lambda: reading.encode(texts))
            forward = Forward(forward.exchange, body=body, path=path, headers=headers, identity_reply=True)
        forward = await self._signed(inbound, forward)
        action = Action.MASK if texts else Action.ALLOW
        await self._record(case, action, verdict.rule, verdict.reason, inbound.upstream)
        return forward

    async def _signed(self, inbound: Inbound, forward: Forward) -> Forward:
        """Under a signature of ours, where the caller's no longer holds."""
        try:
            return await self._resigner.signed(inbound, forward)
        except SigningRefused as e:
            if self._observe:
                return forward
            raise Refusal(e.status, e.code, e.message) from None

    async def _detect(self, case: Case, reading: Reading) -> list[list[Span]]:
        begun = time.perf_counter()
        try:
            found: list[list[Span]] = []
            for portion in reading.portions:
                found += await self._detector.detect(portion, scope=self._settings.tenant)
        except DetectorTimeout:
            raise Refusal(503, "detector_timeout", "The detector did not answer within its time limit.") from None
        except DetectorError:
            raise Refusal(503, "detector_failed", "The detector failed; nothing was sent.") from None
        spans = reading.spread(found)
        if self._settings.detector.linking:
            texts = [segment.text for segment in reading.segments]
            spans = await _aside(
                case.inbound.body, lambda: link(texts, spans, reading.turns, allowed=self._passing.allows)
            )
        elapsed = time.perf_counter() - begun
        case.detect_ms = elapsed * 1000
        self.metrics.detect_seconds.observe(elapsed)
        return spans

    def _session_for(self, principal: str) -> MaskingSession:
        return MaskingSession(self._placeholders, self._scope_of(principal), self._entities, self._policy.as_surrogate)

    def _scope_of(self, principal: str) -> Scope:
        return Scope(f"{self._settings.tenant}\x1f{principal}")

    def _mask(self, case: Case, reading: Reading, verdict: Verdict) -> dict[int, str]:
        """Segment index -> masked text, for the segments that change."""
        if self._observe:
            return {}
        case.session = session = self._session_for(case.principal)
        try:
            for recalled in case.recalled.values():
                session.recall(recalled)
            texts = {}
            for i, segment in enumerate(reading.segments):
                masked = session.mask(segment.text, verdict.mask.get(i, ()))
                if masked != segment.text:
                    texts[i] = masked
        except PlaceholderCollision:
            raise Refusal(500, "placeholder_collision", f"{COLLISION}; nothing was sent.") from None
        return texts

    async def _reroute(self, case: Case, reading: Reading, verdict: Verdict) -> Forward:
        name = verdict.reroute_to
        target = self._settings.onprem.get(name) if name else None
        if name is None or target is None:
            raise Refusal(500, "reroute_unknown", "The policy reroutes to an upstream that is not configured.")
        if not self._health.available(name):
            raise Refusal(
                503, "reroute_unavailable", f"The on-premises model {name!r} is not available; nothing was sent."
            )
        if reading.leans_on_files:
            raise Refusal(400, "reroute_stored_state", "An on-premises model does not have the provider's files.")
        inbound = case.inbound
        texts = await _aside(inbound.body, lambda: self._mask(case, reading, verdict)) if verdict.mask else {}
        try:
            check_spoken(name, target, case.endpoint)
            body, path, headers = await _aside(inbound.body, lambda: reading.encode(texts, model=target.model))
            sent = rewrite(name, target, case.endpoint, inbound.method, path, headers, body)
        except RerouteError as e:
            raise Refusal(e.status, e.code, e.message) from None
        exchange = self._exchange(case, name, masked=bool(texts))
        exchange.rerouted = True
        await self._record(case, Action.REROUTE, verdict.rule, verdict.reason, name)
        return Forward(
            exchange,
            body=sent.body,
            path=sent.target,
            # llama.cpp closes the connection after a stream although it promised to keep it
            headers=(*sent.headers, ("connection", "close")),
            destination=Destination(sent.scheme, sent.host, sent.port),
            identity_reply=True,
        )

    async def _pass_unread(self, case: Case, code: str) -> Forward:
        """Observe mode changes nothing, also where enforce would have refused; it records what would have happened."""
        exchange = self._exchange(case, case.inbound.upstream, masked=False)
        await self._record(case, Action.ALLOW, "fail_closed", f"error:{code}", exchange.upstream, would=Action.BLOCK)
        return Forward(exchange)

    def _exchange(self, case: Case, upstream: str, *, masked: bool) -> Exchange:
        cap = self._settings.limits.response_bytes
        judges = self._response_policy.judges and case.verdict is not None and case.reading is not None
        if not judges and (not masked or case.session is None):
            return Exchange(case.codec, case.id, upstream, None, cap)
        session = case.session or self._session_for(case.principal)
        flow = session.restoration(self._settings.policy.outlets(upstream))
        if not judges or case.reading is None:
            return Exchange(case.codec, case.id, upstream, flow, cap)
        scope, key = self._scope_of(case.principal), self._placeholders
        judge = ReplyJudge(
            self._response_policy,
            flow,
            [segment.text for segment in case.reading.segments],
            lambda entity, value: key.placeholder(scope, entity, value),
        )
        return Exchange(case.codec, case.id, upstream, judge.restoration, cap, judge)

    async def _refuse(self, case: Case, refusal: Refusal) -> Refuse:
        """Answer in the provider's shape, and record it. If it cannot be recorded it is still refused."""
        self.metrics.refusals.labels(refusal.code).inc()
        exchange: Exchange | None = self._exchange(case, case.inbound.upstream, masked=False)
        if refusal.reason == _TIMED_OUT:  # the client has waited long enough, and the first record may yet arrive
            return Refuse(case.codec.refusal(refusal.status, refusal.code, refusal.message), None)
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
        self, case: Case, action: Action, rule: str, reason: str, route: str | None, *, would: Action | None = None
    ) -> None:
        """Make the decision durable. Raises Refusal where that is not possible."""
        decision = decision_of(
            case,
            self._keys,
            Circumstances(self._settings.tenant, self._settings.policy.mode, self._policy.hash, self._detector.version),
            self._now(),
            action=action,
            rule=rule,
            reason=reason,
            route=route,
            would=would,
        )
        begun = time.perf_counter()
        try:
            await self._recorder.record_decision(decision)
        except AuditError as e:
            if e.code == "timeout":  # it may yet become durable: close it then
                self._recorder.submit_outcome(Outcome(case.id, self._now(), 503, error="audit_timeout", complete=False))
            raise Refusal(
                503,
                "audit_unavailable",
                f"The decision could not be recorded ({e.code}); nothing was sent.",
                reason=_TIMED_OUT if e.code == "timeout" else "",
            ) from None
        done = time.perf_counter()
        self.metrics.record_seconds.observe(done - begun)
        self.metrics.inspect_seconds.observe(done - case.started)
        self.metrics.requests.labels(decision.upstream, decision.endpoint, decision.action).inc()
        for finding in decision.findings:
            self.metrics.findings.labels(finding.entity, finding.action).inc(finding.count)
        try:
            self._announce(decision)
        except Exception as e:  # a terminal that is gone is no reason to refuse
            log.error("a decision could not be shown: %s", type(e).__name__)

    async def restore(
        self, exchange: Exchange, body: bytes, content_type: str, encodings: str, status: int
    ) -> bytes | None:
        """A whole reply's body as it may leave; None: as it came. Raises WireError, Refusal."""
        if exchange.listing is not None and status < HTTP_ERROR:
            await exchange.listing(decode(body, encodings, exchange.response_cap))
        exchange.read_ahead(body, content_type, encodings)
        await self._judge_reply(exchange)
        begun = time.monotonic()
        restored = await _aside(body, lambda: exchange.restore_body(body, content_type, encodings, status))
        exchange.restore_s += time.monotonic() - begun
        await self.keep(exchange, status)
        return restored

    async def let_go(self, exchange: Exchange) -> None:
        """Before more of a stream leaves: what the model added is judged, what the reply names is in the vault. Raises
        Refusal."""
        await self._judge_reply(exchange)
        await self.keep(exchange)

    async def _judge_reply(self, exchange: Exchange) -> None:
        """What the model added so far is judged before it leaves. Raises Refusal where the detector cannot."""
        judge = exchange.judge
        if judge is None or not judge.waits:
            return
        begun = time.monotonic()
        try:
            await judge.settle(lambda texts: self._detector.detect(texts, scope=self._settings.tenant))
        except DetectorError:
            raise Refusal(503, FAILED, FAILURE) from None
        finally:
            exchange.restore_s += time.monotonic() - begun

    async def keep(self, exchange: Exchange, status: int = 200) -> None:
        """What a reply, or what has come of it, names is in the vault before it leaves. Raises Refusal."""
        await self._memory.keep(exchange, status)

    def finish(self, exchange: Exchange, status: int | None) -> None:
        """The reply is over, one way or the other: complete the record. Never raises, never waits."""
        try:
            self._finish(exchange, status)
        except Exception as e:
            log.error("an outcome could not be recorded: %s", type(e).__name__)

    def _finish(self, exchange: Exchange, status: int | None) -> None:
        refused = exchange.sent is None
        outcome = outcome_of(exchange, status, self._now(), self._settings.prices)
        self._recorder.submit_outcome(outcome)
        if exchange.rerouted and not refused:
            gone = exchange.error in ("upstream_unreachable", "upstream_disconnected")
            (self._health.failed if gone else self._health.succeeded)(exchange.upstream)
        withheld = exchange.restoration.counts.withheld if exchange.restoration is not None else 0
        for (entity, action), count in exchange.judge.findings.items() if exchange.judge is not None else ():
            self.metrics.response_findings.labels(entity, action).inc(count)
        if exchange.facts.dropped:
            self.metrics.pointers_dropped.labels(exchange.upstream).inc(exchange.facts.dropped)
        word = "refused" if refused else "failed" if outcome.error else "ok"
        self._count(exchange.upstream, outcome, word, withheld)

    def _count(self, upstream: str, outcome: Outcome, word: str, withheld: int) -> None:
        self.metrics.replies.labels(upstream, word).inc()
        fates: Mapping[str, int] = {
            "restored": outcome.placeholders_restored,
            "unknown": outcome.placeholders_unknown,
            "mangled": outcome.placeholders_mangled,
            "withheld": withheld,
        }
        for fate, count in fates.items():
            if count:
                self.metrics.placeholders.labels(fate).inc(count)
        for direction, tokens in (("input", outcome.input_tokens), ("output", outcome.output_tokens)):
            if tokens:
                self.metrics.tokens.labels(upstream, direction).inc(tokens)


async def _aside[T](body: bytes, work: Callable[[], T]) -> T:
    """Do the work at once, or for a large body in a thread, so that other requests need not wait for it."""
    return await asyncio.to_thread(work) if len(body) > LARGE_BODY else work()
