"""Restores the server's messages of a Gemini Live connection.

May import this room only. Texts come in pieces: the parts of the model's turn (thoughts apart from what it says), and
transcriptions of what was heard and what was spoken. Each piece leaves at once with what of it is certain, since sound
comes between the pieces and must not wait. A run ends with the turn, or when it is interrupted; a transcription when it
is finished; what the model says also when it does something else. What a restorer still holds then leaves in the run's
last piece where that is in the message at hand, else in one more message before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from addons.wire.gemini_content import (
    FUNCTION_CALL_FIELDS,
    GROUNDING_FIELDS,
    PART_FIELDS,
    TRANSCRIPTION_FIELDS,
    both,
    content_of,
    snake,
)
from addons.wire.gemini_offsets import move_offsets
from addons.wire.jsondoc import Document
from addons.wire.offsets import Said
from addons.wire.realtime_frames import MessageEvents, frame_bytes
from addons.wire.restore import Restorer, tool_call
from addons.wire.rules import FREE, NAME, NAMES, SKIP, Rule, fields, items, unknown_block
from addons.wire.sse import Event
from addons.wire.types import Restoration, WireError

type Key = tuple[str | int, ...]

_HEARD = fields({**TRANSCRIPTION_FIELDS, "text": SKIP})
CONTENT_FIELDS: dict[str, Rule] = both(
    {
        "modelTurn": content_of(items(fields({**PART_FIELDS, "text": SKIP}, unknown_block))),
        "inputTranscription": _HEARD,
        "outputTranscription": _HEARD,
        "interimInputTranscription": fields(TRANSCRIPTION_FIELDS),
        "groundingMetadata": fields(GROUNDING_FIELDS),
        "urlContextMetadata": FREE,
        **dict.fromkeys(
            """turnComplete interrupted generationComplete turnCompleteReason waitingForInput
            interactionStatus""".split(),  # noqa: SIM905
            NAME,
        ),
    }
)
"""Members of a server's content, but for what comes in pieces."""
MESSAGE_FIELDS: dict[str, Rule] = both(
    {
        "serverContent": fields(CONTENT_FIELDS),
        "toolCall": fields(both({"functionCalls": items(tool_call(fields(FUNCTION_CALL_FIELDS)))})),
        "usageMetadata": SKIP,
        **dict.fromkeys(
            """setupComplete toolCallCancellation goAway sessionResumptionUpdate voiceActivity
            voiceActivityDetectionSignal""".split(),  # noqa: SIM905
            NAMES,
        ),
    }
)
"""What a server's message can be. What is not here is restored whole."""
MESSAGE = fields(MESSAGE_FIELDS)

_PLAIN_MESSAGE = frozenset({"serverContent", "usageMetadata", "setupComplete", "goAway", "sessionResumptionUpdate"})
_PLAIN_CONTENT = frozenset(
    "modelTurn inputTranscription outputTranscription turnComplete generationComplete interrupted".split()  # noqa: SIM905
)
_PLAIN_PART = frozenset({"text", "thought", "thoughtSignature", "inlineData"})
_PLAIN_DATA = frozenset({"mimeType", "data"})
_PLAIN_HEARD = frozenset({"text", "finished", "languageCode"})
"""Members that hold no text but runs: a message of these alone (most are sound) is not taken apart."""
_TRANSCRIPTIONS = {"inputTranscription": "heard", "outputTranscription": "spoken"}


@dataclass(slots=True)
class _Step:
    """What is found in one message."""

    edits: dict[Key, str] = field(default_factory=dict)
    came: dict[Key, str] = field(default_factory=dict)
    pieces: dict[Key, Key] = field(default_factory=dict)
    """Run -> where its last piece stands."""
    before: list[bytes] = field(default_factory=list)

    def changed(self) -> dict[Key, str]:
        """The edits that change something."""
        return {path: new for path, new in self.edits.items() if new != self.came[path]}


