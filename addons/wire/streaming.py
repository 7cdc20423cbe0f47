"""What the restorers of all event streams share: runs of text, their tails, and events that are not understood.

May import this room only. A *run* is one text that comes in pieces: a choice's content, a tool call's arguments. Each
run has its restorer. The tail that a restorer holds back goes into the run's last piece where that piece is in the
event at hand, else into one more piece event before it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from addons.wire.jsondoc import Document
from addons.wire.logprobs import Atom, Entry, Spelled, TokenRun
from addons.wire.restore import restore_document
from addons.wire.rules import FREE, Rule
from addons.wire.sse import Event, EventSplitter
from addons.wire.types import ReplyFacts, Restoration, TextRestorer, WireError

type Path = Sequence[str | int]
"""Names and indices from the root of an event's JSON to a string in it."""


class Json(str):
    """JSON to be put in as it is, where another edit is a string to be written as JSON."""

    __slots__ = ()


class EventStream:
    """Restores a stream of server-sent events. Subclasses say what the events mean."""

    strict = True
    """An event whose data is no JSON ends the stream in an error: the client's SDK could not read it either."""
    whole_rule: Rule = staticmethod(FREE)
    """How an event is restored that carries no pieces of runs."""
    gap = b"\n\n"
    """What ends an event whose own end never came, before one of ours may follow."""

    def __init__(self, restoration: Restoration):
        self.facts = ReplyFacts()
        self._restoration = restoration
        self._splitter = EventSplitter()
        self._ended = False
        self._cut = False

    def feed(self, data: bytes) -> bytes:
        """See ``ReplyStream.feed``."""
        if self._ended:
            return b""
        return b"".join([self._event(event) for event in self._splitter.feed(data)])

    def close(self) -> bytes:
        """See ``ReplyStream.close``."""
        if self._ended:
            return b""
        self._ended = True
        rest = self._splitter.rest()
        out = self._event(rest) if rest is not None else b""
        self._cut = rest is not None and not rest.raw.endswith((b"\n", b"\r"))
        return out + self._apart(self.tails())

    def error(self, message: str) -> bytes:
        """See ``ReplyStream.error``. Nothing comes out of this stream afterwards."""
        self._ended = True
        return self._apart(self.error_event(message))

    def _apart(self, ours: bytes) -> bytes:
        """Events of ours, with the end of the event before them if that was cut off."""
        cut, self._cut = self._cut and bool(ours), self._cut and not ours
        return self.gap + ours if cut else ours

    def tails(self) -> bytes:
        """Piece events with what is still held back of any run."""
        return b""

    def error_event(self, message: str) -> bytes:
        """An error event of this format."""
        raise TypeError("a stream of events without a format")

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """The bytes that leave for an event whose data is a JSON object."""
        return self.whole(event)

    def on_done(self, event: Event) -> bytes:
        """The bytes that leave for ``[DONE]``."""
        self.facts.complete = True
        return self.tails() + event.raw

    def whole(self, event: Event, restoration: Restoration | None = None) -> bytes:
        """The event with every text in it restored by itself; ``restoration``: in place of the stream's."""
        restoration = restoration or self._restoration
        if event.data is None:
            return event.raw
        try:
            new = restore_document(Document(event.data, duplicates=True), self.whole_rule, restoration, self.facts)
        except WireError:
            restored = restoration.whole(event.data)
            new = restored if restored != event.data else None
        return event.raw if new is None else event.with_data(new)

    def patched(self, event: Event, data: dict[str, Any], edits: Mapping[tuple[str | int, ...], str]) -> bytes:
        """The event with the strings at ``edits`` replaced (``Json``: whatever stands there) and all else as it was."""
        if not edits:
            return event.raw
        try:
            document = Document(event.data or "", duplicates=True)
        except WireError:  # NaN, or deeper than we parse: written anew
            return event.with_data(json.dumps(_replaced(data, edits), ensure_ascii=False))
        changes = []
        for path, new in edits.items():
            node = document.root
            for key in path:
                node = (
                    node.children[key]
                    if isinstance(key, int)
                    else [child for child in node.children if child.key == key][-1]
                )
            literal = new if isinstance(new, Json) else document.literal(new, node.start, node.end)
            changes.append((node.start, node.end, literal))
        return event.with_data(document.splice(changes))

    def restore_leaves(
        self,
        value: Any,
        path: tuple[str | int, ...],
        edits: dict[tuple[str | int, ...], str],
        restoration: Restoration | None = None,
    ) -> None:
        """Restores every string below ``value`` by itself; ``restoration``: in place of the stream's."""
        if isinstance(value, str):
            new = (restoration or self._restoration).whole(value)
            if new != value:
                edits[path] = new
        elif isinstance(value, dict):
            for key, child in value.items():
                self.restore_leaves(child, (*path, key), edits, restoration)
        elif isinstance(value, list):
            for index, child in enumerate(value):
                self.restore_leaves(child, (*path, index), edits, restoration)

    def _event(self, event: Event) -> bytes:
        text = event.data
        if text is None or text == "":
            return event.raw
        if text == "[DONE]":
            return self.on_done(event)
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            if self.strict:
                raise WireError("malformed_event", "stream", "An event's data is not JSON", 502) from None
            data = None
        return self.on_json(event, data) if isinstance(data, dict) else self.whole(event)


