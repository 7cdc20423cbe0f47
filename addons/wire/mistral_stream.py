"""Restores a streamed Mistral completion, and Mistral's error shape.

May import this room only. Chunks are OpenAI's, but a delta's ``content`` may be a list of content chunks: thinking
comes as ``[{"type": "thinking", "thinking": [{"type": "text", "text": "..."}]}]``. What a choice thinks is over when
it says something.
"""

from __future__ import annotations

import json
from typing import Any

from addons.wire.openai_stream import ChatStream, note_chat
from addons.wire.refusals import STREAM_ERROR
from addons.wire.sse import Event, event_bytes
from addons.wire.types import ReplyFacts

type Key = tuple[str | int, ...]

_TYPES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 422: "invalid_request_error", 429: "rate_limited"}


def mistral_error(status: int, code: str, message: str) -> dict[str, object]:
    """The body of a Mistral error."""
    kind = _TYPES.get(status, "internal_server_error" if status >= 500 else "invalid_request_error")
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}


class MistralStream(ChatStream):
    """``ReplyStream`` of ``mistral.chat`` and ``mistral.fim``."""

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One chunk, or an error."""
        if "choices" not in data:
            note_mistral(self.facts, data)
            return (self.tails() if self.facts.error_type else b"") + self.whole(event)
        return super().on_json(event, data)

    def error_event(self, message: str) -> bytes:
        """An error in Mistral's shape. Its SDK has no exception for one in mid-stream: it is no chunk, and raises."""
        return event_bytes(json.dumps(mistral_error(500, STREAM_ERROR, message), ensure_ascii=False))

    def _choice(self, position: int, choice: dict[str, Any], edits: dict[Key, str], before: list[bytes]) -> None:
        number = choice.get("index")
        index = number if isinstance(number, int) else position
        delta = choice.get("delta")
        kinds = _kinds(delta) if isinstance(delta, dict) else frozenset()
        if kinds:
            before.extend([self._tail(run) for run in self._runs.keys(index) if _kind(run) not in kinds])
        super()._choice(position, choice, edits, before)

    def _tail(self, key: Key) -> bytes:
        tail = self._runs.end(key)
        if not tail:
            return b""
        steps = key[1:]
        delta: Any = tail
        for depth, step in reversed(list(enumerate(steps))):
            if not isinstance(step, int):
                delta = {step: delta}
            elif steps[depth - 1] == "tool_calls":
                delta = [{"index": step} | delta]
            else:
                delta = [{"type": "thinking" if "thinking" in delta else "text"} | delta]
        return self._tail_chunk(key, tail, delta)


def note_mistral(facts: ReplyFacts, data: dict[str, Any]) -> None:
    """Facts that a reply or an error states: model, tokens, finish reasons, error."""
    note_chat(facts, data)
    if data.get("object") == "error" or "detail" in data:
        kind = data.get("type")
        facts.error_type = kind if isinstance(kind, str) else "error"
    choices = data.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        reason = choice.get("finish_reason") if isinstance(choice, dict) else None
        if isinstance(reason, str):
            facts.finish_reasons.append(reason)


def _kind(run: Key) -> str:
    if len(run) > 1 and run[1] == "content":
        return "thinking" if "thinking" in run else "content"
    return str(run[1]) if len(run) > 1 else ""


def _kinds(delta: dict[str, Any]) -> frozenset[str]:
    """What kinds of text a delta brings; nothing if it brings none."""
    content = delta.get("content")
    found = {"content"} if isinstance(content, str) and content else set()
    for chunk in content if isinstance(content, list) else ():
        if isinstance(chunk, dict):
            found.add("thinking" if chunk.get("type") == "thinking" else "content")
    if delta.get("tool_calls"):
        found.add("tool_calls")
    return frozenset(found)
