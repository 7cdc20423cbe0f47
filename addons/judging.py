"""The response policy at work on one reply: what the model added is found and judged before it leaves.

Imports no mitmproxy and does no I/O of its own; the detector is awaited. ``masking/judged.py`` holds a text until there
is a verdict; this asks the detector, exempts what the caller said in this request, and keeps count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from addons.masking.judged import Flagged, JudgedRestoration, Scout, Verdicts
from addons.masking.restorer import FlowRestoration, RestorationCounts
from addons.policy.response import ResponsePolicy
from addons.wire.types import Codec, ReplyStream, WireError
from detectors.spans import Span

CODE = "response_blocked_by_policy"
FAILED = "detector_failed"
FAILURE = "The gateway could not judge this reply; the rest of it is withheld."
_FEW = 6
"""Letters and digits from which on a value is the caller's also with other separators in it."""
_WORD = re.compile(r"\w")
_NOT_WORD = re.compile(r"[\W_]+")

type Detect = Callable[[Sequence[str]], Awaitable[list[list[Span]]]]


def explain(entity: str) -> str:
    """For the developer: what kind of thing; never the thing."""
    return f"Refused by policy: the reply holds {entity}, which was not in the request."


class ReplyJudge:
    """Judges one reply."""

    def __init__(
        self,
        policy: ResponsePolicy,
        flow: FlowRestoration,
        said: Sequence[str],
        label: Callable[[str, str], str],
    ) -> None:
        """``said``: the texts of the request as the caller wrote them."""
        self._policy = policy
        self._flow = flow
        self._said = said
        self._haystacks: tuple[str, str] | None = None
        self._seen: dict[tuple[str, str], str] = {}
        self._by: dict[tuple[str, str], str] = {}
        self.verdicts = Verdicts()
        self.scout = Scout(self.verdicts)
        self.restoration = JudgedRestoration(flow, self.verdicts, label)

    def also_said(self, texts: Sequence[str]) -> None:
        """The caller has said these before, on the same connection."""
        self._said = [*texts, *self._said]
        self._haystacks = None

    @property
    def waits(self) -> bool:
        """True while there are texts that nobody judged."""
        return bool(self.verdicts.wanted)

    @property
    def findings(self) -> Counter[tuple[str, str]]:
        """Entity and action (``mask``, ``block``) -> distinct values."""
        return Counter((entity, action) for (entity, _), action in self._seen.items())

    @property
    def told(self) -> Counter[tuple[str, str, str]]:
        """Entity, recognizer and action -> distinct values, for the record."""
        return Counter((key[0], self._by[key], action) for key, action in self._seen.items())

    def open_stream(self, codec: Codec) -> ReplyStream:
        """Reads a stream ahead: what must be judged before it leaves is noted."""
        return codec.open_stream(self.scout)

    def read(self, codec: Codec, body: bytes, *, is_json: bool) -> None:
        """Reads a whole reply: the same."""
        try:
            if is_json:
                codec.restore_reply(body, self.scout)
            else:
                self.scout.whole(body.decode("utf-8"))
        except (WireError, UnicodeDecodeError):
            return  # whoever restores it will say so

    async def settle(self, detect: Detect) -> None:
        """Judge what waits. What the detector raises leaves it waiting."""
        texts = self.verdicts.wanted
        asked = [text for text in texts if text.strip()]
        found = dict(zip(asked, await detect(asked), strict=True)) if asked else {}
        for text in texts:
            self.verdicts.settle(text, self._flagged(text, found.get(text, [])))

    def _flagged(self, text: str, spans: Sequence[Span]) -> tuple[Flagged, ...]:
        flagged: list[Flagged] = []
        own: list[tuple[int, int]] | None = None
        for span in sorted(spans):
            value = text[span.start : span.end]
            action = self._policy.action(span, value)
            if action == "allow" or self._is_callers(value):
                continue
            if own is None:
                own = self._placeholders(text)
            for start, end in _outside(span.start, span.end, own):
                part = text[start:end]
                if not _WORD.search(part) or self._stands_for_another(part):
                    continue
                self._seen.setdefault((span.entity, text[start:end]), action)
                self._by.setdefault((span.entity, text[start:end]), span.recognizer)
                if flagged and start < flagged[-1].end:
                    start = flagged[-1].end
                if start < end:
                    flagged.append(Flagged(start, end, span.entity, action == "block"))
        return tuple(flagged)

    def _placeholders(self, text: str) -> list[tuple[int, int]]:
        """Where placeholders of this flow stand: they are the caller's values."""
        known = self._flow.originals
        return [(one.start, one.end) for one in self._flow.grammar.spellings(text) if one.token in known]

    def _stands_for_another(self, value: str) -> bool:
        """True for what is restored as a whole: a surrogate looks like a value of its own."""
        flow = self._flow
        counts, flow.counts = flow.counts, RestorationCounts()
        try:
            return flow.whole(value) != value
        finally:
            flow.counts = counts

    def _is_callers(self, value: str) -> bool:
        """True if the caller said it in this request, in whatever case, and with whatever separators if it is long."""
        if self._haystacks is None:
            together = "\n".join(self._said).casefold()
            self._haystacks = together, _NOT_WORD.sub("", together)
        folded = value.casefold().strip()
        bare = _NOT_WORD.sub("", folded)
        if len(bare) >= _FEW and bare in self._haystacks[1]:
            return True
        return bool(folded) and re.search(rf"(?<!\w){re.escape(folded)}(?!\w)", self._haystacks[0]) is not None


def _outside(start: int, end: int, own: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of ``start:end`` lies in none of ``own``."""
    left = []
    for begin, stop in own:
        if stop <= start or begin >= end:
            continue
        if begin > start:
            left.append((start, begin))
        start = stop
    return [*left, (start, end)] if start < end else left
