"""Puts originals back into a reply: implements ``TextRestorer`` and ``Restoration`` of ``addons.wire.types``.

Rules for this file: a pure state machine that never raises; the output is a function of the joined
input alone, however it was cut; what is put out is never looked at again.

At each place where a spelling begins (``grammar.py``), the first reading that names a placeholder of this
flow is believed; one that is complete and not of this flow stays as it is; one that more text could
complete is held back, from its first character on. How a value is written depends on where it goes
(``place.py``); that is worked out only when there is something to restore. Where a value may not go at all
(``outlets.py``), the placeholder stays as the model spelled it. Surrogates (``surrogate_index.py``) are found beside
tokens in the same pass; the leftmost goes first, and at one place the token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from addons.masking.grammar import Grammar, fold, grammar_of
from addons.masking.outlets import AddressRule, CallerAddresses, Outlets, is_address
from addons.masking.place import Prose, escaped
from addons.masking.placeholders import COMMON_ENTITIES
from addons.masking.surrogate_index import BEFORE, CHANGED, OPEN, Match, SurrogateIndex

_NO_SURROGATES = SurrogateIndex()
_UNREAD_LIMIT = 65536
"""Characters kept unread before the reader of places must take them."""


@dataclass(frozen=True, slots=True)
class Original:
    """What a placeholder stands for."""

    text: str
    """Exactly what was replaced."""
    depth: int
    """Inside how many nested JSON strings ``text`` is spelled; 0: it is the value itself."""
    value: str
    """The value as people read it."""

    def spelled(self, depth: int) -> str:
        """How to write it inside ``depth`` nested JSON strings."""
        if depth >= self.depth:
            return escaped(self.text, depth - self.depth)
        return escaped(self.value, depth)


@dataclass(slots=True)
class RestorationCounts:
    """What all restorers of one flow have met; repeats are counted."""

    seen: int = 0
    """Placeholders of this flow."""
    restored: int = 0
    unknown: int = 0
    """The check character fits, the entity is one of this flow's, and the placeholder is not; or the model has changed
    a surrogate of this flow."""
    mangled: int = 0
    """Restored only thanks to tolerant matching."""
    withheld: int = 0
    """Left as they are because of where they stand."""


class FlowRestoration:
    """Makes restorers for one flow. Implements ``Restoration``."""

    def __init__(
        self,
        originals: Mapping[str, Original],
        grammar: Grammar,
        outlets: Outlets | None = None,
        texts: Sequence[str] = (),
        surrogates: SurrogateIndex | None = None,
    ) -> None:
        """``originals``: of tokens; ``outlets``: where values may go (None: everywhere); ``texts``: what the caller
        said, masked; ``surrogates``: those of this flow."""
        self.originals = originals
        self.grammar = grammar
        self.surrogates = surrogates or _NO_SURROGATES
        self._texts = texts
        self.outlets = outlets or Outlets()
        self.addresses = CallerAddresses(lambda: texts, lambda: [*self.surrogates.spellings(), *self.originals])
        self.entities = frozenset(token.rpartition("_")[0] for token in originals)
        self.counts = RestorationCounts()
        self.labels: set[str] = set()
        """What the gateway put into the reply itself, in place of what the model added."""
        self._spelled: dict[tuple[str, int], str] = {}
        self._stand_ins: dict[str, Original] = {}
        """Surrogates as the model has spelled them."""

    def sent_texts(self) -> tuple[Sequence[str], FlowRestoration]:
        """See ``KnowsRequest`` in ``addons.wire.types``. What restores them counts nothing here."""
        own = FlowRestoration(self.originals, self.grammar, surrogates=self.surrogates)
        return self._texts, own

    @property
    def knows_any(self) -> bool:
        """True if there is anything to restore."""
        return bool(self.originals) or bool(self.surrogates)

    def learn(self, spelled: str, value: str) -> None:
        """A surrogate in this spelling means this value."""
        if spelled not in self._stand_ins:
            self._stand_ins[spelled] = Original(value, 0, value)

    def original(self, placeholder: str) -> Original:
        """What a token, or a surrogate that was met, stands for."""
        return self._stand_ins.get(placeholder) or self.originals[placeholder]

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, str]) -> FlowRestoration:
        """For a map of placeholder -> value that comes from elsewhere. Raises ValueError for an unfit entity name."""
        originals = {token: Original(value, 0, value) for token, value in mapping.items()}
        entities = {token.rpartition("_")[0] for token in originals}
        return cls(originals, grammar_of(COMMON_ENTITIES | entities))

    def text(self) -> FlowRestorer:
        """For prose. While the run is a valid beginning of one JSON document, values are escaped inside its strings;
        so they are in code blocks marked ``json``."""
        return FlowRestorer(self, is_json=False)

    def json(self) -> FlowRestorer:
        """For fragments of a JSON document: values are escaped once per level of nesting, up to 8 levels."""
        return FlowRestorer(self, is_json=True)

    def whole(self, text: str) -> str:
        """A complete text at once."""
        restorer = self.text()
        return restorer.feed(text) + restorer.flush()

    def whole_json(self, text: str) -> str:
        """A complete JSON document held in a string."""
        restorer = self.json()
        return restorer.feed(text) + restorer.flush()

    def for_tool(self, name: str, *, hosted: bool) -> FlowRestoration | Withholding:
        """For the arguments of a tool call; see ``Restoration.for_tool``."""
        return self if self.outlets.tools.trusts(name, hosted=hosted) else Withholding(self)

    def lets(self, token: str, address: str | None, following: str, *, ended: bool) -> bool | None:
        """True if the value may go where it would go; None if that depends on what comes. A rule about *where* a value
        may be restored belongs here and nowhere else."""
        rule = self.outlets.addresses
        if address is None or rule is AddressRule.ALWAYS:
            return True
        if rule is AddressRule.NEVER:
            return False
        return self.addresses.hold(address, token, self.original(token).value, following, ended=ended)

    def give_back(self, token: str, *, depth: int, mangled: bool) -> str:
        """What to write for a placeholder of this flow, and count it."""
        counts = self.counts
        counts.seen += 1
        counts.restored += 1
        counts.mangled += mangled
        spelled = self._spelled.get((token, depth))
        if spelled is None:
            spelled = self._spelled[token, depth] = self.original(token).spelled(depth)
        return spelled


class Withholding:
    """For texts into which no value goes; counts what it leaves. Implements ``Restoration``."""

    def __init__(self, flow: FlowRestoration) -> None:
        self._flow = flow

    def text(self) -> FlowRestorer:
        return FlowRestorer(self._flow, is_json=False, withhold=True)

    def json(self) -> FlowRestorer:
        return FlowRestorer(self._flow, is_json=True, withhold=True)

    def whole(self, text: str) -> str:
        restorer = self.text()
        return restorer.feed(text) + restorer.flush()

    def whole_json(self, text: str) -> str:
        restorer = self.json()
        return restorer.feed(text) + restorer.flush()

    def for_tool(self, name: str, *, hosted: bool) -> Withholding:
        return self


class _Known(NamedTuple):
    """A placeholder of this flow in a text."""

    end: int
    token: str
    mangled: bool
    is_surrogate: bool = False


class _Ahead:
    """Where the next token, and the next surrogate, may start in a text; each part of it is searched once."""

    __slots__ = ("_flow", "_folded", "_shift", "_surrogate", "_token", "around", "folded")

    def __init__(self, flow: FlowRestoration, before: str, text: str) -> None:
        self._flow = flow
        self._shift = len(before)
        self.around = before + text
        """The text and what was before it."""
        self._folded = fold(self.around)
        self.folded = self._folded[self._shift :]
        self._token = self._surrogate = -2

    def find(self, position: int) -> int:
        if self._token != -1 and self._token < position:
            self._token = self._flow.grammar.find(self.folded, position)
        if self._surrogate != -1 and self._surrogate < position:
            found = self._flow.surrogates.find(self._folded, position + self._shift)
            self._surrogate = found - self._shift if found >= 0 else -1
        if self._token < 0 or self._surrogate < 0:
            return max(self._token, self._surrogate)
        return min(self._token, self._surrogate)

    def surrogate(self, start: int, *, ended: bool) -> tuple[_Known | None, bool]:
        """The surrogate that stands here, if any; else whether more text could make one."""
        if start != self._surrogate:
            return None, False
        at = start + self._shift
        found = self._flow.surrogates.judge(self.around, self._folded, at, ended=ended)
        if not isinstance(found, Match):
            self._flow.counts.unknown += found == CHANGED
            return None, found == OPEN
        spelled = self.around[at : found.end]
        self._flow.learn(spelled, found.value)
        return _Known(found.end - self._shift, spelled, not found.as_issued, True), False


class FlowRestorer:
    """Restores one run of text. Implements ``TextRestorer``."""

    __slots__ = ("_before", "_flow", "_held", "_is_json", "_links", "_place", "_unread", "_unread_size", "_withhold")

    def __init__(self, flow: FlowRestoration, *, is_json: bool, withhold: bool = False) -> None:
        self._flow = flow
        self._is_json = is_json
        self._withhold = withhold
        self._links = flow.outlets.addresses is not AddressRule.ALWAYS and not withhold
        self._begin()

    def _begin(self) -> None:
        self._held = self._before = ""
        self._place = Prose.of_json(links=self._links) if self._is_json else Prose(links=self._links)
        self._unread: list[str] = []
        self._unread_size = 0

    def feed(self, text: str) -> str:
        """Text that can be emitted now."""
        if not self._flow.knows_any:
            return text
        return self._run(self._held + text, ended=False)

    def flush(self) -> str:
        """What was held back; the run is over and the state is as new."""
        rest = self._run(self._held, ended=True) if self._held else ""
        self._begin()
        return rest

    def _run(self, text: str, *, ended: bool) -> str:
        flow = self._flow
        ahead = _Ahead(flow, self._before, text)
        start = ahead.find(0)
        if start < 0:
            self._held = ""
            self._before = ahead.around[-BEFORE:] if flow.surrogates else ""
            self._pass(text)
            return text
        out: list[str] = []
        done = 0
        """Up to here the text has been dealt with: put out, or restored."""
        read = 0
        """Up to here the reader of places has it."""
        while start >= 0:
            known, open_end = self._judge(text, ahead.folded, start)
            if known is None and not (open_end and not ended):
                known, open_end = ahead.surrogate(start, ended=ended)
            if known is None:
                if open_end and not ended:
                    break
                start = ahead.find(start + 1)
                continue
            self._pass(text[read:start])
            read = start
            token = known.token
            mangled = known.mangled
            place = self._read_up()
            if (mangled or known.is_surrogate) and place.in_escape:
                # The first letter belongs to a JSON escape (the n of ``\n``): not ours.
                start = ahead.find(start + 1)
                continue
            lets = False if self._withhold else flow.lets(token, place.address, text[known.end :], ended=ended)
            if lets is None:
                break
            if lets:
                out.append(text[done:start])
                out.append(flow.give_back(token, depth=place.depth, mangled=mangled))
                done = known.end
            else:
                flow.counts.seen += 1
                flow.counts.withheld += 1
            self._stand_in(place, token)
            read = known.end
            start = ahead.find(read)
        end = len(text) if start < 0 else start
        self._pass(text[read:end])
        self._held = text[end:]
        if flow.surrogates:
            self._before = ahead.around[: len(ahead.around) - len(self._held)][-BEFORE:]
        out.append(text[done:end])
        return "".join(out)

    def _stand_in(self, place: Prose, token: str) -> None:
        """What a placeholder is to the reader of places: one plain word, however the model spelled it."""
        place.feed(token)
        if self._links and is_address(self._flow.original(token).value):
            place.begin_address(token)

    def _judge(self, text: str, folded: str, start: int) -> tuple[_Known | None, bool]:
        """The token of this flow that stands here, if any; else whether more text could make one."""
        flow = self._flow
        open_end = unknown = False
        for reading in flow.grammar.readings(folded, start, flow.entities):
            if reading is None:
                open_end = True
            elif reading.token in flow.originals:
                return _Known(reading.end, reading.token, text[start : reading.end] != reading.token), False
            elif reading.token not in flow.labels:
                unknown = True
        if unknown and not open_end:
            flow.counts.unknown += 1
        return None, open_end

    def _pass(self, text: str) -> None:
        """Note text that goes out as it is; the reader of places takes it when it must."""
        if text:
            self._unread.append(text)
            self._unread_size += len(text)
            if self._unread_size > _UNREAD_LIMIT:
                self._read_up()

    def _read_up(self) -> Prose:
        if self._unread:
            self._place.feed("".join(self._unread))
            self._unread.clear()
            self._unread_size = 0
        return self._place
