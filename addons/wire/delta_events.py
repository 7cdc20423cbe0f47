"""Restores event streams of no known format, and those whose pieces say what they belong to.

May import this room only. Many APIs send text as events ``{"type": "x.delta", "delta": "...", <where>}`` and close it
with ``{"type": "x.done", <where>}``, OpenAI's Responses among them. Such pieces are runs, told apart by their type and
by all their members that say where (ids and indices). A piece is held back until the next event, so that the tail of
its run can still leave in it: events stay one to one. All other events are restored each by itself.
"""

from __future__ import annotations

import json
from typing import Any

from addons.wire.openai_stream import note_chat
from addons.wire.refusals import STREAM_ERROR, openai_error
from addons.wire.rules import Rule
from addons.wire.sse import Event, event_bytes
from addons.wire.streaming import EventStream, Runs
from addons.wire.types import ReplyFacts, Restoration

type Key = tuple[str | int, ...]

DELTA, DONE = ".delta", ".done"
WHERE = ("item_id", "response_id", "output_index", "content_index", "summary_index", "index", "choice")
"""Members that say to which run a piece belongs."""


class DeltaEvents(EventStream):
    """Server-sent events of unknown meaning."""

    strict = False

    def __init__(self, restoration: Restoration, facts: ReplyFacts, whole_rule: Rule):
        super().__init__(restoration)
        self.facts = facts
        self.whole_rule = whole_rule
        self._runs = Runs(restoration)
        self._held: tuple[Key, Event, dict[str, Any], str] | None = None
        """The last piece: its run, the event, its JSON, and what of it has been restored."""
        self._behind = b""
        """Line ends that have come since then."""

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One event; a piece leaves with the next one."""
        self._note(data)
        kind, delta = data.get("type"), data.get("delta")
        if not isinstance(kind, str):
            return self._release() + self.whole(event)
        if kind.endswith(DELTA) and isinstance(delta, str):
            key = _key(kind.removesuffix(DELTA), data)
            before = self._release()
            self._held = (key, event, data, self._runs.feed(key, delta, as_json="arguments" in kind))
            return before
        if kind.endswith(DONE):
            return self._end(_key(kind.removesuffix(DONE), data)) + self.whole(event)
        return self._release() + self.whole(event)

    def on_done(self, event: Event) -> bytes:
        """``[DONE]``: also the end of all runs."""
        return self.tails() + super().on_done(event)

    def tails(self) -> bytes:
        """The stream is over: what is still held back goes into the piece at hand, or is lost with its run."""
        return self._end(self._held[0]) if self._held is not None else b""

    def close(self) -> bytes:
        """See ``ReplyStream.close``. How such a stream ends properly is not known: it is whole if it told no error."""
        out = super().close()
        self.facts.complete = self.facts.error_type is None
        return out

    def error_event(self, message: str) -> bytes:
        """An error in the shape that most servers share."""
        held = self._release()
        return held + event_bytes(json.dumps(openai_error(500, STREAM_ERROR, message), ensure_ascii=False))

    def _event(self, event: Event) -> bytes:
        """Nothing overtakes the held piece. It leaves before a comment or what is no JSON object, and takes stray line
        ends with it: whether those are there depends on how a CRLF was cut."""
        if self._held is None:
            return super()._event(event)
        if not event.raw.strip(b"\r\n"):
            self._behind += event.raw
            return b""
        held = self._held
        out = super()._event(event)
        return self._release() + out if self._held is held else out

    def _end(self, key: Key) -> bytes:
        """A run is over: its tail leaves in its last piece, or in a piece of its own if others came between."""
        tail = self._runs.end(key)
        if self._held is not None and self._held[0] == key:
            _, event, data, text = self._held
            return self.patched(event, data, {("delta",): text + tail}) + self._let_go()
        released = self._release()
        if not tail:
            return released
        where = {name: value for name, value in zip(WHERE, key[1:], strict=True) if value != ""}
        piece = json.dumps({"type": f"{key[0]}{DELTA}", **where, "delta": tail}, ensure_ascii=False)
        return released + event_bytes(piece, f"{key[0]}{DELTA}")

    def _release(self) -> bytes:
        """The held piece as far as it is known; its run goes on."""
        if self._held is None:
            return b""
        _, event, data, text = self._held
        restored = event.raw if text == data["delta"] else self.patched(event, data, {("delta",): text})
        return restored + self._let_go()

    def _let_go(self) -> bytes:
        """The held piece has left: what waited behind it follows."""
        behind, self._held, self._behind = self._behind, None, b""
        return behind

    def _note(self, data: dict[str, Any]) -> None:
        response = data.get("response")
        note_chat(self.facts, response if isinstance(response, dict) else data)


def _key(kind: str, data: dict[str, Any]) -> Key:
    return (kind, *(value if isinstance(value := data.get(name), str | int) else "" for name in WHERE))
