"""The detector's configuration, embedded in ``coatcheck.yaml`` under ``detector:``. Imports the models of
its parts, nothing that detects.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from detectors.list_entries import AllowListed, DenyListed
from detectors.own_recognizers import OwnRecognizer
from detectors.section import EntityName, Score, Section

Country = Literal[
    "ar", "at", "au", "be", "bg", "br", "ca", "ch", "cl", "cn", "co", "cz", "de", "dk", "ee", "es", "fi",
    "fr", "gr", "hk", "hr", "hu", "ie", "il", "in", "is", "it", "jp", "kr", "lt", "lv", "mx", "my", "ng",
    "nl", "no", "nz", "pl", "pt", "ro", "se", "sg", "si", "sk", "th", "tr", "tw", "uk", "us", "za",
]  # fmt: skip
"""ISO 3166 codes in lower case, but ``uk``, as Presidio says."""

ALL_COUNTRIES: tuple[Country, ...] = Country.__args__  # type: ignore[attr-defined]

Plugin = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.-]*(:[A-Za-z_][\w.]*)?$")]


class NerConfig(Section):
    """The token-classification model that finds names, organizations, places."""

    enabled: bool = True
    """Off: patterns only, names are not found."""
    model: str | None = None
    """Name in the model registry, or a path; None: the environment's or the packaged default."""
    device: str = "cpu"
    """``cpu``, ``cuda`` or ``tensorrt``; a GPU needs ``onnxruntime-gpu`` and a model with a variant for it."""
    threads: Annotated[int, Field(ge=1)] | None = None
    """Threads of one inference; None: the runtime decides."""
    cascade: bool = True
    """A small first stage picks the windows that the model reads; false: it reads everything."""


class DetectorConfig(Section):
    """What is looked for and within which limits."""

    languages: tuple[Literal["en", "zh"], ...] = ("en", "zh")
    """Languages whose recognizers run. Both run on every text: text is often mixed."""
    countries: tuple[Country, ...] = ALL_COUNTRIES
    """Countries whose identifiers are looked for."""
    phone_regions: tuple[str, ...] = ("US", "GB", "FR", "DE", "IN", "BR", "AU")
    """Regions whose national telephone formats are read; numbers with a country code are found for the whole world."""
    min_score: Score = 0.4
    """Spans below are dropped."""
    entities: dict[EntityName, Score] = Field(default_factory=dict)
    """Minimum score of single entity types, instead of ``min_score``; 1.0 with no checksum never reports."""
    disabled: tuple[EntityName, ...] = ()
    """Entity types that are not looked for at all."""
    ner: NerConfig = NerConfig()
    linking: bool = True
    """What is found in one place of a request is found again in others: parts of names, values in another spelling."""
    allow_list: tuple[AllowListed, ...] = ()
    """Values that are no findings: neither masked, nor recorded, nor looked for elsewhere."""
    deny_list: tuple[DenyListed, ...] = ()
    """Values that are always found, with score 1.0. Goes before the allow-list."""
    recognizers: tuple[OwnRecognizer, ...] = ()
    """The site's own recognizers: expression, checksum, context words."""
    plugins: tuple[Plugin, ...] = ()
    """Python code that brings recognizers: ``package.module:attribute``, or the name of an entry point in the group
    ``coatcheck.recognizers``."""
    time_limit_ms: Annotated[int, Field(gt=0)] = 30_000
    """For one call of the service, queueing included. Beyond it: an error, so that nothing passes unread."""
    regex_timeout_ms: Annotated[int, Field(gt=0)] = 1_000
    """For one pattern over one text."""
    max_segment_chars: Annotated[int, Field(gt=0)] = 2_000_000
    """A longer text is an error."""
    cache_entries: Annotated[int, Field(ge=0)] = 20_000
    """How many texts' spans are remembered (by a keyed hash, never the text); 0: none."""
    queue_texts: Annotated[int, Field(gt=0)] = 4_096
    """How many texts may wait; beyond it a call fails at once."""
    batch_window_ms: Annotated[float, Field(ge=0.0, le=1_000.0)] = 2.0
    """How long the service waits for further requests before it starts a batch."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for index, entry in enumerate(self.deny_list):
            if entry.entity in self.disabled:
                raise ValueError(f"`deny_list[{index}].entity` is in `disabled`, so that it could not be found")
        seen: dict[str, int] = {}
        for index, one in enumerate(self.recognizers):
            if one.name in seen:
                raise ValueError(f"`recognizers[{index}].name` is that of `recognizers[{seen[one.name]}]` too")
            seen[one.name] = index
        return self

    @property
    def own_entities(self) -> frozenset[str]:
        """Entity names that the site's lists and recognizers bring."""
        return frozenset([*(one.entity for one in self.deny_list), *(one.entity for one in self.recognizers)])

    def floor(self, entity: str) -> float:
        """The minimum score that a span of ``entity`` needs."""
        return self.entities.get(entity, self.min_score)
