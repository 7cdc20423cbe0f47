"""``coatcheck audit migrate | roles``: for whoever runs the database. Exit codes: 0, 2.

Imports nothing outside audit.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from audit.command_line import DatabaseOption, console_for, errors_shown
from audit.database import Database, open_database
from audit.errors import AuditError
from audit.failures import explain
from audit.location import default_database_url
from audit.migrations import REVISIONS
from audit.roles import Roles, Step, apply, steps


def migrate(database: DatabaseOption = None) -> None:
    """Make the audit tables, or bring them to this version's form. On PostgreSQL for the tables' owner."""
    with errors_shown():
        opened = open_database(database or default_database_url())
        typer.echo(f"{opened.place}: schema {REVISIONS[-1]}")


def set_roles(
    database: DatabaseOption = None,
    gateway: Annotated[
        list[str] | None, typer.Option("--gateway", metavar="ROLE", help="Account of gateways: adds records.")
    ] = None,
    auditor: Annotated[
        list[str] | None, typer.Option("--auditor", metavar="ROLE", help="Account of auditors: reads views.")
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(metavar="ROLE", help="Give the tables to this account; else they keep the owner they have."),
    ] = None,
    only_print: Annotated[bool, typer.Option("--print", help="Print the SQL and connect to nothing.")] = False,
    schema: Annotated[str, typer.Option(metavar="NAME", help="Where the tables are, for --print.")] = "public",
) -> None:
    """Let the gateway's account only add records, and an auditor's only read views (PostgreSQL).

    --database is then an administrator's (superuser's) URL: accounts that are missing are made, without a password. May
    be run again at any time; later migrations keep what it granted.
    """
    with errors_shown():
        wanted = _wanted(gateway or [], auditor or [], owner, schema)
        if only_print:
            for line in _script(wanted):
                typer.echo(line)
            return
        opened = _opened(database)
        try:
            with opened.engine.begin() as connection:
                for roles in wanted:
                    apply(connection, roles)
        except SQLAlchemyError as error:
            raise explain(error, opened.place) from None
        _tell(console_for(), opened, wanted)


COMMANDS = {"migrate": migrate, "roles": set_roles}


def _wanted(gateways: list[str], auditors: list[str], owner: str | None, schema: str) -> list[Roles]:
    if not gateways and not auditors:
        raise AuditError("query", "Name who records with --gateway ROLE, who reads with --auditor ROLE, or both.")
    longest = max(len(gateways), len(auditors))
    names = zip(_filled(gateways, longest), _filled(auditors, longest), strict=True)
    return [Roles(gateway, auditor, owner, schema) for gateway, auditor in names]


def _filled(names: list[str], length: int) -> list[str | None]:
    return [*names, *[None] * (length - len(names))]


def _opened(url: str | None) -> Database:
    if not (url or default_database_url()).startswith("postgres"):
        raise AuditError(
            "query",
            "SQLite has no accounts: who may open the file (its mode is 0600) may do everything. Name a PostgreSQL "
            "database with --database, or see the SQL with --print.",
        )
    return open_database(url or default_database_url())


def _script(wanted: list[Roles]) -> list[str]:
    lines = [
        "-- Accounts of Coatcheck's audit database. A superuser runs it there, after `coatcheck audit migrate`:",
        "--   psql --set ON_ERROR_STOP=1 --file FILE DATABASE",
        "BEGIN;",
    ]
    for roles in wanted:
        for step in steps(roles):
            lines += _lines(step)
    return [*lines, "", "COMMIT;"]


def _lines(step: Step) -> list[str]:
    return ["", f"-- {step.why}", *(f"{statement};" for statement in step.statements)]


def _tell(console: Console, opened: Database, wanted: list[Roles]) -> None:
    console.print(Text(opened.place))
    for roles in wanted:
        if roles.gateway is not None:
            console.print(
                Text(f"  {roles.gateway}: adds records, reads numbers, ids and hashes; owns the vault's tables")
            )
        if roles.auditor is not None:
            console.print(Text(f"  {roles.auditor}: reads the views of schema coatcheck_auditor"))
    console.print(Text("  nobody: updates, deletes, truncates"))
