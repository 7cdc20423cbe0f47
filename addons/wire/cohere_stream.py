"""Restores a streamed Cohere chat; citations' offsets; Cohere's error shape.

May import this room only. One run per (content block, field), one for the tool plan, one per tool call.
``content-end`` and ``tool-call-end`` end the runs of their index, whatever follows a plan ends it, ``message-end`` ends
all: tails leave in one more delta of the same type before. Citations count code points of their block's text so far.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from addons.wire.cohere_pointers import atom_of, item_of, move_citations
from addons.wire.jsondoc import Document
from addons.wire.logprobs import Entry, written
from addons.wire.offsets import Said
from addons.wire.restore import Restorer, tool_name
from addons.wire.rules import FREE
from addons.wire.sse import Event, event_bytes
from addons.wire.streaming import EventStream, Json, Runs
from addons.wire.types import ReplyFacts, Restoration, WireError

PIECES: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "content-start": (("message", "content"), ("text", "thinking")),
    "content-delta": (("message", "content"), ("text", "thinking")),
    "tool-plan-delta": (("message",), ("tool_plan",)),
    "tool-call-start": (("message", "tool_calls", "function"), ("arguments",)),
    "tool-call-delta": (("message", "tool_calls", "function"), ("arguments",)),
}
"""Events that carry pieces of runs: where in ``delta`` they stand, and under which names."""
ENDS = {"content-end": "content", "tool-call-end": "tool-call"}
"""Events that end the runs of their index."""
CITES = frozenset({"citation-start"})
OTHER = frozenset({"message-start", "message-end", "citation-end", "debug"})
"""Events whose texts are whole."""

type Key = tuple[str | int, ...]


def cohere_error(code: str, message: str) -> dict[str, object]:
    """The body of a Cohere error. ``code`` is ours: the API has none, and its SDK keeps the body as it is."""
    return {"message": message, "code": code}


class CohereStream(EventStream):
    """``ReplyStream`` of ``cohere.chat``."""

    def __init__(self, restoration: Restoration):
        super().__init__(restoration)
        self._runs = Runs(restoration)
        self._said: dict[int, tuple[list[str], list[str]]] = {}
        self._tools: dict[int, Restoration] = {}
        """For the arguments of a tool call, by its index."""

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One event of the stream."""
        kind = data.get("type")
        if not isinstance(kind, str):
            note_cohere(self.facts, data)
            return self.tails() + self.whole(event)
        before = b"" if kind.startswith(("tool-plan", "citation")) else self._tails("tool-plan")
        if kind in PIECES:
            return before + self._piece(event, data, kind)
        if kind in ENDS:
            before += self._tails(ENDS[kind], _index(data))
        elif kind == "message-end":
            before += self.tails()
            delta = data.get("delta")
            note_cohere(self.facts, delta if isinstance(delta, dict) else {})
            self.facts.complete = self.facts.error_type is None
        elif kind in CITES:
            return before + self._cited(event, data)
        return before + self.whole(event)

    def tails(self) -> bytes:
        """Tails of every run."""
        return self._tails()

    def error_event(self, message: str) -> bytes:
        """The end of a message that failed."""
        failed = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": message}}
        return event_bytes(json.dumps(failed, ensure_ascii=False), "message-end")

    def _piece(self, event: Event, data: dict[str, Any], kind: str) -> bytes:
        steps, names = PIECES[kind]
        at: Any = data.get("delta")
        path: Key = ("delta",)
        for step in steps:
            at = at.get(step) if isinstance(at, dict) else None
            path = (*path, step)
        if not isinstance(at, dict):
            return self.whole(event)
        run: Key = (kind.rpartition("-")[0], _index(data))
        if kind == "tool-call-start":
            self._tools[_index(data)] = self._restoration.for_tool(tool_name(at.get), hosted=False)
        edits: dict[Key, str] = {}
        for name, text in at.items():
            if name not in names:
                if name not in ("type", "name", "id"):
                    self.restore_leaves(text, (*path, name), edits)
            elif isinstance(text, str):
                tool = self._tools.get(_index(data)) if name == "arguments" else None
                atoms = atom_of(data.get("logprobs"), text) if name == "text" else None
                new = self._runs.feed((*run, name), text, as_json=name == "arguments", restoration=tool, atoms=atoms)
                if name == "text":
                    self._respell((*run, name), data, spelled=atoms is not None, changed=new != text, edits=edits)
                self._note_said(run, name, text, new)
                if new != text:
                    edits[(*path, name)] = new
        return self.patched(event, data, edits)

    def _respell(self, key: Key, data: dict[str, Any], *, spelled: bool, changed: bool, edits: dict[Key, str]) -> None:
        """The event's item of ``logprobs``, for what leaves of its text."""
        told, entries = data.get("logprobs"), self._runs.entries(key)
        new = item_of(entries)
        if told is not None and not spelled:
            if changed or self._runs.waits(key):
                edits["logprobs",] = Json("null")
                self.facts.dropped += 1
        elif new != told:
            if "logprobs" in data:
                edits["logprobs",] = Json(written(new))
            else:
                self.facts.dropped += 1

    def _note_said(self, run: Key, name: str, text: str, new: str) -> None:
        if run[0] == "content" and name == "text":
            masked, restored = self._said.setdefault(int(run[1]), ([], []))
            masked.append(text)
            restored.append(new)

    def _cited(self, event: Event, data: dict[str, Any]) -> bytes:
        """A citation: its texts restored, its offsets moved."""
        try:
            document = Document(event.data or "", duplicates=True)
        except WireError:
            raise WireError("malformed_event", "stream", "An event's data is not JSON", 502) from None
        restorer = Restorer(document, self._restoration)
        FREE(restorer, document.root, "$", "assistant")
        delta = document.root.get("delta")
        message = delta.get("message") if delta is not None else None
        citation = message.get("citations") if message is not None else None
        if citation is not None:
            texts = {i: Said("".join(masked), "".join(restored)) for i, (masked, restored) in self._said.items()}
            move_citations([citation, *citation.children], texts, restorer)
        self.facts.dropped += restorer.dropped
        return event.with_data(document.splice(restorer.edits)) if restorer.edits else event.raw

    def _tails(self, *prefix: str | int) -> bytes:
        out = []
        for key in self._runs.keys(*prefix):
            tail = self._runs.end(key)
            if not tail:
                continue
            self._note_said(key[:2], str(key[2]), "", tail)
            kind = f"{key[0]}-delta"
            delta: Any = {key[2]: tail}
            for step in reversed(PIECES[kind][0]):
                delta = {step: delta}
            piece = {"type": kind, "index": key[1], "delta": delta}
            entries: list[Entry] = self._runs.entries(key)
            if entries:
                piece["logprobs"] = item_of(entries)
            if key[0] == "tool-plan":
                del piece["index"]
            out.append(event_bytes(written(piece), kind))
        return b"".join(out)


def _index(data: dict[str, Any]) -> int:
    index = data.get("index")
    return index if isinstance(index, int) else 0


def note_cohere(facts: ReplyFacts, data: dict[str, Any]) -> None:
    """Facts that a reply or the end of a message states: tokens, finish reason, error."""
    reason = data.get("finish_reason")
    if isinstance(reason, str):
        facts.finish_reasons.append(reason)
    usage = data.get("usage") or data.get("meta")
    tokens = usage.get("tokens") or usage.get("billed_units") if isinstance(usage, dict) else None
    if isinstance(tokens, dict):
        facts.input_tokens = _whole_number(tokens.get("input_tokens"), facts.input_tokens)
        facts.output_tokens = _whole_number(tokens.get("output_tokens"), facts.output_tokens)
    if isinstance(data.get("message"), str) or data.get("error"):
        facts.error_type = "error"


def _whole_number(value: object, otherwise: int | None) -> int | None:
    """Counts are JSON numbers with or without a fraction of zero."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        return otherwise
    return int(value)
