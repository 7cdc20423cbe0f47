"""Restores a streamed response of the Responses API.

May import this room only. Events stay one to one and in order, so that ``sequence_number`` is kept: the last piece of
an open run waits, and all events behind it, until the run goes on or ends; then its tail leaves in it. Events without
pieces repeat whole texts and are restored whole. A run is told by its event's type and by all members that say where.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from addons.wire.jsondoc import Document
from addons.wire.logprobs import Entry, atoms_of, written
from addons.wire.openai_responses_text import Offsets, shift
from addons.wire.openai_stream import note_chat
from addons.wire.refusals import STREAM_ERROR, openai_error
from addons.wire.restore import Restorer, tool_name
from addons.wire.rules import Rule
from addons.wire.sse import Event, event_bytes
from addons.wire.stored import note_item, note_stored
from addons.wire.streaming import EventStream, Json, Runs
from addons.wire.types import ReplyFacts, Restoration, WireError

type Key = tuple[str | int, ...]

DELTA, DONE = ".delta", ".done"
VERBATIM = frozenset({"response.audio.delta"})
"""Pieces that are no text."""
CLOSING = frozenset({"response.content_part", "response.reasoning_summary_part", "response.output_item"})
"""``.done`` of these ends every run inside, whatever its type."""
ANNOTATION = "response.output_text.annotation.added"
OUTPUT_TEXT = "response.output_text"
ARGUMENTS = frozenset(
    f"response.{name}"
    for name in (
        "function_call_arguments",
        "custom_tool_call_input",
        "mcp_call_arguments",
        "code_interpreter_call_code",
    )
)
"""What holds a tool call's arguments."""
CALLERS = frozenset({"function_call", "custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call"})
"""Calls of tools that the caller runs; all others are the provider's."""
WHERE = ("item_id", "output_index", "content_index", "summary_index", "command_index")
"""Members that say to which run a piece belongs."""
BEGUN = frozenset({"response.created", "response.in_progress", "response.queued"})
"""Events with the whole object after which there is more to come."""
ENDED_WELL = frozenset({"completed", "incomplete", "cancelled"})
"""States of a response whose stream came to its proper end."""
MAX_WAITING = 1024
"""Events behind one piece whose run does not go on; then it leaves, and a tail would need an event of its own."""


@dataclass(slots=True)
class _Waiting:
    """An event that has not left: its bytes, or a piece event with what its pieces became."""

    event: Event
    data: dict[str, Any] | None = None
    texts: dict[Key, str] = field(default_factory=dict)
    """Path in ``data`` -> restored text."""
    entries: list[Entry] = field(default_factory=list)
    """The tokens that spell what became of its text."""
    spelled: bool = False
    """They spelled it as it came."""
    last_of: set[Key] = field(default_factory=set)
    """Open runs whose last piece is in this event."""
    ready: bytes = b""


