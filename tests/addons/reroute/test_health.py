"""Breaker and monitor, with a clock and servers of our own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.reroute.health import CircuitBreaker, HealthMonitor, State, TargetHealth
from addons.settings_sections import OnPrem


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class TestBreaker:
    def test_it_opens_after_failures_in_a_row(self) -> None:
        breaker = CircuitBreaker(Clock(), failures_to_open=3)
        breaker.fail()
        breaker.fail()
        breaker.succeed()
        breaker.fail()
        breaker.fail()
        assert breaker.state is State.CLOSED
        breaker.fail()
        assert breaker.state is State.OPEN and not breaker.health().available

    def test_after_its_cool_off_the_next_answer_decides(self) -> None:
        clock = Clock()
        breaker = CircuitBreaker(clock, failures_to_open=1, cool_off_s=15)
        breaker.fail()
        clock.now += 14.9
        assert breaker.state is State.OPEN
        clock.now += 0.1
        assert breaker.state is State.HALF_OPEN and breaker.health().available
        breaker.fail()
        assert breaker.state is State.OPEN
        clock.now += 15
        breaker.succeed()
        assert breaker.state is State.CLOSED

    def test_health_tells_how_long_ago(self) -> None:
        clock = Clock()
        breaker = CircuitBreaker(clock)
        assert breaker.health() == TargetHealth(State.CLOSED, 0, None)
        breaker.fail()
        clock.now += 5
        assert breaker.health() == TargetHealth(State.CLOSED, 1, 5.0)

    @given(st.lists(st.sampled_from(["fail", "succeed", "wait"])), st.integers(1, 4))
    def test_open_only_after_enough_failures_and_never_after_an_answer(self, events: list[str], limit: int) -> None:
        clock = Clock()
        breaker = CircuitBreaker(clock, failures_to_open=limit, cool_off_s=1)
        in_a_row = 0
        for event in events:
            if event == "wait":
                clock.now += 1
            elif event == "fail":
                breaker.fail()
                in_a_row += 1
            else:
                breaker.succeed()
                in_a_row = 0
            assert (breaker.state is State.CLOSED) == (in_a_row < limit)


def monitor(answer: Callable[[httpx.Request], httpx.Response], clock: Clock | None = None) -> HealthMonitor:
    targets = {"local": OnPrem(url="http://127.0.0.1:8082", health_path="/health")}
    return HealthMonitor(
        targets,
        clock=clock or Clock(),
        client_for=lambda target: httpx.AsyncClient(transport=httpx.MockTransport(answer)),
    )


class TestMonitor:
    async def test_before_the_first_probe_a_server_counts_as_available(self) -> None:
        health = monitor(lambda request: httpx.Response(200))
        assert health.available("local")
        assert not health.available("unknown")

    @pytest.mark.parametrize(("status", "alive"), [(200, True), (401, True), (404, True), (500, False), (503, False)])
    async def test_any_answer_below_500_is_a_sign_of_life(self, status: int, alive: bool) -> None:
        asked: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(str(request.url))
            return httpx.Response(status)

        health = monitor(answer)
        assert await health.probe("local") is alive
        assert asked == ["http://127.0.0.1:8082/health"]
        assert health.states()["local"].failures == (0 if alive else 1)
        await health.stop()

    async def test_a_server_that_cannot_be_reached(self) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

        health = monitor(answer)
        for _ in range(3):
            assert health.available("local")
            assert not await health.probe("local")
        assert not health.available("local")
        health.succeeded("local")
        assert health.available("local")
        await health.stop()

    async def test_requests_count_as_probes(self) -> None:
        health = monitor(lambda request: httpx.Response(200))
        for _ in range(3):
            health.failed("local")
        health.failed("unknown")
        assert not health.available("local")
        assert await health.probe("local") and health.available("local")
        await health.stop()

    async def test_it_probes_in_the_background_until_stopped(self) -> None:
        answers = iter([500, 500, 500, 200])
        reached = asyncio.Event()
        naps: list[float] = []

        async def sleep(seconds: float) -> None:
            naps.append(seconds)
            if len(naps) == 4:
                reached.set()
                await asyncio.Event().wait()

        health = HealthMonitor(
            {"local": OnPrem(url="http://127.0.0.1:8082")},
            clock=Clock(),
            sleep=sleep,
            client_for=lambda target: httpx.AsyncClient(
                transport=httpx.MockTransport(lambda request: httpx.Response(next(answers)))
            ),
            every_s=7,
        )
        await health.start()
        await health.start()
        await reached.wait()
        await health.stop()
        await health.stop()
        assert naps == [7, 7, 7, 7]
        assert health.states()["local"] == TargetHealth(State.CLOSED, 0, 0.0)

    async def test_roots_that_cannot_be_read_are_a_failure_and_no_crash(self, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").write_text("no certificate")
        target = OnPrem(url="https://127.0.0.1:1", ca_file=tmp_path / "ca.pem")
        health = HealthMonitor({"local": target}, clock=Clock())
        assert not await health.probe("local")
        await health.stop()

    async def test_a_closed_port_is_a_failure(self) -> None:
        health = HealthMonitor({"local": OnPrem(url="http://127.0.0.1:1")}, clock=Clock())
        assert not await health.probe("local")
        await health.stop()

    async def test_without_targets_there_is_nothing_to_do(self) -> None:
        health = HealthMonitor({})
        await health.start()
        await health.stop()
        assert health.states() == {}
