"""The asyncio service: batching, cache, limits, failing closed. Time is controlled by events, not by waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from detectors.config import DetectorConfig
from detectors.errors import DetectorError, DetectorOverloaded, DetectorTimeout
from detectors.service import DetectorService, SpanCache
from detectors.spans import Span


class Fake:
    """One span over each text; may be held, may fail."""

    version = "fake-1"

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.error: Exception | None = None

    def warm_up(self) -> None:
        self.batches.append(["<warm>"])

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        self.batches.append(list(texts))
        self.entered.set()
        assert self.gate.wait(20)
        if self.error is not None:
            raise self.error
        if "poison" in texts:
            raise DetectorError("recognizer X failed")
        return [[Span(0, len(text), "PERSON", 1.0, "Fake")] for text in texts]


async def started(fake: Fake, **settings: object) -> DetectorService:
    service = DetectorService(DetectorConfig.model_validate(settings), detector=fake)
    await service.start()
    fake.batches.clear()
    return service


async def test_life() -> None:
    fake = Fake()
    service = DetectorService(DetectorConfig(), detector=fake)
    assert not service.ready
    with pytest.raises(DetectorError, match="not running"):
        await service.detect(["a"])
    await service.start()
    assert service.ready
    assert service.version == "fake-1"
    assert fake.batches == [["<warm>"]]
    assert await service.detect(["ab", "c"]) == [
        [Span(0, 2, "PERSON", 1.0, "Fake")],
        [Span(0, 1, "PERSON", 1.0, "Fake")],
    ]
    assert await service.detect([]) == []
    await service.stop()
    await service.stop()
    assert not service.ready


async def test_concurrent_requests_share_batches_and_equal_texts() -> None:
    fake = Fake()
    service = await started(fake, batch_window_ms=20)
    answers = await asyncio.gather(*(service.detect([f"t{i % 5}", "same"]) for i in range(20)))
    assert all(answer[1] == [Span(0, 4, "PERSON", 1.0, "Fake")] for answer in answers)
    read = [text for batch in fake.batches for text in batch]
    assert sorted(read) == ["same", "t0", "t1", "t2", "t3", "t4"]
    assert len(fake.batches) == 1
    await service.stop()


async def test_what_was_seen_costs_nothing() -> None:
    fake = Fake()
    service = await started(fake)
    first = await service.detect(["history", "turn 1"])
    second = await service.detect(["history", "turn 1", "turn 2"])
    assert second[:2] == first
    assert fake.batches == [["history", "turn 1"], ["turn 2"]]
    assert (service.cache_hits, service.cache_misses) == (2, 3)
    await service.stop()


async def test_scopes_share_nothing() -> None:
    fake = Fake()
    service = await started(fake)
    await service.detect(["same"], scope="a")
    await service.detect(["same"], scope="b")
    await service.detect(["same"], scope="a")
    assert fake.batches == [["same"], ["same"]]
    await service.stop()


async def test_a_caller_cannot_change_the_cache() -> None:
    service = await started(Fake())
    (await service.detect(["abc"]))[0].clear()
    assert await service.detect(["abc"]) == [[Span(0, 3, "PERSON", 1.0, "Fake")]]
    await service.stop()


async def test_time_out() -> None:
    fake = Fake()
    service = await started(fake, time_limit_ms=30)
    fake.gate.clear()
    with pytest.raises(DetectorTimeout, match="30 ms"):
        await service.detect(["slow"])
    fake.gate.set()
    await service.stop()


async def test_any_exception_is_a_detector_error_without_data() -> None:
    fake = Fake()
    service = await started(fake)
    fake.error = ValueError("anna@example.com")
    with pytest.raises(DetectorError) as caught:
        await service.detect(["anna@example.com"])
    assert "anna" not in str(caught.value)
    fake.error = None
    assert len(await service.detect(["anna@example.com"])) == 1
    await service.stop()


async def test_one_bad_text_does_not_refuse_the_others() -> None:
    fake = Fake()
    service = await started(fake, batch_window_ms=20)
    good, bad = await asyncio.gather(service.detect(["good"]), service.detect(["poison"]), return_exceptions=True)
    assert good == [[Span(0, 4, "PERSON", 1.0, "Fake")]]
    assert isinstance(bad, DetectorError)
    await service.stop()


async def test_the_queue_is_bounded() -> None:
    fake = Fake()
    service = await started(fake, queue_texts=3)
    with pytest.raises(DetectorOverloaded):
        await service.detect(["1", "2", "3", "4"])
    assert len(await service.detect(["1", "2", "3"])) == 3
    await service.stop()


async def test_stop_refuses_what_waits() -> None:
    fake = Fake()
    service = await started(fake)
    fake.gate.clear()
    waiting = asyncio.create_task(service.detect(["held"]))
    assert await asyncio.to_thread(fake.entered.wait, 20)
    await service.stop()
    with pytest.raises(DetectorError, match="stopped"):
        await waiting
    fake.gate.set()


async def test_a_cancelled_caller_leaves_the_others_alone() -> None:
    fake = Fake()
    service = await started(fake)
    fake.gate.clear()
    first = asyncio.create_task(service.detect(["held"]))
    second = asyncio.create_task(service.detect(["held"]))
    assert await asyncio.to_thread(fake.entered.wait, 20)
    first.cancel()
    fake.gate.set()
    assert await second == [[Span(0, 4, "PERSON", 1.0, "Fake")]]
    await service.stop()


async def test_a_detector_that_cannot_start() -> None:
    class Broken(Fake):
        def warm_up(self) -> None:
            raise RuntimeError("secret detail")

    service = DetectorService(DetectorConfig(), detector=Broken())
    with pytest.raises(DetectorError) as caught:
        await service.start()
    assert "secret" not in str(caught.value)
    assert not service.ready


def test_the_cache_forgets_the_oldest_and_keeps_no_text() -> None:
    cache = SpanCache(2)
    names = [cache.name(text) for text in ("one", "two", "three")]
    assert len(set(names)) == 3
    for name in names[:2]:
        cache.put(name, [])
    assert cache.get(names[0]) == []
    cache.put(names[2], [])
    assert cache.get(names[1]) is None
    assert len(cache) == 2
    assert SpanCache(2).name("one") != names[0]
    assert cache.name("b", "a") != cache.name("ab") != cache.name("", "ab")
    assert cache.name("\ud800") != cache.name("\ud801")
    nothing = SpanCache(0)
    nothing.put(names[0], [])
    assert nothing.get(names[0]) is None
