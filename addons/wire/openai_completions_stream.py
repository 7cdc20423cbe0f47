"""Restores a streamed (legacy) completion: ``choices[].text`` in pieces.

May import this room only. One run per choice; its tail leaves in the chunk that carries its ``finish_reason``, or in
one more chunk where a stream ends without. A chunk whose text is not what came loses its ``logprobs``, which would
spell the placeholder.
"""

from __future__ import annotations

import json
from typing import Any

from addons.wire.jsondoc import Document
from addons.wire.openai_stream import note_chat
from addons.wire.refusals import STREAM_ERROR, openai_error
from addons.wire.restore import Restorer
from addons.wire.rules import SKIP, Rule, fields, items
from addons.wire.sse import Event, event_bytes
from addons.wire.streaming import EventStream, Runs
from addons.wire.types import Restoration, WireError

CHUNK_FIELDS = frozenset({"id", "object", "created", "model", "system_fingerprint", "choices", "usage"})
CHOICE_FIELDS = frozenset({"index", "text", "logprobs", "finish_reason"})
_STRANGE = fields(dict.fromkeys(CHUNK_FIELDS, SKIP) | {"choices": items(fields(dict.fromkeys(CHOICE_FIELDS, SKIP)))})
"""All but what the format has: only such members of a chunk are restored by themselves."""
_HEAD = ("id", "object", "created", "model", "system_fingerprint")


class CompletionStream(EventStream):
    """``ReplyStream`` of ``openai.completions``."""

    def __init__(self, restoration: Restoration, whole_rule: Rule):
        super().__init__(restoration)
        self.whole_rule = whole_rule
        self._runs = Runs(restoration)
        self._head: dict[str, Any] = {}
        self._open: set[int] = set()

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One chunk, an error, or something of another server's own."""
        note_chat(self.facts, data)
        choices = data.get("choices")
        if not isinstance(choices, list):
            return (self.tails() if "error" in data else b"") + self.whole(event)
        self._head = {name: data[name] for name in _HEAD if name in data}
        changed = {}
        for position, choice in enumerate(choices):
            if isinstance(choice, dict):
                new = self._choice(position, choice)
                if new is not None and new != choice.get("text"):
                    changed[position] = new
        return self._written(event, data, changed)

    def tails(self) -> bytes:
        """Tails of every choice that did not end."""
        out = []
        for key in self._runs.keys():  # noqa: SIM118
            tail = self._runs.end(key)
            if tail:
                choice = {"index": key[0], "text": tail, "logprobs": None, "finish_reason": None}
                out.append(event_bytes(json.dumps(self._head | {"choices": [choice]}, ensure_ascii=False)))
        return b"".join(out)

    def error_event(self, message: str) -> bytes:
        """``data: {"error": ...}``, which the SDK raises as ``openai.APIError``."""
        return event_bytes(json.dumps(openai_error(500, STREAM_ERROR, message), ensure_ascii=False))

    def close(self) -> bytes:
        """Ends the stream; some servers send no ``[DONE]``, so a finish of every choice will do."""
        out = super().close()
        if self.facts.finish_reasons and not self._open and self.facts.error_type is None:
            self.facts.complete = True
        return out

    def _choice(self, position: int, choice: dict[str, Any]) -> str | None:
        number = choice.get("index")
        index = number if isinstance(number, int) else position
        text = choice.get("text")
        self._open.add(index)
        new = self._runs.feed((index,), text) if isinstance(text, str) else None
        if isinstance(choice.get("finish_reason"), str):
            self.facts.finish_reasons.append(choice["finish_reason"])
            self._open.discard(index)
            if new is not None:
                new += self._runs.end((index,))
        return new

    def _written(self, event: Event, data: dict[str, Any], changed: dict[int, str]) -> bytes:
        """The chunk with the new texts. Members that this format does not have are restored each by itself."""
        strange = data.keys() - CHUNK_FIELDS or any(
            isinstance(one, dict) and one.keys() - CHOICE_FIELDS for one in data["choices"]
        )
        if not changed and not strange:
            return event.raw
        try:
            document = Document(event.data or "", duplicates=True)
        except WireError:  # NaN, or deeper than we parse: written anew
            for position, new in changed.items():
                data["choices"][position] |= {"text": new, "logprobs": None}
            return event.with_data(json.dumps(data, ensure_ascii=False)) if changed else event.raw
        restorer = Restorer(document, self._restoration)
        _STRANGE(restorer, document.root, "$", "assistant")
        choices = document.root.get("choices")
        for position, new in changed.items():
            for child in choices.children[position].children if choices is not None else ():
                if child.key == "text":
                    restorer.replace(child, new)
                elif child.key == "logprobs" and child.children:
                    restorer.edits.append((child.start, child.end, "null"))
        return event.with_data(document.splice(restorer.edits)) if restorer.edits else event.raw