class LiveStream(MessageEvents):
    """``MessageStream`` of ``gemini.live``."""

    whole_rule = staticmethod(MESSAGE)

    def __init__(self, restoration: Restoration):
        super().__init__(restoration)
        self._said: tuple[list[str], list[str]] = ([], [])
        """What the turn has said so far: as it came, and as it left."""

    def tails(self) -> bytes:
        """All runs end."""
        step = _Step()
        self._end((), step)
        return b"".join(step.before)

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One message."""
        step = _Step()
        name, content = given(data, "serverContent")
        if isinstance(content, dict):
            self._content(content, (name,), step)
        if given(data, "toolCall")[1] is not None:
            self._end(("turn",), step)
        changed = step.changed()
        out = self.patched(event, data, changed) if _plain(data) else self._restored(event, changed, name)
        if isinstance(content, dict) and given(content, "turnComplete")[1] is True:
            self._said = ([], [])
        return b"".join(step.before) + out

    def _content(self, content: dict[str, Any], path: Key, step: _Step) -> None:
        for member, run in _TRANSCRIPTIONS.items():
            name, heard = given(content, member)
            if isinstance(heard, dict):
                if isinstance(heard.get("text"), str):
                    self._feed((run,), heard["text"], (*path, name, "text"), step)
                if heard.get("finished") is True:
                    self._end((run,), step)
        name, turn = given(content, "modelTurn")
        parts = turn.get("parts") if isinstance(turn, dict) else None
        for at, part in enumerate(parts if isinstance(parts, list) else ()):
            if isinstance(part, dict):
                self._part(part, (*path, name, "parts", at), step)
        if any(given(content, member)[1] is True for member in ("turnComplete", "interrupted")):
            self._end((), step)
        elif given(content, "generationComplete")[1] is True:
            self._end(("turn",), step)

    def _part(self, part: dict[str, Any], path: Key, step: _Step) -> None:
        text = part.get("text")
        if isinstance(text, str):
            run: Key = ("turn", "thought" if part.get("thought") is True else "text")
            for other in self._runs.keys("turn"):
                if other != run and text:
                    self._end(other, step)
            self._feed(run, text, (*path, "text"), step)
        elif not part.keys() & {"inlineData", "inline_data", "thoughtSignature", "thought_signature"}:
            self._end(("turn",), step)

    def _feed(self, run: Key, text: str, path: Key, step: _Step) -> None:
        step.pieces[run] = path
        step.came[path], step.edits[path] = text, self._runs.feed(run, text, restoration=self._swapping.now)
        self._note_said(run, text, step.edits[path])

    def _end(self, prefix: Key, step: _Step) -> None:
        for run in self._runs.keys(*prefix):
            tail = self._runs.end(run)
            if not tail:
                continue
            self._note_said(run, "", tail)
            if run in step.pieces:
                step.edits[step.pieces[run]] += tail
            else:
                step.before.append(_rest(run, tail))

    def _note_said(self, run: Key, masked: str, restored: str) -> None:
        if run == ("turn", "text"):
            self._said[0].append(masked)
            self._said[1].append(restored)

    def _restored(self, event: Event, changed: dict[Key, str], content: str) -> bytes:
        """A message that holds more than runs: those by what was fed, the rest by the tables."""
        try:
            document = Document(event.data or "", duplicates=True)
        except WireError:
            raise WireError(
                "malformed_event", "message", "A message of the upstream's is no JSON object", 502
            ) from None
        restorer = Restorer(document, self._restoration)
        MESSAGE(restorer, document.root, "$", "assistant")
        for path, new in changed.items():
            node = document.root
            for key in path:
                node = node.children[key] if isinstance(key, int) else _last(node.children, key)
            restorer.put(node, document.literal(new, node.start, node.end))
        said = document.root.get(content)
        if said is not None:
            move_offsets(said, (), Said("".join(self._said[0]), "".join(self._said[1])), restorer)
        self.facts.dropped += restorer.dropped
        return event.with_data(document.splice(restorer.edits)) if restorer.edits else event.raw


def given(data: dict[str, Any], name: str) -> tuple[str, Any]:
    """A member in either spelling of protobuf JSON: how it is spelled, and its value (None: it is not there)."""
    other = snake(name)
    return (other, data[other]) if name not in data and other in data else (name, data.get(name))


def _plain(data: dict[str, Any]) -> bool:
    content = data.get("serverContent", {})
    if not data.keys() <= _PLAIN_MESSAGE or not isinstance(content, dict) or not content.keys() <= _PLAIN_CONTENT:
        return False
    heard = [content.get(name, {}) for name in _TRANSCRIPTIONS]
    turn = content.get("modelTurn", {})
    parts = turn.get("parts", []) if isinstance(turn, dict) and turn.keys() <= {"parts", "role"} else None
    return (
        all(isinstance(one, dict) and one.keys() <= _PLAIN_HEARD for one in heard)
        and isinstance(parts, list)
        and all(isinstance(part, dict) and part.keys() <= _PLAIN_PART for part in parts)
        and all(isinstance(part.get("text", ""), str) for part in parts)
        and all(isinstance(blob := part.get("inlineData", {}), dict) and blob.keys() <= _PLAIN_DATA for part in parts)
    )


def _last(children: Any, key: str) -> Any:
    """Of members of one name the last, as ``json.loads`` has it."""
    return [child for child in children if child.key == key][-1]


def _rest(run: Key, tail: str) -> bytes:
    """One more message of a run."""
    if run[0] == "turn":
        part = {"text": tail} | ({"thought": True} if run[1] == "thought" else {})
        return frame_bytes({"serverContent": {"modelTurn": {"parts": [part]}}})
    name = next(name for name, word in _TRANSCRIPTIONS.items() if word == run[0])
    return frame_bytes({"serverContent": {name: {"text": tail}}})
