"""Restores the server's events of a Realtime connection.

May import this room only. Texts come in pieces: ``*.delta`` of one response, item and content part, closed by the
``*.done`` of the same place (or ``*.completed``, ``*.failed``: the transcription of what was heard), or by the end of
the part, item or response around it. Each piece leaves at once with what of it is certain, since sound comes between
the pieces and must not wait. What a restorer still holds when its run ends leaves in one more delta, of the same type
and place, right before the event that ends it; that is the only event that is ever added. Events without pieces repeat
whole texts and are restored whole.
"""

from __future__ import annotations

from typing import Any

from addons.wire.openai_responses_stream import CALLERS
from addons.wire.realtime_frames import MessageEvents, frame_bytes, steps_of
from addons.wire.restore import tool_name
from addons.wire.rules import Rule
from addons.wire.sse import Event
from addons.wire.types import Restoration

type Key = tuple[str | int, ...]

DELTA = ".delta"
ENDS = (".done", ".completed", ".failed")
WHERE = ("response_id", "item_id", "output_index", "content_index")
"""Members that say to which run a piece belongs."""
SOUND = frozenset({"response.audio", "response.output_audio", "session.output_audio"})
"""Pieces that are no text."""
CLOSING = {
    "response.content_part.done": WHERE,
    "response.output_item.done": ("response_id", "output_index"),
    "response.done": ("response_id",),
}
"""Events that end every run inside, and the members by which they name it."""


class RealtimeStream(MessageEvents):
    """``MessageStream`` of ``openai.realtime``."""

    def __init__(self, restoration: Restoration, whole_rule: Rule):
        super().__init__(restoration)
        self.whole_rule = whole_rule
        self._last: dict[Key, dict[str, Any]] = {}
        """Open run -> its last piece, less the text."""
        self._tools: dict[Key, Restoration] = {}
        """For the arguments of a call, by response and item."""

    def tails(self) -> bytes:
        """All runs end."""
        return b"".join([self._end(key) for key in list(self._last)])

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One event."""
        kind = data.get("type")
        if not isinstance(kind, str):
            return self.whole(event)
        self._note_tool(data)
        base = kind.removesuffix(DELTA)
        if kind.endswith(DELTA) and base not in SOUND and isinstance(data.get("delta"), str):
            return self._piece(event, data, base)
        before = b""
        if kind in CLOSING:
            before = self._close(data, CLOSING[kind])
        else:
            for end in ENDS:
                if kind.endswith(end):
                    before = self._end((kind.removesuffix(end), *steps_of(data, WHERE)))
        out = before + self.whole(event, self._tool(kind, data))
        if kind == "response.done":
            of_it = _response_of(data)
            self._tools = {key: tool for key, tool in self._tools.items() if key[0] != of_it}
        return out

    def _piece(self, event: Event, data: dict[str, Any], base: str) -> bytes:
        key = (base, *steps_of(data, WHERE))
        text = self._runs.feed(
            key, data["delta"], as_json="arguments" in base, restoration=self._tool(base, data) or self._swapping.now
        )
        self._last[key] = {name: value for name, value in data.items() if name not in ("delta", "logprobs")}
        if text == data["delta"]:
            return event.raw
        if data.get("logprobs"):  # they spell the placeholder
            return frame_bytes({**data, "delta": text, "logprobs": []})
        return self.patched(event, data, {("delta",): text})

    def _end(self, key: Key) -> bytes:
        """A run is over: its tail leaves in a piece of its own, if there is one."""
        tail = self._runs.end(key)
        last = self._last.pop(key, None)
        if not tail or last is None:
            return b""
        if isinstance(last.get("event_id"), str):
            last["event_id"] += "_rest"
        return frame_bytes({**last, "delta": tail})

    def _close(self, data: dict[str, Any], names: tuple[str, ...]) -> bytes:
        told = {name: data.get(name) for name in names}
        told["response_id"] = data.get("response_id") or _response_of(data)
        out = []
        for key in list(self._last):
            where = dict(zip(WHERE, key[1:], strict=True))
            if where["response_id"] != "" and all(told[name] in (None, where[name]) for name in names):
                out.append(self._end(key))
        return b"".join(out)

    def _note_tool(self, data: dict[str, Any]) -> None:
        item = data.get("item")
        kind = item.get("type") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(kind, str) or not kind.endswith("_call"):
            return
        tool = self._swapping.now.for_tool(tool_name(item.get), hosted=kind not in CALLERS)
        self._tools[(data.get("response_id") or "", item.get("id") or "")] = tool

    def _tool(self, kind: str, data: dict[str, Any]) -> Restoration | None:
        """For the arguments that an event holds; None if it holds none."""
        if "call_arguments" not in kind:
            return None
        known = self._tools.get((data.get("response_id") or "", data.get("item_id") or ""))
        if known is not None:
            return known
        name = data.get("name")
        return self._swapping.now.for_tool(name if isinstance(name, str) else "", hosted=".mcp_" in kind)


def _response_of(data: dict[str, Any]) -> object:
    response = data.get("response")
    return response.get("id") if isinstance(response, dict) else None
