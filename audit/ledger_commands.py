"""``coatcheck audit verify | checkpoint | proof``: is the record whole, and how does one prove it?

They read only. Exit codes of verify: 0 whole, 1 not whole, 2 cannot tell. Imports nothing outside audit.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from audit.checkpoint import ANCHOR_FILE, KEY_FILE, Checkpoint, load_key, public_keys, split_notes
from audit.command_line import (
    DatabaseOption,
    JsonOption,
    console_for,
    errors_shown,
)
from audit.database import open_read_only
from audit.errors import AuditError
from audit.export import proof_lines, verify_export
from audit.ledger import root_at, size_of
from audit.location import default_database_url, state_dir
from audit.note import PublicKey
from audit.query import Reader
from audit.verification import Report
from audit.verify import Progress as Told
from audit.verify import all_checkpoints, newest_checkpoint, verify_database
from audit.visible import visible, visible_json

KeyFileOption = Annotated[
    Path | None,
    typer.Option("--key-file", metavar="FILE", help=f"The ledger's key; else {KEY_FILE} in the state directory."),
]
_MAX_STAMPS = 20
"""Time-stamps that are shown to people."""

OutputOption = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Into this file.")]


def verify(
    database: DatabaseOption = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option("--checkpoint", metavar="FILE", help="Checkpoints that you kept. Repeatable.")
    ] = None,
    public_key: Annotated[
        list[str] | None,
        typer.Option("--public-key", metavar="KEY", help="The ledger's public key, or a file with it."),
    ] = None,
    export: Annotated[
        str | None, typer.Option("--export", metavar="FILE", help="Check an export instead, offline; - reads a pipe.")
    ] = None,
    proof: Annotated[
        str | None, typer.Option("--proof", metavar="FILE", help="Check a record's proof instead, offline.")
    ] = None,
    timestamps: Annotated[
        Path | None, typer.Option("--timestamps", metavar="FILE", help="Check the checkpoints' time-stamps too.")
    ] = None,
    timestamp_ca: Annotated[
        Path | None,
        typer.Option("--timestamp-ca", metavar="PEM", help="Certificates to trust for --timestamps."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check that the audit record is whole: every row, its leaf, the tree, the signed checkpoints.

    Exit codes: 0 whole, 1 not whole, 2 cannot tell.
    """
    with errors_shown():
        if export is not None and proof is not None:
            raise AuditError("query", "Name either --export or --proof.")
        if (timestamps is None) != (timestamp_ca is None):
            raise AuditError("query", "--timestamps and --timestamp-ca go together.")
        keys = public_keys(public_key or ()) or own_key()
        kept = [
            (str(file), list(split_notes(_text(file)))) for file in checkpoint or _own_anchor(database, export, proof)
        ]
        with progress_shown("Verifying", shown=not json) as told:
            if (source := export or proof) is not None:
                with _lines_of(source) as lines:
                    report = verify_export(lines, keys, kept, told)
            else:
                report = verify_database(open_read_only(database or default_database_url()), keys, kept, told)
        if timestamps is not None and timestamp_ca is not None:
            # Here, because it brings an HTTP client, and few ask for it.
            from audit.timestamp_check import check_timestamps

            notes = [note for _, of_file in kept for note in of_file]
            if export is None and proof is None:
                notes += all_checkpoints(open_read_only(database or default_database_url()))
            check_timestamps(report, timestamps, timestamp_ca, notes, keys)
    if json:
        typer.echo(visible_json(as_mapping(report)))
    else:
        _show(report)
    raise typer.Exit(report.verdict)


def show_checkpoint(
    database: DatabaseOption = None,
    public_key: Annotated[bool, typer.Option("--public-key", help="Print the public key instead.")] = False,
    sign: Annotated[bool, typer.Option("--sign", help="Sign the ledger as it is now, with the key file.")] = False,
    key_file: KeyFileOption = None,
) -> None:
    """Print the newest signed checkpoint: keep it where nobody who can change the database can change it."""
    with errors_shown():
        if public_key:
            typer.echo(str(load_key(key_file or state_dir() / KEY_FILE).public_key))
            return
        opened = open_read_only(database or default_database_url())
        with opened.engine.connect() as connection, connection.begin():
            if sign:
                key, size = load_key(key_file or state_dir() / KEY_FILE), size_of(connection)
                note: str | None = Checkpoint(key.name, size, root_at(connection, size)).signed(key)
            else:
                note = newest_checkpoint(connection)
        if note is None:
            raise AuditError("not_found", "Nothing was signed yet: wait for the gateway to do so, or use --sign.")
        typer.echo(note, nl=False)


