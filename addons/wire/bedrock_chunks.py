"""Restores the streams of InvokeModel: frames whose payload holds a vendor's JSON document in base64.

May import this room only. What the documents are is seen from the first one: Anthropic's events, Converse's (Amazon
Nova), OpenAI's chunks, or pieces of text under a name. Each is given to its own stream, dressed as that one expects
it, and what comes out is put back into frames. A document that is not changed leaves in its own frame, byte for byte.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Any, Protocol

from addons.wire.anthropic_messages import AnthropicMessages
from addons.wire.bedrock_converse import restore_citation
from addons.wire.bedrock_frames import FrameStream
from addons.wire.bedrock_pieces import PieceStream, note_metrics
from addons.wire.bedrock_stream import EVENTS, ConverseStream
from addons.wire.eventstream import Frame, FrameSplitter, event_frame
from addons.wire.openai_chat import OpenAIChat
from addons.wire.sse import Event, EventSplitter, event_bytes
from addons.wire.types import ReplyFacts, ReplyStream, Restoration, WireError

_LINE_ENDS = re.compile(r"[\r\n]+")
_ANTHROPIC = re.compile(r"message_|content_block_|ping\Z|error\Z")


class Inner(Protocol):
    """A stream of documents: what a document becomes, and what comes at the end."""

    def feed(self, text: str, data: dict[str, Any]) -> list[str]:
        """The documents that leave for this one."""

    def close(self) -> list[str]:
        """The documents that are left."""


class Events:
    """Documents as server-sent events, for the vendors' own streams."""

    def __init__(self, stream: ReplyStream):
        self._stream = stream

    def feed(self, text: str, data: dict[str, Any]) -> list[str]:
        plain = _LINE_ENDS.sub(" ", text)  # line ends in JSON stand between its tokens only
        out = _documents(self._stream.feed(event_bytes(plain)))
        return [text if one == plain else one for one in out]

    def close(self) -> list[str]:
        return _documents(self._stream.close())


class Named:
    """Documents ``{"contentBlockDelta": {...}}`` as frames, for Converse's stream."""

    def __init__(self, stream: ConverseStream):
        self._stream = stream

    def feed(self, text: str, data: dict[str, Any]) -> list[str]:
        name = next((name for name in data if name in EVENTS), "")
        if not name:
            return [text]
        before = json.dumps(data[name], ensure_ascii=False)
        out = list(FrameSplitter().feed(self._stream.feed(event_frame(name, before))))
        documents = [self._named(frame) for frame in out]
        if out and out[-1].data == before:
            documents[-1] = text
        elif out:
            documents[-1] = json.dumps({**data, name: json.loads(out[-1].data or "{}")}, ensure_ascii=False)
        return documents

    def close(self) -> list[str]:
        return [self._named(frame) for frame in FrameSplitter().feed(self._stream.close())]

    @staticmethod
    def _named(frame: Frame) -> str:
        return f"{{{json.dumps(frame.name)}: {frame.data}}}"


def inner_for(data: dict[str, Any], restoration: Restoration, facts: ReplyFacts) -> Inner:
    """The stream that understands documents like this one, noting its facts in ``facts``."""
    kind, choices = data.get("type"), data.get("choices")
    if EVENTS & data.keys():
        named = ConverseStream(restoration, restore_citation)
        named.facts = facts
        return Named(named)
    stream: ReplyStream = PieceStream(restoration)
    if isinstance(kind, str) and _ANTHROPIC.match(kind):
        stream = AnthropicMessages().open_stream(restoration)
    elif isinstance(choices, list) and (not choices or (isinstance(choices[0], dict) and "delta" in choices[0])):
        stream = OpenAIChat().open_stream(restoration)
    stream.facts = facts
    return Events(stream)


class ChunkStream(FrameStream):
    """``ReplyStream`` of ``bedrock.invoke_stream``."""

    make_inner: Callable[[dict[str, Any], Restoration, ReplyFacts], Inner] = staticmethod(inner_for)

    def __init__(self, restoration: Restoration):
        super().__init__(restoration)
        self._inner: Inner | None = None

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """A chunk, or an event that has no document."""
        if event.name != "chunk":
            return self.whole(event)
        text = decoded(data.get("bytes"))
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            raise WireError("malformed_event", "stream", "A chunk holds no JSON", 502) from None
        if not isinstance(document, dict):
            raise WireError("malformed_event", "stream", "A chunk holds no JSON object", 502)
        if self._inner is None:
            self._inner = self.make_inner(document, self._restoration, self.facts)
        out = self._inner.feed(text, document)
        note_metrics(self.facts, document)
        if not out:
            return b""
        *new, last = out
        before = b"".join([chunk_frame(one) for one in new])
        if last == text:
            return before + event.raw
        return before + self.patched(event, data, {("bytes",): encoded(last)})

    def tails(self) -> bytes:
        """Chunks with what is still held back."""
        inner, self._inner = self._inner, None
        return b"".join([chunk_frame(one) for one in inner.close()]) if inner is not None else b""


def decoded(value: object) -> str:
    """The text of a chunk's ``bytes``. Raises WireError ``malformed_event``."""
    try:
        return base64.b64decode(value if isinstance(value, str) else "?", validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise WireError("malformed_event", "stream", "A chunk's bytes are no text in base64", 502) from None


def encoded(text: str) -> str:
    """Text as a chunk's ``bytes``."""
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")


def chunk_frame(text: str) -> bytes:
    """A new chunk."""
    return event_frame("chunk", json.dumps({"bytes": encoded(text)}))


def _documents(events: bytes) -> list[str]:
    return [event.data for event in EventSplitter().feed(events) if event.data is not None]
