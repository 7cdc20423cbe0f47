"""Restores streams of the models that say a piece of text under a name of their own in each JSON document.

May import this room only. Titan, Llama, Mistral's older models, Cohere's Command and DeepSeek at Bedrock. The documents
come as server-sent events here; ``bedrock_chunks.py`` takes them out of their frames. What no name is known for is
restored document by document.
"""

from __future__ import annotations

import json
from typing import Any

from addons.wire.openai_stream import count
from addons.wire.sse import Event, event_bytes
from addons.wire.streaming import EventStream, Runs
from addons.wire.types import ReplyFacts, Restoration

type Key = tuple[str | int, ...]

PIECES = ("outputText", "generation", "completion", "text")
"""Members that hold a piece of the one text."""
LISTS = {"outputs": (("text",),), "choices": (("text",), ("message", "content"))}
"""Lists of texts, and where in an item its piece is."""
ENDS = ("completionReason", "stop_reason", "finish_reason", "finishReason")
"""Members that say why a text ended."""
METRICS = "amazon-bedrock-invocationMetrics"


class PieceStream(EventStream):
    """``ReplyStream`` of such documents."""

    def __init__(self, restoration: Restoration):
        super().__init__(restoration)
        self._runs = Runs(restoration)

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One document."""
        edits: dict[Key, str] = {}
        ended = self._ends(data)
        pieces = _pieces(data)
        for path, old, item in pieces:
            new = self._runs.feed(path, old)
            if ended or (item is not data and self._ends(item)):
                new += self._runs.end(path)
            if new != old:
                edits[path] = new
        note_metrics(self.facts, data)
        if pieces:
            return self.patched(event, data, edits)
        return (self.tails() if ended else b"") + self.whole(event)

    def tails(self) -> bytes:
        """Documents of the same shape with what is held back."""
        out, left = [], self._runs.keys()
        for path in left:
            tail = self._runs.end(path)
            if tail:
                out.append(event_bytes(json.dumps(_shaped(path, tail), ensure_ascii=False)))
        return b"".join(out)

    def error_event(self, message: str) -> bytes:
        """The frames tell errors; here there is nothing to say."""
        return b""

    def _ends(self, data: dict[str, Any]) -> bool:
        reasons = [data[name] for name in ENDS if isinstance(data.get(name), str)]
        if reasons:
            self.facts.complete = True
            self.facts.finish_reasons += reasons
        return bool(reasons) or data.get("is_finished") is True


def _pieces(data: dict[str, Any]) -> list[tuple[Key, str, dict[str, Any]]]:
    """Path and text of each piece, and the item that it is of."""
    found: list[tuple[Key, str, dict[str, Any]]] = [
        ((name,), data[name], data) for name in PIECES if isinstance(data.get(name), str)
    ]
    for name, inside in LISTS.items():
        entries = data.get(name)
        for at, item in enumerate(entries if isinstance(entries, list) else ()):
            for path in inside if isinstance(item, dict) else ():
                value: Any = item
                for step in path:
                    value = value.get(step) if isinstance(value, dict) else None
                if isinstance(value, str):
                    found.append(((name, at, *path), value, item))
    return found


def _shaped(path: Key, text: str) -> dict[str, Any]:
    value: Any = text
    for step in reversed(path):
        value = [{}] * step + [value] if isinstance(step, int) else {step: value}
    shaped: dict[str, Any] = value
    if path == ("text",):
        shaped["event_type"] = "text-generation"
    return shaped


def note_metrics(facts: ReplyFacts, data: dict[str, Any]) -> None:
    """What Bedrock adds to the last document of a stream, whosever model it is."""
    metrics = data.get(METRICS)
    if isinstance(metrics, dict):
        facts.input_tokens = count(metrics.get("inputTokenCount"), facts.input_tokens)
        facts.output_tokens = count(metrics.get("outputTokenCount"), facts.output_tokens)
        facts.complete = facts.error_type is None
