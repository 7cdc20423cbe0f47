"""``coatcheck audit journal``: what waits outside the database, and draining what dead gateways left."""

from __future__ import annotations

import datetime as dt
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from audit.command_line import DatabaseOption, JsonOption, console_for, errors_shown
from audit.database import open_read_only
from audit.errors import AuditError
from audit.journal import DIRECTORY, SUFFIX, Journal, JournalPlan, made, scan
from audit.journal_drain import drain
from audit.journal_format import VERSION_LINE, Batch
from audit.location import default_database_url, state_dir
from audit.visible import visible, visible_json
from audit.writer import Writer

DirectoryOption = Annotated[
    Path | None,
    typer.Option("--directory", metavar="DIR", help=f"Where the journal is; else {DIRECTORY} in the state directory."),
]


@dataclass(frozen=True, slots=True)
class Found:
    """One file, read without touching it."""

    name: str
    state: str
    """``in use``, ``left behind``, ``damaged`` or ``half-written`` (kept aside), ``unknown`` (not a journal)."""
    records: int
    bytes: int
    since: float | None
    damage: tuple[int, ...]
    """Where bytes cannot be read."""


def show_journal(
    database: DatabaseOption = None,
    directory: DirectoryOption = None,
    drain_it: Annotated[
        bool, typer.Option("--drain", help="Bring what ended gateways left into the database, in order.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show the records that are in the journal and not yet in the database.

    Exit codes: 0, 1 (a part of the journal is damaged), 2 (it cannot be read or drained).
    """
    with errors_shown():
        place = directory or state_dir() / DIRECTORY
        drained = _drain(place, database or default_database_url()) if drain_it else None
        found = survey(place)
    if json:
        rows = [{name: getattr(one, name) for name in Found.__slots__} for one in found]
        shown = {"directory": str(place), "files": rows, "records": sum(one.records for one in found)}
        typer.echo(visible_json(shown | ({} if drained is None else {"drained": drained})))
    else:
        _show(place, found, drained)
    if any(one.damage or one.state == "damaged" for one in found):
        raise typer.Exit(1)


def survey(directory: Path) -> list[Found]:
    """The journal's files, in order. Raises AuditError (``journal``)."""
    try:
        paths = sorted(path for path in directory.iterdir() if SUFFIX in path.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(directory, error) from None
    found = []
    for path in paths:
        try:
            found.append(_look(path))
        except FileNotFoundError:  # drained meanwhile
            continue
        except OSError as error:
            raise _unreadable(path, error) from None
    return found


def _look(path: Path) -> Found:
    with path.open("rb") as file:
        data = file.read()
        in_use = _is_locked(file.fileno())
    since = made(path) or None
    if path.suffix == ".torn":
        return Found(path.name, "half-written", 0, len(data), since, ())
    if not data.startswith(VERSION_LINE):
        return Found(path.name, "in use" if in_use else "unknown", 0, len(data), since, ())
    records, damage = 0, []
    for at, one in scan(data):
        if isinstance(one, Batch):
            records += one.count
        elif one < len(data):
            damage.append(at)
    if path.suffix != SUFFIX:  # what could be read is drained
        return Found(path.name, "damaged", 0, len(data), since, tuple(damage))
    return Found(path.name, "in use" if in_use else "left behind", records, len(data), since, tuple(damage))


def _is_locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False


def _drain(directory: Path, url: str) -> int:
    try:
        open_read_only(url)  # a database that is not there is not made by draining
    except AuditError as error:
        if error.code != "outdated":
            raise
    if not os.access(directory, os.W_OK) and directory.exists():
        raise AuditError("journal", f"{directory} cannot be written: drain as the gateway's user.")
    journal, writer = Journal(JournalPlan(directory)), Writer(url, busy_timeout_s=5.0)
    try:
        journal.adopt()
        return drain(journal, writer)
    finally:
        journal.close()
        writer.close()


def _unreadable(path: Path, error: OSError) -> AuditError:
    return AuditError("journal", f"{path} cannot be read: {(error.strerror or 'error').lower()}.")


def _show(place: Path, found: list[Found], drained: int | None) -> None:
    console = console_for()
    if drained is not None:
        console.print(f"Drained {drained} record(s).")
    if not found:
        console.print(f"Nothing waits in {place}.")
        return
    table = Table(box=None, pad_edge=False)
    for name, justify in (("since", "left"), ("records", "right"), ("bytes", "right"), ("state", "left"),
                          ("file", "left"), ("damaged at byte", "left")):  # fmt: skip
        table.add_column(name, justify=justify, style="dim" if name == "since" else None)  # type: ignore[arg-type]
    for one in found:
        since = "" if one.since is None else dt.datetime.fromtimestamp(one.since, dt.UTC).isoformat(" ", "seconds")
        table.add_row(since, str(one.records), str(one.bytes), one.state, Text(visible(one.name)),
                      ", ".join(map(str, one.damage)))  # fmt: skip
    console.print(table)


COMMANDS: dict[str, Callable[..., None]] = {"journal": show_journal}
