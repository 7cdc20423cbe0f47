"""What a model adds by itself: judged before it is let go, then restored as ever.

Rules for this file: pure; imports this room's files. The upstream's text is judged, never what was put into it.

Two passes read the same bytes. The first (``Scout``) finds the texts that need judgement; somebody asks the detector;
the second (``JudgedRestoration``) finds the verdicts in ``Verdicts`` by the text itself, so that it need not wait and
does not depend on how the stream was cut. A text without a verdict is never let go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from addons.masking.place import Prose
from addons.masking.restorer import FlowRestoration, FlowRestorer, RestorationCounts, Withholding
from addons.masking.windows import Window, Windows

MOST_OF_ONE_VALUE = 4096
"""Characters of one finding that are waited for; then it is dealt with as far as it came."""


class Flagged(NamedTuple):
    """Something that the model added and that may not pass."""

    start: int
    end: int
    entity: str
    block: bool
    """End the reply here. Else: put a label in its place."""


class Blocked(Exception):
    """The reply holds what the policy blocks. Quotes nothing; ``entity`` is what kind of thing."""

    def __init__(self, entity: str) -> None:
        super().__init__(f"the reply holds {entity}")
        self.entity = entity


class Unjudged(Exception):
    """A text was about to leave that nobody judged."""


class Verdicts:
    """Texts of one reply and what was found in them."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Flagged, ...]] = {}
        self._wanted: dict[str, None] = {}
        self.blocking = False
        """Something to be blocked was found."""

    @property
    def wanted(self) -> list[str]:
        """Texts that need judgement."""
        return list(self._wanted)

    def want(self, text: str) -> None:
        """This text will be let go."""
        if text not in self._known:
            self._wanted[text] = None

    def settle(self, text: str, flagged: tuple[Flagged, ...]) -> None:
        """What was found in a text: in order, without overlaps."""
        self._wanted.pop(text, None)
        self._known[text] = flagged
        self.blocking = self.blocking or any(one.block for one in flagged)

    def of(self, text: str) -> tuple[Flagged, ...] | None:
        """What was found in a text; None if nobody judged it."""
        return self._known.get(text)

    def holds(self, piece: str) -> bool:
        """True for a piece of a text that was judged."""
        return any(piece in text for text in self._known)


class Scout:
    """A restoration that changes nothing and notes what must be judged. Implements ``Restoration``."""

    def __init__(self, verdicts: Verdicts) -> None:
        self.verdicts = verdicts
        self.said: set[str] = set()
        """Complete runs: they are judged window by window, and where they are repeated as they were judged there."""

    def text(self) -> _ScoutRun:
        return _ScoutRun(self)

    json = text

    def whole(self, text: str) -> str:
        if text.strip() and text not in self.said:
            self.verdicts.want(text)
        return text

    whole_json = whole

    def for_tool(self, name: str, *, hosted: bool) -> Scout:
        return self


class _ScoutRun:
    def __init__(self, scout: Scout) -> None:
        self._scout = scout
        self._windows = Windows()
        self._pieces: list[str] = []

    def feed(self, text: str) -> str:
        self._pieces.append(text)
        self._want(self._windows.feed(text))
        return text

    def flush(self) -> str:
        self._want(self._windows.flush())
        self._scout.said.add("".join(self._pieces))
        self._windows, self._pieces = Windows(), []
        return ""

    def _want(self, windows: list[Window]) -> None:
        for window in windows:
            self._scout.verdicts.want(window.text)


class JudgedRestoration:
    """Lets go what was judged, labels what is to be masked, stops at what is to be blocked. Implements ``Restoration``.

    ``label``: entity and value -> what stands in the value's place; nobody restores it.
    """

    def __init__(self, flow: FlowRestoration, verdicts: Verdicts, label: Callable[[str, str], str]) -> None:
        self._flow = flow
        self._verdicts = verdicts
        self._label = label
        self._inner: FlowRestoration | Withholding = flow
        self._shared: _Shared = _Shared({}, {})

    @property
    def counts(self) -> RestorationCounts:
        return self._flow.counts

    def end(self) -> None:
        """Nothing more is let go: what is held back is dropped."""
        self._shared.ended = True

    def sent_texts(self) -> tuple[Sequence[str], FlowRestoration]:
        """See ``FlowRestoration.sent_texts``: nobody judges what the caller said."""
        return self._flow.sent_texts()

    @property
    def ended(self) -> bool:
        return self._shared.ended

    def text(self) -> JudgedRun:
        return JudgedRun(self, self._inner.text(), is_json=False)

    def json(self) -> JudgedRun:
        return JudgedRun(self, self._inner.json(), is_json=True)

    def whole(self, text: str) -> str:
        return self._inner.whole(self._judged(text, is_json=False))

    def whole_json(self, text: str) -> str:
        return self._inner.whole_json(self._judged(text, is_json=True))

    def for_tool(self, name: str, *, hosted: bool) -> JudgedRestoration:
        other = JudgedRestoration(self._flow, self._verdicts, self._label)
        other._inner = self._flow.for_tool(name, hosted=hosted)
        other._shared = self._shared
        return other

    def flagged(self, text: str) -> tuple[Flagged, ...]:
        """What was found in a window. Raises Unjudged."""
        found = self._verdicts.of(text)
        if found is None:
            raise Unjudged("a text was not judged")
        return found

    def put(self, entity: str, value: str) -> str:
        """The label for a value."""
        label = self._label(entity, value)
        self._flow.labels.add(label)
        self._shared.labelled[value] = label
        return label

    def note(self, text: str, judged: str) -> None:
        """A run that is over, and what became of it before it was restored."""
        self._shared.said[text] = judged

    def _judged(self, text: str, *, is_json: bool) -> str:
        if not text.strip():
            return text
        said = self._shared.said.get(text)
        if said is not None:
            return said
        found = self._verdicts.of(text)
        if found is None:
            # A piece of a judged text, whose length somebody wants to know: offsets count in what became of it.
            if not self._verdicts.holds(text):
                raise Unjudged("a text was not judged")
            for value, label in self._shared.labelled.items():
                text = text.replace(value, label)
            return text
        writer = _Writer(self, is_json=is_json)
        done = 0
        for one in found:
            writer.add(text[done : one.start])
            writer.flag(one, text[one.start : one.end], text[one.end : one.end + 1])
            done = one.end
        writer.add(text[done:])
        return writer.take()


