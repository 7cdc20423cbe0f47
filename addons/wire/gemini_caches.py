"""Gemini's and Vertex AI's cached contents: made once, then named by the requests that begin with them.

May import this room only. What their placeholders stand for is kept under the object, which is called by the last part
of its name: Vertex writes a project's number where the client wrote its id. Which one is meant stands in the path or in
the request's ``cachedContent``; what the vault does not know is refused (see ``stored``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from addons.wire.collect import JsonRequest, parse_json
from addons.wire.content import UnreadRequest
from addons.wire.delta_events import DeltaEvents
from addons.wire.gemini_content import CONTENTS, SYSTEM, TOOLS, both, member
from addons.wire.gemini_errors import google_error, note_gemini
from addons.wire.jsondoc import LITERAL, Document, Node
from addons.wire.refusals import reply
from addons.wire.rules import FREE, NAME, NAMES, SKIP, TEXT, Rule, constant_role, fields, items
from addons.wire.stored import CACHE, NOTHING_STORED, Named, StoredUse, named_in_path
from addons.wire.types import ErrorReply, ReplyFacts, Restoration, StoredObject, WireError
from addons.wire.whole_reply import restore_whole

_AGAIN = "make it again through the gateway, with the key that asks for it"
_CONTENTS = "send the contents themselves"
_NOT_FOUND = 404
_STATED: dict[str, Rule] = both(
    {
        "name": NAME,
        "model": NAME,
        "displayName": constant_role("metadata", TEXT),
        "ttl": NAME,
        "expireTime": NAME,
        "createTime": NAME,
        "updateTime": NAME,
        "usageMetadata": SKIP,
        "encryptionSpec": NAMES,
        "kmsKeyName": NAME,
    }
)
CACHE_FIELDS: dict[str, Rule] = _STATED | both(
    {
        "contents": CONTENTS,
        "systemInstruction": SYSTEM,
        "tools": TOOLS,
        "toolConfig": fields(both({"retrievalConfig": FREE}), NAMES),
    }
)
"""Members of a cached content. What is not here is scanned as free-form data."""
_CACHE = fields(CACHE_FIELDS)
_REPLY = fields({**CACHE_FIELDS, **both({"cachedContents": items(_CACHE), "nextPageToken": NAME})})


def cache_named(name: str) -> StoredObject:
    """What an object is called in the vault: by the last part of ``projects/p/locations/l/cachedContents/ID``."""
    return StoredObject(CACHE, name.rstrip("/").rpartition("/")[2])


def use_of_cache(root: Node) -> StoredUse:
    """What a request that generates has to do with cached contents. A name that is none names nothing known."""
    named = [
        Named(cache_named(child.string or ""), f"$.{child.key}", _CONTENTS)
        for child in root.children
        if child.key in ("cachedContent", "cached_content") and child.kind != LITERAL and child.value != ""
    ]
    return StoredUse(named=named) if named else NOTHING_STORED


class GeminiCaches:
    """``Codec`` of ``cachedContents``. As it is, unbound, it makes one, or lists them."""

    def __init__(self, name: str, *, lists: bool = False, use: StoredUse | None = None):
        self.name = name
        making = StoredUse(named=(Named(None, "path", _CONTENTS),), creates=True)
        self._use = use if use is not None else StoredUse(lists=True) if lists else making

    def for_path(self, method: str, found: Mapping[str, str | None]) -> GeminiCaches:
        """The codec for a method and the id in a path: ``cache``."""
        key = found.get("cache")
        if not key:
            return self
        use = named_in_path(cache_named(key), method, _AGAIN, _NOT_FOUND, adds="PATCH")
        return GeminiCaches(self.name, use=use)

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``."""
        request = parse_json(body, _CACHE)
        request.model = request.model and request.model.rpartition("/")[2]
        request.stored = self._use
        return request

    def parse_empty(self) -> UnreadRequest:
        """The same for a request without a body."""
        request = UnreadRequest(b"")
        request.stored = self._use
        return request

    def mentions(self, body: bytes) -> list[tuple[StoredObject, Sequence[StoredObject]]]:
        """What a list names. Never raises: what is no list names nothing."""
        try:
            listed = member(Document.of_bytes(body, duplicates=True).root, "cachedContents")
        except WireError:
            return []
        names = [node.text("name") for node in (listed.children if listed is not None else ())]
        return [(cache_named(name), ()) for name in names if name]

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text."""
        return restore_whole(body, _REPLY, restoration, _note)

    def open_stream(self, restoration: Restoration) -> DeltaEvents:
        """See ``Codec.open_stream``."""
        return DeltaEvents(restoration, ReplyFacts(), FREE)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return reply(status, code, google_error(status, code, message))


def _note(facts: ReplyFacts, plain: dict[str, Any]) -> None:
    note_gemini(facts, {name: value for name, value in plain.items() if name == "error"})
    name = plain.get("name")
    if isinstance(name, str) and "cachedContents/" in name:
        facts.objects[cache_named(name)] = None
