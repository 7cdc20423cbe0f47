"""Restores a streamed Gemini reply: server-sent events, or one JSON array sent element by element.

May import this room only. One run per (candidate, thought or not) and per path of a function call's streamed arguments.
A run ends when the candidate says something of another kind, and with its ``finishReason``; its tail leaves in its last
piece where that piece is in the chunk at hand, else in one more chunk before it. Signatures pass untouched; calls come
whole and are restored whole. Grounding segments and citations count in bytes of the text so far, and are shifted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from addons.wire.gemini_content import CHUNK
from addons.wire.gemini_errors import google_error, note_gemini
from addons.wire.gemini_offsets import move_offsets
from addons.wire.gemini_tokens import NAMES, dealt, entries_of, result_of
from addons.wire.json_array import ArraySplitter
from addons.wire.jsondoc import Document, Node
from addons.wire.logprobs import Atom, written
from addons.wire.offsets import Said
from addons.wire.refusals import STREAM_ERROR
from addons.wire.restore import Restorer
from addons.wire.sse import Event, event_bytes
from addons.wire.streaming import EventStream, Json, Runs
from addons.wire.types import ReplyFacts, Restoration, WireError

PLAIN_CHUNK = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "createTime"})
PLAIN_CANDIDATE = frozenset(
    {"content", "index", "finishReason", "safetyRatings", "tokenCount", "avgLogprobs", "logprobsResult"}
)
PLAIN_PART = frozenset({"text", "thought", "thoughtSignature"})
"""Members that hold no text but runs. A chunk with others is restored there by the tables of ``gemini_content``."""
_HEAD = ("modelVersion", "responseId")

type Key = tuple[str | int, ...]


@dataclass(slots=True)
class _Chunk:
    """What is found in one chunk."""

    edits: dict[Key, str] = field(default_factory=dict)
    """What leaves in place of each piece."""
    came: dict[Key, str] = field(default_factory=dict)
    """The pieces as they came."""
    pieces: dict[Key, Key] = field(default_factory=dict)
    """Run -> where its last piece stands in this chunk."""
    before: list[str] = field(default_factory=list)
    """Chunks that must leave before this one."""
    plain: bool = True
    atoms: dict[Key, Sequence[Atom]] = field(default_factory=dict)
    """The tokens that spell each piece."""

    def changed(self) -> dict[Key, str]:
        """The edits that change something."""
        return {path: new for path, new in self.edits.items() if new != self.came[path]}


@dataclass(slots=True)
class _Candidate:
    """What one candidate has said so far."""

    masked: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)

    def said(self) -> Said:
        return Said("".join(self.masked), "".join(self.restored))


class GeminiEvents(EventStream):
    """``ReplyStream`` of ``streamGenerateContent?alt=sse``."""

    whole_rule = staticmethod(CHUNK)

    def __init__(self, restoration: Restoration):
        super().__init__(restoration)
        self._runs = Runs(restoration)
        self._head: dict[str, Any] = {}
        self._candidates: dict[int, _Candidate] = {}
        self._unfinished: set[int] = set()
        self._blocked = False
        self._tools: dict[int, Restoration] = {}
        """For the arguments of the function that a candidate is calling."""

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One chunk, or an error."""
        note_gemini(self.facts, data)
        self._blocked = self._blocked or "promptFeedback" in data
        candidates = data.get("candidates")
        if not isinstance(candidates, list):
            tails = self._all_tails() if "error" in data else []
            return self.before(tails) + (event.raw if data.keys() <= PLAIN_CHUNK else self.whole(event))
        self._head = {name: data[name] for name in _HEAD if name in data} or self._head
        chunk = _Chunk(plain=data.keys() <= PLAIN_CHUNK)
        for position, candidate in enumerate(candidates):
            if isinstance(candidate, dict):
                self._candidate(position, candidate, chunk)
        out = self.patched(event, data, chunk.changed()) if chunk.plain else self._restored(event, chunk, candidates)
        return self.before(chunk.before) + out

    def tails(self) -> bytes:
        """The stream has ended: tails of every run."""
        return self.after(self._all_tails())

    def error_event(self, message: str) -> bytes:
        """``{"error": ...}``, which the SDK raises as ``google.genai.errors.APIError``."""
        return self.after([json.dumps(google_error(500, STREAM_ERROR, message), ensure_ascii=False)])

    def close(self) -> bytes:
        """See ``ReplyStream.close``. There is no end event: a finish of every candidate, or a blocked prompt, is it."""
        out = super().close()
        if self.facts.error_type is None and not self._unfinished:
            self.facts.complete = bool(self._blocked or self.facts.finish_reasons)
        return out

    def before(self, chunks: list[str]) -> bytes:
        """New chunks that leave before one that came."""
        return b"".join([event_bytes(chunk) for chunk in chunks])

    def after(self, chunks: list[str]) -> bytes:
        """New chunks at the end of the stream."""
        return self.before(chunks)

    def _candidate(self, position: int, candidate: dict[str, Any], chunk: _Chunk) -> None:
        number = candidate.get("index")
        index = number if isinstance(number, int) else position
        self._unfinished.add(index)
        self._candidates.setdefault(index, _Candidate())
        chunk.plain = chunk.plain and candidate.keys() <= PLAIN_CANDIDATE
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        where: Key = ("candidates", position)
        name = next((name for name in NAMES if candidate.get(name)), NAMES[0])
        spelled = not candidate.get(name) or self._deal(candidate[name], parts, where, chunk)
        for at, part in enumerate(parts if isinstance(parts, list) else ()):
            if isinstance(part, dict):
                self._part(index, part, ("candidates", position, "content", "parts", at), chunk)
        if isinstance(candidate.get("finishReason"), str):
            self._unfinished.discard(index)
            self._end(index, (), chunk)
        if candidate.get(name) or self._runs.spells:
            self._respell((index, "text"), candidate, (*where, name), spelled, chunk)

    @staticmethod
    def _deal(result: Any, parts: Any, where: Key, chunk: _Chunk) -> bool:
        """Which tokens spell which part; False if they do not."""
        entries = entries_of(result)
        texts = {
            (*where, "content", "parts", at, "text"): part["text"]
            for at, part in enumerate(parts if isinstance(parts, list) else ())
            if isinstance(part, dict) and isinstance(part.get("text"), str) and part["text"]
            if part.get("thought") is not True
        }
        hands = dealt(entries, list(texts.values()))
        if hands is not None:
            chunk.atoms.update(zip(texts, hands, strict=True))
        return hands is not None or entries == []

    def _respell(self, run: Key, candidate: dict[str, Any], path: Key, spelled: bool, chunk: _Chunk) -> None:
        """The candidate's tokens, which spell what leaves of its text."""
        told, entries = candidate.get(str(path[-1])), self._runs.entries(run)
        if not spelled:
            if self._runs.waits(run) or any(at[:2] == path[:2] for at in chunk.changed()):
                chunk.edits[path], chunk.came[path] = Json("null"), ""
                self.facts.dropped += 1
        elif told and entries_of(told) != entries:
            chunk.edits[path], chunk.came[path] = Json(written(result_of(told, entries))), ""
        elif entries and not told:
            self.facts.dropped += 1

    def _part(self, index: int, part: dict[str, Any], path: Key, chunk: _Chunk) -> None:
        text = part.get("text")
        if not part.keys() <= PLAIN_PART:
            chunk.plain = False
        if isinstance(text, str):
            run: Key = (index, "thought" if part.get("thought") is True else "text")
            if text:
                self._end(index, run, chunk)
                self._feed(run, text, (*path, "text"), chunk)
        elif "thoughtSignature" not in part or len(part) > 1:
            call = part.get("functionCall", part.get("function_call"))
            self._end(index, (index, "call") if isinstance(call, dict) else (), chunk)
            if isinstance(call, dict):
                name = "functionCall" if "functionCall" in part else "function_call"
                self._call(index, call, (*path, name), chunk)

    def _call(self, index: int, call: dict[str, Any], path: Key, chunk: _Chunk) -> None:
        """A function call, or a piece of one: each JSON path of its arguments is a run."""
        if isinstance(call.get("name"), str) and call["name"]:
            self._tools[index] = self._restoration.for_tool(call["name"], hosted=False)
        for name in ("partialArgs", "partial_args"):
            pieces = call.get(name)
            for at, piece in enumerate(pieces if isinstance(pieces, list) else ()):
                text = piece.get("stringValue", piece.get("string_value")) if isinstance(piece, dict) else None
                if not isinstance(text, str):
                    continue
                member = "stringValue" if "stringValue" in piece else "string_value"
                run: Key = (index, "call", str(piece.get("jsonPath", piece.get("json_path", ""))))
                self._feed(run, text, (*path, name, at, member), chunk, self._tools.get(index))
                if piece.get("willContinue", piece.get("will_continue")) is not True:
                    self._end_one(run, chunk)
        if call.get("willContinue", call.get("will_continue")) is not True:
            for run in self._runs.keys(index, "call"):
                self._end_one(run, chunk)

    def _feed(self, run: Key, text: str, path: Key, chunk: _Chunk, restoration: Restoration | None = None) -> None:
        new = self._runs.feed(run, text, restoration=restoration, atoms=chunk.atoms.get(path))
        chunk.pieces[run] = path
        chunk.edits[path], chunk.came[path] = new, text
        if run[1] == "text":
            said = self._candidates[int(run[0])]
            said.masked.append(text)
            said.restored.append(new)

    def _end(self, index: int, but: Key, chunk: _Chunk) -> None:
        """End the candidate's runs, but for those that begin with ``but``."""
        for run in self._runs.keys(index):
            if not but or run[: len(but)] != but:
                self._end_one(run, chunk)

    def _end_one(self, run: Key, chunk: _Chunk) -> None:
        tail = self._runs.end(run)
        if not tail:
            return
        if run[1] == "text":
            self._candidates[int(run[0])].restored.append(tail)
        if run in chunk.pieces:
            chunk.edits[chunk.pieces[run]] += tail
        else:
            chunk.before.append(self._tail_chunk(run, tail))

    def _all_tails(self) -> list[str]:
        chunk = _Chunk()
        for run in self._runs.keys():  # noqa: SIM118
            self._end_one(run, chunk)
        return chunk.before

    def _tail_chunk(self, run: Key, tail: str) -> str:
        if run[1] == "call":
            piece = {"jsonPath": run[2], "stringValue": tail, "willContinue": True}
            part: dict[str, Any] = {"functionCall": {"partialArgs": [piece], "willContinue": True}}
        else:
            part = {"text": tail} | ({"thought": True} if run[1] == "thought" else {})
        candidate = {"content": {"role": "model", "parts": [part]}, "index": run[0]}
        entries = self._runs.entries(run) if self._runs.spells else []
        if entries:
            candidate[NAMES[0]] = result_of(None, entries)
        return written({"candidates": [candidate]} | self._head)

    def _restored(self, event: Event, chunk: _Chunk, candidates: list[Any]) -> bytes:
        """A chunk that holds more than runs: those by what was fed, the rest by the tables."""
        try:
            document = Document(event.data or "", duplicates=True)
        except WireError:
            raise WireError("malformed_event", "stream", "An event's data is not JSON", 502) from None
        restorer = Restorer(document, self._restoration)
        CHUNK(restorer, document.root, "$", "assistant")
        for path, new in chunk.changed().items():
            node = node_at(document.root, path)
            restorer.put(node, new if isinstance(new, Json) else document.literal(new, node.start, node.end))
        for position, candidate in enumerate(candidates):
            if isinstance(candidate, dict) and not candidate.keys() <= PLAIN_CANDIDATE:
                number = candidate.get("index")
                said = self._candidates[number if isinstance(number, int) else position].said()
                node = node_at(document.root, ("candidates", position))
                move_offsets(node, (), said, restorer)
        self.facts.dropped += restorer.dropped
        return event.with_data(document.splice(restorer.edits)) if restorer.edits else event.raw