class _Shared:
    """What the restorations of one reply have in common."""

    def __init__(self, said: dict[str, str], labelled: dict[str, str]) -> None:
        self.said = said
        self.labelled = labelled
        self.ended = False


class _Writer:
    """Puts together what may go, with labels in it."""

    def __init__(self, flow: JudgedRestoration, *, is_json: bool) -> None:
        self._flow = flow
        self._place = Prose.of_json() if is_json else None
        self._out: list[str] = []

    def add(self, text: str) -> None:
        if text:
            self._out.append(text)
            if self._place is not None:
                self._place.feed(text)

    def flag(self, one: Flagged, value: str, following: str) -> None:
        """A label for a value, in quotes where JSON has a number. Raises Blocked."""
        if one.block:
            raise Blocked(one.entity)
        label = self._flow.put(one.entity, value)
        bare = self._place is not None and self._place.depth == 0 and '"' not in value and following != '"'
        self.add(f'"{label}"' if bare else label)

    def take(self) -> str:
        out = "".join(self._out)
        self._out.clear()
        return out


class JudgedRun:
    """Judges and restores one run of text. Implements ``TextRestorer``, but that it raises Blocked and Unjudged."""

    def __init__(self, flow: JudgedRestoration, inner: FlowRestorer, *, is_json: bool) -> None:
        self._flow = flow
        self._inner = inner
        self._is_json = is_json
        self._begin()

    def _begin(self) -> None:
        self._windows = Windows()
        self._writer = _Writer(self._flow, is_json=self._is_json)
        self._text = ""
        """What has not been let go."""
        self._base = 0
        """Where that begins in the run."""
        self._open: list[Flagged] = []
        """Findings, by position in the run, that go on behind the last window."""
        self._came: list[str] = []
        self._went: list[str] = []

    def feed(self, text: str) -> str:
        if self._flow.ended:
            return ""
        self._came.append(text)
        self._text += text
        for window in self._windows.feed(text):
            self._let_go(window, last=False)
        return self._inner.feed(self._taken())

    def flush(self) -> str:
        if self._flow.ended:
            return ""
        for window in self._windows.flush():
            self._let_go(window, last=True)
        rest = self._inner.feed(self._taken()) + self._inner.flush()
        self._flow.note("".join(self._came), "".join(self._went))
        self._begin()
        return rest

    def _taken(self) -> str:
        text = self._writer.take()
        self._went.append(text)
        return text

    def _let_go(self, window: Window, *, last: bool) -> None:
        at = window.start
        found = [one._replace(start=one.start + at, end=one.end + at) for one in self._flow.flagged(window.text)]
        for one in _merged([*self._open, *found]):
            if one.end <= self._base:
                continue
            if one.start >= window.end:
                break
            waits = one.end > window.end and window.end - one.start < MOST_OF_ONE_VALUE and not last
            self._pass_to(max(one.start, self._base))
            if waits:
                self._open = [one]
                return
            begin = self._base
            value = self._text[: min(one.end, window.end) - begin]
            following = self._text[len(value) : len(value) + 1]
            self._writer.flag(one, value, following)
            self._drop(len(value))
        self._open = []
        self._pass_to(window.end)

    def _pass_to(self, position: int) -> None:
        size = position - self._base
        if size > 0:
            self._writer.add(self._text[:size])
            self._drop(size)

    def _drop(self, size: int) -> None:
        self._text = self._text[size:]
        self._base += size


def _merged(flagged: list[Flagged]) -> list[Flagged]:
    """In order, overlapping ones in one: blocked if one of them is, else with the entity of the first."""
    out: list[Flagged] = []
    for one in sorted(flagged):
        if out and one.start < out[-1].end:
            before = out[-1]
            first = one if one.block and not before.block else before
            out[-1] = Flagged(before.start, max(before.end, one.end), first.entity, before.block or one.block)
        else:
            out.append(one)
    return out
