"""``coatcheck audit``: the auditor's commands. They read only: no database is created, migrated or changed.

Exit codes: 0, 1 (no such record), 2 (wrong question, or the database cannot be read). Imports nothing outside audit.
"""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Annotated

import typer
from rich.text import Text

from audit import ledger_commands
from audit.command_line import (
    ActionOption,
    CallerOption,
    DatabaseOption,
    EndpointOption,
    EntityOption,
    FingerprintOption,
    JsonOption,
    ModelOption,
    RuleOption,
    SinceOption,
    TenantOption,
    UntilOption,
    UpstreamOption,
    console_for,
    errors_shown,
)
from audit.database import open_read_only
from audit.errors import AuditError
from audit.location import default_database_url
from audit.query import MAX_PAGE, Query, Reader, Record, State, parse_status
from audit.render import as_json, record_page, record_table
from audit.schema import ACTIONS
from audit.times import parse_since, parse_until
from audit.web import commands

app = typer.Typer(help="What went where, who sent it, which rule let it.", no_args_is_help=True)
for _name, _command in ledger_commands.COMMANDS.items():
    app.command(_name)(_command)
commands.mount(app)  # serve, token, reads


@app.command("list")
def list_records(
    database: DatabaseOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    caller: CallerOption = None,
    principal: Annotated[list[str] | None, typer.Option(help="Key fingerprint alone.")] = None,
    tenant: TenantOption = None,
    upstream: UpstreamOption = None,
    endpoint: EndpointOption = None,
    model: ModelOption = None,
    entity: EntityOption = None,
    fingerprint: FingerprintOption = None,
    action: ActionOption = None,
    rule: RuleOption = None,
    status: Annotated[
        list[str] | None,
        typer.Option(help="HTTP status (404, 4xx, 400-499), or complete, failed, refused, pending, unresolved."),
    ] = None,
    record_id: Annotated[str | None, typer.Option("--id", metavar="PREFIX", help="Ids that begin so.")] = None,
    before: Annotated[int | None, typer.Option(metavar="NO", min=1, help="Only records before this number.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="No limit.")] = False,
    json: JsonOption = False,
) -> None:
    """List decisions, newest first. A filter may be repeated: any of its values will do."""
    with errors_shown():
        now = dt.datetime.now(dt.UTC)
        states, statuses = _states_and_statuses(status or [])
        _only_known("action", action or [], ACTIONS)
        query = Query(
            since=None if since is None else parse_since(since, now),
            until=None if until is None else parse_until(until, now),
            tenant=tuple(tenant or ()),
            principal=tuple(principal or ()),
            caller=tuple(caller or ()),
            upstream=tuple(upstream or ()),
            endpoint=tuple(endpoint or ()),
            model=tuple(model or ()),
            entity=tuple(entity or ()),
            fingerprint=tuple(fingerprint or ()),
            action=tuple(action or ()),
            rule=tuple(rule or ()),
            state=states,
            status=statuses,
            id_prefix=record_id,
            before=before,
            limit=min(limit + 1, MAX_PAGE) if not everything else MAX_PAGE,
        )
        found = Reader(open_read_only(database or default_database_url())).records(query, now=now)
        if json:
            for record in found if everything else itertools.islice(found, limit):
                typer.echo(as_json(record))
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
) -> None:
    """Show one decision in full: who, what, findings, the rule and why, and what became of it."""
    with errors_shown():
        found = Reader(open_read_only(database or default_database_url())).find(record)
        if json:
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


def _states_and_statuses(words: list[str]) -> tuple[tuple[State, ...], tuple[int, int] | None]:
    states = tuple(State(word) for word in words if word in tuple(State))
    numbers = [parse_status(word) for word in words if word not in tuple(State)]
    if len(numbers) > 1 or (numbers and states):
        raise AuditError("query", "--status takes one number, class or range, or any of the words, not both.")
    return states, numbers[0] if numbers else None


def _only_known(name: str, given: list[str], known: tuple[str, ...]) -> None:
    if set(given) - set(known):
        raise AuditError("query", f"--{name} is one of: {', '.join(known)}.")
