"""The section ``prices`` of ``coatcheck.yaml``: what tokens cost, for the audit record. No I/O."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from detectors.section import Section

Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Price(Section):
    """What a model's tokens cost."""

    input: Money
    """Of a million input tokens."""
    output: Money
    """Of a million output tokens."""


class Prices(Section):
    """Prices of models, so that the audit record holds what each reply cost. Without one, no cost is recorded."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"
    """ISO 4217."""
    models: dict[Annotated[str, StringConstraints(min_length=1)], Price] = Field(default_factory=dict)
    """By the name that the reply gives; ``*`` and ``?`` are wild, the longest pattern that fits holds."""