class ResponsesStream(EventStream):
    """``ReplyStream`` of ``openai.responses``."""

    def __init__(self, restoration: Restoration, whole_rule: Rule):
        super().__init__(restoration)
        self.whole_rule = whole_rule
        self._runs = Runs(restoration)
        self._queue: deque[_Waiting] = deque()
        self._last: dict[Key, tuple[_Waiting, Key]] = {}
        """Open run -> the event with its last piece, and where in it the piece stands."""
        self._said: dict[Key, list[str]] = {}
        """Pieces of the output texts as they came, for the offsets of annotations."""
        self._number = -1
        self._tools: dict[str | int, Restoration] = {}
        """For the arguments of a call, by its item's id and index."""

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One event of the stream."""
        kind = data.get("type")
        if isinstance(response := data.get("response"), dict):
            note_stored(self.facts, response)
        elif "item" in data:
            note_item(self.facts, data["item"])
            self._note_tool(data, data["item"])
        number = data.get("sequence_number")
        self._number = number if isinstance(number, int) else self._number
        if not isinstance(kind, str):
            self._note(data)
            self._end(lambda key: True)
        elif kind.endswith(DELTA) and kind not in VERBATIM:
            self._piece(event, data, kind.removesuffix(DELTA))
            return self._leave()
        elif kind.endswith(DONE):
            self._done(data, kind.removesuffix(DONE))
        elif isinstance(data.get("response"), dict) or kind == "error":
            self._note(data)
            if kind not in BEGUN:
                self._end(lambda key: True)
        base = kind.removesuffix(DONE) if isinstance(kind, str) else ""
        out = self._annotation(event, data) if kind == ANNOTATION else self.whole(event, self._tool(base, data))
        self._queue.append(_Waiting(event, ready=out))
        return self._leave()

    def tails(self) -> bytes:
        """The stream is over: all runs end."""
        self._end(lambda key: True)
        return self._leave()

    def error_event(self, message: str) -> bytes:
        """An ``error`` event of this API; its member ``error`` makes the SDKs raise their own exception."""
        data = {
            "type": "error",
            "code": STREAM_ERROR,
            "message": message,
            "param": None,
            "sequence_number": self._number + 1,
            **openai_error(500, STREAM_ERROR, message),
        }
        return self.tails() + event_bytes(json.dumps(data, ensure_ascii=False), "error")

    def _event(self, event: Event) -> bytes:
        """Comments and what is no JSON object wait their turn, too."""
        text = event.data or ""
        if text == "[DONE]" or text.lstrip()[:1] == "{":
            return super()._event(event)
        self._queue.append(_Waiting(event, ready=super()._event(event)))
        return self._leave()

    # -- runs ----------------------------------------------------------------------------------------------------------

    def _piece(self, event: Event, data: dict[str, Any], base: str) -> None:
        entry = _Waiting(event, data)
        for path, text in _pieces(data.get("delta"), ("delta",)):
            key = (base, *(_where(data, name) for name in WHERE), *path[1:])
            if key in self._last:
                self._last.pop(key)[0].last_of.discard(key)
            tool = self._tool(base, data)
            atoms = atoms_of(data["logprobs"], text) if data.get("logprobs") and path == ("delta",) else None
            entry.spelled = entry.spelled or atoms is not None
            entry.texts[path] = self._runs.feed(key, text, as_json="arguments" in base, restoration=tool, atoms=atoms)
            entry.entries += self._runs.entries(key)
            entry.last_of.add(key)
            self._last[key] = entry, path
            if base == OUTPUT_TEXT:
                self._said.setdefault(key, []).append(text)
        self._queue.append(entry)

    def _note_tool(self, data: dict[str, Any], item: Any) -> None:
        kind = item.get("type") if isinstance(item, dict) else None
        if not isinstance(kind, str) or not kind.endswith("_call"):
            return
        tool = self._restoration.for_tool(tool_name(item.get), hosted=kind not in CALLERS)
        for where in (item.get("id"), data.get("output_index")):
            if isinstance(where, str | int):
                self._tools[where] = tool

    def _tool(self, base: str, data: dict[str, Any]) -> Restoration | None:
        """For the arguments that an event holds; None if it holds none."""
        if base not in ARGUMENTS:
            return None
        for where in (data.get("item_id"), data.get("output_index")):
            if isinstance(where, str | int) and where in self._tools:
                return self._tools[where]
        name = data.get("name")
        hosted = base.removeprefix("response.").startswith(("mcp", "code"))
        return self._restoration.for_tool(name if isinstance(name, str) else "", hosted=hosted)

    def _done(self, data: dict[str, Any], base: str) -> None:
        """The end of one run, or of all runs in a part or an item."""
        item = data.get("item")
        told = {name: data[name] for name in WHERE if isinstance(data.get(name), str | int)}
        if isinstance(item, dict) and isinstance(item.get("id"), str):
            told["item_id"] = item["id"]
        whatever = base in CLOSING

        def meant(key: Key) -> bool:
            return (whatever or key[0] == base) and all(
                here in ("", told.get(name, here)) for name, here in zip(WHERE, key[1:], strict=False)
            )

        self._end(meant)

    def _end(self, meant: Callable[[Key], bool]) -> None:
        """These runs are over: their tails leave in their last pieces."""
        for key in filter(meant, self._runs.keys()):
            tail = self._runs.end(key)
            last = self._last.pop(key, None)
            if last is not None:
                entry, path = last
                entry.texts[path] += tail
                entry.entries += self._runs.entries(key)
                entry.last_of.discard(key)
            elif tail:
                self._queue.append(_Waiting(Event(b"", "", None, False), ready=self._extra(key, tail)))

    def _extra(self, key: Key, tail: str) -> bytes:
        """One more piece of a run whose last one has left."""
        kind = f"{key[0]}{DELTA}"
        steps = key[1 + len(WHERE) :]
        delta: Any = tail
        for step in reversed(steps):
            delta = {step: delta}
        where = {name: value for name, value in zip(WHERE, key[1:], strict=False) if value != ""}
        data = {"type": kind, "sequence_number": self._number, **where, "delta": delta}
        if key[0] == OUTPUT_TEXT:
            data["logprobs"] = self._runs.entries(key)
        return event_bytes(json.dumps(data, ensure_ascii=False), kind)

    def _leave(self) -> bytes:
        """What no open run keeps back any more."""
        out = []
        while self._queue and (not self._queue[0].last_of or len(self._queue) > MAX_WAITING):
            entry = self._queue.popleft()
            for key in entry.last_of:
                self._last.pop(key, None)
            out.append(entry.ready if entry.data is None else self._written(entry, entry.data))
        return b"".join(out)

    # -- events --------------------------------------------------------------------------------------------------------

    def _written(self, entry: _Waiting, data: dict[str, Any]) -> bytes:
        """A piece event with its new texts and the tokens that spell them; what does not spell them is dropped."""
        edits: dict[Key, str] = {path: new for path, new in entry.texts.items() if new != _at(data, path)}
        given = data.get("logprobs")
        if isinstance(given, list) and (entry.entries != given if entry.spelled or entry.entries else edits and given):
            self.facts.dropped += not entry.spelled
            edits["logprobs",] = Json(written(entry.entries if entry.spelled or not given else []))
        return self.patched(entry.event, data, edits)

    def _annotation(self, event: Event, data: dict[str, Any]) -> bytes:
        """An annotation of a text that is under way: its offsets follow what became of that text so far."""
        said = self._said.get((OUTPUT_TEXT, *(_where(data, name) for name in WHERE)))
        try:
            document = Document(event.data or "", duplicates=True)
        except WireError:
            return self.whole(event)
        restorer = Restorer(document, self._restoration)
        self.whole_rule(restorer, document.root, "$", "assistant")
        annotation = document.root.get("annotation")
        if said is not None and annotation is not None:
            shift(restorer, annotation, Offsets("".join(said), self._restoration))
        return event.with_data(document.splice(restorer.edits)) if restorer.edits else event.raw

    def _note(self, data: dict[str, Any]) -> None:
        response = data.get("response")
        if data.get("type") == "error" and "error" not in data:
            code = data.get("code")
            self.facts.error_type = code if isinstance(code, str) else "error"
        note_response(self.facts, response if isinstance(response, dict) else data)


def note_response(facts: ReplyFacts, data: dict[str, Any]) -> None:
    """Facts that a response object states: model, tokens, how it ended, error."""
    note_chat(facts, data)
    status = data.get("status")
    if not isinstance(status, str) or status in ("in_progress", "queued"):
        return
    details = data.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    facts.finish_reasons.append(reason if isinstance(reason, str) else status)
    facts.complete = status in ENDED_WELL and facts.error_type is None


def _pieces(delta: Any, path: Key) -> Iterator[tuple[Key, str]]:
    """The strings of a delta, each of which is a piece of a run."""
    if isinstance(delta, str):
        yield path, delta
    elif isinstance(delta, dict):
        for name, value in delta.items():
            yield from _pieces(value, (*path, name))
    elif isinstance(delta, list):
        for index, value in enumerate(delta):
            yield from _pieces(value, (*path, index))


def _where(data: dict[str, Any], name: str) -> str | int:
    value = data.get(name)
    if name == "item_id" and isinstance(data.get("output_index"), int):
        return ""  # the index will do, and there are servers that give an item another id in each event
    return value if isinstance(value, str | int) else ""


def _at(data: Any, path: Key) -> Any:
    for key in path:
        data = data[key]
    return data
