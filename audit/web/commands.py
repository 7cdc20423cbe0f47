"""``coatcheck audit serve | token | reads``: the auditors' server, who may sign in, and who read what.

Loads the server's libraries only inside ``serve``. Imports nothing outside audit.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from audit.command_line import DatabaseOption, JsonOption, console_for, errors_shown
from audit.errors import AuditError
from audit.location import default_database_url, state_dir
from audit.visible import visible, visible_json
from audit.web.tokens import TOKEN_FILE, Role, Token, TokenFile

tokens = typer.Typer(help="Tokens that let auditors sign in.", no_args_is_help=True)


def mount(app: typer.Typer) -> None:
    """Add these commands to ``coatcheck audit``."""
    app.command("serve")(serve)
    app.command("reads")(list_reads)
    app.add_typer(tokens, name="token")


def serve(
    database: DatabaseOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 9090,
    host_name: Annotated[
        list[str] | None,
        typer.Option("--host-name", metavar="NAME", help="A name that browsers reach it by. Repeatable."),
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", metavar="FILE", help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="Its private key, PEM.")] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen beyond loopback without TLS: something in front encrypts.")
    ] = False,
    public_key: Annotated[
        str | None, typer.Option("--public-key", metavar="KEY", help="The ledger's public key, or a file with it.")
    ] = None,
    reads_database: Annotated[
        str | None,
        typer.Option("--reads-database", metavar="URL", help="The same database by an account that may add reads."),
    ] = None,
    oidc: Annotated[
        Path | None,
        typer.Option("--oidc", metavar="FILE", help="Sign in through an identity provider too: YAML or JSON."),
    ] = None,
    time_limit: Annotated[
        float, typer.Option("--time-limit", min=0.1, help="Seconds that a question may take.")
    ] = 10.0,
) -> None:
    """Serve the page and the REST API for auditors, read-only, until Ctrl-C."""
    with errors_shown():
        _permit(host, tls=tls_cert is not None, remote=allow_remote)
        if (tls_cert is None) != (tls_key is None):
            raise AuditError("query", "--tls-cert and --tls-key go together.")
        from audit.checkpoint import public_keys
        from audit.web.server import run

        run(
            database or default_database_url(),
            state_dir(),
            host=host,
            port=port,
            names=[_name(name) for name in host_name or ()],
            tls=None if tls_cert is None or tls_key is None else (tls_cert, tls_key),
            public_key=next(iter(public_keys([public_key])), None) if public_key else None,
            reads_url=reads_database,
            oidc=oidc,
            time_limit_s=time_limit,
        )


@tokens.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="Whose it is: stands in the record of reads.")],
    role: Annotated[Role, typer.Option(help="auditor sees the records; admin also who read them.")] = Role.AUDITOR,
    days: Annotated[int, typer.Option(help="Days until it runs out.")] = 90,
) -> None:
    """Make a token and print it, once."""
    with errors_shown():
        made, text = _file().create(name, role, days, dt.datetime.now(dt.UTC))
        typer.echo(text)
        said = f"{made.id}: {made.name}, {made.role}, until {made.expires:%Y-%m-%d %H:%M} UTC. It is not shown again."
        console_for(stderr=True).print(Text(said, "dim"))


@tokens.command("list")
def list_tokens(json: JsonOption = False) -> None:
    """List the tokens: whose, which role, until when. The tokens themselves are not kept."""
    with errors_shown():
        now = dt.datetime.now(dt.UTC)
        found = _file().tokens()
        if json:
            for token in found:
                typer.echo(visible_json({
                    "id": token.id, "name": token.name, "role": str(token.role), "state": _state(token, now),
                    "created": token.created.isoformat(), "expires": token.expires.isoformat(),
                }))  # fmt: skip
            return
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
        for heading in ("Id", "Name", "Role", "State", "Expires (UTC)"):
            table.add_column(heading)
        for token in found:
            table.add_row(token.id, Text(visible(token.name)), str(token.role), _state(token, now), f"{token.expires:%Y-%m-%d %H:%M}")  # fmt: skip  # noqa: E501
        console_for().print(table)


@tokens.command("revoke")
def revoke_token(token: Annotated[str, typer.Argument(metavar="ID", help="Id, as `list` shows it.")]) -> None:
    """End a token, and the sessions that it began, at once."""
    with errors_shown():
        ended = _file().revoke(token, dt.datetime.now(dt.UTC))
        typer.echo(f"{ended.id} ({visible(ended.name)}) lets nobody in any more.")


def list_reads(
    database: DatabaseOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, newest first.")] = 50,
    before: Annotated[int | None, typer.Option(metavar="NO", min=1, help="Only reads before this number.")] = None,
    json: JsonOption = False,
) -> None:
    """List who read the audit record through the page or the REST API, newest first."""
    with errors_shown():
        from audit.database import open_read_only
        from audit.web.reads import read_page

        found = read_page(open_read_only(database or default_database_url()), before, limit)
        if json:
            for read in found:
                typer.echo(visible_json({
                    "seq": read.seq, "time": read.time.isoformat(), "reader": read.reader, "role": read.role,
                    "via": read.via, "route": read.route, "filters": read.filters, "record_id": read.record_id,
                    "client_address": read.client_address,
                }))  # fmt: skip
            return
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
        for heading in ("No.", "Time (UTC)", "Reader", "Via", "Route", "Filters", "Record"):
            table.add_column(heading, overflow="fold")
        for read in found:
            filters = ", ".join(f"{name}={'|'.join(value or '…' for value in values)}" for name, values in read.filters.items())  # fmt: skip  # noqa: E501
            cells = (read.reader, read.via, read.route, filters, read.record_id or "-")
            table.add_row(str(read.seq), f"{read.time:%Y-%m-%d %H:%M:%S}", *(Text(visible(cell)) for cell in cells))
        console_for().print(table)


def _file() -> TokenFile:
    return TokenFile(state_dir() / TOKEN_FILE)


def _state(token: Token, now: dt.datetime) -> str:
    return "holds" if token.holds(now) else "revoked" if token.revoked else "expired"


def _permit(host: str, *, tls: bool, remote: bool) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise AuditError("query", "--host is an IP address or localhost.") from None
    if not (loopback or tls or remote):
        raise AuditError(
            "query",
            "Beyond loopback tokens and records would cross the network in the clear: give --tls-cert and --tls-key, "
            "or --allow-remote where something in front encrypts.",
        )


def _name(name: str) -> str:
    if not name or any(c.isspace() or c in "/:,@" for c in name):
        raise AuditError("query", "--host-name is a name alone, such as audit.example.com, without port or scheme.")
    return name.lower()
