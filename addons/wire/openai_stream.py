"""Restores a streamed OpenAI chat completion.

May import this room only. One run per (choice, field) and per (choice, tool call); a choice's tails leave with or
before the chunk that carries its ``finish_reason``, a tool call's when the next one begins, all before ``[DONE]``.
Servers that speak the dialect (vLLM, DeepSeek, llama.cpp, Azure) add fields to ``delta``: each unknown string is a run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from addons.wire.logprobs import Atom, written
from addons.wire.offsets import Said, shifted
from addons.wire.openai_pointers import BOUNDS, SPELLED, spelled_by
from addons.wire.refusals import STREAM_ERROR, openai_error
from addons.wire.rules import Rule
from addons.wire.sse import Event, event_bytes
from addons.wire.stored import note_stored
from addons.wire.streaming import EventStream, Json, Runs
from addons.wire.types import ReplyFacts, Restoration

CHUNK_FIELDS = frozenset(
    {"id", "choices", "created", "model", "object", "obfuscation", "service_tier", "system_fingerprint", "usage"}
)
"""Members of a chunk that hold no text outside ``choices``. A chunk with others is restored there leaf by leaf."""
CHOICE_FIELDS = frozenset({"delta", "finish_reason", "index", "logprobs"})
NAME_FIELDS = frozenset({"role", "id", "type", "name", "format", "data", "signature", "encrypted_content"})
"""Members of a delta that hold identifiers or what may not be touched."""
CALLS = frozenset({"function", "function_call", "custom"})
"""Members of a delta that hold a tool call's name and arguments."""
_HEAD = ("id", "object", "created", "model", "service_tier", "system_fingerprint")

type Key = tuple[str | int, ...]


