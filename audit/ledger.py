"""The ledger in the database: leaves appended in the transaction that writes their records, and the tree read back.

One process at a time appends: SQLite's write lock, or an advisory lock on PostgreSQL, is held from before the records
are numbered until the commit. So the leaves are dense and the records' numbers grow along them. Imports the schema and
the tree; never commits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, or_, select, text

from audit.bulk import BulkInsert, driver_id
from audit.errors import AuditError
from audit.leaf import NEWEST
from audit.merkle import (
    Frontier,
    Node,
    Range,
    consistency_path,
    fold,
    inclusion_path,
    nodes_for,
    nodes_of,
)
from audit.schema import Base

_LOCK = 0x636F6174_6C656467
"""Any fixed number (this one spells "coatledg")."""

_ledger = Base.metadata.tables["ledger"]
_nodes = Base.metadata.tables["ledger_nodes"]
_insert_leaves = BulkInsert(_ledger, ("leaf", "kind", "record_seq", "record_id", "hash", "version"))
_insert_unversioned = BulkInsert(_ledger, ("leaf", "kind", "record_seq", "record_id", "hash"))
_insert_nodes = BulkInsert(_nodes, ("level", "position", "hash"))
_LAST = "SELECT leaf, hash FROM ledger ORDER BY leaf DESC LIMIT 1"
"""As text, for the driver: asked at every commit."""


class Entry(NamedTuple):
    """A record that gets a leaf."""

    kind: str
    seq: int
    id: str
    """The record's id, of an outcome its decision's."""
    hash: bytes
    """Of the newest version (`audit.leaf`)."""


def lock(connection: Connection) -> None:
    """Be the only one who appends until the transaction ends. Before anything of the transaction is numbered."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def size_of(connection: Connection) -> int:
    """Leaves in the ledger."""
    last = connection.exec_driver_sql(_LAST).first()
    return 0 if last is None else int(last.leaf) + 1


class Appender:
    """Appends leaves; keeps the right edge of the tree from one transaction to the next.

    What it keeps is used only while the last leaf in the database is still the one that it was made with: another
    process may have appended, a transaction may have been rolled back.
    """

    def __init__(self, *, versioned: bool = True) -> None:
        """``versioned``: False while the table is from before versions, for its migration."""
        self._versioned = versioned
        self._frontier = Frontier()
        self._last: bytes | None = None

    @property
    def frontier(self) -> Frontier:
        """The tree's edge after the last `append`."""
        return self._frontier

    def append(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """Add leaves for records of this transaction; `lock` was called before. Raises AuditError (``damaged``)."""
        frontier = self.sync(connection).copy()
        leaves: list[tuple[Any, ...]] = []
        nodes: list[tuple[Any, ...]] = []
        for entry in entries:
            key = driver_id(connection, entry.id)
            leaves.append((frontier.size, entry.kind, entry.seq, key, entry.hash, NEWEST))
            nodes += [(node.level, node.position, value) for node, value in frontier.append(entry.hash)]
        if self._versioned:
            _insert_leaves(connection, leaves)
        else:
            _insert_unversioned(connection, [leaf[:-1] for leaf in leaves])
        _insert_nodes(connection, nodes)
        if leaves:
            self._frontier, self._last = frontier, entries[-1].hash

    def sync(self, connection: Connection) -> Frontier:
        """The edge of the tree as the database has it now. Raises AuditError (``damaged``)."""
        last = connection.exec_driver_sql(_LAST).first()
        size, leaf = (0, None) if last is None else (int(last.leaf) + 1, bytes(last.hash))
        if size != self._frontier.size or leaf != self._last:
            self._frontier, self._last = frontier_at(connection, size), leaf
        return self._frontier


def frontier_at(connection: Connection, size: int) -> Frontier:
    """The edge of the tree when it had ``size`` leaves. Raises AuditError (``damaged``)."""
    nodes = nodes_of((0, size))
    hashes = read_nodes(connection, nodes)
    return Frontier(size, [hashes[node] for node in nodes])


def root_at(connection: Connection, size: int) -> bytes:
    """Root of the first ``size`` leaves, from the stored nodes. Raises AuditError (``damaged``)."""
    return frontier_at(connection, size).root()


def inclusion_proof(connection: Connection, leaf: int, size: int) -> list[bytes]:
    """Proof that ``leaf`` is among the first ``size`` leaves. Raises AuditError (``damaged``), ValueError."""
    return _proof(connection, inclusion_path(leaf, size))


def consistency_proof(connection: Connection, old: int, new: int) -> list[bytes]:
    """Proof that the tree of size ``old`` is the beginning of that of size ``new``. Raises as `inclusion_proof`."""
    return _proof(connection, consistency_path(old, new))


def _proof(connection: Connection, ranges: Sequence[Range]) -> list[bytes]:
    hashes = read_nodes(connection, nodes_for(ranges))
    return [fold([hashes[node] for node in nodes_of(leaves)]) for leaves in ranges]


def read_nodes(connection: Connection, nodes: Iterable[Node]) -> dict[Node, bytes]:
    """Stored hashes, leaves' among them. Raises AuditError (``damaged``) if one is not there."""
    by_level: dict[int, list[int]] = defaultdict(list)
    for node in nodes:
        by_level[node.level].append(node.position)
    found: dict[Node, bytes] = {}
    if leaves := by_level.pop(0, None):
        query = select(_ledger.c.leaf, _ledger.c.hash).where(_ledger.c.leaf.in_(leaves))
        found.update((Node(0, int(row.leaf)), bytes(row.hash)) for row in connection.execute(query))
    if by_level:
        wanted = (and_(_nodes.c.level == level, _nodes.c.position.in_(at)) for level, at in by_level.items())
        for row in connection.execute(select(_nodes).where(or_(*wanted))):
            found[Node(row.level, int(row.position))] = bytes(row.hash)
    if len(found) < len(leaves or ()) + sum(map(len, by_level.values())):
        raise AuditError(
            "damaged",
            "The audit ledger lacks hashes that it once had: run `coatcheck audit verify`, then restore a backup.",
        )
    return found
