"""What the vault keeps of an object: its placeholders, grouped by entity, as the bytes that are sealed.

Rules for this file: pure. A record holds one entity's placeholders: ``[[token, text, depth, value], ...]`` in JSON,
padded with spaces so that its length tells little of the values'. Half surrogate pairs survive (JSON escapes them).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from addons.masking.placeholders import STRICT
from addons.masking.restorer import Original
from addons.vault.errors import VaultError

PADDING = 64
"""A record's length is a multiple of this many bytes."""
VALUES_PER_RECORD = 512
OF_NO_ENTITY = "OTHER"
"""Under which records go whose placeholders do not show their entity."""


def packed(originals: Mapping[str, Original]) -> Iterator[tuple[str, bytes]]:
    """Entity and record, for each entity that the placeholders have; long ones in several records."""
    groups: dict[str, list[tuple[str, str, int, str]]] = {}
    for token, original in originals.items():
        strict = STRICT.fullmatch(token)
        entity = strict[1] if strict is not None else OF_NO_ENTITY
        groups.setdefault(entity, []).append((token, original.text, original.depth, original.value))
    for entity in sorted(groups):
        rows = groups[entity]
        for start in range(0, len(rows), VALUES_PER_RECORD):
            plain = json.dumps(rows[start : start + VALUES_PER_RECORD], separators=(",", ":")).encode("ascii")
            yield entity, plain + b" " * (-len(plain) % PADDING)


def unpacked(record: bytes) -> Iterator[tuple[str, Original]]:
    """Placeholder and original, for each in a record. Raises VaultError ``damaged`` for what is none."""
    try:
        for token, text, depth, value in json.loads(record):
            yield str(token), Original(str(text), int(depth), str(value))
    except (ValueError, TypeError):
        raise VaultError("damaged", "A record of the vault does not hold what it should.") from None