class ChatStream(EventStream):
    """``ReplyStream`` of ``openai.chat``."""

    def __init__(self, restoration: Restoration, whole_rule: Rule):
        super().__init__(restoration)
        self.whole_rule = whole_rule
        self._runs = Runs(restoration)
        self._head: dict[str, Any] = {}
        self._open_choices: set[int] = set()
        self._tool: dict[int, Key] = {}
        self._names: dict[Key, str] = {}
        """Which tool a call is of."""
        self._atoms: dict[Key, Sequence[Atom]] = {}
        """Of the choice at hand: the tokens that spell its pieces."""
        self._said: dict[int, tuple[list[str], list[str]]] = {}
        """Contents as they came and as they left, for the offsets of annotations."""

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One chunk, an error, or something of another server's own."""
        note_chat(self.facts, data)
        choices = data.get("choices")
        if not isinstance(choices, list):
            return (self.tails() if "error" in data else b"") + self.whole(event)
        self._head = {name: data[name] for name in _HEAD if name in data}
        edits: dict[Key, str] = {}
        before: list[bytes] = []
        for position, choice in enumerate(choices):
            if isinstance(choice, dict):
                self._choice(position, choice, edits, before)
        for name in data.keys() - CHUNK_FIELDS:
            self.restore_leaves(data[name], (name,), edits)
        return b"".join(before) + self.patched(event, data, edits)

    def tails(self) -> bytes:
        """Tails of every run of every choice."""
        return b"".join([self._tail(key) for key in self._runs.keys()])  # noqa: SIM118

    def error_event(self, message: str) -> bytes:
        """``data: {"error": ...}``, which the SDK raises as ``openai.APIError``."""
        return event_bytes(json.dumps(openai_error(500, STREAM_ERROR, message), ensure_ascii=False))

    def close(self) -> bytes:
        """Ends the stream; some servers send no ``[DONE]``, so a finish of every choice will do."""
        out = super().close()
        if self.facts.finish_reasons and not self._open_choices and self.facts.error_type is None:
            self.facts.complete = True
        return out

    def _choice(self, position: int, choice: dict[str, Any], edits: dict[Key, str], before: list[bytes]) -> None:
        number = choice.get("index")
        index = number if isinstance(number, int) else position
        finish = choice.get("finish_reason")
        delta = choice.get("delta")
        self._open_choices.add(index)
        for name in choice.keys() - CHOICE_FIELDS:
            self.restore_leaves(choice[name], ("choices", position, name), edits)
        pieces: dict[Key, Key] = {}  # run -> where its last piece stands in this event
        logprobs = choice.get("logprobs")
        spelled = spelled_by(logprobs, delta) if logprobs else {}
        self._atoms = {(index, name): atoms for name, atoms in spelled.items() if atoms is not None}
        if isinstance(delta, dict):
            self._delta(index, delta, (index,), ("choices", position, "delta"), edits, pieces, before)
        if isinstance(finish, str):
            self.facts.finish_reasons.append(finish)
            self._open_choices.discard(index)
            for key in self._runs.keys(index):
                if key in pieces:
                    tail = self._runs.end(key)
                    if tail:
                        path = pieces[key]
                        edits[path] = edits.get(path, _at(delta, path[3:])) + tail
                        self._note_said(key, "", tail)
                else:
                    before.append(self._tail(key))
        if spelled or self._runs.spells:
            self._respell(index, choice, ("choices", position), spelled, edits)
        if isinstance(delta, dict) and delta.get("annotations"):
            self._move(index, delta["annotations"], ("choices", position, "delta", "annotations"), edits)

    def _respell(
        self, index: int, choice: dict[str, Any], path: Key, spelled: dict[str, Any], edits: dict[Key, str]
    ) -> None:
        """The chunk's tokens, which spell what leaves of its texts."""
        given = choice.get("logprobs")
        told = given if isinstance(given, dict) else {}
        new: dict[str, Any] = {}
        for name in SPELLED:
            run = (index, name)
            late = self._atoms.pop(run, None)
            if late is not None and self._runs.waits(run):  # tokens without a text of their own
                self._runs.feed(run, "", atoms=late)
            entries = self._runs.entries(run)
            if name in spelled and spelled[name] is None:
                if (*path, "delta", name) in edits or self._runs.waits(run):
                    new[name] = None
                    self.facts.dropped += 1
            elif late is not None and not entries and not self._runs.waits(run):
                continue
            elif entries != (told.get(name) or []):
                new[name] = entries
        if new and "logprobs" in choice:
            edits[(*path, "logprobs")] = Json(written({"content": None, "refusal": None} | told | new))
        elif new:
            self.facts.dropped += 1

    def _move(self, index: int, annotations: Any, path: Key, edits: dict[Key, str]) -> None:
        """Annotations count in what the choice has said so far."""
        masked, restored = ("".join(pieces) for pieces in self._said.get(index, ((), ())))
        if masked == restored or not isinstance(annotations, list):
            return
        told = [one.get("url_citation", one) if isinstance(one, dict) else {} for one in annotations]
        spans = [
            {name: told_one[name] for name in BOUNDS if isinstance(told_one.get(name), int)}
            for told_one in (one if isinstance(one, dict) else {} for one in told)
        ]
        places = shifted(Said(masked, restored), [at for span in spans for at in span.values()], self._restoration)
        for position, (annotation, span) in enumerate(zip(annotations, spans, strict=True)):
            fits = all(at in places for at in span.values())
            self.facts.dropped += not fits
            inner: Key = ("url_citation",) if "url_citation" in annotation else ()
            for name, at in span.items():
                edits[(*path, position, *inner, name)] = Json(str(places[at]) if fits else "null")

    def _note_said(self, run: Key, old: str, new: str) -> None:
        if len(run) == 2 and run[1] == "content":
            masked, restored = self._said.setdefault(int(run[0]), ([], []))
            masked.append(old)
            restored.append(new)

    def _delta(
        self,
        choice: int,
        value: dict[str, Any],
        key: Key,
        path: Key,
        edits: dict[Key, str],
        pieces: dict[Key, Key],
        before: list[bytes],
    ) -> None:
        is_call = key[-1] in CALLS
        if is_call and isinstance(value.get("name"), str):
            self._names.setdefault(key, value["name"])
        for name, child in value.items():
            if isinstance(child, str):
                if name in NAME_FIELDS or not child:
                    continue
                run, where = (*key, name), (*path, name)
                tool = self._restoration.for_tool(self._names.get(key, ""), hosted=False) if is_call else None
                atoms = self._atoms.pop(run, None) if self._atoms else None
                new = self._runs.feed(run, child, as_json=name == "arguments", restoration=tool, atoms=atoms)
                self._note_said(run, child, new)
                pieces[run] = where
                if new != child:
                    edits[where] = new
            elif isinstance(child, dict):
                self._delta(choice, child, (*key, name), (*path, name), edits, pieces, before)
            elif isinstance(child, list):
                for position, item in enumerate(child):
                    if not isinstance(item, dict):
                        continue
                    number = item.get("index")
                    below = (*key, name, number if isinstance(number, int) else position)
                    if name == "tool_calls":
                        self._next_tool(choice, below, pieces, before)
                    self._delta(choice, item, below, (*path, name, position), edits, pieces, before)

    def _next_tool(self, choice: int, tool: Key, pieces: dict[Key, Key], before: list[bytes]) -> None:
        """A client may run a tool as soon as the next call begins: give it the whole of its arguments by then."""
        previous = self._tool.get(choice)
        self._tool[choice] = tool
        if previous is None or previous == tool:
            return
        before.extend([self._tail(run) for run in self._runs.keys(*previous) if run not in pieces])

    def _tail(self, key: Key) -> bytes:
        tail = self._runs.end(key)
        if not tail:
            return b""
        steps = key[1:]
        delta: Any = tail
        for step in reversed(steps):
            delta = [{"index": step} | delta] if isinstance(step, int) else {step: delta}
        return self._tail_chunk(key, tail, delta)

    def _tail_chunk(self, key: Key, tail: str, delta: Any) -> bytes:
        """One more chunk of a run, with the tokens that spell its tail."""
        self._note_said(key, "", tail)
        choice = {"index": key[0], "delta": delta, "finish_reason": None}
        entries = self._runs.entries(key) if self._runs.spells else []
        if entries and len(key) == 2:
            choice["logprobs"] = {"content": None, "refusal": None} | {str(key[1]): entries}
        chunk = self._head | {"choices": [choice]}
        return event_bytes(json.dumps(chunk, ensure_ascii=False))


def note_chat(facts: ReplyFacts, data: dict[str, Any]) -> None:
    """Facts that a completion or a chunk states: model, tokens, error."""
    model = data.get("model")
    if facts.model is None and isinstance(model, str):
        facts.model = model
    if not facts.objects:
        note_stored(facts, data)
    usage = data.get("usage")
    if isinstance(usage, dict):
        facts.input_tokens = count(usage.get("prompt_tokens", usage.get("input_tokens")), facts.input_tokens)
        facts.output_tokens = count(usage.get("completion_tokens", usage.get("output_tokens")), facts.output_tokens)
    error = data.get("error")
    if isinstance(error, dict):
        kind = error.get("type") or error.get("code")
        facts.error_type = kind if isinstance(kind, str) else "error"
    elif isinstance(error, str):
        facts.error_type = "error"


def count(value: object, otherwise: int | None) -> int | None:
    """``value`` if it is a count of tokens."""
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _at(value: Any, path: Key) -> str:
    for key in path:
        value = value[key]
    return value if isinstance(value, str) else ""
