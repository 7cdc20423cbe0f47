"""OpenAI's endpoints that hand out, change and delete what is stored: responses, conversations, chat completions.

May import this room only. Which object is meant stands in the path, so the registry binds the codec to it
(``for_path``). Where the vault does not know the object the request is refused (see ``stored``); deleting needs no
knowledge, and deletes in the vault as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from addons.wire.collect import JsonRequest, parse_json
from addons.wire.content import UnreadRequest
from addons.wire.jsondoc import Node
from addons.wire.openai_chat import REPLY as COMPLETION_REPLY
from addons.wire.openai_responses import EVENT, is_response, note_kept
from addons.wire.openai_responses import RESPONSE as RESPONSE_REPLY
from addons.wire.openai_responses_items import INPUT, ITEM
from addons.wire.openai_responses_stream import ResponsesStream
from addons.wire.refusals import openai_error, reply
from addons.wire.rules import FREE, NAME, NAMES, Rule, Visitor, constant_role, fields, items
from addons.wire.stored import COMPLETION, CONVERSATION, RESPONSE, Named, StoredUse, named_in_path
from addons.wire.stored import ITEM as STORED_ITEM
from addons.wire.types import ErrorReply, ReplyFacts, Restoration, StoredObject
from addons.wire.whole_reply import restore_whole

_ADVICE = "keep the replies yourself"
_NOT_FOUND = 404
_REQUEST = fields({"items": INPUT, "metadata": constant_role("metadata", FREE), "include": NAMES}, FREE)
_PAGE = dict.fromkeys(["object", "first_id", "last_id", "has_more"], NAME)
_ITEM_PAGE = fields({**_PAGE, "data": items(ITEM)}, FREE)
_REPLIES: Mapping[str, Rule] = {
    "response": RESPONSE_REPLY,
    "chat.completion": COMPLETION_REPLY,
    "conversation": fields({**dict.fromkeys(["id", "object", "created_at"], NAME), "metadata": FREE}, FREE),
}


def _reply_rule(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """By what the reply says that it is."""
    kind = node.text("object")
    if kind == "list":
        data = node.get("data")
        typed = data is not None and any(child.get("type") is not None for child in data.children)
        (_ITEM_PAGE if typed else FREE)(visitor, node, path, role)
    elif kind is None and node.get("type") is not None:
        ITEM(visitor, node, path, role)
    else:
        _REPLIES.get(kind or "", FREE)(visitor, node, path, role)


class StoredState:
    """``Codec`` of one such endpoint. As it is, unbound, it refuses: no object is named."""

    def __init__(self, name: str, *, creates: bool = False, use: StoredUse | None = None):
        self.name = name
        self._creates = creates
        self._use = (
            use if use is not None else StoredUse(creates=creates, named=(_anything() if creates else _unnamed(),))
        )

    def for_path(self, method: str, found: Mapping[str, str | None]) -> StoredState:
        """The codec for a method and the ids in a path: ``response``, ``conversation``, ``item``, ``completion``."""
        kinds = (RESPONSE, CONVERSATION, COMPLETION)
        whole = next((StoredObject(kind, key) for kind in kinds if (key := found.get(kind))), None)
        if whole is None:
            return self
        item = found.get(STORED_ITEM)
        meant = StoredObject(STORED_ITEM, item) if item else None
        use = named_in_path(whole, method, _ADVICE, _NOT_FOUND, adds="POST", meant=meant)
        return StoredState(self.name, use=use)

    def parse_request(self, body: bytes) -> JsonRequest:
        """See ``Codec.parse_request``."""
        request = parse_json(body, _REQUEST)
        request.stored = self._use
        return request

    def parse_empty(self) -> UnreadRequest:
        """The same for a request without a body."""
        request = UnreadRequest(b"")
        request.stored = self._use
        return request

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text."""
        return restore_whole(body, _reply_rule, restoration, note_kept, whole_in_spite=is_response)

    def open_stream(self, restoration: Restoration) -> ResponsesStream:
        """See ``Codec.open_stream``: a stored response can be had as the stream that it was."""
        return ResponsesStream(restoration, EVENT)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return reply(status, code, openai_error(status, code, message))


def _anything() -> Named:
    """Leans on nothing, and on there being a vault: what it makes can be read back later only."""
    return Named(None, "path", _ADVICE)


def _unnamed() -> Named:
    """What is asked for has no id that could be looked up: a list of all that is stored, or an unknown path."""
    return Named(StoredObject("", ""), "path", _ADVICE, _NOT_FOUND)
