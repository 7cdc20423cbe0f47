"""How often somebody may ask: a bucket of tokens for each who asks. Pure; the clock is the caller's."""

from __future__ import annotations

import threading
from dataclasses import dataclass

MAX_BUCKETS = 10_000


@dataclass(slots=True)
class _Bucket:
    filled: float
    at: float


class Rates:
    """``burst`` at once, then ``per_second`` on average. Safe to use from several threads."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = burst
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def wait(self, who: str, now: float) -> float:
        """Seconds to wait; 0 if this one is admitted, and then counted. ``now``: a monotonic clock's seconds."""
        with self._lock:
            bucket = self._buckets.get(who)
            if bucket is None:
                if len(self._buckets) >= MAX_BUCKETS:
                    del self._buckets[next(iter(self._buckets))]
                bucket = self._buckets[who] = _Bucket(float(self._burst), now)
            bucket.filled = min(float(self._burst), bucket.filled + (now - bucket.at) * self._per_second)
            bucket.at = now
            if bucket.filled < 1:
                return (1 - bucket.filled) / self._per_second
            bucket.filled -= 1
            return 0.0
