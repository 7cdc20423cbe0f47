"""Starts the vault, which lies in the audit database: later, if the gateway starts on the journal without it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from addons.vault.errors import VaultError
from addons.vault.service import Vault
from audit.recorder import Recorder

log = logging.getLogger("coatcheck")

RETRY_S = 2.0


@contextlib.asynccontextmanager
async def started(vault: Vault, recorder: Recorder, retry_s: float = RETRY_S) -> AsyncIterator[None]:
    """The vault for the block's length. While it waits for its database, calls to it fail and are refused.

    Raises VaultError if it cannot start though the database answers.
    """
    late: asyncio.Task[None] | None = None
    try:
        await vault.start()
    except VaultError as error:
        if recorder.status.problem is None:
            raise
        log.error("The vault starts when its database is back; what needs it is refused until then. %s", error)
        late = asyncio.create_task(_start_late(vault, retry_s))
    try:
        yield
    finally:
        if late is not None:
            late.cancel()
            await asyncio.wait([late])
        await vault.stop()


async def _start_late(vault: Vault, retry_s: float) -> None:
    while True:
        await asyncio.sleep(retry_s)
        with contextlib.suppress(VaultError):
            await vault.start()
            log.warning("The vault is there.")
            return
