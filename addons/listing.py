"""Lists of stored objects: what the vault knows of what a reply mentions, taken into its restoration.

Imports no mitmproxy. A list's request names nothing; so the look-up waits until the list itself is there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from addons.exchange import Exchange
from addons.masking.session import MaskingSession, PlaceholderCollision
from addons.refusal import Refusal
from addons.remembering import Memory

COLLISION = "Two values of this request share a placeholder"


def listing(
    memory: Memory, principal: str, session: MaskingSession, exchange: Exchange, again: Callable[[], Exchange]
) -> Callable[[bytes], Awaitable[None]]:
    """See ``Exchange.listing``. ``again``: an exchange with a restoration of all that the session knows by then."""

    async def look_up(body: bytes) -> None:
        mentions = getattr(exchange.codec, "mentions", lambda _: ())(body)
        try:
            async for originals in memory.listed(principal, mentions):
                session.recall(originals)
        except PlaceholderCollision:
            raise Refusal(500, "placeholder_collision", f"{COLLISION}; the reply is withheld.") from None
        other = again()
        exchange.restoration, exchange.judge = other.restoration, other.judge

    return look_up
