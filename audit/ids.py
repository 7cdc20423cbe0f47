"""UUIDv7 ids (RFC 9562, section 5.7), strictly increasing within the process. Imports nothing of ours.

Layout: 48 bits of Unix milliseconds, the version, 12 bits ``rand_a``, the variant, 62 bits ``rand_b``. The 74 random
bits are one counter (section 6.2, method 2): a new millisecond draws them anew, the same millisecond (or a clock that
stepped back) adds a random amount to the last ones. A counter that runs over borrows the next millisecond.
"""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections.abc import Callable

_RANDOM_BITS = 74
_RANDOM_MASK = (1 << _RANDOM_BITS) - 1
_LOW_BITS = 62
_LOW_MASK = (1 << _LOW_BITS) - 1
_MAX_MILLISECONDS = (1 << 48) - 1


def _system_milliseconds() -> int:
    return time.time_ns() // 1_000_000


class UuidSource:
    """Makes UUIDv7 ids; thread-safe. ``milliseconds`` and ``draw`` (a random int of n bits) are for tests."""

    def __init__(
        self,
        milliseconds: Callable[[], int] = _system_milliseconds,
        draw: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self._milliseconds = milliseconds
        self._draw = draw
        self._lock = threading.Lock()
        self._last_ms = -1
        self._last_random = 0

    def next(self) -> uuid.UUID:
        """The next id; greater than every id that this source made before."""
        now = min(max(self._milliseconds(), 0), _MAX_MILLISECONDS)
        with self._lock:
            if now > self._last_ms:
                # The top bit stays clear, so that a millisecond has room to count up.
                self._last_ms, self._last_random = now, self._draw(_RANDOM_BITS - 1)
            else:
                self._last_random += 1 + self._draw(32)
                if self._last_random > _RANDOM_MASK:
                    self._last_ms, self._last_random = self._last_ms + 1, self._draw(_RANDOM_BITS - 1)
            milliseconds, random = self._last_ms, self._last_random
        return uuid.UUID(
            int=(milliseconds << 80) | (0x7 << 76) | ((random >> _LOW_BITS) << 64) | (0b10 << 62) | (random & _LOW_MASK)
        )


_process_source = UuidSource()


def new_id() -> str:
    """A new UUIDv7 as text (36 characters, lower case), greater than all that this process made before."""
    return str(_process_source.next())
