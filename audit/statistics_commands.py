"""``coatcheck audit stats | top | timeline``: sums, rankings and a chart over time. They read only.

(`summarize`, which hastens them, writes; see `audit.summaries_commands`.)

Imports nothing outside audit; what counts is loaded when a command runs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from audit.command_line import CsvOption, DatabaseOption, JsonOption, TimeLimitOption, console_for, errors_shown
from audit.command_line import one_form as _one_form
from audit.database import open_read_only
from audit.errors import AuditError
from audit.filters import Query
from audit.location import default_database_url
from audit.selection import choosing
from audit.summaries_commands import summarize
from audit.tabular import csv_lines, plain
from audit.times import iso, parse_step
from audit.visible import visible_json

if TYPE_CHECKING:
    from audit.statistics import Statistics

_DIMENSIONS = (
    "action", "upstream", "provider", "endpoint", "model", "rule", "reason", "principal", "tenant", "entity",
    "recognizer", "role", "destination_country", "mode", "status_class", "error", "route", "operation",
    "finish_reason",
)  # fmt: skip
_SHORT = {"country": "destination_country", "caller": "principal", "status": "status_class"}
FromRecordsOption = Annotated[
    bool,
    typer.Option("--from-records", help="Read the records themselves, not their summaries."),
]
ByArgument = Annotated[str, typer.Argument(metavar="BY", help=f"What to count by: {', '.join(_DIMENSIONS)}.")]


@choosing
def show_stats(
    query: Query,
    database: DatabaseOption = None,
    time_limit: TimeLimitOption = 60.0,
    from_records: FromRecordsOption = False,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Add up decisions, findings, tokens, cost, placeholders and latencies of what the filters admit."""
    from audit.charts import totals_page

    with errors_shown():
        _one_form(json, csv)
        totals = _statistics(database, time_limit, from_records).totals(query)
        if json:
            typer.echo(visible_json(plain(totals)))
        elif csv:
            for line in csv_lines(("name", "value"), _flat("", plain(totals))):
                typer.echo(line)
        else:
            console_for().print(totals_page(totals))


@choosing
def show_top(
    query: Query,
    by: ByArgument,
    database: DatabaseOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 10,
    time_limit: TimeLimitOption = 60.0,
    from_records: FromRecordsOption = False,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Rank the values of one field by the decisions that have them: endpoints, entities, callers, rules, ..."""
    from audit.charts import top_table
    from audit.statistics import Dimension

    with errors_shown():
        _one_form(json, csv)
        dimension = Dimension(_dimension("BY", by))
        counts = _statistics(database, time_limit, from_records).top(query, dimension, limit)
        if json:
            for count in counts:
                typer.echo(visible_json({str(dimension): count.key, **plain(count)}))
        elif csv:
            rows = [(one.key, one.decisions, one.findings) for one in counts]
            for line in csv_lines((dimension, "decisions", "findings"), rows):
                typer.echo(line)
        elif not counts:
            console_for(stderr=True).print("No records.")
        else:
            console = console_for()
            console.print(top_table(dimension, counts, console.width))


@choosing
def show_timeline(
    query: Query,
    database: DatabaseOption = None,
    every: Annotated[str | None, typer.Option(metavar="STEP", help="15m, 1h, 1d, 1w; else what fits.")] = None,
    by: Annotated[str | None, typer.Option(metavar="FIELD", help="Split by a field, as `top` takes it.")] = None,
    time_limit: TimeLimitOption = 60.0,
    from_records: FromRecordsOption = False,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Count decisions over time, oldest first."""
    from audit.charts import timeline_table
    from audit.statistics import Dimension

    with errors_shown():
        _one_form(json, csv)
        dimension = None if by is None else Dimension(_dimension("--by", by))
        step = None if every is None else parse_step(every)
        buckets = _statistics(database, time_limit, from_records).timeline(query, step, dimension)
        if json:
            for bucket in buckets:
                typer.echo(visible_json(plain(bucket)))
        elif csv:
            rows = [(one.start, key, count) for one in buckets for key, count in sorted(one.counts.items())]
            for line in csv_lines(("start", dimension or "key", "decisions"), rows):
                typer.echo(line)
        elif not buckets:
            console_for(stderr=True).print("No records.")
        else:
            console = console_for()
            console.print(timeline_table(buckets, console.width))


COMMANDS: dict[str, Callable[..., None]] = {
    "stats": show_stats, "top": show_top, "timeline": show_timeline, "summarize": summarize,
}  # fmt: skip


def _statistics(database: str | None, time_limit: float, from_records: bool) -> Statistics:
    from audit.statistics import Statistics

    opened = open_read_only(database or default_database_url())
    return Statistics(opened, time_limit_s=time_limit, summaries=not from_records)


def _dimension(option: str, text: str) -> str:
    name = text.strip().lower().replace("-", "_")
    name = _SHORT.get(name, name)
    if name not in _DIMENSIONS:
        raise AuditError("query", f"{option} is one of: {', '.join((*_DIMENSIONS, *_SHORT))}.")
    return name


def _flat(prefix: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [row for key, one in value.items() for row in _flat(f"{prefix}.{key}" if prefix else str(key), one)]
    return [(prefix, iso(value) if isinstance(value, dt.datetime) else value)]
