"""Writes an export in one of the formats, record by record, with what it says of itself at its end.

A file appears whole or not at all, with mode 0600; a tabular one has ``FILE.manifest.json`` beside it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from audit.database import Database
from audit.errors import AuditError
from audit.exports.cef import cef_end, cef_line
from audit.exports.columns import DECISION_ROWS, FINDING_ROWS, Column, rows_of
from audit.exports.ecs import ecs_event
from audit.exports.entries import chosen, described, newest_note
from audit.exports.manifest import Manifest
from audit.exports.ocsf import ocsf_event
from audit.exports.parquet import write_parquet
from audit.filters import Query
from audit.tabular import csv_lines
from audit.visible import visible_json

TOLD_EVERY = 500


class Format(StrEnum):
    """What an export is written as."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    CEF = "cef"
    OCSF = "ocsf"
    ECS = "ecs"


class Rows(StrEnum):
    """What a row of a tabular export is."""

    DECISIONS = "decisions"
    FINDINGS = "findings"


TABULAR = (Format.CSV, Format.PARQUET)
type Progress = Callable[[int, int], None]


class Export:
    """One export in the making: what is written, and what it says of itself."""

    def __init__(
        self, database: Database, query: Query, form: Format, rows: Rows, now: dt.datetime, told: Progress
    ) -> None:
        self._database = database
        self._query = query
        self._form = form
        self._now = now
        self._told = told
        self._columns: tuple[Column, ...] = FINDING_ROWS if rows is Rows.FINDINGS else DECISION_ROWS
        self.manifest = Manifest(str(form), described(query), now, str(rows))

    def lines(self) -> Iterator[str]:
        """The lines of a text format. Raises AuditError."""
        if self._form is Format.CSV:
            yield from csv_lines([column.name for column in self._columns], self._rows())
            self.close()
            return
        for entry in chosen(self._database, self._query, self._now):
            self._count(entry.leaf, entry.outcome_leaf)
            self.manifest.rows += 1
            if self._form is Format.CEF:
                yield cef_line(entry)
            else:
                yield visible_json(ocsf_event(entry) if self._form is Format.OCSF else ecs_event(entry))
        self.close()
        yield cef_end(self.manifest) if self._form is Format.CEF else visible_json({"end": self.manifest.mapping()})

    def write_parquet(self, path: Path) -> None:
        """Into this file. Raises AuditError, OSError."""

        def close() -> dict[str, Any]:
            self.close()
            return self.manifest.mapping()

        write_parquet(path, self._columns, self._rows(), close)

    def close(self) -> None:
        """All records were seen."""
        self.manifest.checkpoint = newest_note(self._database)
        self._told(self.manifest.records, self.manifest.records)

    def _rows(self) -> Iterator[list[Any]]:
        for entry in chosen(self._database, self._query, self._now):
            self._count(entry.leaf, entry.outcome_leaf)
            for row in rows_of(entry, self._columns):
                self.manifest.rows += 1
                yield row

    def _count(self, *leaves: int | None) -> None:
        self.manifest.saw(*leaves)
        if self.manifest.records % TOLD_EVERY == 0:
            self._told(self.manifest.records, 0)


def write_export(export: Export, form: Format, output: Path) -> None:
    """Write the file, and of a tabular format the manifest beside it. Raises AuditError."""
    with writing(output) as scratch:
        if form is Format.PARQUET:
            export.write_parquet(scratch)
        else:
            with scratch.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(f"{line}\n" for line in export.lines())
        export.manifest.more = {"file": output.name, "sha256": _digest(scratch)}
    if form in TABULAR:
        write_text(output.with_name(f"{output.name}.manifest.json"), [sidecar(export.manifest)])


def sidecar(manifest: Manifest) -> str:
    """The manifest as text for a file."""
    return json.dumps(manifest.mapping(), ensure_ascii=True, indent=2)


def write_text(output: Path, lines: Iterable[str]) -> None:
    """Write lines to a file, whole or not at all. Raises AuditError."""
    with writing(output) as scratch, scratch.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


@contextlib.contextmanager
def writing(output: Path) -> Iterator[Path]:
    """A scratch file beside ``output`` that takes its place in the end. Raises AuditError (``export``)."""
    scratch = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    try:
        if output.exists() and not output.is_file():
            # A pipe or a device: nothing can take its place.
            yield output
            return
        os.close(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            yield scratch
            scratch.replace(output)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise AuditError("export", f"{output} cannot be written: {(error.strerror or 'error').lower()}.") from None


def _digest(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