class GeminiArray(GeminiEvents):
    """``ReplyStream`` of ``streamGenerateContent`` without ``alt=sse``: a JSON array, piece by piece."""

    gap = b""

    def __init__(self, restoration: Restoration):
        super().__init__(restoration)
        self._splitter = ArraySplitter()
        self._elements = 0
        self._comma = False
        self._opened = False
        self._done = False

    def before(self, chunks: list[str]) -> bytes:
        """Elements in front of one that came."""
        return "".join([f"{chunk}\n," for chunk in chunks]).encode("utf-8", "surrogatepass")

    def after(self, chunks: list[str]) -> bytes:
        """Elements after the last one; if the array's end never came, it comes with an error alone."""
        out = []
        for chunk in chunks:
            needed = self._elements and not self._comma
            out.append(("," if needed else "" if self._opened else "[") + chunk)
            self._elements, self._comma, self._opened = self._elements + 1, False, True
        return "".join(out).encode("utf-8", "surrogatepass")

    def error_event(self, message: str) -> bytes:
        """One more element, which is an error, and the array's end."""
        return b"" if self._done else super().error_event(message) + b"]"

    def close(self) -> bytes:
        """See ``ReplyStream.close``. Complete is what came to its own bracket, and an error that came as one object."""
        out = super().close()
        self.facts.complete = (self.facts.complete and self._done) or (not self._opened and self._elements == 1)
        return out

    def _event(self, event: Event) -> bytes:
        if event.data is not None:
            out = super()._event(event)
            self._elements, self._comma = self._elements + 1, False
            return out
        if event.name == "[":
            self._opened = True
        elif event.name == ",":
            self._comma = True
        elif event.name == "]":
            tails = self.tails()
            self._done = True
            return tails + event.raw
        return event.raw


