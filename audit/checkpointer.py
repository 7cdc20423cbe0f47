"""When the ledger's state is signed: every so many records or seconds, and at the end. Runs in the writer's thread.

Signed is only what is committed. Gateways that share a database share the work: whoever finds that a checkpoint is due
makes it, in a transaction in which nobody else appends. Then it goes to the anchor. A failure here refuses no request.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, select

from audit.anchor import Anchor
from audit.checkpoint import Checkpoint, load_or_create_key, parse_checkpoint, split_notes
from audit.errors import AuditError
from audit.ledger import Appender, root_at, size_of
from audit.note import PublicKey
from audit.schema import Base
from audit.timestamp import Stamper
from audit.writer import Writer

_log = logging.getLogger(__name__)

_CLOSE_LIMIT_S = 10.0

_checkpoints = Base.metadata.tables["ledger_checkpoints"]
_newest = select(_checkpoints.c.size, _checkpoints.c.time).order_by(_checkpoints.c.size.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class CheckpointPlan:
    """How the ledger is signed and where the signatures go."""

    key_file: Path
    """Made at first start."""
    origin: str | None = None
    """The ledger's name in a new key: ``example.com/coatcheck``; None: one made from the key."""
    every_records: int = 1000
    every_s: float = 60.0
    file: Path | None = None
    """Checkpoints are appended to it."""
    url: str | None = None
    """Checkpoints are posted to it."""
    timestamp_url: str | None = None
    """A time-stamping authority (RFC 3161) that stamps checkpoints; None: they are not stamped."""
    timestamp_ca_file: Path | None = None
    """Certificates (PEM) that the authority's must lead to."""

    @property
    def stamper(self) -> Stamper | None:
        """Tokens lie beside the file of checkpoints: ``ledger.timestamps`` beside ``ledger.checkpoints``."""
        if self.timestamp_url is None:
            return None
        beside = self.file or self.key_file
        file = beside.with_suffix(".timestamps")
        if file == beside:
            file = beside.with_name(f"{beside.name}.timestamps")
        return Stamper(self.timestamp_url, self.timestamp_ca_file, file)


class Checkpointer:
    """Signs when it is time. Raises AuditError (``key``) at once if the key cannot be read or made."""

    def __init__(self, plan: CheckpointPlan, writer: Writer) -> None:
        self._plan = plan
        self._writer = writer
        self._key = load_or_create_key(plan.key_file, plan.origin)
        self._anchor = Anchor(plan.file, plan.url, plan.stamper)
        self._records = 0
        self._checked = time.monotonic()
        if plan.file is not None:
            self._compare(plan.file)

    def wrote(self, records: int) -> None:
        """Say that so many records were written, or none; signs if a checkpoint is due. Never raises."""
        self._records += records
        since = time.monotonic() - self._checked
        if self._records >= self._plan.every_records or since >= self._plan.every_s:
            self._make(always=False)

    def close(self) -> None:
        """Sign the end, deliver what waits. Never raises."""
        self._make(always=True)
        self._anchor.close(_CLOSE_LIMIT_S)

    def _make(self, *, always: bool) -> None:
        self._records, self._checked = 0, time.monotonic()
        try:
            note = self._writer.within(lambda connection, appender: self._sign(connection, appender, always))
        except AuditError as error:
            _log.error("The audit ledger could not be signed: %s", error.message)
        except Exception:
            _log.error("The audit ledger could not be signed.")
        else:
            if note is not None:
                self._anchor.publish(note)

    def _sign(self, connection: Connection, appender: Appender, always: bool) -> str | None:
        frontier = appender.sync(connection)
        newest = connection.execute(_newest).first()
        signed = 0 if newest is None else int(newest.size)
        now = dt.datetime.now(dt.UTC)
        if frontier.size <= signed:
            return None
        # abs(): a clock that was set back must not put checkpoints off.
        young = newest is not None and abs((now - newest.time).total_seconds()) < self._plan.every_s
        if not always and young and frontier.size - signed < self._plan.every_records:
            return None
        note = Checkpoint(self._key.name, frontier.size, frontier.root()).signed(self._key)
        connection.execute(insert(_checkpoints), {"size": frontier.size, "time": now, "note": note})
        return note

    def _compare(self, file: Path) -> None:
        """Say it loudly if the database is not the one whose state was signed last."""
        try:
            notes = list(split_notes(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError):
            _log.error("The file of checkpoints cannot be read: check checkpoints.file.")
            return
        last = _last_signed(notes, self._key.public_key)
        if last is not None and not self._writer.within(lambda connection, _: _holds(connection, last)):
            _log.critical(
                "The audit database does not hold what its last checkpoint vouches for: records were removed or "
                "changed, or an older copy was put back. Run `coatcheck audit verify`."
            )


def _last_signed(notes: Sequence[str], key: PublicKey) -> Checkpoint | None:
    for note in reversed(notes):
        try:
            signed = parse_checkpoint(note)
        except AuditError:
            continue
        if signed.signed_by([key]):
            return signed.checkpoint
    return None


def _holds(connection: Connection, last: Checkpoint) -> bool:
    try:
        return last.size <= size_of(connection) and root_at(connection, last.size) == last.root
    except AuditError:  # hashes are missing
        return False
