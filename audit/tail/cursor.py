"""Where a stream has got to: a small file that says which leaf comes next. It moves only after the receiver accepted.

Replaced as a whole and synced, so that after a crash it holds the place before or the place after, never half of one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from audit.errors import AuditError

FORMAT = "coatcheck-cursor/1"
DIRECTORY = "cursors"
"""Of named cursors, in the state directory."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in one ledger."""

    next: int
    """The leaf to be delivered next."""
    last_hash: str | None
    """Hash (hex) of the leaf before, by which another ledger is told from this one; None at the beginning."""


class Cursor:
    """A cursor's file, held for as long as this object is open: two streams cannot share one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._broken("opened", error) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise AuditError("export", f"The cursor {path} is in use by another `coatcheck audit tail`: name another "
                             "with --cursor.") from None  # fmt: skip

    def load(self) -> Place | None:
        """The place; None for a cursor that is new. Raises AuditError for a file that is none."""
        try:
            value = json.loads(self.path.read_text(encoding="utf-8"))
            following, digest = value["next"], value["last_hash"]
            if value["format"] != FORMAT or type(following) is not int or following < 0:
                raise ValueError
            if digest is not None and not re.fullmatch(r"[0-9a-f]{64}", digest):
                raise ValueError
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._broken("read", error) from None
        except (ValueError, KeyError, TypeError):
            raise AuditError("export", f"{self.path} is no cursor: name another with --cursor.") from None
        return Place(following, digest)

    def save(self, place: Place) -> None:
        """Durable when it returns. Raises AuditError."""
        scratch = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        text = json.dumps({"format": FORMAT, "next": place.next, "last_hash": place.last_hash})
        try:
            with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(f"{text}\n")
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(self.path)
            directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            with contextlib.suppress(OSError):
                scratch.unlink(missing_ok=True)
            raise self._broken("written", error) from None

    def close(self) -> None:
        """Let another stream have it."""
        os.close(self._lock)

    def _broken(self, verb: str, error: OSError) -> AuditError:
        return AuditError("export", f"The cursor {self.path} cannot be {verb}: {(error.strerror or 'error').lower()}.")


def cursor_path(name: str, state: Path) -> Path:
    """A file's path as it is; a plain name is a file in the state directory. Raises AuditError."""
    if "/" in name or name.endswith(".json"):
        return Path(name).expanduser()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise AuditError("query", "--cursor is a file, or a name of letters, digits, '.', '_' and '-'.")
    return state / DIRECTORY / f"{name}.json"
