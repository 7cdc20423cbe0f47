"""A report as a document, before it is HTML, PDF or JSON. Pure values; every text is text, never markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Tone(StrEnum):
    """How a note is meant."""

    PLAIN = "plain"
    GOOD = "good"
    CARE = "care"
    BAD = "bad"
    FILL = "fill"
    """To be filled in by the organization."""


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; columns named in ``numbers`` are set to the right."""

    name: str
    """Key in the JSON form."""
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()
    empty: str = ""
    """What stands there if there are no rows."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers side by side with what they count."""

    items: Sequence[tuple[str, str, Tone]]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one a line; a value in tone FILL is a gap."""

    items: Sequence[tuple[str, str, Tone]]


type Block = Note | Table | Figures | Facts


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, where it comes from in the law, and what stands below."""

    title: str
    source: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report."""

    language: str
    """BCP 47: ``en``, ``zh-Hans``."""
    title: str
    subtitle: str
    made: str
    """When and from what."""
    sections: Sequence[Section]
    footer: str
    facts: dict[str, Any] = field(default_factory=dict)
    """The same numbers for machines."""
