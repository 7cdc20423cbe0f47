"""Restores a streamed Ollama reply, a JSON document per line; Ollama's error shape.

May import this room only. One run each for ``message.content``, ``message.thinking``, ``response`` and ``thinking``. A
run ends when a line brings text of another one, with tool calls (which come whole), and with ``done``: its tail leaves
in its last piece where that is in the line at hand, else in one more line before it.
"""

from __future__ import annotations

import json
from typing import Any

from addons.wire.ndjson import LineSplitter, line_bytes
from addons.wire.openai_stream import count
from addons.wire.restore import tool_name
from addons.wire.rules import Rule
from addons.wire.sse import Event
from addons.wire.streaming import EventStream, Runs
from addons.wire.types import ReplyFacts, Restoration

PIECES: tuple[tuple[str, ...], ...] = (("message", "thinking"), ("message", "content"), ("thinking",), ("response",))
"""Where the pieces of runs stand, in the order in which models write them."""
PLAIN = frozenset({"model", "created_at", "message", "response", "thinking", "done", "done_reason", "context"})
PLAIN_MESSAGE = frozenset({"role", "content", "thinking"})
COUNTS = frozenset(
    {
        "total_duration",
        "load_duration",
        "prompt_eval_count",
        "prompt_eval_duration",
        "eval_count",
        "eval_duration",
        "logprobs",
    }
)
"""Members that hold no text but runs. A line with others is restored there leaf by leaf."""
UNTOUCHED = frozenset({"role", "id", "type", "name", "images", "image", "tool_name", "error_code"})
_HEAD = ("model", "created_at")

type Key = tuple[str | int, ...]


def ollama_error(code: str, message: str) -> dict[str, object]:
    """The body of an Ollama error. ``code`` is ours."""
    return {"error": message, "code": code}


class OllamaStream(EventStream):
    """``ReplyStream`` of ``ollama.chat`` and ``ollama.generate``."""

    gap = b"\n"

    def __init__(self, restoration: Restoration, whole_rule: Rule):
        super().__init__(restoration)
        self.whole_rule = whole_rule
        self._splitter = LineSplitter()
        self._runs = Runs(restoration)
        self._head: dict[str, Any] = {}

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One line."""
        note_ollama(self.facts, data)
        if "error" in data:
            return self.tails() + self.whole(event)
        self._head = {name: data[name] for name in _HEAD if name in data}
        edits: dict[Key, str] = {}
        pieces: dict[Key, str] = {}
        before: list[bytes] = []
        for path in PIECES:
            text = _at(data, path)
            if text:
                self._end_others(path, pieces, before)
                pieces[path] = self._runs.feed(path, text)
        message = data.get("message")
        calls = isinstance(message, dict) and bool(message.get("tool_calls"))
        if calls or data.get("done") is True:
            self._end_others((), pieces, before)
        for name in data.keys() - PLAIN - COUNTS - UNTOUCHED:
            self.restore_leaves(data[name], (name,), edits)
        if isinstance(message, dict):
            self._rest_of_message(message, edits)
        edits |= {path: new for path, new in pieces.items() if new != _at(data, path)}
        if data.get("done") is True:
            self.facts.complete = True
        return b"".join(before) + self.patched(event, data, edits)

    def tails(self) -> bytes:
        """Tails of every run."""
        return b"".join([self._tail(run) for run in self._runs.keys()])  # noqa: SIM118

    def error_event(self, message: str) -> bytes:
        """``{"error": ...}``, which the SDK raises as ``ollama.ResponseError``."""
        return line_bytes(json.dumps(ollama_error("gateway_stream_error", message), ensure_ascii=False))

    def _end_others(self, but: Key, pieces: dict[Key, str], before: list[bytes]) -> None:
        for run in self._runs.keys():  # noqa: SIM118
            if run == but:
                continue
            if run in pieces:
                pieces[run] += self._runs.end(run)
            else:
                before.append(self._tail(run))

    def _rest_of_message(self, message: dict[str, Any], edits: dict[Key, str]) -> None:
        for name in message.keys() - PLAIN_MESSAGE - UNTOUCHED:
            if name != "tool_calls":
                self.restore_leaves(message[name], ("message", name), edits)
                continue
            calls = message[name]
            for at, call in enumerate(calls if isinstance(calls, list) else ()):
                function = call.get("function") if isinstance(call, dict) else None
                if not isinstance(function, dict):
                    continue
                tool = self._restoration.for_tool(tool_name(function.get), hosted=False)
                for key, value in function.items():
                    if key not in UNTOUCHED:
                        self.restore_leaves(value, ("message", name, at, "function", key), edits, tool)

    def _tail(self, run: Key) -> bytes:
        tail = self._runs.end(run)
        if not tail:
            return b""
        body: dict[str, Any] = {str(run[-1]): tail}
        if run[0] == "message":
            body = {"message": {"role": "assistant", "content": ""} | body}
        return line_bytes(json.dumps(self._head | body | {"done": False}, ensure_ascii=False))


def _at(data: dict[str, Any], path: tuple[str, ...] | Key) -> str:
    value: Any = data
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def note_ollama(facts: ReplyFacts, data: dict[str, Any]) -> None:
    """Facts that a reply or a line states: model, tokens, done reason, error."""
    model = data.get("model")
    if facts.model is None and isinstance(model, str):
        facts.model = model
    facts.input_tokens = count(data.get("prompt_eval_count"), facts.input_tokens)
    facts.output_tokens = count(data.get("eval_count"), facts.output_tokens)
    reason = data.get("done_reason")
    if isinstance(reason, str):
        facts.finish_reasons.append(reason)
    if "error" in data:
        facts.error_type = "error"
