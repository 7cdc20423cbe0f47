"""The detector for asyncio: off the event loop, batched across requests, with a cache, a bound and a time limit.

Every failure is a ``DetectorError``, so that a caller has one thing to fail closed on. May import
``detector``; knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from detectors.config import DetectorConfig
from detectors.detector import Detector
from detectors.errors import DetectorError, DetectorOverloaded, DetectorTimeout
from detectors.spans import Span
from detectors.worker import Worker

MAX_BATCH_TEXTS = 256
"""Texts that one run of the detector takes."""


class TextDetector(Protocol):
    """What the service needs of a detector."""

    @property
    def version(self) -> str:
        """Names rules and model."""

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Spans of each text."""

    def warm_up(self) -> None:
        """Do once what the first call would have to."""


class SpanCache:
    """Least recently used spans by a keyed BLAKE2b (RFC 7693) of the text; the key is random per process, the
    text is not kept.
    """

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._key = secrets.token_bytes(32)
        self._spans: OrderedDict[bytes, tuple[Span, ...]] = OrderedDict()

    def name(self, text: str, scope: str = "") -> bytes:
        """The keyed hash of scope and text. Lone surrogates are hashed as they are."""
        scoped = f"{len(scope)}:{scope}{text}"
        return hashlib.blake2b(scoped.encode("utf-8", "surrogatepass"), key=self._key, digest_size=24).digest()

    def get(self, name: bytes) -> list[Span] | None:
        """Spans known under ``name``."""
        spans = self._spans.get(name)
        if spans is None:
            return None
        self._spans.move_to_end(name)
        return list(spans)

    def put(self, name: bytes, spans: Sequence[Span]) -> None:
        """Remember spans, forget the oldest ones beyond the limit."""
        if self._entries == 0:
            return
        self._spans[name] = tuple(spans)
        self._spans.move_to_end(name)
        while len(self._spans) > self._entries:
            self._spans.popitem(last=False)

    def __len__(self) -> int:
        return len(self._spans)


@dataclass(slots=True)
class _Job:
    """One text that waits; everyone who asked for the same text waits for the same future."""

    text: str
    future: asyncio.Future[list[Span]]
    waiters: int = field(default=1)