class Runs:
    """The runs of one stream, by key, in the order in which they began."""

    def __init__(self, restoration: Restoration):
        self._restoration = restoration
        self._runs: dict[tuple[str | int, ...], TextRestorer] = {}
        self._tokens: dict[tuple[str | int, ...], TokenRun] = {}
        """Runs that come with their tokens' probabilities."""
        self._entries: dict[tuple[str | int, ...], list[Entry]] = {}

    def feed(
        self,
        key: tuple[str | int, ...],
        text: str,
        *,
        as_json: bool = False,
        restoration: Restoration | None = None,
        atoms: Sequence[Atom] | None = None,
    ) -> str:
        """What of the run can leave now; ``restoration``: in place of the stream's, if the run begins here. ``atoms``:
        the tokens that spell ``text``."""
        run = self._runs.get(key)
        if run is None:
            made = restoration or self._restoration
            run = made.json() if as_json else made.text()
            self._runs[key] = run
        if atoms is None and key not in self._tokens:
            return run.feed(text)
        tokens = self._tokens.get(key)
        if tokens is None:
            tokens = self._tokens[key] = TokenRun(run)
        return self._spelled(key, tokens.feed(atoms if atoms is not None else [Atom(text)]))

    @property
    def spells(self) -> bool:
        """True if any run comes, or came, with its tokens."""
        return bool(self._tokens or self._entries)

    def entries(self, key: tuple[str | int, ...]) -> list[Entry]:
        """The tokens that spell what has left of the run since this was last asked."""
        return self._entries.pop(key, [])

    def waits(self, key: tuple[str | int, ...]) -> bool:
        """True if tokens of the run wait for what comes."""
        tokens = self._tokens.get(key)
        return tokens is not None and tokens.waits

    def _spelled(self, key: tuple[str | int, ...], spelled: Spelled) -> str:
        if spelled.entries:
            self._entries.setdefault(key, []).extend(spelled.entries)
        return spelled.text

    def end(self, key: tuple[str | int, ...]) -> str:
        """The tail of one run, which is over."""
        run = self._runs.pop(key, None)
        tokens = self._tokens.pop(key, None) if self._tokens else None
        if tokens is not None:
            return self._spelled(key, tokens.end())
        return run.flush() if run is not None else ""

    def keys(self, *prefix: str | int) -> list[tuple[str | int, ...]]:
        """Keys of the open runs that begin with ``prefix``."""
        return [key for key in self._runs if key[: len(prefix)] == prefix]


def _replaced(data: dict[str, Any], edits: Mapping[tuple[str | int, ...], str]) -> dict[str, Any]:
    for path, new in edits.items():
        at: Any = data
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = json.loads(new) if isinstance(new, Json) else new
    return data
