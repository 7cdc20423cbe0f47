"""Offsets into a model's text (citations, grounding), moved to where the restored text has the same place.

May import this room only. An offset is believed if the text restored in two pieces, cut there, is the text restored
whole. One that falls into a placeholder lies nowhere in the restored text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from addons.wire.types import KnowsRequest, Restoration

MAX_ALONE = 64
"""Offsets that are tried one by one where they do not fit together."""


@dataclass(frozen=True, slots=True)
class Said:
    """One text as the model sent it and as the client has it."""

    masked: str
    restored: str


def shifted(said: Said, offsets: Iterable[int], restoration: Restoration, *, in_bytes: bool = False) -> dict[int, int]:
    """Where offsets of the masked text lie in the restored one; those that lie nowhere are absent.

    Offsets count code points, or UTF-8 bytes. ``said.restored`` may lack an end that is still held back.
    """
    points = {at: at for at in offsets if 0 <= at <= len(said.masked)}
    if in_bytes:
        raw = said.masked.encode("utf-8", "surrogatepass")
        points = {
            at: len(raw[:at].decode("utf-8", "surrogatepass"))
            for at in offsets
            if 0 <= at <= len(raw) and (at == len(raw) or raw[at] & 0xC0 != 0x80)
        }
    if said.masked == said.restored:
        return {at: at for at in points}
    moved = _moved(said, sorted(set(points.values())), restoration)
    return {
        at: len(moved[point].encode("utf-8", "surrogatepass")) if in_bytes else len(moved[point])
        for at, point in points.items()
        if point in moved
    }


def in_request(restoration: Restoration, start: int, end: int, quote: str) -> tuple[int, int] | None:
    """Where a place of a text of the request lies in the caller's own text; None if that cannot be known.

    The text is found by what it holds there (``quote``, as it was sent). Offsets count code points, or UTF-16 units if
    the quote stands at those.
    """
    if not isinstance(restoration, KnowsRequest) or not 0 <= start <= end:
        return None
    texts, own = restoration.sent_texts()
    found: set[tuple[int, int]] = set()
    for text in dict.fromkeys(texts):
        places = (start, end)
        wide = text[start:end] != quote
        if wide:
            raw = text.encode("utf-16-le", "surrogatepass")
            if raw[2 * start : 2 * end] != quote.encode("utf-16-le", "surrogatepass") or 2 * end > len(raw):
                continue
            places = _units(raw, start), _units(raw, end)
        said = Said(text, own.whole(text))
        moved = shifted(said, places, own)
        if not all(at in moved for at in places):
            return None
        new = [moved[at] for at in places]
        if wide:
            new = [len(said.restored[:at].encode("utf-16-le", "surrogatepass")) // 2 for at in new]
        found.add((new[0], new[1]))
    return found.pop() if len(found) == 1 else None


def _units(raw: bytes, at: int) -> int:
    return len(raw[: 2 * at].decode("utf-16-le", "surrogatepass"))


def _moved(said: Said, points: Sequence[int], restoration: Restoration) -> dict[int, str]:
    """Code point of the masked text -> what of the restored text stands before it."""
    together = _cut(said.masked, points, restoration)
    if "".join(together).startswith(said.restored):
        return {point: "".join(together[: i + 1]) for i, point in enumerate(points)}
    found: dict[int, str] = {}
    for point in points if len(points) <= MAX_ALONE else ():
        alone = _cut(said.masked, [point], restoration)
        if "".join(alone).startswith(said.restored):
            found[point] = alone[0]
    return found


def _cut(text: str, points: Sequence[int], restoration: Restoration) -> list[str]:
    pieces = [text[a:b] for a, b in pairwise([0, *points, len(text)])]
    return [restoration.whole(piece) if piece else "" for piece in pieces]
