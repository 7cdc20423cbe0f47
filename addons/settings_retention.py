"""The section ``retention`` of ``coatcheck.yaml``: how long audit records are kept. Used by ``coatcheck retention``."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from detectors.section import Section

type Days = Annotated[int, Field(ge=1, le=36_500)]


class RetentionRule(Section):
    """Records of one class, and how long they are kept; what is not said is not asked."""

    days: Days
    """Older records go."""
    action: list[Literal["allow", "mask", "reroute", "block"]] = Field(default_factory=list)
    endpoint: list[str] = Field(default_factory=list)
    upstream: list[str] = Field(default_factory=list)
    rule: list[str] = Field(default_factory=list)

    @property
    def classes(self) -> dict[str, list[str]]:
        """Fields that narrow the rule."""
        named = {name: [*getattr(self, name)] for name in ("action", "endpoint", "upstream", "rule")}
        return {name: values for name, values in named.items() if values}

    def before(self, now: dt.datetime) -> dt.datetime:
        """Records from before then go."""
        return now - dt.timedelta(days=self.days)


class Retention(Section):
    """How long audit records are kept. Nothing is removed until ``coatcheck retention`` is run."""

    rules: list[RetentionRule] = Field(default_factory=list)
    """Each is carried out by itself: a record goes when any rule says so."""
