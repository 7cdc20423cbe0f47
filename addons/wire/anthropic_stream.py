"""Restores a streamed Anthropic message.

May import this room only. One run per (content block, field). ``content_block_stop`` ends the runs of its block: a
tail leaves in one more ``content_block_delta`` of the same type before it. Thinking and signatures pass untouched, and
so does what a block of type ``compaction`` says: it is signed, and the provider takes it back as it was or not at all.
"""

from __future__ import annotations

import json
from typing import Any

from addons.wire.openai_stream import count
from addons.wire.refusals import STREAM_ERROR, anthropic_error
from addons.wire.restore import tool_name
from addons.wire.rules import Rule
from addons.wire.sse import Event, event_bytes
from addons.wire.stored import FILE
from addons.wire.streaming import EventStream, Runs
from addons.wire.types import ReplyFacts, Restoration, StoredObject

PIECES = {"text_delta": "text", "input_json_delta": "partial_json"}
"""Deltas that carry a piece of a run, and the member that holds it."""
VERBATIM = frozenset({"thinking_delta", "signature_delta", "compaction_delta"})
"""Deltas that may not be touched."""
WHOLE = frozenset({"citations_delta"})
"""Deltas whose texts are whole."""
VERBATIM_BLOCKS = frozenset({"thinking", "redacted_thinking", "compaction"})

type Key = tuple[str | int, ...]


class MessageStream(EventStream):
    """``ReplyStream`` of ``anthropic.messages``."""

    def __init__(self, restoration: Restoration, whole_rule: Rule):
        super().__init__(restoration)
        self.whole_rule = whole_rule
        self._runs = Runs(restoration)
        self._tools: dict[int, Restoration] = {}
        """For the arguments of the tool call that a block is."""

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One event of the stream."""
        kind = kind_of(data)
        if kind == "content_block_delta":
            return self._delta(event, data)
        if kind == "content_block_start":
            note_files(self.facts, data.get("content_block"))
            return self._start(event, data)
        if kind == "ping":
            return event.raw
        before = b""
        if kind == "content_block_stop":
            before = self._tails(index_of(data))
        elif kind == "message_start":
            message = data.get("message")
            note_message(self.facts, message if isinstance(message, dict) else {})
        else:
            before = self.tails()
            delta = data.get("delta")
            note_message(self.facts, data | (delta if isinstance(delta, dict) else {}))
            self.facts.complete = self.facts.complete or kind == "message_stop"
        return before + self.whole(event)

    def tails(self) -> bytes:
        """Tails of every run of every block."""
        return self._tails()

    def error_event(self, message: str) -> bytes:
        """``event: error``, which the SDK raises as ``anthropic.APIStatusError``."""
        return event_bytes(json.dumps(anthropic_error(500, STREAM_ERROR, message), ensure_ascii=False), "error")

    def _start(self, event: Event, data: dict[str, Any]) -> bytes:
        """A block begins; a text in it is the first piece of its run."""
        block = data.get("content_block")
        if not isinstance(block, dict) or kind_of(block) in VERBATIM_BLOCKS:
            return event.raw
        if kind_of(block).endswith("tool_use"):
            hosted = kind_of(block) != "tool_use"
            self._tools[index_of(data)] = self._restoration.for_tool(tool_name(block.get), hosted=hosted)
        edits: dict[Key, str] = {}
        text = block.get("text")
        if kind_of(block) == "text" and isinstance(text, str) and text:
            new = self._runs.feed((index_of(data), "text_delta", "text"), text)
            if new != text:
                edits["content_block", "text"] = new
            self.restore_leaves(block.get("citations"), ("content_block", "citations"), edits)
            return self.patched(event, data, edits)
        return self.whole(event)

    def _delta(self, event: Event, data: dict[str, Any]) -> bytes:
        delta = data.get("delta")
        if not isinstance(delta, dict):
            return self.whole(event)
        kind = kind_of(delta)
        if kind in VERBATIM:
            return event.raw
        edits: dict[Key, str] = {}
        field = PIECES.get(kind)
        if field is not None and isinstance(delta.get(field), str):
            old = delta[field]
            as_json = field == "partial_json"
            tool = self._tools.get(index_of(data)) if as_json else None
            new = self._runs.feed((index_of(data), kind, field), old, as_json=as_json, restoration=tool)
            if new != old:
                edits["delta", field] = new
        elif kind in WHOLE:
            return self.whole(event)
        else:  # a delta of a type that we do not know: each string in it is a run
            for name, value in delta.items():
                if name != "type" and name != "signature" and not name.startswith("encrypted_"):
                    if isinstance(value, str):
                        new = self._runs.feed((index_of(data), kind, name), value)
                        if new != value:
                            edits["delta", name] = new
                    else:
                        self.restore_leaves(value, ("delta", name), edits)
        return self.patched(event, data, edits)

    def _tails(self, *index: int) -> bytes:
        out = []
        for key in self._runs.keys(*index):
            tail = self._runs.end(key)
            if tail:
                block, kind, field = key
                piece = {"type": "content_block_delta", "index": block, "delta": {"type": kind, field: tail}}
                out.append(event_bytes(json.dumps(piece, ensure_ascii=False), "content_block_delta"))
        return b"".join(out)


def kind_of(data: dict[str, Any]) -> str:
    """The ``type`` of an event, block or delta; empty if it has none."""
    kind = data.get("type")
    return kind if isinstance(kind, str) else ""


def index_of(data: dict[str, Any]) -> int:
    """The content block that an event is of."""
    index = data.get("index")
    return index if isinstance(index, int) else 0


def note_message(facts: ReplyFacts, data: dict[str, Any]) -> None:
    """Facts that a message, its delta or an error states: model, tokens, stop reason, error."""
    model = data.get("model")
    if facts.model is None and isinstance(model, str):
        facts.model = model
    usage = data.get("usage")
    if isinstance(usage, dict):
        facts.input_tokens = count(usage.get("input_tokens"), facts.input_tokens)
        facts.output_tokens = count(usage.get("output_tokens"), facts.output_tokens)
    facts.input_tokens = count(data.get("input_tokens"), facts.input_tokens)
    reason = data.get("stop_reason")
    if isinstance(reason, str):
        facts.finish_reasons.append(reason)
    error = data.get("error")
    if isinstance(error, dict):
        kind = error.get("type")
        facts.error_type = kind if isinstance(kind, str) else "error"
    content = data.get("content")
    for block in content if isinstance(content, list) else ():
        note_files(facts, block)


def note_files(facts: ReplyFacts, block: object) -> None:
    """The files that a tool of the provider's has made, as its result names them."""
    result = block.get("content") if isinstance(block, dict) else None
    outputs = result.get("content") if isinstance(result, dict) else None
    for output in outputs if isinstance(outputs, list) else ():
        key = output.get("file_id") if isinstance(output, dict) else None
        if isinstance(key, str) and key:
            facts.objects[StoredObject(FILE, key)] = None
