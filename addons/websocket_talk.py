"""What a websocket's messages have in common, and the pipeline that judges them one by one. Imports no mitmproxy.

To the pipeline each message of the client's is a request: read by the connection's codec, detected, decided, masked,
recorded before it leaves. A conversation goes on over all of them, so one masking session serves the connection: the
reply to a later message may hold the placeholders of an earlier one.
"""

from __future__ import annotations

from collections.abc import Sequence
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
REMEMBERED_CHARS = 65536
"""How much of what was said before is looked through for names that a later message shortens."""


@dataclass(slots=True)
class Talk:
    """One connection."""

    codec: MessageCodec
    endpoint: str
    credential: str | None = field(default=None, repr=False)
    """Of the caller, where it is in no header that HTTP requests have."""
    session: MaskingSession | None = None
    said: list[str] = field(default_factory=list, repr=False)
    """The client's texts."""
    heard: list[tuple[str, Sequence[Span]]] = field(default_factory=list, repr=False)
    """The last of them, with what was found in each."""


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
        if self._settings.detector.linking and talk.heard and texts:
            before = [text for text, _ in talk.heard]
            found = [*[list(spans) for _, spans in talk.heard], *spans]
            turns = [*range(len(before)), *[len(before)] * len(texts)]
            spans = link([*before, *texts], found, turns, allowed=self._passing.allows)[len(before) :]
        talk.heard += zip(texts, spans, strict=True)
        size = sum(len(text) for text, _ in talk.heard)
        while len(talk.heard) > 1 and size > REMEMBERED_CHARS:
            size -= len(talk.heard.pop(0)[0])
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
