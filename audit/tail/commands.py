"""``coatcheck audit tail``: the ledger's entries to a SIEM as they come. Imports nothing outside audit."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, parse_qs, urlsplit

import typer
from rich.text import Text

from audit.command_line import DatabaseOption, console_for, errors_shown
from audit.database import Database, open_read_only
from audit.errors import AuditError
from audit.exports.entries import first_leaf_since
from audit.location import default_database_url, state_dir
from audit.snapshot import snapshot
from audit.tail.batch import Batch, Receiver, Refused, StreamFormat
from audit.tail.cursor import Cursor, cursor_path
from audit.tail.follow import Backoff, Follower, Wait, starting_place
from audit.tail.syslog import Destination, Syslog, Transport
from audit.times import parse_since
from audit.visible import visible

SECRET_VARIABLE = "COATCHECK_WEBHOOK_SECRET"  # noqa: S105  a name
_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
_OPTIONS = {"transport", "ca", "cert", "key"}
_ONCE_ATTEMPTS = 5


def mount(app: typer.Typer) -> None:
    """Add the command to ``coatcheck audit``."""
    app.command("tail")(tail)


def tail(
    to: Annotated[
        str,
        typer.Option("--to", metavar="WHERE", help="syslog://HOST:PORT?transport=udp|tcp|tls, https://… or stdout."),
    ] = "stdout",
    format: Annotated[StreamFormat, typer.Option("--format", help="Of an entry.")] = StreamFormat.JSON,  # noqa: A002
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Begin there with a new cursor: 7d, 2026-11-24, now; else at 0.")
    ] = None,
    cursor: Annotated[
        str | None, typer.Option(metavar="FILE|NAME", help="Where the place is kept; else one for each destination.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when all is delivered.")] = False,
    secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Key that signs what a webhook gets; else ${SECRET_VARIABLE}."),
    ] = None,
    token_file: Annotated[Path | None, typer.Option(metavar="FILE", help="A webhook's bearer token.")] = None,
    ca_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificates to trust instead of the system's.")
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Deliver the ledger's entries as they come: in order, at least once; receivers tell repeats by the leaf number."""
    with errors_shown(), contextlib.ExitStack() as closing:
        receiver = receiver_of(to, secret_file, token_file, ca_file)
        closing.callback(receiver.close)
        opened = open_read_only(database or default_database_url())
        held = _cursor(to, cursor)
        if held is not None:
            closing.callback(held.close)
        start = _start(opened, held, since)
        wait = closing.enter_context(_until_told_to_stop())
        backoff = Backoff(attempts=_ONCE_ATTEMPTS if once else None)
        follower = Follower(opened, receiver, format, held, wait=wait, told=_tell, backoff=backoff)
        with contextlib.suppress(BrokenPipeError):
            follower.run(start, once=once)


def receiver_of(to: str, secret_file: Path | None, token_file: Path | None, ca_file: Path | None) -> Receiver:
    """The receiver that ``--to`` names. Raises AuditError."""
    if to in ("stdout", "-"):
        return StandardOutput()
    parts = _split(to)
    if parts.scheme == "syslog":
        return Syslog(_destination(parts, ca_file))
    if parts.scheme in ("http", "https"):
        from audit.tail.webhook import Webhook, checked_url

        secret = os.environ.get(SECRET_VARIABLE) if secret_file is None else _content(secret_file)
        token = None if token_file is None else _content(token_file)
        ca = None if ca_file is None else str(_readable(ca_file))
        return Webhook(checked_url(parts), secret=secret.encode() if secret else None, token=token, ca_file=ca)
    raise AuditError("query", "--to is syslog://HOST:PORT?transport=udp|tcp|tls, https://…, or stdout.")


class StandardOutput:
    """Lines on standard output, which take it as accepted when they are written."""

    def deliver(self, batch: Batch) -> None:
        """Write and flush. Raises Refused, BrokenPipeError when the reader has gone."""
        try:
            for line in batch.lines:
                sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            # Python would flush once more at exit, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise
        except OSError as error:
            raise Refused(f"Standard output cannot be written: {(error.strerror or 'error').lower()}.") from None

    def close(self) -> None:
        """Nothing is open."""


def _split(to: str) -> SplitResult:
    try:
        parts = urlsplit(to)
        _ = parts.port
    except ValueError:
        raise AuditError("query", "--to cannot be read: syslog://HOST:PORT?transport=tcp or https://…") from None
    return parts


def _destination(parts: SplitResult, ca_file: Path | None) -> Destination:
    given = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    if set(given) - _OPTIONS or parts.path not in ("", "/") or parts.username or not parts.hostname:
        raise AuditError("query", "--to: syslog://HOST:PORT?transport=udp|tcp|tls&ca=FILE&cert=FILE&key=FILE.")
    transport = given.get("transport", "udp")
    if transport not in _PORTS:
        raise AuditError("query", "--to: transport is udp, tcp or tls.")
    ca = ca_file if ca_file is not None else (Path(given["ca"]) if "ca" in given else None)
    files = [None if one is None else str(_readable(Path(one))) for one in (ca, given.get("cert"), given.get("key"))]
    return Destination(parts.hostname, parts.port or _PORTS[transport], Transport(transport), *files)


def _cursor(to: str, name: str | None) -> Cursor | None:
    if name is None:
        if to in ("stdout", "-"):
            return None
        parts = _split(to)
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{parts.scheme}-{parts.netloc}{parts.path}").strip("-.")[:100]
    return Cursor(cursor_path(name, state_dir()))


def _start(database: Database, cursor: Cursor | None, since: str | None) -> int:
    place = None if cursor is None else cursor.load()
    if since is None:
        return starting_place(database, place, 0)
    if place is not None and cursor is not None:
        raise AuditError("query", f"--since is for a new cursor; {cursor.path} has a place already.")
    with snapshot(database) as connection:
        return first_leaf_since(connection, parse_since(since, dt.datetime.now(dt.UTC)))


@contextlib.contextmanager
def _until_told_to_stop() -> Iterator[Wait]:
    """SIGTERM and SIGINT end the stream after the batch in hand."""
    stop = threading.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    if threading.current_thread() is not threading.main_thread():
        yield stop.wait
        return
    before = [signal.signal(one, lambda *_: stop.set()) for one in signals]
    try:
        yield stop.wait
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)


def _tell(words: str) -> None:
    console_for(stderr=True).print(Text(visible(words), "yellow"))


def _readable(path: Path) -> Path:
    if not path.is_file():
        raise AuditError("query", f"{path} is not a file.")
    return path


def _content(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise AuditError("query", f"{path} cannot be read.") from None
    if not text:
        raise AuditError("query", f"{path} is empty.")
    return text
