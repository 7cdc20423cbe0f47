"""What of a reply the vault must have before the client does. Imports no mitmproxy and does no I/O.

A reply names what the provider stores from now on: a response, its items, a conversation. What their placeholders stand
for is written before those names leave, so that whoever has a name can use it. ``pipeline.keep`` writes; a stream waits
at its ``StreamGate`` meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from addons.masking.restorer import Original
from addons.vault.names import Keep, Owner
from addons.wire.stored import COMPACTION, FILE, MADE_OF_FILES, PARTS_OF_OTHERS
from addons.wire.types import ReplyFacts, StoredObject

log = logging.getLogger("coatcheck")

REFUSED = "The gateway could not keep what this reply's placeholders stand for; the reply is withheld."
CODE = "vault_unavailable"


@dataclass(slots=True)
class Keeping:
    """For one reply: whose it is, what its placeholders stand for, and what of it is kept already."""

    owner: Owner
    originals: Mapping[str, Original] = field(repr=False)
    creates: bool
    """What the reply names is stored from now on."""
    part_of: StoredObject | None
    """To what the reply's items belong; None: to the object that the reply names."""
    deletes: StoredObject | None
    required: bool
    """False in observe mode: the reply goes out all the same."""
    known: set[StoredObject] = field(default_factory=set)

    def unkept(self, objects: Collection[StoredObject]) -> list[StoredObject]:
        """Which of the objects that the reply has named so far the vault does not have yet.

        What the provider does not store still has its compactions: they are stored in the client's hands.
        """
        stored = self.creates or self.part_of is not None
        return [one for one in objects if one not in self.known and (stored or one.kind == COMPACTION)]

    def jobs(self, objects: Collection[StoredObject], new: Collection[StoredObject]) -> Iterator[Keep]:
        """What must be written for the ``new`` ones of a reply's ``objects``."""
        holder = self.part_of or next((one for one in objects if one.kind not in PARTS_OF_OTHERS), None)
        results = FILE if holder is not None and holder.kind in MADE_OF_FILES else None
        items = [one for one in new if one.kind == results or one.kind in PARTS_OF_OTHERS - {COMPACTION}]
        for one in new:
            if one == holder:
                yield Keep(self.owner, one, self.originals, items)
            elif one.kind == results:
                continue
            elif one.kind not in PARTS_OF_OTHERS or one.kind == COMPACTION or holder is None:
                yield Keep(self.owner, one, self.originals)
        if items and holder is not None and holder not in new:
            yield Keep(self.owner, holder, {}, items)


class Reply(Protocol):
    """What a gate needs of an ``Exchange``."""

    facts: ReplyFacts
    keeping: Keeping | None


class _Stream(Protocol):
    """What a gate needs of a ``StreamBody``."""

    def withhold(self, code: str, message: str) -> bytes | list[bytes]:
        """Nothing more leaves but an error event, which this answers with."""
        ...

    @property
    def parked(self) -> bool:
        """True while bytes wait for the judge's verdict."""
        ...

    def judged(self) -> bytes | list[bytes]:
        """What of the waiting bytes leaves now that the judge has been asked."""
        ...


class StreamGate[R: Reply]:
    """Stands between a stream's callable and the client (see ``http_stream.Gate``)."""

    def __init__(self, reply: R, stream: _Stream) -> None:
        self._reply = reply
        self._stream = stream
        self._shut = False

    def waits(self) -> bool:
        """True while bytes wait for the judge, or the reply has named something that the vault does not have."""
        return self._stream.parked or self._unkept()

    def _unkept(self) -> bool:
        keeping = self._reply.keeping
        return keeping is not None and not self._shut and bool(keeping.unkept(self._reply.facts.objects))

    async def settle(self, keep: Callable[[R], Awaitable[None]]) -> None:
        """Have it kept. Never raises: what fails leaves the gate shut, and the stream ends in an error."""
        try:
            await keep(self._reply)
        except Exception as e:
            log.error("a stream is withheld: what it names could not be kept: %s", type(e).__name__)

    def opened(self, out: bytes | list[bytes]) -> bytes | list[bytes]:
        """What may leave after the wait: ``out`` and what was judged, if all is kept; else an error."""
        if self._stream.parked:
            return _listed(out) + _listed(self._stream.judged())
        keeping = self._reply.keeping
        if keeping is None or not keeping.required or not self._unkept():
            return out
        self._shut = True
        return self._stream.withhold(CODE, REFUSED)


def _listed(out: bytes | list[bytes]) -> list[bytes]:
    return [out] if isinstance(out, bytes) else out
