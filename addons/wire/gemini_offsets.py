"""Byte offsets of Gemini's grounding segments and citations, moved to where the restored text has them.

May import this room only. They count in UTF-8 bytes of a part's text (of the text so far, in a stream). What lies
nowhere in the restored text, or quotes another text, is dropped: its member becomes ``null``, which protobuf JSON reads
as not given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from addons.wire.gemini_content import member
from addons.wire.jsondoc import Node
from addons.wire.offsets import Said, shifted
from addons.wire.restore import Restorer


def move_offsets(candidate: Node, parts: Sequence[Said], whole: Said, restorer: Restorer) -> None:
    """A candidate's offsets. ``parts``: its parts' texts, if they are whole; ``whole``: all that it said."""
    if whole.masked == whole.restored and all(said.masked == said.restored for said in parts):
        return
    spans: list[tuple[Said | None, Node]] = []
    grounding = member(candidate, "groundingMetadata")
    supports = member(grounding, "groundingSupports") if grounding is not None else None
    for support in supports.children if supports is not None else ():
        segment = support.get("segment")
        if segment is not None:
            spans.append((_quoted(segment, parts, whole), segment))
    citations = member(candidate, "citationMetadata")
    for name in ("citations", "citationSources"):
        found = member(citations, name) if citations is not None else None
        spans += [(whole, citation) for citation in (found.children if found is not None else ())]
    for said in {id(said): said for said, _ in spans if said is not None}.values():
        mine = [span for owner, span in spans if owner is said]
        at = [bound for span in mine for bound in _bounds(span).values()]
        places = shifted(said, at, restorer.restoration, in_bytes=True)
        for span in mine:
            _move(span, places, restorer)
    for owner, span in spans:
        if owner is None:
            _move(span, {}, restorer)


def _quoted(segment: Node, parts: Sequence[Said], whole: Said) -> Said | None:
    """The text that a segment counts in: its part's, or (as streams do) all of it."""
    part = member(segment, "partIndex")
    index = (part.integer if part is not None else None) or 0
    quote = segment.text("text")
    bounds = _bounds(segment)
    for said in (*parts[index : index + 1], whole) if index >= 0 else ():
        raw = said.masked.encode("utf-8", "surrogatepass")
        start, end = bounds.get("startIndex", 0), bounds.get("endIndex", len(raw))
        within = 0 <= start <= end <= len(raw)
        if within and (quote is None or raw[start:end] == quote.encode("utf-8", "surrogatepass")):
            return said
    return None


def _bounds(span: Node) -> dict[str, int]:
    found = {}
    for name in ("startIndex", "endIndex"):
        node = member(span, name)
        if node is not None and node.integer is not None:
            found[name] = node.integer
    return found


def _move(span: Node, places: Mapping[int, int], restorer: Restorer) -> None:
    bounds = _bounds(span)
    fits = all(at in places for at in bounds.values())
    restorer.dropped += not fits
    for name, at in bounds.items():
        node = member(span, name)
        if node is not None:
            restorer.put(node, str(places[at]) if fits else "null")
