"""What the vault keeps of an object: its placeholders, grouped by entity, as the bytes that are sealed.

Rules for this file: pure. A record holds one entity's placeholders: ``[[code, text, depth, value], ...]`` in JSON,
padded with spaces so that its length tells little of the values'. Half surrogate pairs survive (JSON escapes them).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from addons.masking.restorer import Original
from addons.vault.errors import VaultError

PADDING = 64
"""A record's length is a multiple of this many bytes."""
VALUES_PER_RECORD = 512


def packed(originals: Mapping[str, Original]) -> Iterator[tuple[str, bytes]]:
    """Entity and record, for each entity that the placeholders have; long ones in several records."""
    groups: dict[str, list[tuple[str, str, int, str]]] = {}
    for token, original in originals.items():
        entity, _, code = token.rpartition("_")
        groups.setdefault(entity, []).append((code, original.text, original.depth, original.value))
    for entity in sorted(groups):
        rows = groups[entity]
        for start in range(0, len(rows), VALUES_PER_RECORD):
            plain = json.dumps(rows[start : start + VALUES_PER_RECORD], separators=(",", ":")).encode("ascii")
            yield entity, plain + b" " * (-len(plain) % PADDING)


def unpacked(entity: str, record: bytes) -> Iterator[tuple[str, Original]]:
    """Placeholder and original, for each in a record. Raises VaultError ``damaged`` for what is none."""
    try:
        for code, text, depth, value in json.loads(record):
            yield f"{entity}_{code}", Original(str(text), int(depth), str(value))
    except (ValueError, TypeError):
        raise VaultError("damaged", "A record of the vault does not hold what it should.") from None
