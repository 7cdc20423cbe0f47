"""Any JSON endpoint that no codec knows: every text leaf, whatever the format means.

May import this room only. Member names that are no plain identifiers and long integers are segments too. Passed over
are only members that are identifiers by name (``model``, ``type``, ``role``, ``id``, ``object``, ``*_id``) and look
like one. Streams of server-sent events are restored by ``delta_events``; of streams with a JSON document per line each
line is restored by itself: a placeholder that is split over two lines stays one.
"""

from __future__ import annotations

import json

from addons.wire.collect import JsonRequest, parse_json
from addons.wire.delta_events import DeltaEvents
from addons.wire.jsondoc import ARRAY, NUMBER, OBJECT, Document, Node
from addons.wire.openai_stream import note_chat
from addons.wire.refusals import STREAM_ERROR, openai_error, reply
from addons.wire.restore import restore_document, restore_plain
from addons.wire.rules import FREE, NAME, OPAQUE, SKIP, Visitor, is_plain_key, step
from addons.wire.sse import MAX_EVENT, event_bytes
from addons.wire.streaming import EventStream
from addons.wire.types import ErrorReply, ReplyFacts, ReplyStream, Restoration, UnreadableKind, WireError

_NAMES = frozenset({"model", "type", "role", "id", "object", "status", "finish_reason"})
_TOKENS = frozenset({"prompt", "input", "context", "suffix"})
"""Members that may hold token ids instead of text: nobody here can read those."""
_OPAQUE = frozenset({"signature", "thoughtSignature", "thought_signature"})


def GENERIC(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Free-form data, but for members that are identifiers by name and look."""
    if node.kind not in (OBJECT, ARRAY):
        FREE(visitor, node, path, role)
        return
    for index, child in enumerate(node.children):
        key, below = child.key, step(path, child, index)
        if key is not None and not is_plain_key(key):
            visitor.key(child, f"{below}~key", role)
        if key in _TOKENS and child.kind == ARRAY and _is_tokens(child):
            visitor.unreadable(below, UnreadableKind.TOKENS)
            continue
        if key is not None and child.kind not in (OBJECT, ARRAY):
            if key in _NAMES or key.endswith("_id"):
                NAME(visitor, child, below, role)
                continue
            if key in _OPAQUE or key.startswith("encrypted_"):
                OPAQUE(visitor, child, below, role)
                continue
        GENERIC(visitor, child, below, role)


def _is_tokens(node: Node) -> bool:
    """True for an array of numbers, or of such arrays."""
    return bool(node.children) and all(
        child.kind == NUMBER or (child.kind == ARRAY and _is_tokens(child)) for child in node.children
    )


def GENERIC_REPLY(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """The same for replies, whose token counts need no look."""
    if node.key == "usage":
        SKIP(visitor, node, path, role)
    elif node.kind == OBJECT and path == "$":
        for index, child in enumerate(node.children):
            GENERIC_REPLY(visitor, child, step(path, child, index), role)
    else:
        GENERIC(visitor, node, path, role)


class Generic:
    """``Codec`` of whatever JSON there is."""

    stream_types = ("application/x-ndjson", "application/ndjson", "application/jsonl")
    """Besides events, lines of JSON are restored as they come."""

    def __init__(self, name: str = "generic"):
        self.name = name

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``."""
        return parse_json(body, GENERIC)

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text."""
        facts = ReplyFacts(complete=True)
        try:
            document = Document.of_bytes(body, duplicates=True)
        except WireError:
            return restore_plain(body, restoration), facts
        plain = document.root.plain()
        if isinstance(plain, dict):
            note_chat(facts, plain)
        new = restore_document(document, GENERIC_REPLY, restoration)
        return (body if new is None else new.encode("utf-8", "surrogatepass")), facts

    def open_stream(self, restoration: Restoration) -> ReplyStream:
        """See ``Codec.open_stream``."""
        return GenericStream(restoration)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``. In OpenAI's shape, which most servers share."""
        return reply(status, code, openai_error(status, code, message))


class GenericStream:
    """``ReplyStream`` that looks at the first bytes: events, or a JSON document per line."""

    def __init__(self, restoration: Restoration):
        self.facts = ReplyFacts()
        self._restoration = restoration
        self._events: EventStream | None = None
        self._buffer = b""
        self._lines = False
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        """See ``ReplyStream.feed``."""
        if self._events is not None:
            return self._events.feed(data)
        if self._ended:
            return b""
        self._buffer += data
        start = self._buffer.lstrip(b" \t\r\n\xef\xbb\xbf")[:1]
        if not self._lines and start:
            if start not in (b"{", b"["):
                self._events = DeltaEvents(self._restoration, self.facts, GENERIC_REPLY)
                data, self._buffer = self._buffer, b""
                return self._events.feed(data)
            self._lines = True
        if len(self._buffer) > MAX_EVENT:
            raise WireError("line_too_long", "stream", f"A line is longer than {MAX_EVENT} bytes", 502)
        if not self._lines or b"\n" not in data:
            return b""
        *lines, self._buffer = self._buffer.split(b"\n")
        return b"".join([self._line(line) + b"\n" for line in lines])

    def close(self) -> bytes:
        """See ``ReplyStream.close``."""
        if self._events is not None:
            return self._events.close()
        if self._ended:
            return b""
        self._ended = self.facts.complete = True
        rest, self._buffer = self._buffer, b""
        return self._line(rest) if rest else b""

    def error(self, message: str) -> bytes:
        """See ``ReplyStream.error``."""
        self._ended = True
        body = json.dumps(openai_error(500, STREAM_ERROR, message), ensure_ascii=False)
        if self._lines:
            return body.encode() + b"\n"
        return event_bytes(body) if self._events is None else self._events.error(message)

    def _line(self, line: bytes) -> bytes:
        try:
            new = restore_document(Document.of_bytes(line, duplicates=True), GENERIC_REPLY, self._restoration)
        except WireError:
            return restore_plain(line, self._restoration)
        return line if new is None else new.encode("utf-8", "surrogatepass")
