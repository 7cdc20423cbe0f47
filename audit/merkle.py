"""The Merkle tree of RFC 9162 (section 2.1), which is that of RFC 6962: hashes, appending, proofs, their checking.

Pure arithmetic on SHA-256 hashes (32 bytes); knows neither records nor databases. A complete subtree is a *node*
``(level, position)``: it covers the leaves ``position << level`` up to ``(position + 1) << level``; a leaf is level 0.
Every complete node is stored once and never changes, so a proof is a handful of look-ups.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

EMPTY_ROOT = sha256(b"").digest()


class Node(NamedTuple):
    """Place of a complete subtree."""

    level: int
    position: int

    @property
    def first(self) -> int:
        """The first leaf below it."""
        return self.position << self.level

    @property
    def last(self) -> int:
        """The last leaf below it."""
        return ((self.position + 1) << self.level) - 1


type Range = tuple[int, int]
"""Leaves from the first up to, not including, the second."""


def hash_leaf(data: bytes) -> bytes:
    """Hash of a leaf: of 0x00 and its bytes."""
    return sha256(b"\x00" + data).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: of 0x01 and its children's hashes."""
    return sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """Root over complete subtrees that stand side by side, the largest first; of none: the empty tree's."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = hash_node(left, root)
    return root


@dataclass(slots=True)
class Frontier:
    """The right edge of a tree, all that appending needs: one hash for each bit of ``size``, the largest tree first."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> list[tuple[Node, bytes]]:
        """Add a leaf's hash; returns the inner nodes that it completes (one on average, log2 of the size at most)."""
        completed: list[tuple[Node, bytes]] = []
        level, index, here = 0, self.size, leaf
        while index & 1:
            here = hash_node(self.peaks.pop(), here)
            level, index = level + 1, index >> 1
            completed.append((Node(level, index), here))
        self.peaks.append(here)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """Root of the tree as it is."""
        return fold(self.peaks)

    def copy(self) -> Frontier:
        """Another with the same content."""
        return Frontier(self.size, list(self.peaks))


def nodes_of(leaves: Range) -> list[Node]:
    """The complete subtrees that a range of a proof consists of, the largest first."""
    first, end = leaves
    nodes: list[Node] = []
    while first < end:
        level = (end - first).bit_length() - 1
        nodes.append(Node(level, first >> level))
        first += 1 << level
    return nodes


def _split(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_path(index: int, size: int) -> list[Range]:
    """The ranges whose hashes prove that leaf ``index`` is in the tree of ``size``, from the leaf upwards.

    RFC 9162, section 2.1.3.1. Raises ValueError unless ``0 <= index < size``.
    """
    if not 0 <= index < size:
        raise ValueError("the leaf is not in the tree")
    ranges: list[Range] = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((first, middle))
            first = middle
    return ranges[::-1]


def consistency_path(old: int, new: int) -> list[Range]:
    """The ranges whose hashes prove that the tree of size ``old`` is the beginning of that of size ``new``.

    RFC 9162, section 2.1.4.1; empty if the sizes are equal or ``old`` is 0. Raises ValueError if ``old > new``.
    """
    if not 0 <= old <= new:
        raise ValueError("a tree does not shrink")
    if old in (0, new):
        return []
    ranges: list[Range] = []
    first, end, whole = 0, new, True
    while old != end:
        middle = first + _split(end - first)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((first, middle))
            first, whole = middle, False
    if not whole:
        ranges.append((first, end))
    return ranges[::-1]


def root_of_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that a proof leads to, to be compared with a trusted one; None if it is no proof for this place.

    RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        return None
    fn, sn, root = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            root = hash_node(sibling, root)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = hash_node(root, sibling)
        fn, sn = fn >> 1, sn >> 1
    return root if sn == 0 else None


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """True if the proof shows that the tree of size ``old`` is the beginning of that of size ``new``.

    RFC 9162, section 2.1.4.2.
    """
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if not 0 < old < new or not proof:
        return False
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = hashes[0]
    for c in hashes[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = hash_node(c, fr), hash_node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = hash_node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root


def nodes_for(ranges: Iterable[Range]) -> set[Node]:
    """All nodes that must be looked up for the ranges of a proof."""
    return {node for leaves in ranges for node in nodes_of(leaves)}
