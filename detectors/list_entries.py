"""Entries of allow-lists and deny-lists as they are written in ``coatcheck.yaml``. Imports ``section`` and ``errors``.

A plain string is a literal. A ``file`` stands for all its lines; it is read by ``unfolded``, at the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Self

import regex  # type: ignore[import-untyped]
from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from detectors.errors import DetectorError
from detectors.section import EntityName, EntityPattern, Pattern, ShortForm


def compiles(pattern: str) -> str:
    """``pattern`` if it is a regular expression. Raises ValueError without quoting it."""
    try:
        regex.compile(pattern)
    except regex.error as error:
        where = "" if error.pos is None else f" at position {error.pos}"
        raise ValueError(f"is no regular expression: {error.msg}{where}") from None
    return pattern


def _from_base(path: Path, info: ValidationInfo) -> Path:
    """Relative paths start at the configuration file's directory, as ``context["base"]`` says."""
    base = info.context.get("base") if isinstance(info.context, dict) else None
    path = path.expanduser()
    return path if base is None else Path(base) / path


ListFile = Annotated[Path, AfterValidator(_from_base)]


class ListEntry(ShortForm):
    """A literal or a pattern."""

    short_key: ClassVar[str] = "literal"
    KINDS: ClassVar[tuple[str, ...]] = ("literal", "pattern")

    literal: Pattern | None = None
    """The whole value."""
    pattern: Pattern | None = None
    """A regular expression."""
    ignore_case: bool = False
    """Upper and lower case are one."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        return None if pattern is None else compiles(pattern)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in self.KINDS) != 1:
            kinds = [f"`{kind}`" for kind in self.KINDS]
            raise ValueError(f"needs either {', '.join(kinds[:-1])} or {kinds[-1]}")
        return self


class AllowEntry(ListEntry):
    """A value that may always pass: a plain string, or ``{literal | pattern, entities, ignore_case}``."""

    pattern: Pattern | None = None
    """A regular expression that must fit the whole value."""
    entities: tuple[EntityPattern, ...] = Field(default=(), min_length=1)
    """Only for findings of these entities. Default: all."""


class AllowListed(AllowEntry):
    """A value that is no finding: a plain string, or ``{literal | pattern | file, entities, ignore_case}``."""

    KINDS: ClassVar[tuple[str, ...]] = ("literal", "pattern", "file")

    file: ListFile | None = None
    """A text file (UTF-8) with one value on each line; ``#`` begins a comment line."""


class DenyListed(ListEntry):
    """A value that is always found: a plain string, or ``{literal | pattern | file, entity, ignore_case}``."""

    KINDS: ClassVar[tuple[str, ...]] = ("literal", "pattern", "file")

    literal: Pattern | None = None
    """The value; found where it stands as a word."""
    file: ListFile | None = None
    """A text file (UTF-8) with one value on each line; ``#`` begins a comment line."""
    entity: EntityName = "DENY_LIST"
    """What it is reported as."""


def unfolded[T: (AllowListed, DenyListed)](key: str, entries: Iterable[T]) -> Iterator[T]:
    """The entries, with each file replaced by its lines. Raises DetectorError naming ``key`` and the file."""
    for entry in entries:
        if entry.file is None:
            yield entry
            continue
        for literal in _lines(key, entry.file):
            yield entry.model_copy(update={"file": None, "literal": literal})


def _lines(key: str, file: Path) -> Iterator[str]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise DetectorError(f"detector.{key}: {file} cannot be read: {reason}") from None
    except UnicodeDecodeError:
        raise DetectorError(f"detector.{key}: {file} is not UTF-8 text") from None
    stripped = (line.strip() for line in text.splitlines())
    return (line for line in stripped if line and not line.startswith("#"))
