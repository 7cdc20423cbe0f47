"""What all of ``coatcheck audit``'s commands share: options, the console, how errors are shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from audit.errors import AuditError
from audit.location import DATABASE_VARIABLE

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar=DATABASE_VARIABLE,
        metavar="URL",
        help="A path, sqlite:////path/to/audit.db or postgresql://...; else audit.db in the state directory.",
        show_envvar=True,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="CSV instead of a table.")]
TimeLimitOption = Annotated[
    float, typer.Option("--time-limit", metavar="SECONDS", min=0.1, help="Give up a question that takes longer.")
]

# The filters that choose records.
SinceOption = Annotated[str | None, typer.Option(metavar="TIME", help="From then on: 7d, 2h, 2026-11-24 (UTC).")]
UntilOption = Annotated[str | None, typer.Option(metavar="TIME", help="Before then; a date includes its day.")]
CallerOption = Annotated[list[str] | None, typer.Option(help="Key fingerprint, proxy user or client address.")]
TenantOption = Annotated[list[str] | None, typer.Option(help="Tenant.")]
UpstreamOption = Annotated[list[str] | None, typer.Option(help="Upstream asked for or routed to.")]
EndpointOption = Annotated[list[str] | None, typer.Option(help="Such as openai.chat.")]
ModelOption = Annotated[list[str] | None, typer.Option(help="Model asked for.")]
EntityOption = Annotated[list[str] | None, typer.Option(help="Entity found, such as PERSON.")]
FingerprintOption = Annotated[list[str] | None, typer.Option(help="Fingerprint of a value found.")]
ActionOption = Annotated[list[str] | None, typer.Option(help="allow, mask, reroute or block.")]
RuleOption = Annotated[list[str] | None, typer.Option(help="Name of the rule that decided.")]

_UNFOLDED = 2000


def one_form(json: bool, csv: bool) -> None:
    """Raises AuditError if both are wanted."""
    if json and csv:
        raise AuditError("query", "Choose --json or --csv.")


def console_for(*, stderr: bool = False) -> Console:
    """A console that takes text as text; into a file or a pipe, a record's line stays one line."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _UNFOLDED
    return console


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show an AuditError and exit: 1 if there is no such record, else 2."""
    try:
        yield
    except AuditError as error:
        console_for(stderr=True).print(Text.assemble(("error: ", "bold red"), error.message))
        raise typer.Exit(1 if error.code == "not_found" else 2) from None
