"""Offsets into a model's text (citations, grounding), moved to where the restored text has the same place.

May import this room only. An offset is believed if the text restored in two pieces, cut there, is the text restored
whole. One that falls into a placeholder lies nowhere in the restored text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from addons.wire.types import Restoration

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
