"""What a websocket's messages have in common, and the pipeline that judges them one by one. Imports no mitmproxy.

To the pipeline each message of the client's is a request: read by the connection's codec, detected, decided, masked,
recorded before it leaves. A conversation goes on over all of them, so one masking session serves the connection: the
reply to a later message may hold the placeholders of an earlier one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from addons.exchange import Exchange, Forward
from addons.masking.session import MaskingSession
from addons.pipeline import Pipeline
from addons.policy.types import Verdict
from addons.reading import Reading
from addons.recording import Case, Inbound
from addons.refusal import Refusal
from addons.wire.realtime_frames import MessageCodec
from detectors.linking import link
from detectors.spans import Span

REROUTE_REFUSED = (
    "The policy wants this rerouted, and a websocket cannot be led to another server once it is open: use HTTP for it. "
    "Nothing was sent."
)
REMEMBERED = 100
"""Values of earlier messages, the newest, that are looked for where a later one shortens or respells them."""


@dataclass(slots=True)
class Talk:
    """One connection."""

    codec: MessageCodec
    endpoint: str
    credential: str | None = field(default=None, repr=False)
    """Of the caller: messages have neither the upgrade's query nor its subprotocols."""
    session: MaskingSession | None = None
    said: list[str] = field(default_factory=list, repr=False)
    """The client's texts."""
    found: dict[str, Span] = field(default_factory=dict, repr=False)
    """The newest values found in them, each as a span of itself."""


class TalkPipeline(Pipeline):
    """The gateway's pipeline, for one connection."""

    def __init__(self, pipeline: Pipeline, talk: Talk) -> None:
        self.__dict__.update(vars(pipeline))  # the same parts: there is one detector, one recorder, one policy
        self._talk = talk

    def _open(self, inbound: Inbound) -> Case:
        case = super()._open(inbound)
        case.codec, case.endpoint = self._talk.codec, self._talk.endpoint
        if self._talk.credential is not None:
            tenant = self._settings.tenant
            case.principal = self._keys.principal(tenant, self._talk.credential, inbound.proxy_user)
        return case

    def _session_for(self, principal: str) -> MaskingSession:
        if self._talk.session is None:
            self._talk.session = super()._session_for(principal)
        return self._talk.session

    async def _detect(self, case: Case, reading: Reading) -> list[list[Span]]:
        """Also what an earlier message has spelled out and this one shortens."""
        spans = await super()._detect(case, reading)
        talk = self._talk
        texts = [segment.text for segment in reading.segments]
        if self._settings.detector.linking and talk.found and texts:
            before = list(talk.found)
            known = [*[[span] for span in talk.found.values()], *spans]
            turns = [*[0] * len(before), *[1] * len(texts)]
            spans = link([*before, *texts], known, turns, allowed=self._passing.allows)[len(before) :]
        for text, here in zip(texts, spans, strict=True):
            for span in here:
                value = text[span.start : span.end]
                talk.found.pop(value, None)
                talk.found[value] = Span(0, len(value), span.entity, span.score, span.recognizer)
        while len(talk.found) > REMEMBERED:
            del talk.found[next(iter(talk.found))]
        talk.said += texts
        return spans

    async def _reroute(self, case: Case, reading: Reading, verdict: Verdict) -> Forward:
        raise Refusal(403, "reroute_unsupported", REROUTE_REFUSED, rule=verdict.rule, reason=verdict.reason)

    def _exchange(self, case: Case, upstream: str, *, masked: bool) -> Exchange:
        """What earlier messages have put out is restored, too."""
        session = case.session
        exchange = super()._exchange(case, upstream, masked=masked or (session is not None and bool(session.originals)))
        if exchange.judge is not None:
            exchange.judge.also_said(self._talk.said)
        return exchange
