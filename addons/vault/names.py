"""What the vault calls things. Pure values; imports ``addons.wire.types`` and the masking room's ``Original`` only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from addons.masking.restorer import Original
from addons.wire.types import StoredObject


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose an object is. Nothing of one owner's is there for another."""

    tenant: str
    principal: str


@dataclass(frozen=True, slots=True)
class Keep:
    """To be written: what one object's placeholders stand for, and which ids mean the same object."""

    owner: Owner
    holder: StoredObject
    originals: Mapping[str, Original] = field(repr=False)
    """Added to what the object has already."""
    others: Sequence[StoredObject] = ()
    """Ids under which the holder's placeholders are found as well: the items of a response."""


@dataclass(frozen=True, slots=True)
class Forget:
    """To be destroyed: one object of an owner, and the ids that mean it."""

    owner: Owner
    target: StoredObject
