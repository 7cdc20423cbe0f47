"""What an MCP server sends: results, its own requests and notifications, as JSON or as server-sent events.

May import this room only. A server writes text of any kind into members of any name (tools' results most of all), so
everything is restored but what is said here not to be: bytes of images and audio, resources that are no text, and the
two members that go back to the server as they are (``requestState``, ``nextCursor``). Every event holds one whole
message: nothing is split over two, and each is restored by itself.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from addons.wire.jsondoc import ARRAY, OBJECT, Document, Node
from addons.wire.refusals import STREAM_ERROR
from addons.wire.restore import Restorer
from addons.wire.rules import FREE, OPAQUE, Visitor, is_plain_key, step
from addons.wire.sse import Event, event_bytes
from addons.wire.streaming import EventStream
from addons.wire.types import ReplyFacts, Restoration

PARSE_ERROR, INVALID_REQUEST, INTERNAL_ERROR, REFUSED = -32700, -32600, -32603, -32010
"""JSON-RPC 2.0, section 5.1; the last is of the range that implementations may use as they like."""
_MALFORMED = frozenset({"malformed_json", "malformed_utf8", "byte_order_mark", "duplicate_key", "too_deep"})
_AS_IT_IS = frozenset({"requestState", "nextCursor"})
_TEXT_MEDIA = frozenset({"application/json", "application/xml"})

type Id = str | int | float


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: the ids that wait for an answer."""

    ids: Sequence[Id] = ()
    batch: bool = False

    @classmethod
    def in_document(cls, document: Document) -> Asked:
        """The requests of a message or batch; notifications and answers ask for nothing."""
        root = document.root
        messages = root.children if root.kind == ARRAY else [root]
        ids = [_id(message) for message in messages if message.get("method") is not None]
        return cls([one for one in ids if one is not None], root.kind == ARRAY)


def _id(message: Node) -> Id | None:
    node = message.get("id")
    value = node.plain() if node is not None else None
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def is_text(media: str) -> bool:
    """True for the media types of what is text although it comes in base64."""
    kind = media.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in _TEXT_MEDIA or kind.endswith(("+json", "+xml"))


def MESSAGE_REPLY(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """All text of a message, at any depth; ids too, which may have been masked on their way out."""
    if node.kind not in (OBJECT, ARRAY):
        FREE(visitor, node, path, role)
        return
    binary = node.text("type") in ("image", "audio")
    media = node.text("mimeType") or ""
    for index, child in enumerate(node.children):
        key, below = child.key, step(path, child, index)
        if key in _AS_IT_IS or (binary and key == "data"):
            OPAQUE(visitor, child, below, role)
        elif key == "blob" and child.string is not None and isinstance(visitor, Restorer):
            if is_text(media):
                _base64(visitor, child)
        elif key == "structuredContent":
            FREE(visitor, child, below, role)
        else:
            if key is not None and not is_plain_key(key):
                visitor.key(child, f"{below}~key", role)
            MESSAGE_REPLY(visitor, child, below, role)


def _base64(visitor: Restorer, node: Node) -> None:
    try:
        text = base64.b64decode(str(node.value), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return
    new = visitor.restoration.whole(text)
    if new != text:
        visitor.replace(node, base64.b64encode(new.encode("utf-8", "surrogatepass")).decode("ascii"))


def note(facts: ReplyFacts, message: Any) -> int:
    """Note what a message or batch says of itself; answers how many requests it answers."""
    if isinstance(message, list):
        return sum(note(facts, one) for one in message)
    if not isinstance(message, dict) or "method" in message or not ("result" in message or "error" in message):
        return 0
    error, result = message.get("error"), message.get("result")
    if isinstance(error, Mapping):
        facts.error_type = "jsonrpc_error"
    elif isinstance(result, Mapping) and result.get("isError") is True:
        facts.error_type = "tool_error"
    return 1


def error_message(asked: Asked, status: int, code: str, message: str) -> Any:
    """Errors of ours, one for each request; the specification wants no ``id`` where none is known."""
    if code in _MALFORMED:
        number = PARSE_ERROR
    elif status >= 500:
        number = INTERNAL_ERROR
    else:
        number = REFUSED if status in (401, 403) else INVALID_REQUEST
    error = {"code": number, "message": message, "data": {"code": code}}
    if not asked.ids:
        return {"jsonrpc": "2.0", "error": error}
    errors = [{"jsonrpc": "2.0", "id": one, "error": error} for one in asked.ids]
    return errors if asked.batch else errors[0]


class McpStream(EventStream):
    """Restores a server's events. It has come to its end when all that was asked is answered."""

    strict = False
    whole_rule = staticmethod(MESSAGE_REPLY)

    def __init__(self, restoration: Restoration, asked: Asked):
        super().__init__(restoration)
        self._asked = asked
        self._left = len(asked.ids)
        self.facts.complete = not self._left

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """One message."""
        self._count(data)
        return self.whole(event)

    def whole(self, event: Event, restoration: Restoration | None = None) -> bytes:
        """A batch is noted, too."""
        if event.data is not None and event.data.lstrip()[:1] == "[":
            try:
                batch = json.loads(event.data)
            except (ValueError, RecursionError):
                batch = []
            self._count(batch)
        return super().whole(event, restoration)

    def error_event(self, message: str) -> bytes:
        """An error for whatever still waits, as the message that it waits for."""
        return event_bytes(json.dumps(error_message(self._asked, 500, STREAM_ERROR, message), ensure_ascii=False))

    def _count(self, data: Any) -> None:
        self._left -= note(self.facts, data)
        self.facts.complete = self._left <= 0
