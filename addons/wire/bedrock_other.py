"""What else Bedrock's hosts are asked for: guardrails, asynchronous calls, agents, knowledge bases. All of it is read.

May import this room only. Requests and replies are free-form data; of streams, each event is restored by itself, and
the texts that agents send in base64 are one run.
"""

from __future__ import annotations

from typing import Any

from addons.wire.bedrock_chunks import chunk_frame, decoded, encoded
from addons.wire.bedrock_errors import bedrock_refusal
from addons.wire.bedrock_frames import FrameStream
from addons.wire.bedrock_invoke import restore_any
from addons.wire.collect import JsonRequest, parse_json
from addons.wire.eventstream import CONTENT_TYPE
from addons.wire.generic import GENERIC, GENERIC_REPLY, GenericStream
from addons.wire.jsondoc import Document
from addons.wire.restore import restore_plain
from addons.wire.rules import NAMES, TEXT, Rule, fields, items, unreadable
from addons.wire.sse import Event
from addons.wire.streaming import Runs
from addons.wire.types import ErrorReply, ReplyFacts, ReplyStream, Restoration, UnreadableKind, WireError

_GUARDED = fields(
    {"text": fields({"text": TEXT, "qualifiers": NAMES}), "image": unreadable(UnreadableKind.IMAGE, NAMES)}
)
RULES: dict[str, Rule] = {
    "bedrock.guardrail": fields({"source": NAMES, "outputScope": NAMES, "content": items(_GUARDED)}),
}
"""Rule of the request by the endpoint's name; others are free-form data."""


class AgentStream(FrameStream):
    """``ReplyStream`` of ``bedrock.other``."""

    whole_rule = staticmethod(GENERIC_REPLY)

    def __init__(self, restoration: Restoration):
        super().__init__(restoration)
        self._runs = Runs(restoration)

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """A chunk of the one text, or an event of whatever kind."""
        if event.name != "chunk" or "bytes" not in data:
            return self.tails() + self.whole(event)
        old = decoded(data["bytes"])
        new = self._runs.feed(("chunk",), old)
        edits: dict[tuple[str | int, ...], str] = {} if new == old else {("bytes",): encoded(new)}
        for name, value in data.items():
            if name != "bytes":
                self.restore_leaves(value, (name,), edits)
        return self.patched(event, data, edits)

    def tails(self) -> bytes:
        """A chunk with what is still held back."""
        tail = self._runs.end(("chunk",))
        return chunk_frame(tail) if tail else b""

    def close(self) -> bytes:
        """See ``ReplyStream.close``. How such a stream ends properly is not known: it is whole if it told no error."""
        out = super().close()
        self.facts.complete = self.facts.error_type is None
        return out


class AnyStream:
    """``ReplyStream`` that looks at the first byte: frames begin with the high byte of a length, texts do not."""

    def __init__(self, restoration: Restoration):
        self.facts = ReplyFacts()
        self._restoration = restoration
        self._stream: ReplyStream | None = None

    def feed(self, data: bytes) -> bytes:
        """See ``ReplyStream.feed``."""
        return self._opened(data[:1]).feed(data) if data else b""

    def close(self) -> bytes:
        """See ``ReplyStream.close``."""
        return self._opened(b"").close()

    def error(self, message: str) -> bytes:
        """See ``ReplyStream.error``."""
        return self._opened(b"").error(message)

    def _opened(self, first: bytes) -> ReplyStream:
        if self._stream is None:
            frames = first < b"\x09"
            self._stream = AgentStream(self._restoration) if frames else GenericStream(self._restoration)
            self._stream.facts = self.facts
        return self._stream


class BedrockOther:
    """``Codec`` of ``bedrock.guardrail`` and ``bedrock.other``."""

    stream_types = (CONTENT_TYPE,)

    def __init__(self, name: str = "bedrock.other"):
        self.name = name

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``."""
        return parse_json(body, RULES.get(self.name, GENERIC))

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text."""
        try:
            document = Document.of_bytes(body, duplicates=True)
        except WireError:
            return restore_plain(body, restoration), ReplyFacts()
        return restore_any(body, document, GENERIC_REPLY, restoration)

    def open_stream(self, restoration: Restoration) -> ReplyStream:
        """See ``Codec.open_stream``."""
        return AnyStream(restoration)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return bedrock_refusal(status, code, message)
