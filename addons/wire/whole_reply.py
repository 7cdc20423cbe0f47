"""A complete JSON reply restored by a rule, and its facts noted: what the codecs share.

May import this room only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from addons.wire.jsondoc import Document
from addons.wire.restore import restore_document, restore_plain
from addons.wire.rules import Rule
from addons.wire.types import ReplyFacts, Restoration, WireError


def _nothing(plain: dict[str, Any]) -> bool:
    return False


def restore_whole(
    body: bytes,
    rule: Rule,
    restoration: Restoration,
    note: Callable[[ReplyFacts, dict[str, Any]], None],
    *,
    splice: Callable[[Document, Rule, Restoration, ReplyFacts], str | None] | None = None,
    whole_in_spite: Callable[[dict[str, Any]], bool] = _nothing,
) -> tuple[bytes, ReplyFacts]:
    """See ``Codec.restore_reply``. What is no JSON is restored as text.

    ``splice``: what puts the originals back, where more than they must change (offsets). ``whole_in_spite``: of a reply
    that states an error, whether it is complete all the same.
    """
    facts = ReplyFacts()
    try:
        document = Document.of_bytes(body, duplicates=True)
    except WireError:
        return restore_plain(body, restoration), facts
    plain = document.root.plain()
    if isinstance(plain, dict):
        note(facts, plain)
        facts.complete = facts.error_type is None or whole_in_spite(plain)
    new = (splice or restore_document)(document, rule, restoration, facts)
    return (body if new is None else new.encode("utf-8", "surrogatepass")), facts
