"""``coatcheck audit policy``: the policies that were in force, as they were recorded before their first decision.

Exit codes: 0, 1 (no such policy), 2. Reads only; imports nothing outside audit.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from audit.command_line import DatabaseOption, JsonOption, console_for, errors_shown
from audit.database import open_read_only
from audit.errors import AuditError
from audit.location import default_database_url
from audit.query import Reader
from audit.records import PolicyRecord
from audit.times import iso
from audit.visible import visible, visible_json


def show_policy(
    policy: Annotated[
        str | None,
        typer.Argument(
            metavar="HASH", help="A record's policy hash, or its beginning. Without one: all, oldest first."
        ),
    ] = None,
    database: DatabaseOption = None,
    json_: JsonOption = False,
) -> None:
    """Show the policy in force at the time: what a record's policy hash means."""
    with errors_shown():
        found = Reader(open_read_only(database or default_database_url())).policies(policy or "")
        if policy is not None:
            _print_one(found)
        elif json_:
            for one in found:
                typer.echo(visible_json(_mapping(one)))
        else:
            _print_all(found)


def _print_one(found: list[PolicyRecord]) -> None:
    if not found:
        raise AuditError("not_found", "No policy with this hash was recorded.")
    if len({one.hash for one in found}) > 1:
        raise AuditError("ambiguous", "More than one policy's hash begins so: give more of it.")
    typer.echo(json.dumps(json.loads(visible_json(_mapping(found[0]))), indent=2))


def _print_all(found: list[PolicyRecord]) -> None:
    if not found:
        console_for(stderr=True).print("No policies.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for title in ("in force since", "tenant", "policy"):
        table.add_column(title, overflow="fold")
    for one in found:
        table.add_row(Text(iso(one.time, "seconds")), Text(visible(one.tenant)), Text(visible(one.hash)))
    console_for().print(table)


def _mapping(one: PolicyRecord) -> dict[str, object]:
    try:
        policy: object = json.loads(one.policy)
    except ValueError:
        policy = one.policy
    return {"hash": one.hash, "first_seen": iso(one.time, "seconds"), "tenant": one.tenant, "policy": policy}


COMMANDS: dict[str, Callable[..., None]] = {"policy": show_policy}
