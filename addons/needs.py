"""What the pipeline needs of the other rooms, and no more: tests put doubles in their places. Values and types only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from audit.records import Decision, Outcome
from detectors.spans import Span


class DetectorLike(Protocol):
    """What the pipeline needs of ``detectors.service.DetectorService``."""

    @property
    def version(self) -> str: ...

    async def detect(self, texts: Sequence[str], *, scope: str = ...) -> list[list[Span]]: ...


class RecorderLike(Protocol):
    """What the pipeline needs of ``audit.recorder.Recorder``."""

    async def record_decision(self, decision: Decision) -> None: ...

    def submit_outcome(self, outcome: Outcome) -> None: ...


class HealthLike(Protocol):
    """What the pipeline needs of ``addons.reroute.health``."""

    def available(self, name: str) -> bool: ...

    def succeeded(self, name: str) -> None: ...

    def failed(self, name: str) -> None: ...