class GeminiStream:
    """``ReplyStream`` that tells the two framings apart by the first byte that is no space."""

    def __init__(self, restoration: Restoration):
        self.facts = ReplyFacts()
        self._restoration = restoration
        self._stream: GeminiEvents | None = None
        self._buffer = b""
        self._failed = False

    def feed(self, data: bytes) -> bytes:
        """See ``ReplyStream.feed``."""
        if self._stream is not None:
            return self._stream.feed(data)
        if self._failed:
            return b""
        self._buffer += data
        first = self._buffer.lstrip(b" \t\r\n")[:1]
        if not first:
            return b""
        self._stream = (GeminiArray if first in (b"[", b"{") else GeminiEvents)(self._restoration)
        self._stream.facts = self.facts
        data, self._buffer = self._buffer, b""
        return self._stream.feed(data)

    def close(self) -> bytes:
        """See ``ReplyStream.close``."""
        if self._stream is not None:
            return self._stream.close()
        rest, self._buffer = self._buffer, b""
        return rest

    def error(self, message: str) -> bytes:
        """See ``ReplyStream.error``. Before the first byte, as the SDKs ask for: an event."""
        self._failed = True
        return (self._stream or GeminiEvents(self._restoration)).error(message)


def node_at(root: Node, path: Key) -> Node:
    """The node at that path; of members of one name the last, as ``json.loads`` has it."""
    node = root
    for step in path:
        if isinstance(step, int):
            node = node.children[step]
        else:
            node = [child for child in node.children if child.key == step][-1]
    return node
