"""A tombstone: which entries of the ledger lost their records, when, by whom and why, as a signed note. Pure.

The note's text is `FIRST_LINE` and one line of canonical JSON. The digest is SHA-256 over the leaves' hashes in order:
a tombstone fits one ledger alone. Imports notes and canonical JSON.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from audit.canonical import canonical, read
from audit.errors import AuditError
from audit.note import Note, SigningKey, parse_note

FIRST_LINE = "coatcheck tombstone v1"
"""No checkpoint begins so: a ledger's name has no spaces."""
_RANGE = re.compile(r"(0|[1-9][0-9]{0,18})(?:-([1-9][0-9]{0,18}))?")


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is signed."""

    id: str
    time: str
    """UTC, RFC 3339."""
    reason: str
    """``retention`` or ``erasure``."""
    by: str
    """Who ran the command: ``user@host``."""
    criteria: Mapping[str, Any]
    """What was asked for; of an erasure only by which kind of name."""
    count: int
    leaves: str
    """Places in the ledger, as `ranges_text` writes them."""
    digest: str
    """SHA-256 (hex) over the hashes of these entries."""

    def signed(self, key: SigningKey) -> str:
        """The note."""
        return key.sign(f"{FIRST_LINE}\n{canonical(dataclasses.asdict(self)).decode()}\n")


def parse_tombstone(text: str) -> tuple[Tombstone, Note]:
    """The tombstone of a note, whose signature the caller checks. Raises AuditError (``note``)."""
    note = parse_note(text)
    lines = note.text.split("\n")
    try:
        if len(lines) != 3 or lines[0] != FIRST_LINE:
            raise ValueError
        values = read(lines[1].encode())
        one = Tombstone(**values)
        if not all(type(getattr(one, f)) is str for f in ("id", "time", "reason", "by", "leaves", "digest")):
            raise ValueError
        ranges(one.leaves)
    except (ValueError, TypeError):
        raise AuditError("note", "This signed note is no tombstone.") from None
    return one, note


def ranges_text(leaves: Iterable[int]) -> str:
    """Ascending numbers as ``0-4,7``."""
    found: list[list[int]] = []
    for leaf in leaves:
        if found and leaf == found[-1][1] + 1:
            found[-1][1] = leaf
        else:
            found.append([leaf, leaf])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in found)


def ranges(text: str) -> list[tuple[int, int]]:
    """The ranges of `ranges_text`, both ends inclusive. Raises ValueError."""
    found: list[tuple[int, int]] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
        if last < first or (found and first <= found[-1][1]):
            raise ValueError("no ranges")
        found.append((first, last))
    return found
