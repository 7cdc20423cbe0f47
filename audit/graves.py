"""Are the records that are gone those that signed tombstones name, all of them, and no others? Part of verifying.

Memory grows with the number of tombstones, not with that of records. Reads only.
"""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select

from audit.errors import AuditError
from audit.note import PublicKey
from audit.schema import Base
from audit.tombstone import Tombstone, parse_tombstone, ranges
from audit.verification import Flaw, Kind, Report

_tombstones, _pruned = Base.metadata.tables["tombstones"], Base.metadata.tables["pruned"]


@dataclass(slots=True)
class _Grave:
    seq: int
    told: Tombstone | None
    """None: it cannot be believed."""
    places: list[tuple[int, int]] = field(default_factory=list)
    count: int = 0
    hashes: Any = field(default_factory=hashlib.sha256)

    def names(self, leaf: int) -> bool:
        at = bisect.bisect_right(self.places, (leaf, 2**63)) - 1
        return at >= 0 and self.places[at][0] <= leaf <= self.places[at][1]


class Graves:
    """The tombstones of a database; asked for every leaf in order."""

    def __init__(self, connection: Connection, report: Report, keys: Sequence[PublicKey]) -> None:
        self._connection, self._report = connection, report
        self._here: dict[int, int] = {}
        self._graves = {}
        for row in connection.execute(select(_tombstones).order_by(_tombstones.c.seq)):
            self._graves[int(row.seq)] = self._believed(row, keys)
        if self._graves and not keys:
            report.doubts.append("There are tombstones and no public key to check their signatures with: --public-key.")

    def _believed(self, row: Any, keys: Sequence[PublicKey]) -> _Grave:
        seq, why = int(row.seq), ""
        told: Tombstone | None = None
        try:
            told, note = parse_tombstone(str(row.note))
        except AuditError:
            why = "its note cannot be read"
        else:
            signed = note.signed_by(keys) if keys else True
            if not signed:
                why = "its signature is wrong" if signed is False else "none of the trusted keys signed it"
            elif told is None or (told.id, told.count, told.reason) != (str(row.id), row.count, row.reason):
                why = "its note speaks of another"
        if why:
            self._report.add(Flaw(Kind.TOMBSTONE, f"Tombstone {seq}, id {row.id}: {why}.", None, seq, str(row.id)))
            return _Grave(seq, None)
        assert told is not None
        return _Grave(seq, told, ranges(told.leaves))

    def look(self, first: int, last: int) -> None:
        """What is said to be pruned among the leaves from ``first`` to ``last``."""
        self._here = {}
        if self._graves:
            query = select(_pruned.c.leaf, _pruned.c.tombstone).where(_pruned.c.leaf.between(first, last))
            self._here = {int(leaf): int(seq) for leaf, seq in self._connection.execute(query)}

    def cover(self, row: Any, *, there: bool) -> bool:
        """True if a tombstone accounts for the record of this row of ``ledger``, or its claim was found wrong."""
        seq = self._here.get(row.leaf)
        grave = None if seq is None else self._graves.get(seq)
        if seq is None or (grave is not None and grave.told is None and not there):
            return False
        where = f"entry {row.leaf}, {row.kind} {row.record_seq}, id {row.record_id}"
        place = (row.leaf, row.record_seq, str(row.record_id))
        if grave is None or not grave.names(row.leaf):
            self._report.add(Flaw(Kind.TOMBSTONE, f"No tombstone names what is said to be pruned: {where}.", *place))
            return False
        if there:
            self._report.add(Flaw(Kind.INSERTED, f"The record was pruned and is there again: {where}.", *place))
        grave.count += 1
        grave.hashes.update(bytes(row.hash))
        return True

    def finish(self) -> None:
        """All leaves were asked for: is everything gone that the tombstones name?"""
        for grave in self._graves.values():
            if grave.told is None:
                continue
            told = grave.told
            if grave.count != told.count or grave.hashes.hexdigest() != told.digest:
                self._report.add(
                    Flaw(Kind.TOMBSTONE, f"Tombstone {grave.seq}, id {told.id}, is of {told.count} entries of the "
                         f"ledger; {grave.count} are pruned by it, or they are not those that it was signed for.",
                         None, grave.seq, told.id)
                )  # fmt: skip
            else:
                self._report.pruned[told.id] = grave.count
        known = select(func.count()).select_from(_pruned)
        total = self._connection.execute(known).scalar_one()
        counted = sum(grave.count for grave in self._graves.values())
        if total > counted and not self._report.flaw_count:
            self._report.add(Flaw(Kind.TOMBSTONE, f"{total - counted} places that are said to be pruned are none of "
                                  "the ledger's."))  # fmt: skip


class CarriedGraves:
    """The same of an export: entries without a record come first, the tombstone that names them later."""

    def __init__(self, report: Report, keys: Sequence[PublicKey]) -> None:
        self._report, self._keys = report, keys
        self._open: dict[str, _Grave] = {}
        self._unsigned = False

    def pruned(self, tombstone: str, leaf: int, leaf_hash: bytes) -> None:
        """An entry whose record is gone by a tombstone of this id."""
        grave = self._open.setdefault(tombstone, _Grave(0, None))
        grave.count += 1
        grave.hashes.update(leaf_hash)
        if grave.places and grave.places[-1][1] == leaf - 1:
            grave.places[-1] = (grave.places[-1][0], leaf)
        else:
            grave.places.append((leaf, leaf))

    def tombstone(self, record: Mapping[str, Any], leaf: int) -> None:
        """A tombstone's own entry."""
        key, why = str(record.get("id")), ""
        grave = self._open.pop(key, _Grave(0, None))
        try:
            told, note = parse_tombstone(str(record.get("note")))
        except AuditError:
            why = "its note cannot be read"
        else:
            signed = note.signed_by(self._keys) if self._keys else True
            self._unsigned = self._unsigned or not self._keys
            if not signed:
                why = "its signature is wrong" if signed is False else "none of the trusted keys signed it"
            elif (told.id, told.count, told.reason) != (key, record.get("count"), record.get("reason")):
                why = "its note speaks of another"
            elif (told.count, told.digest, ranges(told.leaves)) != (
                grave.count, grave.hashes.hexdigest(), grave.places
            ):  # fmt: skip
                why = "the entries without a record are not those that it names"
        if why:
            self._report.add(Flaw(Kind.TOMBSTONE, f"Tombstone id {key}: {why}.", leaf, None, key))
        else:
            self._report.pruned[key] = grave.count

    def finish(self) -> None:
        """All entries were given."""
        for key, grave in self._open.items():
            where = f"{grave.count} records from entry {grave.places[0][0]} on"
            self._report.add(Flaw(Kind.REMOVED, f"No tombstone {key} is there for {where}.", grave.places[0][0]))
        if self._unsigned:
            self._report.doubts.append("There are tombstones and no public key to check their signatures with: "
                                       "--public-key.")  # fmt: skip