def write_proof(
    record: Annotated[str, typer.Argument(metavar="ID", help="Id, the beginning of one, or the list's number.")],
    database: DatabaseOption = None,
    output: OutputOption = None,
) -> None:
    """Write the proof that a record is in the ledger that was signed; `verify --proof` checks it with the key alone."""
    with errors_shown():
        opened = open_read_only(database or default_database_url())
        found = Reader(opened).find(record)
        _write(proof_lines(opened, found), output)


COMMANDS: dict[str, Callable[..., None]] = {
    "verify": verify,
    "checkpoint": show_checkpoint,
    "proof": write_proof,
}


def as_mapping(report: Report) -> dict[str, Any]:
    """A report for JSON."""
    return {
        "verdict": _VERDICTS[report.verdict][0],
        "entries": report.size,
        "decisions": report.decisions,
        "policies": report.policies,
        "outcomes": report.outcomes,
        "root": report.root.hex(),
        "checkpoints": report.checkpoints,
        "covered": report.covered,
        "flaws": [
            {"kind": str(flaw.kind), "message": flaw.message, "entry": flaw.leaf, "seq": flaw.seq, "id": flaw.id}
            for flaw in report.flaws
        ],
        "flaw_count": report.flaw_count,
        "doubts": report.doubts,
        "notices": report.notices,
        "timestamps": [{"size": one.size, "time": one.time, "authority": one.authority} for one in report.timestamps],
        "without_outcome": report.without_outcome,
        "first_without_outcome": [name for _, name in report.first_without_outcome],
    }


_VERDICTS = {0: ("whole", "bold green"), 1: ("not whole", "bold red"), 2: ("cannot tell", "bold yellow")}


def _show(report: Report) -> None:
    console = console_for()
    for flaw in report.flaws:
        console.print(Text.assemble((f"{flaw.kind}: ", "red"), visible(flaw.message)))
    if report.flaw_count > len(report.flaws):
        console.print(f"and {report.flaw_count - len(report.flaws)} more.")
    for line in (*report.doubts, *report.notices):
        console.print(Text(visible(line), "yellow"))
    for _, name in report.first_without_outcome:
        console.print(Text(f"  {visible(name)}", "yellow"))
    if report.without_outcome > len(report.first_without_outcome):
        console.print(Text("  … list them all with: coatcheck audit list --status unresolved", "yellow"))
    if len(report.timestamps) > _MAX_STAMPS:
        console.print(f"{len(report.timestamps) - _MAX_STAMPS} older time-stamps are right too.")
    for one in report.timestamps[-_MAX_STAMPS:]:
        told = f"The checkpoint of size {one.size} was time-stamped at {one.time} by {one.authority}."
        console.print(Text(visible(told)), soft_wrap=True)
    word, style = _VERDICTS[report.verdict]
    console.print(
        Text.assemble(
            (word.capitalize(), style),
            f": {report.size} entries, {report.decisions} decisions and {report.outcomes} outcomes"
            f"{_counted(', {} ', report.policies, 'policy', 'policies') if report.policies else ''}; "
            f"{_counted('{} ', report.checkpoints, 'checkpoint holds', 'checkpoints hold')}, "
            f"{_counted('{} ', report.covered, 'entry is', 'entries are')} covered.",
        )
    )


def _counted(form: str, number: int, one: str, many: str) -> str:
    return form.format(number) + (one if number == 1 else many)


def own_key() -> list[PublicKey]:
    """The key of this machine's gateway, if there is one that this user may read."""
    try:
        return [load_key(state_dir() / KEY_FILE).public_key]
    except (AuditError, RuntimeError):
        return []


def _own_anchor(database: str | None, export: str | None, proof: str | None) -> list[Path]:
    """The file of checkpoints beside the default database."""
    if database is not None or export is not None or proof is not None:
        return []
    file = state_dir() / ANCHOR_FILE
    return [file] if file.is_file() else []


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise AuditError("note", f"{file} cannot be read: {(error.strerror or 'error').lower()}.") from None


@contextlib.contextmanager
def _lines_of(source: str) -> Iterator[Iterable[str]]:
    if source == "-":
        yield sys.stdin
        return
    try:
        with Path(source).open(encoding="utf-8", newline="\n") as file:
            yield file
    except OSError as error:
        raise AuditError("export", f"{source} cannot be read: {(error.strerror or 'error').lower()}.") from None
    except UnicodeDecodeError:
        raise AuditError("export", f"{source} is no export: it is not UTF-8 text.") from None


def _write(lines: Iterable[str], output: Path | None) -> None:
    if output is None:
        for line in lines:
            typer.echo(line)
        return
    try:
        with output.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise AuditError("export", f"{output} cannot be written: {(error.strerror or 'error').lower()}.") from None


@contextlib.contextmanager
def progress_shown(what: str, *, shown: bool) -> Iterator[Told]:
    """A bar on a terminal."""
    console = console_for(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal)) as bar:
        task = bar.add_task(what, total=None)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        yield told
