"""Between the pipeline and the vault: what a request needs to know of stored objects, what a reply leaves there.

Knows the wire room's words for stored state and the vault's names; no database, no mitmproxy. What cannot be known or
kept is a Refusal, but in observe mode, where a reply goes out all the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from addons.exchange import Exchange
from addons.keeping import CODE, REFUSED, Keeping
from addons.masking.restorer import Original
from addons.metrics import Metrics
from addons.recording import Case
from addons.refusal import Refusal
from addons.vault.errors import VaultError
from addons.vault.names import Forget, Keep, Owner
from addons.wire.stored import CODE as STORED_STATE
from addons.wire.stored import StoredUse, explain
from addons.wire.types import StoredObject

log = logging.getLogger("coatcheck")

HTTP_ERROR, NOT_FOUND = 400, 404
AT_ONCE = 200
"""Objects of a list that are looked up in one go."""
UNLISTED = "What this list's placeholders stand for cannot be looked up in the vault"


class VaultLike(Protocol):
    """What the pipeline needs of ``addons.vault.service.Vault``."""

    def owner(self, principal: str) -> Owner: ...

    async def find(self, principal: str, names: Sequence[StoredObject]) -> list[Mapping[str, Original] | None]: ...

    async def write(self, *jobs: Keep | Forget) -> None: ...


class Memory:
    """The vault as the pipeline uses it; without one, what leans on stored state is refused."""

    def __init__(self, vault: VaultLike | None, metrics: Metrics, *, required: bool) -> None:
        """``required`` False: a reply goes out also where the vault cannot keep what it names (observe mode)."""
        self._vault = vault
        self._metrics = metrics
        self._required = required

    async def recall(self, principal: str, use: StoredUse) -> Mapping[StoredObject, Mapping[str, Original]]:
        """What the placeholders stand for in the stored objects that a request names. Raises Refusal."""
        vault = self._vault
        for named in use.named:
            if vault is None and named.needed:
                raise Refusal(400, STORED_STATE, explain(named, kept=False))
        wanted = [(one.object, one) for one in use.named if one.object is not None]
        if vault is None or not wanted:
            return {}
        try:
            found = await vault.find(principal, [key for key, _ in wanted])
        except VaultError as e:
            message = f"What the provider has stored cannot be looked up in the vault ({e.code}); nothing was sent."
            raise Refusal(503, CODE, message) from None
        recalled: dict[StoredObject, Mapping[str, Original]] = {}
        for (key, named), originals in zip(wanted, found, strict=True):
            if originals is not None:
                recalled[key] = originals
            elif named.needed:
                raise Refusal(named.status, STORED_STATE, explain(named, kept=True))
        return recalled

    async def add(self, case: Case, use: StoredUse) -> None:
        """What a stored object takes up from a request is in the vault before the request goes. Raises Refusal."""
        if self._vault is None or use.adds_to is None or case.session is None:
            return
        known = case.recalled.get(use.adds_to, {})
        new = {token: original for token, original in case.session.originals.items() if token not in known}
        if not new:
            return
        try:
            await self._vault.write(Keep(self._vault.owner(case.principal), use.adds_to, new))
        except VaultError as e:
            message = f"The vault cannot keep what this request's placeholders stand for ({e.code}); nothing was sent."
            raise Refusal(503, CODE, message) from None

    def keeping(self, case: Case, use: StoredUse) -> Keeping | None:
        """What the vault must have of the reply; None for a request that neither names nor makes stored state."""
        if self._vault is None or not (use.named or use.creates):
            return None
        return Keeping(
            self._vault.owner(case.principal),
            dict(case.session.originals) if case.session is not None else {},
            creates=use.creates,
            part_of=use.part_of,
            deletes=use.deletes,
            required=self._required,
            known=set(case.recalled),
        )

    async def listed(
        self, principal: str, mentions: Sequence[tuple[StoredObject, Sequence[StoredObject]]]
    ) -> AsyncIterator[Mapping[str, Original]]:
        """What the vault knows of the objects on a list, some at a time; the files that a known one names as its own
        mean the same from now on. Raises Refusal."""
        vault = self._vault
        for at in range(0, len(mentions) if vault is not None else 0, AT_ONCE):
            some = mentions[at : at + AT_ONCE]
            assert vault is not None
            try:
                found = await vault.find(principal, [one for one, _ in some])
                known = [(one, files) for (one, files), had in zip(some, found, strict=True) if had is not None]
                jobs = [Keep(vault.owner(principal), one, {}, list(files)) for one, files in known if files]
                if jobs:
                    await vault.write(*jobs)
            except VaultError as e:
                raise Refusal(503, CODE, f"{UNLISTED} ({e.code}).") from None
            for originals in found:
                if originals:
                    yield originals

    async def keep(self, exchange: Exchange, status: int) -> None:
        """Before a reply, or more of a streamed one, leaves: what it names is in the vault, and what it says is
        deleted is not. Raises Refusal where that cannot be had."""
        keeping, vault = exchange.keeping, self._vault
        if keeping is None or vault is None:
            return
        objects = exchange.facts.objects
        new = keeping.unkept(objects) if status < HTTP_ERROR else []
        jobs: list[Keep | Forget] = list(keeping.jobs(objects, new))
        if keeping.deletes is not None and (status < HTTP_ERROR or status == NOT_FOUND):
            jobs.append(Forget(keeping.owner, keeping.deletes))
        if not jobs:
            return
        begun = time.perf_counter()
        try:
            await vault.write(*jobs)
        except VaultError as e:
            if keeping.required:
                raise Refusal(503, CODE, f"{REFUSED} ({e.code})") from None
            log.error("the vault could not keep what a reply names: %s", e.code)
        keeping.known.update(new)
        self._metrics.vault_seconds.observe(time.perf_counter() - begun)
