"""What requests and replies have to do with what a provider stores. Pure values and look-ups in plain JSON.

May import ``types`` only. What the provider has in store is masked. What its placeholders stand for is known to the
vault, under the ids that are found here; a request that leans on an id which the vault does not know is refused, since
the reply would come back with placeholders in place of values, silently.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from addons.wire.types import ReplyFacts, StoredObject

CODE = "stored_state"
"""Error code of such a refusal."""
RESPONSE, CONVERSATION, ITEM, COMPACTION, COMPLETION = "response", "conversation", "item", "compaction", "completion"
FILE, BATCH, JOB = "file", "batch", "job"
CACHE = "cached_content"
"""Kinds of stored objects. A compaction is stored in the client's hands: its id is a digest of its opaque content."""
PARTS_OF_OTHERS = frozenset({ITEM, COMPACTION})
MADE_OF_FILES = frozenset({BATCH, JOB})
"""Of what results are files: those mean the same placeholders as it does."""
_OBJECTS = {
    "response": RESPONSE,
    "response.compaction": RESPONSE,
    "conversation": CONVERSATION,
    "chat.completion": COMPLETION,
    "chat.completion.chunk": COMPLETION,
}


@dataclass(frozen=True, slots=True)
class Named:
    """Something stored that a request names, or leans on without naming it."""

    object: StoredObject | None
    """None: it has no id; that there is a vault will do."""
    where: str
    """JSON path of the name, or ``path``."""
    advice: str
    """What to do instead."""
    status: int = 400
    needed: bool = True
    """False: the request may go out also where the object is not known (it deletes it)."""


@dataclass(frozen=True, slots=True)
class StoredUse:
    """What one request has to do with what the provider stores."""

    named: Sequence[Named] = ()
    adds_to: StoredObject | None = None
    """A stored object that takes up what the request holds."""
    part_of: StoredObject | None = None
    """To what the items belong that the reply names; None: to the object that it names."""
    creates: bool = False
    """The reply names what the provider keeps from now on."""
    deletes: StoredObject | None = None
    lists: bool = False
    """The reply names stored objects that the request does not: known ones are looked up once it is there."""


NOTHING_STORED = StoredUse()


def named_in_path(
    whole: StoredObject, method: str, advice: str, not_found: int, *, adds: str, meant: StoredObject | None = None
) -> StoredUse:
    """The use of an object that a path names. ``adds``: the method by which it takes up what the request holds;
    ``meant``: the part of it that the path names further."""
    deletes = method.upper() == "DELETE"
    return StoredUse(
        named=(Named(whole, "path", advice, not_found, needed=not deletes),),
        adds_to=whole if method.upper() == adds else None,
        part_of=None if deletes else whole,
        deletes=(meant or whole) if deletes else None,
    )


_MASKED = "What the provider has stored is masked, and the gateway does not keep what its placeholders stand for"
_UNKNOWN = (
    "What the provider has stored is masked, and the gateway does not know what this object's placeholders stand for: "
    "it was made elsewhere or by another caller, was deleted, or its time to live is over"
)


def explain(named: Named, *, kept: bool) -> str:
    """Why a request is refused, for the developer. ``kept``: there is a vault, which does not have the object."""
    return f"{_UNKNOWN if kept else _MASKED}: {named.advice} ({named.where})."


def compaction_of(content: str) -> StoredObject:
    """What a compaction is called: by its content, which is opaque and comes back unchanged."""
    return StoredObject(COMPACTION, hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest())


def note_stored(facts: ReplyFacts, data: Mapping[str, Any]) -> None:
    """Note what a reply's object (a response, a conversation, a completion, a list of items, an item) is and holds."""
    kind, key = data.get("object"), data.get("id")
    known = _OBJECTS.get(kind) if isinstance(kind, str) else None
    if known is not None and isinstance(key, str):
        facts.objects[StoredObject(known, key)] = None
    elif kind is None:
        note_item(facts, data)
    for name in ("output", "data"):
        members = data.get(name)
        for member in members if isinstance(members, list) else ():
            note_item(facts, member)


def note_item(facts: ReplyFacts, item: object) -> None:
    """Note an item of a conversation."""
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        return
    if isinstance(item.get("id"), str) and item["id"]:
        facts.objects[StoredObject(ITEM, item["id"])] = None
    content = item.get("encrypted_content")
    if item["type"] == "compaction" and isinstance(content, str) and content:
        facts.objects[compaction_of(content)] = None
