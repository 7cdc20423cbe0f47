"""What OpenAI keeps, and this gateway cannot restore yet: requests that lean on it, endpoints that hand it out.

May import this room only. What the provider has in store is masked, and what its placeholders stand for was known to
the flow that masked it, which is over. A reply that drew on it would come back with placeholders in place of values,
silently. So a request that names stored state is refused, and so is reading it back; deleting it is not. What is in an
encrypted compaction is stored state in the client's hands: the same holds.
"""

from __future__ import annotations

from addons.wire.collect import JsonRequest
from addons.wire.content import UnreadRequest
from addons.wire.jsondoc import ARRAY, Node
from addons.wire.openai_responses_items import kind_of_item
from addons.wire.openai_text import OpenAIText
from addons.wire.rules import FREE
from addons.wire.types import WireError

CODE = "stored_state"
"""Error code of such a refusal."""
_ITEMS = frozenset({"item_reference", "compaction", "compaction_trigger"})
_MASKED = "What the provider has stored is masked, and the gateway does not keep what its placeholders stand for"
_ADVICE = {
    "previous_response_id": "leave it out and send the whole conversation in `input`",
    "conversation": "leave it out and send the whole conversation in `input`",
    "background": "stream the response instead",
    "context_management": "leave it out and shorten the conversation yourself",
    "input": "send the items themselves (SDKs do with `store: false`)",
}


def refuse_stored_state(root: Node, *, background: bool = True) -> None:
    """Raise WireError ``stored_state`` if a Responses request leans on what the provider has stored or will store.

    ``background`` True: a background response that is not streamed counts, since its text can only be fetched later.
    """
    for name in ("previous_response_id", "conversation", "context_management"):
        member = root.get(name)
        if member is not None and member.value not in (None, "", []):
            raise _refused(name, f"$.{name}")
    if background and _is_true(root, "background") and not _is_true(root, "stream"):
        raise _refused("background", "$.background")
    given = root.get("input")
    if given is not None and given.kind == ARRAY:
        for index, item in enumerate(given.children):
            if kind_of_item(item) in _ITEMS:
                raise _refused("input", f"$.input[{index}]")


def _is_true(root: Node, name: str) -> bool:
    member = root.get(name)
    return member is not None and member.value is True


def _refused(member: str, where: str) -> WireError:
    return WireError(CODE, where, f"{_MASKED}: {_ADVICE[member]}")


class StoredState(OpenAIText):
    """``Codec`` of endpoints that hand out what is stored: every request is refused, its body unread."""

    def parse_request(self, body: bytes) -> JsonRequest:
        """Raises WireError ``stored_state``."""
        raise WireError(CODE, "path", f"{_MASKED}: keep the replies yourself")

    def parse_empty(self) -> UnreadRequest:
        """The same for a request without a body."""
        raise WireError(CODE, "path", f"{_MASKED}: keep the replies yourself")


def stored(name: str) -> StoredState:
    """The codec of one such endpoint."""
    return StoredState(name, FREE)
