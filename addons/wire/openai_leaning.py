"""Where a Responses request leans on what the provider has stored or will store.

May import this room only.
"""

from __future__ import annotations

from collections.abc import Iterator

from addons.wire.jsondoc import ARRAY, Node
from addons.wire.openai_responses_items import kind_of_item
from addons.wire.stored import CONVERSATION, ITEM, RESPONSE, Named, StoredUse, compaction_of
from addons.wire.types import StoredObject

_HISTORY = "leave it out and send the whole conversation in `input`"
_ITEMS = "send the items themselves (SDKs do with `store: false`)"
_SHORTEN = "leave it out and shorten the conversation yourself"
_STREAM = "stream the response instead"


def use_of(root: Node, *, compacts: bool = False) -> StoredUse:
    """What a request of the Responses API has to do with stored state. A name that is none names nothing known."""
    conversation = root.get("conversation")
    named = [*_members(root), *_items(root.get("input"))]
    if compacts:
        named.append(Named(None, "path", _SHORTEN))
    adds_to = next((one.object for one in named if one.where == "$.conversation"), None) if conversation else None
    store = root.get("store")
    return StoredUse(named, adds_to=adds_to, part_of=adds_to, creates=store is None or store.value is not False)


def _members(root: Node) -> Iterator[Named]:
    previous = root.get("previous_response_id")
    if previous is not None and previous.value not in (None, ""):
        key = previous.string
        yield Named(StoredObject(RESPONSE, key or ""), "$.previous_response_id", _HISTORY)
    conversation = root.get("conversation")
    if conversation is not None and conversation.value not in (None, "", []):
        key = conversation.string or conversation.text("id")
        yield Named(StoredObject(CONVERSATION, key or ""), "$.conversation", _HISTORY)
    management = root.get("context_management")
    if management is not None and management.value not in (None, "", []):
        yield Named(None, "$.context_management", _SHORTEN)
    if _is_true(root, "background") and not _is_true(root, "stream"):
        yield Named(None, "$.background", _STREAM)


def _items(given: Node | None) -> Iterator[Named]:
    for index, item in enumerate(given.children if given is not None and given.kind == ARRAY else ()):
        kind, where = kind_of_item(item), f"$.input[{index}]"
        if kind == "item_reference":
            yield Named(StoredObject(ITEM, item.text("id") or ""), where, _ITEMS)
        elif kind == "compaction":
            yield Named(compaction_of(item.text("encrypted_content") or ""), where, _ITEMS)
        elif kind == "compaction_trigger":
            yield Named(None, where, _ITEMS)


def _is_true(root: Node, name: str) -> bool:
    member = root.get(name)
    return member is not None and member.value is True
