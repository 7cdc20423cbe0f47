"""A site's own recognizers as they are written in ``coatcheck.yaml``: expression, checksum, context, examples.

``OwnRecognizer.find`` is the whole of their meaning, and needs no Presidio: the examples are tried when the file is
read. Imports ``checksums``, ``list_entries``, ``section``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

import regex  # type: ignore[import-untyped]
from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

from detectors.checksums import checksum
from detectors.list_entries import compiles
from detectors.section import EntityName, Pattern, Score, Section

EXAMPLE_SECONDS = 1.0
"""For one expression over one example."""


def _one_or_several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Expressions = Annotated[
    tuple[Pattern, ...],
    Field(min_length=1),
    BeforeValidator(_one_or_several, json_schema_input_type=str | list[str]),
]


class Examples(Section):
    """Texts that are tried at the start. They end up in no log and no message."""

    match: tuple[Pattern, ...] = ()
    """In each of these the recognizer must find something."""
    no_match: tuple[Pattern, ...] = ()
    """In none of these may it find anything."""


class OwnRecognizer(Section):
    """One recognizer."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=60)]
    """What spans and records call it."""
    entity: EntityName
    """What it finds: a name of your own, or a built-in one."""
    regex: Expressions
    """An expression (Python's, of the ``regex`` package), or several. A group named ``value`` is the value; else the
    whole match is. ``\\b``, ``\\w`` and ``\\d`` mean ASCII, so that they work between Chinese characters."""
    ignore_case: bool = False
    """Upper and lower case are one."""
    checksum: str | None = None
    """``luhn``, ``verhoeff``, ``damm``, ``mod11``, ``mod97``, ``iso7064_mod_11_2``, ``…_11_10``, ``…_37_2``,
    ``…_37_36``, ``…_97_10``, or a module of python-stdnum: ``stdnum.de.idnr``. What does not fit is not found."""
    score: Score = 0.5
    """Of a finding without context."""
    context: tuple[Pattern, ...] = ()
    """Words near a finding that raise its score by 0.35, and to 1.0 where a checksum fits as well."""
    examples: Examples = Examples()
    """Tried at the start."""

    @field_validator("regex")
    @classmethod
    def _compile(cls, expressions: tuple[str, ...]) -> tuple[str, ...]:
        for number, expression in enumerate(expressions, 1):
            which = f"expression {number} " if len(expressions) > 1 else ""
            try:
                compiles(expression)
            except ValueError as error:
                raise ValueError(f"{which}{error}") from None
            if regex.fullmatch(expression, "", timeout=EXAMPLE_SECONDS):
                raise ValueError(f"{which}fits the empty text, and so everywhere")
        return expressions

    @field_validator("checksum")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None:
            checksum(name)
        return name

    @model_validator(mode="after")
    def _try_examples(self) -> Self:
        for kind, texts in (("match", self.examples.match), ("no_match", self.examples.no_match)):
            for number, text in enumerate(texts, 1):
                where = f"recognizer `{self.name}`: example {number} of `{kind}`"
                try:
                    found = any(True for _ in self.find(text, EXAMPLE_SECONDS))
                except TimeoutError:
                    raise ValueError(f"{where} takes longer than a second; simplify the expression") from None
                if found != (kind == "match"):
                    raise ValueError(f"{where} is {'found' if found else 'not found'}")
        return self

    @property
    def flags(self) -> int:
        """Flags of the expressions."""
        return int(regex.ASCII | regex.MULTILINE | (regex.IGNORECASE if self.ignore_case else 0))

    def find(self, text: str, seconds: float) -> Iterator[tuple[int, int]]:
        """Start and end of what fits, checksum included. Raises TimeoutError."""
        fits = checksum(self.checksum) if self.checksum else None
        for expression in self.regex:
            for match in regex.compile(expression, self.flags).finditer(text, timeout=seconds):
                start, end = match.span("value") if "value" in match.re.groupindex else match.span()
                if start < end and (fits is None or fits(text[start:end])):
                    yield start, end
