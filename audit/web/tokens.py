"""Tokens that let auditors in: made once, shown once, kept as hashes in one file of mode 0600. Imports the error only.

A file in the state directory and not a table: the rows of the audit database are never changed, and revoking changes
one; and who may read the database, or an export or a backup of it, learns nothing about who may sign in. A token is
256 random bits, so its SHA-256 hash needs no salt and no stretching. The file is read again whenever it changed: a
token that is revoked stops working with the next request.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import json
import os
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from audit.errors import AuditError

TOKEN_FILE = "audit-tokens.json"  # noqa: S105  a file's name
PREFIX = "cct_"
"""What every token begins with, so that scanners for secrets can find one that was left lying about."""
MAX_DAYS = 3660
_FORMAT = "coatcheck-audit-tokens/1"
_NAME = re.compile(r"[^\W_][\w.@+-]{0,63}")


class Role(StrEnum):
    """What a reader may see."""

    AUDITOR = "auditor"
    """The records, the statistics, the ledger."""
    ADMIN = "admin"
    """That, and who read the records."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; the token itself is not."""

    id: str
    """Eight hexadecimal digits: names it in lists and in ``revoke``."""
    name: str
    """Whose it is; stands in the table ``reads``."""
    role: Role
    hash: str
    """SHA-256 in hexadecimal digits."""
    created: dt.datetime
    expires: dt.datetime
    revoked: dt.datetime | None = None

    def holds(self, now: dt.datetime) -> bool:
        """Whether it lets anyone in."""
        return self.revoked is None and now < self.expires


class TokenFile:
    """The file of tokens. Safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._tokens: tuple[Token, ...] = ()

    def tokens(self) -> Sequence[Token]:
        """All, the oldest first; none if there is no file. Raises AuditError (``key``)."""
        with self._lock:
            try:
                status = self.path.stat()
            except FileNotFoundError:
                self._stamp, self._tokens = None, ()
                return self._tokens
            except OSError as error:
                raise self._unreadable(error) from None
            if status.st_mode & 0o077:
                raise AuditError("key", f"{self.path} may be read by others: chmod 600 {self.path}")
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                self._tokens = self._read()
                self._stamp = stamp
            return self._tokens

    def find(self, text: str, now: dt.datetime) -> Token | None:
        """The token that this is, if it holds. Raises AuditError (``key``)."""
        if not text.startswith(PREFIX) or len(text) > 100:
            return None
        digest = hash_of(text)
        return next((token for token in self.tokens() if token.hash == digest and token.holds(now)), None)

    def with_id(self, name: str, now: dt.datetime) -> Token | None:
        """The token of an id, if it holds. Raises AuditError (``key``)."""
        return next((token for token in self.tokens() if token.id == name and token.holds(now)), None)

    def create(self, name: str, role: Role, days: int, now: dt.datetime) -> tuple[Token, str]:
        """A new token, and its text, which is nowhere else. Raises AuditError (``query``, ``key``)."""
        if not _NAME.fullmatch(name):
            raise AuditError("query", "A token's name is 1 to 64 letters, digits and . @ + - _, a letter first.")
        if not 1 <= days <= MAX_DAYS:
            raise AuditError("query", f"A token is good for 1 to {MAX_DAYS} days.")
        text = PREFIX + secrets.token_urlsafe(32)
        digest = hash_of(text)
        now = now.replace(microsecond=0)
        token = Token(digest[:8], name, role, digest, now, now + dt.timedelta(days=days))
        with self._changing() as tokens:
            tokens.append(token)
        return token, text

    def revoke(self, name: str, now: dt.datetime) -> Token:
        """End a token, by its id. Raises AuditError (``not_found``, ``key``)."""
        with self._changing() as tokens:
            for place, token in enumerate(tokens):
                if token.id == name:
                    tokens[place] = token if token.revoked else replace(token, revoked=now.replace(microsecond=0))
                    return tokens[place]
            raise AuditError("not_found", "No token has this id: see `coatcheck audit token list`.")

    @contextlib.contextmanager
    def _changing(self) -> Iterator[list[Token]]:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise self._unreadable(error) from None
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            tokens = list(self.tokens())
            yield tokens
            self._write(tokens, directory)
        except OSError as error:
            raise self._unreadable(error) from None
        finally:
            os.close(directory)

    def _write(self, tokens: Sequence[Token], directory: int) -> None:
        scratch = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        content = {"format": _FORMAT, "tokens": [_mapping(token) for token in tokens]}
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self.path)
        os.fsync(directory)

    def _read(self) -> tuple[Token, ...]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                raise ValueError
            return tuple(_token(one) for one in content["tokens"])
        except (ValueError, KeyError, TypeError):
            raise AuditError("key", f"{self.path} is no file of tokens, or a newer Coatcheck's: move it away and make "
                             "new ones with `coatcheck audit token create`.") from None  # fmt: skip
        except OSError as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: OSError) -> AuditError:
        return AuditError(
            "key", f"The file of tokens {self.path} cannot be used: {(error.strerror or 'error').lower()}."
        )


def hash_of(text: str) -> str:
    """SHA-256 of a secret text, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _mapping(token: Token) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, dt.datetime) else value for key, value in asdict(token).items()}


def _token(values: dict[str, Any]) -> Token:
    created, expires = (dt.datetime.fromisoformat(values[key]) for key in ("created", "expires"))
    revoked = values["revoked"]
    return Token(
        id=str(values["id"]),
        name=str(values["name"]),
        role=Role(values["role"]),
        hash=str(values["hash"]),
        created=created,
        expires=expires,
        revoked=None if revoked is None else dt.datetime.fromisoformat(revoked),
    )
