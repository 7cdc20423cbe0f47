"""Texts of the Responses API that other members point into: annotations by offset, ``logprobs`` token by token.

May import this room only. When a text is restored it changes its length: offsets into it are moved to where the same
place is now, and the tokens that spell a placeholder become one (``logprobs.py``), or all are dropped (``[]``).
"""

from __future__ import annotations

from addons.wire.jsondoc import ARRAY, Node
from addons.wire.openai_pointers import respell
from addons.wire.restore import Restorer
from addons.wire.rules import NAME, NAMES, TEXT, Rule, Visitor, fields, items, unknown_block
from addons.wire.types import Restoration

STARTS, ENDS = ("start_index", "index"), ("end_index",)
"""Members of an annotation that are offsets into its part's text, in code points."""
_LONGEST = 128
"""How far from an offset inside a placeholder its ends are looked for."""

ANNOTATION = fields(
    {
        **dict.fromkeys(["type", "file_id", "container_id", *STARTS, *ENDS], NAME),
        **dict.fromkeys(["filename", "title", "url"], TEXT),
    },
    unknown_block,
)
_TOKEN: dict[str, Rule] = {"token": TEXT, "logprob": NAME, "bytes": NAMES}
_LOGPROB = fields({**_TOKEN, "top_logprobs": items(fields(_TOKEN))})


def LOGPROBS(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Tokens with their probabilities. In a reply they stay or go with their text (see ``pointed_into``)."""
    if not isinstance(visitor, Restorer):
        items(_LOGPROB)(visitor, node, path, role)


class Offsets:
    """Where the places of a text are in its restored form."""

    def __init__(self, text: str, restoration: Restoration):
        self._text = text
        self._restoration = restoration
        self._new = restoration.whole(text)
        self._known: dict[int, int | None] = {}

    def start(self, offset: int) -> int:
        """Of a beginning: one inside a placeholder is the beginning of what was put in its place."""
        return self._at(offset, range(offset, max(-1, offset - _LONGEST), -1))

    def end(self, offset: int) -> int:
        """Of an end (exclusive): one inside a placeholder is the end of what was put in its place."""
        return self._at(offset, range(offset, min(len(self._text), offset + _LONGEST) + 1))

    def _at(self, offset: int, cuts: range) -> int:
        beyond = offset - len(self._text)
        if offset <= 0 or self._new == self._text:
            return offset
        if beyond >= 0:
            return len(self._new) + beyond
        return next((there for cut in cuts if (there := self._length(cut)) is not None), min(offset, len(self._new)))

    def _length(self, cut: int) -> int | None:
        """Length of what the first ``cut`` characters became; None if they end inside a placeholder."""
        if cut not in self._known:
            head = self._restoration.whole(self._text[:cut])
            self._known[cut] = len(head) if self._new.startswith(head) else None
        return self._known[cut]


def shift(restorer: Restorer, annotation: Node, offsets: Offsets) -> None:
    """Move an annotation's offsets to the restored text."""
    for names, moved in ((STARTS, offsets.start), (ENDS, offsets.end)):
        for name in names:
            member = annotation.get(name)
            old = member.integer if member is not None else None
            if member is not None and old is not None and (new := moved(old)) != old:
                restorer.edits.append((member.start, member.end, str(new)))


def pointed_into(rule: Rule) -> Rule:
    """The rule for an object with a ``text``; in a reply, what points into that text follows its change."""

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        rule(visitor, node, path, role)
        text = node.get("text")
        if text is None or text.string is None or not isinstance(visitor, Restorer):
            return
        logprobs = node.get("logprobs")
        if logprobs is not None and logprobs.kind == ARRAY and logprobs.children:
            respell(visitor, text, logprobs, "[]")
        if not any(start == text.start for start, _, _ in visitor.edits):
            return
        annotations = node.get("annotations")
        if annotations is not None and annotations.children:
            offsets = Offsets(text.string, visitor.restoration)
            for annotation in annotations.children:
                shift(visitor, annotation, offsets)

    return walk
