"""Restores a streamed Converse reply.

May import this room only. One run per (content block, member). ``contentBlockStop`` ends the runs of its block: a tail
leaves in one more ``contentBlockDelta`` before it. Reasoning passes untouched, since the signature that makes it
returnable comes after it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from addons.wire.bedrock_frames import FrameStream
from addons.wire.eventstream import event_frame
from addons.wire.openai_stream import count
from addons.wire.restore import tool_name
from addons.wire.sse import Event
from addons.wire.streaming import Runs
from addons.wire.types import ReplyFacts, Restoration

type Key = tuple[str | int, ...]

EVENTS = frozenset(
    {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}
)
"""Events of the format. Others are restored each by itself."""
VERBATIM = frozenset({"reasoningContent", "image"})
"""Deltas that may not be touched, or hold no text."""
RUNS = frozenset({"text", "toolUse", "toolResult"})
"""Deltas that carry pieces of runs."""
HOSTED = "server_tool_use"
"""``type`` of a tool call that the provider answers."""
WHOLE = frozenset({"citation"})
"""Deltas whose texts are whole."""


class ConverseStream(FrameStream):
    """``ReplyStream`` of ``bedrock.converse_stream``."""

    def __init__(self, restoration: Restoration, cited: Callable[[str, Restoration], str | None]):
        """``cited`` restores the JSON of an event with a citation; None: it stays as it is."""
        super().__init__(restoration)
        self._cited = cited
        self._tools: dict[int, Restoration] = {}
        """For the arguments of the tool call that a block is."""
        self._runs = Runs(restoration)

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One event of the stream."""
        if event.name == "contentBlockDelta":
            return self._delta(event, data)
        if event.name == "contentBlockStop":
            return self._tails(_index(data)) + event.raw
        if event.name == "contentBlockStart":
            self._start(data)
        if event.name in ("messageStart", "contentBlockStart"):
            return self.whole(event)
        before = self.tails()
        note_converse(self.facts, data)
        self.facts.complete = self.facts.complete or event.name == "messageStop"
        return before + self.whole(event)

    def tails(self) -> bytes:
        """Tails of every run of every block."""
        return self._tails()

    def _start(self, data: dict[str, Any]) -> None:
        start = data.get("start")
        use = start.get("toolUse") if isinstance(start, dict) else None
        if isinstance(use, dict):
            hosted = use.get("type") == HOSTED
            self._tools[_index(data)] = self._restoration.for_tool(tool_name(use.get), hosted=hosted)

    def _delta(self, event: Event, data: dict[str, Any]) -> bytes:
        delta = data.get("delta")
        if not isinstance(delta, dict):
            return self.whole(event)
        if WHOLE & delta.keys():
            new = self._cited(event.data or "", self._restoration)
            return event.raw if new is None else event.with_data(new)
        index, edits = _index(data), dict[Key, str]()
        for kind, value in delta.items():
            if kind in VERBATIM:
                continue
            if kind == "toolUse" and isinstance(value, dict) and isinstance(value.get("input"), str):
                self._piece((index, kind), ("delta", kind, "input"), value["input"], edits, as_json=True)
            elif kind == "toolResult" and isinstance(value, list):
                for at, part in enumerate(value):
                    if isinstance(part, dict) and isinstance(part.get("text"), str):
                        self._piece((index, kind, at), ("delta", kind, at, "text"), part["text"], edits)
                    else:
                        self.restore_leaves(part, ("delta", kind, at), edits)
            elif isinstance(value, str):  # text, or a delta that we do not know
                self._piece((index, kind), ("delta", kind), value, edits)
            else:
                self.restore_leaves(value, ("delta", kind), edits)
        return self.patched(event, data, edits)

    def _piece(self, run: Key, path: Key, old: str, edits: dict[Key, str], *, as_json: bool = False) -> None:
        tool = self._tools.get(int(run[0])) if as_json else None
        new = self._runs.feed(run, old, as_json=as_json, restoration=tool)
        if new != old:
            edits[path] = new

    def _tails(self, *index: int) -> bytes:
        out = []
        for key in self._runs.keys(*index):
            tail = self._runs.end(key)
            if not tail:
                continue
            block, kind = key[0], str(key[1])
            delta: Any = {kind: tail}
            if kind == "toolUse":
                delta = {kind: {"input": tail}}
            elif kind == "toolResult":
                delta = {kind: [{"text": tail}]}
            piece = {"contentBlockIndex": block, "delta": delta}
            out.append(event_frame("contentBlockDelta", json.dumps(piece, ensure_ascii=False)))
        return b"".join(out)


def _index(data: dict[str, Any]) -> int:
    index = data.get("contentBlockIndex")
    return index if isinstance(index, int) else 0


def note_converse(facts: ReplyFacts, data: dict[str, Any]) -> None:
    """Facts that a reply, its last event or its metadata state."""
    usage = data.get("usage")
    if isinstance(usage, dict):
        facts.input_tokens = count(usage.get("inputTokens"), facts.input_tokens)
        facts.output_tokens = count(usage.get("outputTokens"), facts.output_tokens)
    facts.input_tokens = count(data.get("inputTokens"), facts.input_tokens)
    reason = data.get("stopReason")
    if isinstance(reason, str):
        facts.finish_reasons.append(reason)
