"""``coatcheck audit``: the auditor's commands. They read only: no database is created, migrated or changed.

Exit codes: 0, 1 (no such record), 2 (wrong question, or the database cannot be read). Imports nothing outside audit.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.text import Text

from audit import (
    journal_commands,
    ledger_commands,
    policy_commands,
    retention_commands,
    roles_commands,
    statistics_commands,
)
from audit.command_line import (
    CsvOption,
    DatabaseOption,
    JsonOption,
    TimeLimitOption,
    console_for,
    errors_shown,
    one_form,
)
from audit.database import open_read_only
from audit.exports import commands as export_commands
from audit.location import default_database_url
from audit.query import MAX_PAGE, Query, Reader, Record
from audit.render import as_json, record_page, record_table
from audit.reports import commands as report_commands
from audit.selection import choosing
from audit.tabular import RECORD_HEADER, csv_lines, record_row
from audit.tail import commands as tail_commands
from audit.web import commands

app = typer.Typer(help="What went where, who sent it, which rule let it.", no_args_is_help=True)
_MOUNTED: tuple[Mapping[str, Callable[..., Any]], ...] = (
    ledger_commands.COMMANDS,
    policy_commands.COMMANDS,
    journal_commands.COMMANDS,
    retention_commands.COMMANDS,
)
for _commands in _MOUNTED:
    for _name, _command in _commands.items():
        app.command(_name)(_command)
commands.mount(app)  # serve, token, reads
export_commands.mount(app)  # export
tail_commands.mount(app)  # tail
report_commands.mount(app)  # report


for _name, _command in statistics_commands.COMMANDS.items():
    app.command(_name)(_command)
for _name, _command in roles_commands.COMMANDS.items():
    app.command(_name)(_command)


@app.command("list")
@choosing
def list_records(
    query: Query,
    database: DatabaseOption = None,
    record_id: Annotated[str | None, typer.Option("--id", metavar="PREFIX", help="Ids that begin so.")] = None,
    before: Annotated[int | None, typer.Option(metavar="NO", min=1, help="Only records before this number.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="No limit.")] = False,
    time_limit: TimeLimitOption = 60.0,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """List decisions, newest first. A filter may be repeated: any of its values will do."""
    with errors_shown():
        one_form(json, csv)
        size = MAX_PAGE if everything else min(limit + 1, MAX_PAGE)
        query = replace(query, id_prefix=record_id, before=before, limit=size)
        found = Reader(open_read_only(database or default_database_url()), time_limit_s=time_limit).records(query)
        if json or csv:
            shown = found if everything else itertools.islice(found, limit)
            for line in csv_lines(RECORD_HEADER, map(record_row, shown)) if csv else map(as_json, shown):
                typer.echo(line)
            return
        records = list(found if everything else itertools.islice(found, limit + 1))
        more = not everything and len(records) > limit
        del records[limit if more else len(records) :]
        _print_list(records, more)


@app.command("show")
def show_record(
    record: Annotated[str, typer.Argument(metavar="ID", help="Id, the beginning of one, or the list's number.")],
    database: DatabaseOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Show one decision in full: who, what, findings, the rule and why, and what became of it."""
    with errors_shown():
        one_form(json, csv)
        found = Reader(open_read_only(database or default_database_url())).find(record)
        if csv:
            for line in csv_lines(RECORD_HEADER, [record_row(found)]):
                typer.echo(line)
        elif json:
            typer.echo(as_json(found, indent=True))
        else:
            console_for().print(record_page(found))


@app.command("path")
def show_path(database: DatabaseOption = None) -> None:
    """Print where the audit database is, and that it can be read."""
    with errors_shown():
        typer.echo(open_read_only(database or default_database_url()).place)


def _print_list(records: list[Record], more: bool) -> None:
    console = console_for()
    if not records:
        console_for(stderr=True).print("No records.")
        return
    console.print(record_table(records, console.width))
    if more:
        console_for(stderr=True).print(Text(f"More: --before {records[-1].seq}", "dim"))
