"""What verifying finds, and the judge of a sequence of leaves: is it dense, is it the tree that was signed?

Pure: leaves and checkpoints in, flaws out. Where they come from (`audit.verify`: the database; `audit.export`: a file)
is no concern of this file. Memory does not grow with the ledger.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from audit.checkpoint import Checkpoint, SignedCheckpoint
from audit.merkle import Frontier, Node, hash_node
from audit.note import PublicKey

MAX_LISTED = 200
"""Flaws that are kept word for word; further ones are counted."""

_MAX_EXCHANGES = 30
"""Pairs among which an exchange is looked for."""


class Kind(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    """A row is not what was recorded."""
    REMOVED = "removed"
    """A row is gone whose leaf is there."""
    INSERTED = "inserted"
    """A row has no leaf, or belongs to no record."""
    REORDERED = "reordered"
    """Entries stand at one another's places."""
    MISSING = "missing"
    """Entries of the ledger are gone from its middle."""
    TAIL = "tail removed"
    """Entries of the ledger are gone from its end."""
    TREE = "tree"
    """A stored hash above the leaves is not theirs."""
    FORGED = "forged checkpoint"
    """A checkpoint is not signed by a key that is trusted, or cannot be read."""
    HISTORY = "other history"
    """What a checkpoint vouches for is not what is there."""
    TOMBSTONE = "forged tombstone"
    """A tombstone is not signed by a key that is trusted, or is not of what is gone."""
    TIMESTAMP = "forged time-stamp"
    """A time-stamp is not of its checkpoint, or not by an authority that is trusted, or cannot be read."""
    ROLLED_BACK = "rolled back"
    """A checkpoint follows a larger one."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong."""

    kind: Kind
    message: str
    leaf: int | None = None
    """Place in the ledger."""
    seq: int | None = None
    """Number of the row."""
    id: str | None = None
    """Id of the decision."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """A checkpoint that an authority has seen."""

    size: int
    """Of the checkpoint."""
    time: str
    """As the authority says, UTC."""
    authority: str


@dataclass(slots=True)
class Report:
    """What was looked at and what was found."""

    size: int = 0
    """Leaves."""
    decisions: int = 0
    outcomes: int = 0
    policies: int = 0
    tombstones: int = 0
    pruned: dict[str, int] = field(default_factory=dict)
    """Entries without their record, by the id of the tombstone that says so."""
    root: bytes = b""
    checkpoints: int = 0
    """Signed by a trusted key, and right."""
    covered: int = 0
    """Leaves that the newest of them vouches for."""
    without_outcome: int = 0
    """Decisions whose request may have gone out and whose end is not recorded."""
    first_without_outcome: list[tuple[int, str]] = field(default_factory=list)
    """Number and id of the first of them."""
    flaws: list[Flaw] = field(default_factory=list)
    flaw_count: int = 0
    doubts: list[str] = field(default_factory=list)
    """Why it cannot be told, if nothing is wrong."""
    notices: list[str] = field(default_factory=list)
    timestamps: list[Stamped] = field(default_factory=list)
    """Tokens that fit, in the order of their file."""

    def add(self, flaw: Flaw) -> None:
        """Count a flaw, and keep it while there is room."""
        self.flaw_count += 1
        if len(self.flaws) < MAX_LISTED:
            self.flaws.append(flaw)

    @property
    def verdict(self) -> int:
        """0 whole, 1 not whole, 2 cannot tell: the exit code."""
        return 1 if self.flaw_count else 2 if self.doubts else 0


class Witnesses:
    """Checkpoints to hold a tree against; only those that a trusted key signed are believed."""

    def __init__(self, report: Report, keys: Sequence[PublicKey]) -> None:
        self._report = report
        self._keys = self.keys = keys
        self._points: list[tuple[int, bytes, str]] = []
        self._next = 0
        self.unsigned = 0
        """Checkpoints that nobody could judge because no key was given."""

    def add(self, given: Iterable[SignedCheckpoint], *, ordered: bool = False) -> None:
        """Take checkpoints; ``ordered``: they come from one file, in which sizes do not fall."""
        largest = -1
        for one in given:
            point = one.checkpoint
            if self._keys:
                signed = one.signed_by(self._keys)
                if not signed:
                    why = "its signature is wrong" if signed is False else "none of the trusted keys signed it"
                    self._report.add(Flaw(Kind.FORGED, f"{one.source}: the checkpoint of size {point.size}: {why}."))
                    continue
            else:
                self.unsigned += 1
            if ordered and point.size < largest:
                self._report.add(
                    Flaw(Kind.ROLLED_BACK, f"{one.source}: a checkpoint of size {point.size} follows one of {largest}.")
                )
            largest = max(largest, point.size)
            bisect.insort(self._points, (point.size, point.root, one.source))

    def trusted(self) -> list[Checkpoint]:
        """What was taken and is believed, the smallest first."""
        return [Checkpoint("", size, root) for size, root, _ in self._points] if self._keys else []

    def unreadable(self, source: str) -> None:
        """Say of a note that it is no checkpoint."""
        self._report.add(Flaw(Kind.FORGED, f"{source}: this is no checkpoint, or was cut off."))

    def judge(self, frontier: Frontier) -> None:
        """Compare with the tree as it is at this size; call it for every size from 0 on."""
        while self._next < len(self._points) and self._points[self._next][0] <= frontier.size:
            size, root, source = self._points[self._next]
            self._next += 1
            if root != frontier.root():
                first = self._report.covered
                self._report.add(
                    Flaw(Kind.HISTORY, f"{source}: the first {size} entries are not those that were signed; the first "
                         f"that differs is one of {first} to {size - 1}.", leaf=first)
                )  # fmt: skip
            elif self._keys:
                self._report.checkpoints += 1
                self._report.covered = max(self._report.covered, size)

    def finish(self, size: int, *, broken: bool) -> None:
        """Speak of the checkpoints that the tree never reached."""
        beyond = self._points[self._next :]
        if beyond and not broken:
            largest, _, source = beyond[-1]
            self._report.add(
                Flaw(Kind.TAIL, f"{source}: {largest} entries were signed and {size} are there: entries {size} to "
                     f"{largest - 1} were removed from the end.", leaf=size)
            )  # fmt: skip


class TreeCheck:
    """Takes the leaves in order; compares the nodes above them with stored ones, and the roots with checkpoints."""

    def __init__(self, report: Report, witnesses: Witnesses) -> None:
        self._report = report
        self._witnesses = witnesses
        self._frontier = Frontier()
        self._bad: set[Node] = set()
        self._recent: dict[int, bytes] = {}
        """Leaves since the last `compare`."""
        self._unfit: list[tuple[int, bytes, bytes, bytes]] = []
        """Pairs whose parent is another: left leaf's place, both hashes, the parent's."""
        self.broken = False
        """Leaves are missing: from there on no root can be computed."""
        witnesses.judge(self._frontier)

    @property
    def size(self) -> int:
        """Leaves so far."""
        return self._frontier.size

    def gap(self, first: int, following: int) -> None:
        """Entries from ``first`` up to ``following`` are not there."""
        what = f"entry {first} is" if following == first + 1 else f"entries {first} to {following - 1} are"
        self._report.add(Flaw(Kind.MISSING, f"The ledger's {what} missing.", leaf=first))
        self.broken = True

    def add(self, leaf: bytes) -> list[tuple[Node, bytes]]:
        """The next leaf's hash; returns the nodes that it completes. After a gap: none."""
        if self.broken:
            return []
        self._recent[self._frontier.size] = leaf
        completed = self._frontier.append(leaf)
        self._witnesses.judge(self._frontier)
        return completed

    def compare(self, completed: Sequence[tuple[Node, bytes]], stored: Mapping[Node, bytes]) -> None:
        """Hold computed nodes, in order, against the stored ones. A node's flaw is that of all above it, told once."""
        for node, value in completed:
            here = stored.get(node)
            children = (Node(node.level - 1, node.position * 2), Node(node.level - 1, node.position * 2 + 1))
            fine, inherited = here == value, not self._bad.isdisjoint(children)
            self._bad.difference_update(children)
            if not fine:
                self._bad.add(node)
            if not fine and not inherited:
                self._tell(node, here)
        last = self._frontier.size - 1
        self._recent = {last: self._recent[last]} if last in self._recent else {}

    def finish(self) -> None:
        """All leaves were given."""
        for one, other in itertools.combinations(self._unfit, 2):
            self._try_exchange(one, other)
        self._report.size = self._frontier.size
        self._report.root = self._frontier.root()
        self._witnesses.finish(self._frontier.size, broken=self.broken)

    def _tell(self, node: Node, here: bytes | None) -> None:
        left, right = self._recent.get(node.first), self._recent.get(node.last)
        if here is None:
            message = f"The stored hash over entries {node.first} to {node.last} is missing."
        elif node.level == 1 and left is not None and right is not None:
            if hash_node(right, left) == here:
                self._report.add(
                    Flaw(Kind.REORDERED, f"Entries {node.first} and {node.last} stand at one another's places.",
                         leaf=node.first)
                )  # fmt: skip
                return
            if len(self._unfit) < _MAX_EXCHANGES:
                self._unfit.append((node.first, left, right, here))
            message = f"Entries {node.first} and {node.last} are not both those that were recorded."
        else:
            message = f"The stored hash over entries {node.first} to {node.last} is not theirs."
        self._report.add(Flaw(Kind.TREE, message, leaf=node.first))

    def _try_exchange(self, one: tuple[int, bytes, bytes, bytes], other: tuple[int, bytes, bytes, bytes]) -> None:
        """Two pairs that do not fit, and would with one entry of each exchanged."""
        for i, j in itertools.product((0, 1), (0, 1)):
            first, second = [one[1], one[2]], [other[1], other[2]]
            first[i], second[j] = second[j], first[i]
            if hash_node(*first) == one[3] and hash_node(*second) == other[3]:
                places = f"Entries {one[0] + i} and {other[0] + j} stand at one another's places."
                self._report.add(Flaw(Kind.REORDERED, places, leaf=one[0] + i))
