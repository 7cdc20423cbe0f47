"""A detector that also says why: for ``coatcheck detect --explain``. Slower, and for one thread at a time.

It finds what ``Detector`` finds, by the same code; on the way it notes what each recognizer proposed, what context
words did to the score, and after conflicts were resolved, what lost. May import ``detector`` and what that imports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from presidio_analyzer import EntityRecognizer, RecognizerResult

from detectors.config import DetectorConfig
from detectors.conflicts import RECORD_ID, WEAK
from detectors.context import AFTER, BEFORE, WindowContextEnhancer
from detectors.detector import Detector, _View
from detectors.reading import Proposal
from detectors.recognizers.ner import Model
from detectors.recognizers.strict import CHECKED, GENERIC, VERIFIED, name_of
from detectors.spans import Span


@dataclass(frozen=True, slots=True)
class Beaten:
    """A proposal that overlaps a span and did not become it."""

    entity: str
    recognizer: str
    score: float
    reason: str
    """Why it lost: words of ours."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a span came about. Holds no text but the detector's own context words."""

    score_before: float
    """What the recognizer gave."""
    words: tuple[str, ...] = ()
    """Context words that raised it, as the recognizer lists them."""
    proof: str = ""
    """What a checksum or an unmistakable form says."""
    hidden: str = ""
    """How the value was written, if not plainly."""
    agreeing: tuple[str, ...] = ()
    """Other recognizers that propose the same entity here."""
    beaten: tuple[Beaten, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class ExplainedSpan(Span):
    """A span with its explanation; None where it came from elsewhere than a recognizer."""

    explanation: Explanation | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class _Note:
    """One proposal, in offsets of the original text."""

    start: int
    end: int
    entity: str
    recognizer: str
    before: float
    after: float
    words: tuple[str, ...]
    verified: bool
    checked: bool
    generic: bool
    hidden: str

    def overlap(self, span: Span) -> int:
        """Code points shared with ``span``."""
        return min(self.end, span.end) - max(self.start, span.start)


@dataclass(frozen=True, slots=True)
class _Raw:
    """A proposal as it passed the context enhancer, in offsets of the view."""

    view: str
    result: RecognizerResult
    recognizer: str
    before: float
    words: tuple[str, ...]


class _NotingEnhancer(WindowContextEnhancer):
    """Context as always, noting what it did."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[_Raw] = []

    def enhance(self, text: str, result: RecognizerResult, recognizer: EntityRecognizer) -> None:
        """Raise the score of one result, and keep a note of it."""
        before = float(result.score)
        super().enhance(text, result, recognizer)
        words: tuple[str, ...] = ()
        pattern = self.pattern_of(recognizer)
        if pattern is not None and result.recognition_metadata.get(RecognizerResult.IS_SCORE_ENHANCED_BY_CONTEXT_KEY):
            stretches = (
                (max(0, result.start - BEFORE), result.start),
                (result.end, min(len(text), result.end + AFTER)),
            )
            words = tuple(
                dict.fromkeys(
                    match[0].lower() for start, end in stretches for match in pattern.finditer(text, start, end)
                )
            )
        self.seen.append(_Raw(text, result, name_of(recognizer), before, words))


class ExplainingDetector(Detector):
    """Finds the same spans as ``Detector``, each an ``ExplainedSpan``."""

    def __init__(self, config: DetectorConfig | None = None, *, model: Model | None = None) -> None:
        """As ``Detector``. Raises DetectorError."""
        super().__init__(config, model=model)
        self._noting = _NotingEnhancer()
        self._engine._enhancer = self._noting
        self._notes: dict[str, list[_Note]] = {}

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Disjoint explained spans of each text. Raises DetectorError."""
        self._notes = {}
        found = super().detect(texts)
        explained: list[list[Span]] = [
            [self._explained(span, self._notes.get(text, [])) for span in spans]
            for text, spans in zip(texts, found, strict=True)
        ]
        self._notes = {}
        return explained

    def _resolve(self, text: str, views: list[_View], proposals: list[list[Proposal]]) -> list[Span]:
        self._noting.seen = []
        spans = super()._resolve(text, views, proposals)
        by_text = {view.text: view for view in reversed(views)}
        self._notes[text] = [_noted(text, raw, by_text[raw.view]) for raw in self._noting.seen]
        return spans

    def _explained(self, span: Span, notes: Sequence[_Note]) -> ExplainedSpan:
        near = [note for note in notes if note.overlap(span) > 0]
        own = [note for note in near if note.recognizer == span.recognizer and note.entity == span.entity]
        if not own:
            own = [note for note in near if note.recognizer == span.recognizer]
        explanation = None
        if own:
            winner = max(own, key=lambda note: (note.overlap(span), not note.hidden, note.verified, note.after))
            others = [note for note in near if note not in own]
            explanation = Explanation(
                score_before=winner.before,
                words=winner.words,
                proof=_proof(winner),
                hidden=winner.hidden,
                agreeing=tuple(
                    dict.fromkeys(
                        note.recognizer
                        for note in others
                        if note.entity == span.entity
                        and note.recognizer != span.recognizer
                        and note.after >= self.config.floor(note.entity)
                    )
                ),
                beaten=self._beaten(winner, [note for note in others if note.entity != span.entity]),
            )
        return ExplainedSpan(span.start, span.end, span.entity, span.score, span.recognizer, explanation)

    def _beaten(self, winner: _Note, losers: Sequence[_Note]) -> tuple[Beaten, ...]:
        best: dict[tuple[str, str], _Note] = {}
        for note in losers:
            key = (note.entity, note.recognizer)
            if key not in best or note.after > best[key].after:
                best[key] = note
        ranked = sorted(best.values(), key=lambda note: (-note.after, note.entity, note.recognizer))
        return tuple(Beaten(note.entity, note.recognizer, note.after, self._reason(winner, note)) for note in ranked)

    def _reason(self, winner: _Note, loser: _Note) -> str:
        """The first difference, in the order in which ``conflicts`` ranks."""
        if loser.entity in self.config.disabled:
            return "disabled"
        if loser.after < self.config.floor(loser.entity):
            return f"below the minimum score {self.config.floor(loser.entity):g}"
        if loser.entity == RECORD_ID:
            return "any record number; this one is known better"
        if winner.verified != loser.verified:
            return "its form proves nothing" if winner.verified else "kept beside it"
        if (winner.entity in WEAK) != (loser.entity in WEAK):
            return "kept beside it" if winner.entity in WEAK else "identifies nobody by itself"
        own, other = winner.end - winner.start, loser.end - loser.start
        if own != other:
            return f"shorter, {other} characters to {own}" if other < own else "kept beside it"
        if loser.generic and not winner.generic:
            return "only its label tells what it is"
        return "lower score" if loser.after < winner.after else "equal; the other comes first"


def _noted(text: str, raw: _Raw, view: _View) -> _Note:
    start, end = view.original(raw.result.start, raw.result.end)
    metadata = raw.result.recognition_metadata
    hidden = ""
    if view.whole is not None:
        hidden = "in base64"
    elif view.text[raw.result.start : raw.result.end] != text[start:end]:
        hidden = "obfuscated or escaped"
    return _Note(
        start,
        end,
        raw.result.entity_type,
        raw.recognizer,
        raw.before,
        float(raw.result.score),
        raw.words,
        verified=bool(metadata.get(VERIFIED)),
        checked=bool(metadata.get(CHECKED)),
        generic=bool(metadata.get(GENERIC)),
        hidden=hidden,
    )


def _proof(note: _Note) -> str:
    if note.checked:
        return "its checksum fits" + ("" if note.verified else ", which proves little of a bare number without context")
    return "its form is unmistakable" if note.verified else ""


def explanation_of(span: Span) -> Explanation | None:
    """The explanation that a span carries, if it does."""
    return span.explanation if isinstance(span, ExplainedSpan) else None
