"""Restores a streamed (legacy) completion: ``choices[].text`` in pieces.

May import this room only. One run per choice; its tail leaves in the chunk that carries its ``finish_reason``, or in
one more chunk where a stream ends without. A chunk's ``logprobs`` spell what leaves of its text: tokens wait with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from addons.wire.jsondoc import Document
from addons.wire.logprobs import Entry, atoms_of, written
from addons.wire.openai_completions_tokens import entries_of, first_offset, origin_of, written_columns
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


@dataclass(slots=True)
class _Spelling:
    """How a choice's tokens are told, and how far its text has come."""

    told: dict[str, Any]
    """The last ``logprobs`` that had tokens: their columns."""
    begun: bool = False
    origin: int | None = None
    """Where the text begins behind the caller's own prompt; None: not known."""


class CompletionStream(EventStream):
    """``ReplyStream`` of ``openai.completions``."""

    def __init__(self, restoration: Restoration, whole_rule: Rule):
        super().__init__(restoration)
        self.whole_rule = whole_rule
        self._runs = Runs(restoration)
        self._head: dict[str, Any] = {}
        self._open: set[int] = set()
        self._spelling: dict[int, _Spelling] = {}
        """Of choices that came with tokens."""
        self._length: dict[int, tuple[int, int]] = {}
        """Of a choice's text so far, in code points: as it came, and as it left."""

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One chunk, an error, or something of another server's own."""
        note_chat(self.facts, data)
        choices = data.get("choices")
        if not isinstance(choices, list):
            return (self.tails() if "error" in data else b"") + self.whole(event)
        self._head = {name: data[name] for name in _HEAD if name in data}
        changed: dict[int, dict[str, Any]] = {}
        for position, choice in enumerate(choices):
            if isinstance(choice, dict):
                new = self._choice(position, choice)
                if new:
                    changed[position] = new
        return self._written(event, data, changed)

    def tails(self) -> bytes:
        """Tails of every choice that did not end."""
        out = []
        for key in self._runs.keys():  # noqa: SIM118
            tail = self._runs.end(key)
            if tail:
                logprobs = self._spelled(int(key[0]), tail, self._runs.entries(key))
                choice = {"index": key[0], "text": tail, "logprobs": logprobs, "finish_reason": None}
                out.append(event_bytes(written(self._head | {"choices": [choice]})))
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

    def _choice(self, position: int, choice: dict[str, Any]) -> dict[str, Any]:
        """The members of a choice that change."""
        number = choice.get("index")
        index = number if isinstance(number, int) else position
        text, told = choice.get("text"), choice.get("logprobs")
        finish = choice.get("finish_reason")
        self._open.add(index)
        if isinstance(finish, str):
            self.facts.finish_reasons.append(finish)
            self._open.discard(index)
        if not isinstance(text, str):
            return {}
        key = (index,)
        given = entries_of(told)
        atoms = atoms_of(given, text) if given else None
        new = self._runs.feed(key, text, atoms=atoms)
        if isinstance(finish, str):
            new += self._runs.end(key)
        changed: dict[str, Any] = {"text": new} if new != text else {}
        if told and given:
            self._note_columns(index, told)
        logprobs = self._spelled(index, new, self._runs.entries(key), told) if index in self._spelling else told
        if told and atoms is None and given != []:  # tokens that do not spell the text
            logprobs = None if changed or self._runs.waits(key) else told
            self.facts.dropped += logprobs is None
        elif not told and logprobs is not None and "logprobs" not in choice:
            self.facts.dropped += 1
            logprobs = told
        came, _ = self._length.get(index, (0, 0))
        self._length[index] = came + len(text), self._length.get(index, (0, 0))[1]
        return changed if logprobs == told else changed | {"logprobs": logprobs}

    def _note_columns(self, index: int, told: dict[str, Any]) -> None:
        spelling = self._spelling.setdefault(index, _Spelling(told))
        spelling.told = told
        offset = first_offset(told)
        if not spelling.begun and offset is not None:
            came, _ = self._length.get(index, (0, 0))
            spelling.begun, spelling.origin = True, origin_of(offset - came, self._restoration)
            self.facts.dropped += spelling.origin is None

    def _spelled(self, index: int, text: str, entries: list[Entry], told: Any = None) -> dict[str, Any] | None:
        """The columns of what leaves of a choice's text; None if there are none."""
        came, left = self._length.get(index, (0, 0))
        self._length[index] = came, left + len(text)
        spelling = self._spelling.get(index)
        if spelling is None or not (entries or told):
            return None
        return written_columns(spelling.told, entries, None if spelling.origin is None else spelling.origin + left)

    def _written(self, event: Event, data: dict[str, Any], changed: dict[int, dict[str, Any]]) -> bytes:
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
                data["choices"][position] |= new
            return event.with_data(written(data)) if changed else event.raw
        restorer = Restorer(document, self._restoration)
        _STRANGE(restorer, document.root, "$", "assistant")
        choices = document.root.get("choices")
        for position, new in changed.items():
            for child in choices.children[position].children if choices is not None else ():
                if child.key == "text" and "text" in new:
                    restorer.replace(child, new["text"])
                elif child.key == "logprobs" and "logprobs" in new:
                    restorer.put(child, written(new["logprobs"]))
        return event.with_data(document.splice(restorer.edits)) if restorer.edits else event.raw