class DetectorService:
    """``await start()``, ``await detect(texts)``, ``await stop()``."""

    def __init__(self, config: DetectorConfig | None = None, *, detector: TextDetector | None = None) -> None:
        self.config = config or DetectorConfig()
        self._detector = detector
        self._cache = SpanCache(self.config.cache_entries)
        self._jobs: OrderedDict[bytes, _Job] = OrderedDict()
        self._running: dict[bytes, _Job] = {}
        self._wake = asyncio.Event()
        self._thread: Worker | None = None
        self._server: asyncio.Task[None] | None = None
        self.cache_hits = 0
        """Texts answered without the detector."""
        self.cache_misses = 0
        """Texts that the detector had to read."""

    @property
    def ready(self) -> bool:
        """True between a successful start and stop, while it serves."""
        return self._server is not None and not self._server.done()

    @property
    def version(self) -> str:
        """The detector's version; ``unloaded`` before the start."""
        return self._detector.version if self._detector is not None else "unloaded"

    async def start(self) -> None:
        """Load and warm up off the event loop, then serve. Raises DetectorError."""
        if self.ready:
            return
        thread = Worker("detector")
        try:
            self._detector = await thread.run(self._load)
        except BaseException as error:
            thread.stop()
            if isinstance(error, DetectorError) or not isinstance(error, Exception):
                raise
            raise DetectorError(f"the detector cannot start ({type(error).__name__})") from None
        self._thread = thread
        self._wake = asyncio.Event()
        self._server = asyncio.create_task(self._serve(), name="detector")

    def _load(self) -> TextDetector:
        detector = self._detector if self._detector is not None else Detector(self.config)
        detector.warm_up()
        return detector

    async def stop(self) -> None:
        """Refuse what waits, end the thread without waiting for it. May be called twice."""
        server, self._server = self._server, None
        left = [*self._jobs.values(), *self._running.values()]
        if server is not None:
            server.cancel()
            await asyncio.gather(server, return_exceptions=True)
        for job in left:
            if not job.future.done():
                job.future.set_exception(DetectorError("the detector was stopped"))
                job.future.exception()
        self._jobs.clear()
        self._running.clear()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()

    async def detect(self, texts: Sequence[str], *, scope: str = "") -> list[list[Span]]:
        """Spans of each text. Raises DetectorTimeout, DetectorOverloaded or another DetectorError.

        What one ``scope`` (a tenant) sent does not make the same text faster for another: the cache is no oracle.
        """
        if not self.ready:
            raise DetectorError("the detector is not running")
        names = [self._cache.name(text, scope) for text in texts]
        answers: list[list[Span] | None] = [self._cache.get(name) for name in names]
        waiting: dict[bytes, _Job] = {}
        missing = {name: text for name, text, answer in zip(names, texts, answers, strict=True) if answer is None}
        self.cache_hits += sum(answer is not None for answer in answers)
        self.cache_misses += len(missing)
        if not missing:
            return [answer for answer in answers if answer is not None]
        new = sum(name not in self._jobs and name not in self._running for name in missing)
        if len(self._jobs) + new > self.config.queue_texts:
            raise DetectorOverloaded(f"more than {self.config.queue_texts} texts wait for the detector")
        for name, text in missing.items():
            waiting[name] = self._enqueue(name, text)
        try:
            async with asyncio.timeout(self.config.time_limit_ms / 1000):
                found = await asyncio.gather(*(asyncio.shield(job.future) for job in waiting.values()))
        except TimeoutError:
            raise DetectorTimeout(f"the detector did not answer within {self.config.time_limit_ms} ms") from None
        finally:
            self._leave(waiting)
        known = dict(zip(waiting, found, strict=True))
        return [
            answer if answer is not None else list(known[name]) for name, answer in zip(names, answers, strict=True)
        ]

    def _enqueue(self, name: bytes, text: str) -> _Job:
        job = self._jobs.get(name) or self._running.get(name)
        if job is not None:
            job.waiters += 1
            return job
        job = self._jobs[name] = _Job(text, asyncio.get_running_loop().create_future())
        self._wake.set()
        return job

    def _leave(self, waiting: dict[bytes, _Job]) -> None:
        """Nobody waits for a text any more: it need not be read."""
        for name, job in waiting.items():
            job.waiters -= 1
            if job.waiters == 0 and self._jobs.get(name) is job:
                del self._jobs[name]
            if job.future.done() and not job.future.cancelled():
                job.future.exception()

    async def _serve(self) -> None:
        while True:
            await self._wake.wait()
            if self.config.batch_window_ms and self._jobs:
                await asyncio.sleep(self.config.batch_window_ms / 1000)
            self._wake.clear()
            while self._jobs:
                await self._run_batch()

    async def _run_batch(self) -> None:
        batch: dict[bytes, _Job] = {}
        while self._jobs and len(batch) < MAX_BATCH_TEXTS:
            name, job = self._jobs.popitem(last=False)
            batch[name] = job
        self._running = batch
        try:
            found = await self._read([job.text for job in batch.values()])
        except DetectorError as error:
            if len(batch) > 1:
                await self._one_by_one(batch)
            else:
                _fail(batch, error)
        else:
            for (name, job), spans in zip(batch.items(), found, strict=True):
                self._answer(name, job, spans)
        finally:
            self._running = {}

    async def _one_by_one(self, batch: dict[bytes, _Job]) -> None:
        """One text spoiled the batch: only its own callers are refused."""
        for name, job in batch.items():
            try:
                spans = (await self._read([job.text]))[0]
            except DetectorError as error:
                _fail({name: job}, error)
            else:
                self._answer(name, job, spans)

    async def _read(self, texts: list[str]) -> list[list[Span]]:
        detector, thread = self._detector, self._thread
        if detector is None or thread is None:
            raise DetectorError("the detector is not running")
        try:
            found = await thread.run(detector.detect, texts)
        except DetectorError:
            raise
        except Exception as error:
            raise DetectorError(f"detection failed ({type(error).__name__})") from None
        if len(found) != len(texts):
            raise DetectorError("the detector answered for another number of texts")
        return found

    def _answer(self, name: bytes, job: _Job, spans: list[Span]) -> None:
        self._cache.put(name, spans)
        if not job.future.done():
            job.future.set_result(spans)


def _fail(batch: dict[bytes, _Job], error: DetectorError) -> None:
    for job in batch.values():
        if not job.future.done():
            job.future.set_exception(error)
            job.future.exception()
