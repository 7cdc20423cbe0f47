"""``coatcheck audit prune | erase``: the only commands that remove records, each with a signed tombstone.

Exit codes: 0, 1 (not confirmed), 2 (wrong question, or it cannot be done). Imports nothing outside audit.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from audit.checkpoint import KEY_FILE, load_key
from audit.command_line import DatabaseOption, JsonOption, console_for, errors_shown
from audit.database import open_database, open_read_only
from audit.errors import AuditError
from audit.journal import DIRECTORY
from audit.journal_commands import survey
from audit.location import default_database_url, state_dir
from audit.retention import CLASSES, Preview, Selection, preview, remove
from audit.times import parse_since
from audit.tombstone import Tombstone
from audit.visible import visible_json

KeyFileOption = Annotated[
    Path | None,
    typer.Option("--key-file", metavar="FILE", help=f"The ledger's key; else {KEY_FILE} in the state directory."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def prune(
    older_than: Annotated[str, typer.Option("--older-than", metavar="AGE", help="400d, 52w, or a date (UTC).")],
    of_class: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="FIELD=VALUE", help=f"Only these: {', '.join(CLASSES)}. Repeatable."),
    ] = None,
    database: DatabaseOption = None,
    key_file: KeyFileOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Remove old records. Their hashes stay in the ledger and a signed tombstone names their places."""
    now = dt.datetime.now(dt.UTC)
    with errors_shown():
        before = parse_since(older_than, now)
        if before > now:
            raise AuditError("query", "--older-than lies in the future: give an age (400d) or a date that is past.")
        selection = Selection(before=before, classes=classes(of_class or ()))
        _carry_out(selection, "retention", database, key_file, now, dry_run=dry_run, yes=yes, json=json)


def erase(
    principal: Annotated[str | None, typer.Option(help="All records of this caller: key-..., user-....")] = None,
    fingerprint: Annotated[str | None, typer.Option(help="All records in which this value was found.")] = None,
    database: DatabaseOption = None,
    key_file: KeyFileOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Erase a person's records, whatever their age. A signed tombstone says so, and not of whom."""
    now = dt.datetime.now(dt.UTC)
    with errors_shown():
        if (principal is None) == (fingerprint is None):
            raise AuditError("query", "Say whose records: either --principal or --fingerprint.")
        selection = Selection(principal=principal, fingerprint=fingerprint)
        _carry_out(selection, "erasure", database, key_file, now, dry_run=dry_run, yes=yes, json=json)


def classes(given: Sequence[str]) -> dict[str, list[str]]:
    """``action=allow`` and the like. Raises AuditError (``query``)."""
    found: dict[str, list[str]] = {}
    for one in given:
        name, mark, value = one.partition("=")
        if name not in CLASSES or not mark or not value:
            raise AuditError("query", f"A class is FIELD=VALUE, and the field is one of {', '.join(CLASSES)}.")
        found.setdefault(name, []).append(value)
    return found


def _carry_out(
    selection: Selection, reason: str, url: str | None, key_file: Path | None, now: dt.datetime, *, dry_run: bool,
    yes: bool, json: bool,
) -> None:  # fmt: skip
    url = url or default_database_url()
    found = preview(open_read_only(url), selection, now)
    if not json:
        _announce(found, selection, reason)
    made: list[Tombstone] = []
    if found.decisions and not dry_run:
        key = load_key(key_file or state_dir() / KEY_FILE)
        if not yes and not typer.confirm("Remove them for good?"):
            raise typer.Exit(1)
        made = remove(open_database(url, create=False, busy_timeout_s=30.0), key, selection, reason, now)
    if json:
        told = dataclasses.asdict(found) | {
            "first": found.first and found.first.isoformat(), "last": found.last and found.last.isoformat(),
            "removed": not dry_run, "tombstones": [dataclasses.asdict(one) for one in made],
        }  # fmt: skip
        typer.echo(visible_json(told))
    elif made:
        console = console_for()
        console.print(f"Removed {sum(one.count for one in made)} records and outcomes. Tombstones:")
        for one in made:
            console.print(f"  {one.id}  {one.count} entries")


def _announce(found: Preview, selection: Selection, reason: str) -> None:
    console = console_for()
    if not found.decisions or found.first is None or found.last is None:
        console.print("No record is concerned.")
    else:
        console.print(
            f"{found.decisions} records and {found.outcomes} outcomes, from "
            f"{found.first.isoformat(timespec='seconds')} to {found.last.isoformat(timespec='seconds')}."
        )
    if reason != "erasure":
        return
    console.print("Erased are these records with all their findings and fingerprints. Not erased: the hashes in the "
                  "ledger and the records' ids; exports, backups and anchors outside this database; what auditors "
                  "looked at (coatcheck audit reads).")  # fmt: skip
    if waiting := sum(one.records for one in survey(state_dir() / DIRECTORY)):
        console.print(
            f"{waiting} records wait in the journal: drain them (coatcheck audit journal --drain), then erase again."
        )
    if selection.principal is not None:
        console.print("What the vault keeps for this caller is destroyed, keys and all, by: coatcheck vault forget "
                      "--principal with the same name.")  # fmt: skip
    else:
        console.print("The vault is kept by caller, not by value: coatcheck vault forget --principal NAME for each "
                      "caller that sent the value.")  # fmt: skip


COMMANDS: dict[str, Callable[..., None]] = {"prune": prune, "erase": erase}
