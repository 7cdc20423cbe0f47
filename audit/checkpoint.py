"""Checkpoints (c2sp.org/tlog-checkpoint): origin, size and root of the ledger in a signed note. And the key's file.

Imports the note format; touches no database. A file of checkpoints is notes one after the other, blank lines between.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from audit.errors import AuditError
from audit.note import Note, PublicKey, SigningKey, new_key, parse_note, parse_public_key, parse_signing_key

KEY_FILE = "ledger.key"
"""Name of the key's file in the state directory."""
ANCHOR_FILE = "ledger.checkpoints"
"""Name of the file that checkpoints are appended to, in the state directory."""

MAX_SIZE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was signed: at ``size`` leaves the tree had this ``root``."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note's text: three lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def signed(self, key: SigningKey) -> str:
        """The note."""
        return key.sign(self.text())


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint as it was found, with its signatures."""

    checkpoint: Checkpoint
    note: Note
    source: str
    """Where it was found, for people."""

    def signed_by(self, keys: Iterable[PublicKey]) -> bool | None:
        """As `Note.signed_by`; the key's name must be the checkpoint's origin."""
        return self.note.signed_by([key for key in keys if key.name == self.checkpoint.origin])


def parse_checkpoint(note: str, source: str = "") -> SignedCheckpoint:
    """Reads a note that is a checkpoint. Raises AuditError (``note``). Extension lines are passed over."""
    parsed = parse_note(note)
    lines = parsed.text.split("\n")
    wrong = AuditError("note", "This signed note is no checkpoint: its lines are origin, size and root.")
    if len(lines) < 4 or "" in lines[:-1] or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
        raise wrong
    try:
        root = base64.b64decode(lines[2], validate=True)
    except (binascii.Error, ValueError):
        raise wrong from None
    if len(root) != 32 or int(lines[1]) > MAX_SIZE:
        raise wrong
    return SignedCheckpoint(Checkpoint(lines[0], int(lines[1]), root), parsed, source)


def split_notes(content: str) -> Iterator[str]:
    """The notes of a file, in order; a note that was cut off comes as it is and will not parse."""
    body: str | None = None
    for block in re.split(r"\n{2,}", content.strip("\n")):
        if block.startswith("— ") and body is not None:
            yield f"{body}\n\n{block}\n"
            body = None
        else:
            if body is not None:
                yield body
            body = block or None
    if body is not None:
        yield body


def load_key(path: Path) -> SigningKey:
    """The key of a file. Raises AuditError (``key``)."""
    try:
        return parse_signing_key(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise AuditError("key", f"{path} is no ledger key.") from None
    except OSError as error:
        raise AuditError("key", f"The ledger's key {path} cannot be read: {(error.strerror or 'error').lower()}. "
                         "Check its owner and mode.") from None  # fmt: skip


def load_or_create_key(path: Path, origin: str | None = None) -> SigningKey:
    """The key of a file; made there (mode 0600) if there is none. Raises AuditError (``key``)."""
    if not path.exists():
        _create(path, new_key(origin))
    key = load_key(path)
    if origin is not None and key.name != origin:
        raise AuditError("key", f"The ledger's key {path} was made for another origin: keep that one in "
                         "checkpoints.origin, or name a new file in checkpoints.key_file.")  # fmt: skip
    return key


def _create(path: Path, key: SigningKey) -> None:
    """Whole or not at all: another process that starts now reads a complete key or makes its own and loses."""
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key.text() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            with contextlib.suppress(FileExistsError):
                os.link(scratch, path)
        finally:
            scratch.unlink()
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise AuditError("key", f"The ledger's key {path} cannot be made: {(error.strerror or 'error').lower()}. Set "
                         "checkpoints.key_file to a place that this user can write.") from None  # fmt: skip


def public_keys(given: Iterable[str]) -> list[PublicKey]:
    """Keys given as text, or as files that hold one on each line. Raises AuditError (``key``)."""
    keys: list[PublicKey] = []
    for one in given:
        path = Path(one)
        try:
            lines = path.read_text(encoding="utf-8").splitlines() if "+" not in one or path.is_file() else [one]
        except (OSError, UnicodeDecodeError):
            raise AuditError("key", "The public key is neither a key (NAME+ID+BASE64) nor a file that can be "
                             "read.") from None  # fmt: skip
        keys += [parse_public_key(line) for line in lines if line.strip()]
    return keys
