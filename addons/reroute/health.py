"""Which on-prem upstreams can be rerouted to: a probe and a circuit breaker for each.

Rules for this file: the breaker is a pure state machine with the clock passed in; the monitor does the I/O (httpx,
without proxies from the environment, which would lead back to ourselves) and nothing else.

A breaker is *closed* while its server answers, *open* after ``failures_to_open`` failures in a row, and *half-open*
once ``cool_off_s`` have passed: then the next probe or request decides. A server that was never asked counts as
available, so that a start does not depend on the order in which things come up.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import httpx

from addons.settings_sections import OnPrem

PROBE_TIMEOUT_S = 5.0
PROBE_EVERY_S = 10.0
SERVER_FAULT = 500

Clock = Callable[[], float]


class State(StrEnum):
    """A breaker's state."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """One server's state, for metrics and health pages."""

    state: State
    failures: int
    """Failures in a row."""
    since_s: float | None
    """Seconds since the last answer or failure; None if there was none yet."""

    @property
    def available(self) -> bool:
        """True if a request may go there."""
        return self.state is not State.OPEN


class CircuitBreaker:
    """Says whether to try a server, from how it answered before."""

    def __init__(self, clock: Clock, *, failures_to_open: int = 3, cool_off_s: float = 15.0) -> None:
        self._clock = clock
        self._failures_to_open = failures_to_open
        self._cool_off_s = cool_off_s
        self._failures = 0
        self._opened_at: float | None = None
        self._last: float | None = None

    @property
    def state(self) -> State:
        """The state at this moment."""
        if self._opened_at is None:
            return State.CLOSED
        return State.HALF_OPEN if self._clock() - self._opened_at >= self._cool_off_s else State.OPEN

    def succeed(self) -> None:
        """The server answered."""
        self._failures = 0
        self._opened_at = None
        self._last = self._clock()

    def fail(self) -> None:
        """The server did not answer, or answered that it cannot."""
        self._failures += 1
        self._last = self._clock()
        if self._failures >= self._failures_to_open:
            self._opened_at = self._last

    def health(self) -> TargetHealth:
        """A snapshot."""
        since = None if self._last is None else self._clock() - self._last
        return TargetHealth(self.state, self._failures, since)


class HealthMonitor:
    """Watches every on-prem upstream. ``start`` and ``stop`` belong to the event loop that uses it.

    ``clock``, ``sleep`` and ``client_for`` are there for tests.
    """

    def __init__(
        self,
        targets: Mapping[str, OnPrem],
        *,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        client_for: Callable[[OnPrem], httpx.AsyncClient] | None = None,
        every_s: float = PROBE_EVERY_S,
    ) -> None:
        self._targets = dict(targets)
        self._breakers = {name: CircuitBreaker(clock) for name in targets}
        self._sleep = sleep
        self._client_for = client_for or _client
        self._every_s = every_s
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._task: asyncio.Task[None] | None = None

    def available(self, name: str) -> bool:
        """True if a request may be rerouted to ``name``. False for a name that is not configured."""
        breaker = self._breakers.get(name)
        return breaker is not None and breaker.health().available

    def succeeded(self, name: str) -> None:
        """A rerouted request was answered."""
        if breaker := self._breakers.get(name):
            breaker.succeed()

    def failed(self, name: str) -> None:
        """A rerouted request was not answered."""
        if breaker := self._breakers.get(name):
            breaker.fail()

    def states(self) -> Mapping[str, TargetHealth]:
        """Every server's state, by name."""
        return {name: breaker.health() for name, breaker in self._breakers.items()}

    async def probe(self, name: str) -> bool:
        """Ask one server now, and take note. Any answer below 500 means that it lives."""
        target = self._targets[name]
        try:
            client = self._clients.get(name) or self._clients.setdefault(name, self._client_for(target))
            answer = await client.get(target.url + target.health_path)
            alive = answer.status_code < SERVER_FAULT
        except (httpx.HTTPError, httpx.InvalidURL, OSError):  # OSError: a ca_file that cannot be read, too
            alive = False
        (self.succeeded if alive else self.failed)(name)
        return alive

    async def probe_all(self) -> None:
        """Ask every server once, side by side."""
        await asyncio.gather(*(self.probe(name) for name in self._targets))

    async def start(self) -> None:
        """Begin to probe in the background. Returns at once."""
        if self._targets and self._task is None:
            self._task = asyncio.create_task(self._run(), name="reroute-health")

    async def stop(self) -> None:
        """End the probing and close its connections."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _run(self) -> None:
        while True:
            await self.probe_all()
            await self._sleep(self._every_s)


def _client(target: OnPrem) -> httpx.AsyncClient:
    verify: ssl.SSLContext | bool = True
    if target.ca_file is not None:
        verify = ssl.create_default_context()
        verify.load_verify_locations(cafile=target.ca_file)
    elif target.url.startswith("http:"):
        verify = False  # nothing to verify, and loading the roots takes 20 ms
    return httpx.AsyncClient(
        verify=verify, trust_env=False, follow_redirects=False, timeout=min(PROBE_TIMEOUT_S, target.timeout_s)
    )
