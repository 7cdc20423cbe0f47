"""Masks the texts of one flow and remembers what stands for what.

Rules for this file: pure; one session per flow, texts in the order of the request, so that a grown
conversation masks its old part to the same bytes. Imports ``detectors.spans`` and this room's files.

Three things keep the round trip exact. What already looks like a placeholder is masked itself. What is
replaced inside a JSON document is remembered as it was spelled there. And each masked text is restored
once for proof; a text that would not come back as it was is refused. (With surrogates in it: it gets tokens instead.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from addons.masking.grammar import Spelling, grammar_of
from addons.masking.outlets import Outlets
from addons.masking.place import Prose, escaped, unescaped
from addons.masking.placeholders import (
    CODE_LENGTH,
    COMMON_ENTITIES,
    PLACEHOLDER_ENTITY,
    STRICT_WORD,
    PlaceholderKey,
    Scope,
    code_fits,
)
from addons.masking.restorer import FlowRestoration, Original
from addons.masking.surrogate_index import BEFORE
from addons.masking.surrogates import Surrogates, is_stored_key, spelled_of
from detectors.spans import Span

RECOGNIZER = "placeholder"
"""Recognizer name of the spans that ``planted`` answers with."""
_DIGITS = frozenset("0123456789")


class PlaceholderCollision(Exception):
    """Masking would not be reversible: two values share a placeholder, or a text holds one that came to mean a value.

    The request must be refused. The message holds no data.
    """


class MaskingSession:
    """The placeholders of one flow.

    ``entities``: names that spans may carry, beyond ``COMMON_ENTITIES``. Others are accepted too; but to name
    them lets look-alikes be masked from the first text on. Raises ValueError for an unfit name.
    ``as_surrogate``: entities whose values get a surrogate where they have one (default: none).
    """

    def __init__(
        self,
        key: PlaceholderKey,
        scope: Scope,
        entities: Iterable[str] = (),
        as_surrogate: Callable[[str], bool] = lambda entity: False,
    ) -> None:
        self._key = key
        self._scope = scope
        self._grammar = grammar_of(COMMON_ENTITIES.union(entities))
        self._originals: dict[str, Original] = {}
        self._tokens: dict[tuple[str, str, int], str] = {}
        self._as_surrogate = as_surrogate
        self._surrogates = Surrogates(key, scope)
        self._stand_ins: dict[str, None] = {}
        """Surrogates that were put into texts."""
        self._texts: list[str] = []
        """What has been put out, to be looked through when a new entity turns up."""
        self._lookalikes: set[str] = set()
        """What stands in those texts, could be read as a placeholder, and so may never become one."""

    @property
    def mapping(self) -> Mapping[str, str]:
        """Placeholder -> what it replaced, in the order of appearance."""
        surrogates = {spelled_of(key)[1]: original.text for key, original in self._surrogates.issued.items()}
        return MappingProxyType(surrogates | {token: original.text for token, original in self._originals.items()})

    @property
    def originals(self) -> Mapping[str, Original]:
        """Placeholder -> what it stands for; what was recalled is among them. A surrogate, and each of its parts and
        other formats, goes by a key in the shape of a token (``surrogates.stored_key``)."""
        return MappingProxyType(self._originals | self._surrogates.issued)

    @property
    def count(self) -> int:
        """Distinct placeholders that were put into texts."""
        return len(set(self._tokens.values())) + len(self._stand_ins)

    def recall(self, originals: Mapping[str, Original]) -> None:
        """Before the first text: placeholders that stand in what the provider has stored of this conversation.

        They are restored in the reply, and mean here what they mean there. Raises PlaceholderCollision where one has
        another meaning already, ValueError for an unfit entity name.
        """
        self._learn({token.rpartition("_")[0] for token in originals})
        for token, original in originals.items():
            if is_stored_key(token):
                fits = self._surrogates.recall(token, original)
            else:
                fits = self._originals.setdefault(token, original) == original
            if not fits:
                raise PlaceholderCollision("two stored values share a placeholder; the request is refused")

    def restoration(self, outlets: Outlets | None = None) -> FlowRestoration:
        """A restoration for the reply, with the placeholders known now. ``outlets``: where values may go."""
        index = self._surrogates.index.copy()
        return FlowRestoration(dict(self._originals), self._grammar, outlets, tuple(self._texts), index)

    def planted(self, text: str) -> list[Span]:
        """Spans of what already looks like a placeholder, in order, not overlapping; entity ``PLACEHOLDER``.

        That is: a placeholder of this flow in any spelling; a confirmed one of a known entity, exactly as made or
        (with a digit in its code, so that words of prose are left alone) in any spelling; a confirmed one of any entity
        that stands by itself as a word and has a digit in its code.
        """
        found = [(s.start, s.end) for s in self._grammar.spellings(text) if self._is_planted(text, s)]
        return self._planted(text, found)

    def mask(self, text: str, spans: Sequence[Span] = ()) -> str:
        """The text with each span, and each planted look-alike, replaced by its placeholder.

        Spans may come in any order; overlapping ones are replaced as one. Raises ValueError for a span outside the text
        or an unfit entity name, PlaceholderCollision where the text could not be restored exactly.
        """
        for span in spans:
            if not 0 <= span.start <= span.end <= len(text):
                raise ValueError(f"span of {span.entity} at {span.start}-{span.end} lies outside a text of {len(text)}")
        self._learn({span.entity for span in spans})
        spellings = list(self._grammar.spellings(text))
        planted = self._planted(text, [(s.start, s.end) for s in spellings if self._is_planted(text, s)])
        marks = _merged([span for span in spans if span.end > span.start], planted)
        if marks:
            self._surrogates.begin(text, self._texts)
            styled = any(self._as_surrogate(mark.entity) for mark in marks)
            masked, stand_ins = self._replace(text, marks, styled=styled)
            if styled and not self._comes_back(masked, text):
                masked, stand_ins = self._replace(text, marks, styled=False)
                styled = False
            self._stand_ins.update(stand_ins)
            if not styled and not self._comes_back(masked, text):
                raise PlaceholderCollision("a masked text would not be restored exactly; the request is refused")
            spellings = list(self._grammar.spellings(masked))
        else:
            masked = text
        self._lookalikes.update(s.token for s in spellings if s.token not in self._originals)
        self._texts.append(masked)
        return masked

    def _comes_back(self, masked: str, text: str) -> bool:
        restoration = FlowRestoration(self._originals, self._grammar, surrogates=self._surrogates.index)
        return restoration.whole(masked) == text

    def _learn(self, entities: set[str]) -> None:
        new = entities - self._grammar.entities
        if not new:
            return
        self._grammar = grammar_of(self._grammar.entities | new)
        for text in self._texts:
            self._lookalikes.update(s.token for s in self._grammar.spellings(text) if s.token not in self._originals)

    def _is_planted(self, text: str, spelling: Spelling) -> bool:
        if spelling.token in self._originals:
            return True
        spelled = text[spelling.start : spelling.end]
        return spelled == spelling.token or not _DIGITS.isdisjoint(spelled.replace(" ", "")[-CODE_LENGTH:])

    def _planted(self, text: str, found: list[tuple[int, int]]) -> list[Span]:
        if "_" in text:
            found += (
                match.span()
                for match in STRICT_WORD.finditer(text)
                if code_fits(match[1], match[2]) and not _DIGITS.isdisjoint(match[2])
            )
        found += self._surrogates.spans(text)
        spans = [Span(start, end, PLACEHOLDER_ENTITY, 1.0, RECOGNIZER) for start, end in found]
        return _merged([], spans)

    def _replace(self, text: str, marks: Sequence[Span], *, styled: bool) -> tuple[str, dict[str, None]]:
        """The masked text, and which surrogates are in it."""
        out: list[str] = []
        stand_ins: dict[str, None] = {}
        before = ""
        place = Prose()
        done = 0
        for mark in marks:
            between = text[done : mark.start]
            place.feed(between)
            spelled = text[mark.start : mark.end]
            placeholder: str | None = None
            if styled and self._as_surrogate(mark.entity):
                before = (before + between)[-BEFORE:]
                placeholder = self._surrogate(mark.entity, spelled, place.depth, before, text, mark.end)
            if placeholder is None:
                placeholder = self._token(mark.entity, spelled, place.depth)
            else:
                stand_ins[placeholder] = None
            place.feed("P")
            out += (between, placeholder)
            before = placeholder
            done = mark.end
        out.append(text[done:])
        return "".join(out), stand_ins

    def _surrogate(self, entity: str, spelled: str, depth: int, before: str, text: str, end: int) -> str | None:
        """The surrogate of a value, if it has one that would be read back as this value in its place."""
        value = unescaped(spelled, depth)
        if value is None or escaped(value, depth) != spelled:
            return None
        stand_in = self._surrogates.stand_in(entity, value)
        if stand_in is None or not self._surrogates.fits(stand_in, value, before, text[end : end + BEFORE + 1]):
            return None
        return stand_in

    def _token(self, entity: str, spelled: str, depth: int) -> str:
        token = self._tokens.get((entity, spelled, depth))
        if token is not None:
            return token
        value = unescaped(spelled, depth)
        if value is not None and escaped(value, depth) == spelled:
            original = Original(value, 0, value)
        else:
            original = Original(spelled, depth, spelled if value is None else value)
        token = self._key.placeholder(self._scope, entity, original.text, original.depth)
        if self._originals.get(token, original) != original:
            raise PlaceholderCollision(f"two values of entity {entity} share a placeholder; the request is refused")
        if token in self._lookalikes:
            raise PlaceholderCollision(f"a text already holds what would stand for a {entity}; the request is refused")
        self._originals[token] = original
        self._surrogates.note(original.value)
        self._tokens[entity, spelled, depth] = token
        return token


def _merged(spans: Iterable[Span], planted: Iterable[Span]) -> list[Span]:
    """Spans in order without overlaps: overlapping ones become one, with the entity of the longest; a planted one gives
    its entity only where nothing else was found."""
    merged: list[Span] = []
    end = -1
    best: tuple[bool, int] = (False, 0)
    ranked = [(span, True) for span in spans] + [(span, False) for span in planted]
    for span, detected in sorted(ranked, key=lambda item: (item[0].start, -item[0].end, not item[1])):
        rank = (detected, span.end - span.start)
        if span.start >= end:
            merged.append(span)
            end, best = span.end, rank
            continue
        end = max(end, span.end)
        named = merged[-1]
        if rank > best:
            named, best = span, rank
        merged[-1] = Span(merged[-1].start, end, named.entity, named.score, named.recognizer)
    return merged
