"""``coatcheck audit summarize``: add up what was recorded, so that statistics need not read it. Exit codes: 0, 2.

The only one of the auditor's commands that writes to the database, and only what can be made anew. Imports nothing
outside audit; what counts is loaded when the command runs.
"""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from audit.command_line import DatabaseOption, errors_shown
from audit.ledger_commands import progress_shown
from audit.location import default_database_url
from audit.times import parse_step, parse_until

if TYPE_CHECKING:
    from audit.summaries import Progress, Summaries


def summarize(
    database: DatabaseOption = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only before then; else up to two minutes ago.")
    ] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Drop all summaries first and make them anew.")] = False,
    every: Annotated[
        str | None, typer.Option(metavar="STEP", help="Go on and do it again every 10m, 1h, ..., until Ctrl-C.")
    ] = None,
) -> None:
    """Add up what was recorded since the last time, so that stats, top, timeline and the page answer at once.

    They are as right without it, but read every record. May be broken off and run again, beside a gateway: it makes
    none of its records wait. On PostgreSQL it needs the tables' owner.
    """
    from audit.summaries import Summaries

    with errors_shown():
        pause = None if every is None else parse_step(every)
        summaries = Summaries(database or default_database_url())
        if rebuild:
            summaries.clear()
        while True:
            _once(summaries, None if until is None else parse_until(until, dt.datetime.now(dt.UTC)))
            if pause is None:
                return
            threading.Event().wait(pause.total_seconds())


def _once(summaries: Summaries, until: dt.datetime | None) -> None:
    with progress_shown("Summarizing", shown=True) as told:

        def heard(progress: Progress) -> bool:
            told(progress.summarized, progress.last)
            return True

        done = summaries.build(until, heard=heard)
    rest = max(0, done.last - max(0, done.summarized))
    typer.echo(f"{done.made:,} summaries made; {rest:,} of {done.last:,} records are not summarized yet.")
