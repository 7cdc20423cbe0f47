"""``coatcheck audit export``: records as files for people and other programs. Imports nothing outside audit.

Heavy libraries are loaded by the format that needs them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from audit.command_line import DatabaseOption, errors_shown
from audit.database import open_read_only
from audit.errors import AuditError
from audit.exports.entries import described
from audit.exports.writing import TABULAR, Export, Format, Rows, sidecar, write_export, write_text
from audit.filters import Query
from audit.ledger_commands import OutputOption, progress_shown
from audit.location import default_database_url
from audit.selection import choosing

_FORMATS = "jsonl: with what proves it (the default); csv, parquet: tables; cef, ocsf, ecs: events for a SIEM."


def mount(app: typer.Typer) -> None:
    """Add the command to ``coatcheck audit``."""
    app.command("export")(export_records)


@choosing
def export_records(
    query: Query,
    database: DatabaseOption = None,
    output: OutputOption = None,
    format: Annotated[Format, typer.Option("--format", help=_FORMATS)] = Format.JSONL,  # noqa: A002
    rows: Annotated[Rows, typer.Option("--rows", help="Of a table: what a row is.")] = Rows.DECISIONS,
) -> None:
    """Write records: everything, or what the filters admit; as JSON lines with all that proves them, or for others."""
    from audit.export import export_lines

    with errors_shown():
        if rows is Rows.FINDINGS and format not in TABULAR:
            raise AuditError("query", "--rows findings is for tables: --format csv or parquet.")
        opened = open_read_only(database or default_database_url())
        with progress_shown("Exporting", shown=output is not None) as told:
            if format is Format.JSONL:
                wanted = query if (asked := described(query)) else None
                _write(export_lines(opened, wanted, asked, told), output)
                return
            export = Export(opened, query, format, rows, dt.datetime.now(dt.UTC), told)
            _write_other(export, format, output)


def _write_other(export: Export, form: Format, output: Path | None) -> None:
    if output is not None:
        write_export(export, form, output)
        return
    if form is Format.PARQUET:
        raise AuditError("export", "Parquet goes into a file: -o FILE.")
    for line in export.lines():
        typer.echo(line)
    if form in TABULAR:
        # The table's own lines are for programs; what it is of goes beside them.
        typer.echo(sidecar(export.manifest), err=True)


def _write(lines: Iterable[str], output: Path | None) -> None:
    if output is None:
        for line in lines:
            typer.echo(line)
    else:
        write_text(output, lines)
