"""The gateway's own secret and what is derived from it.

One 32-byte secret, made at first start, in a file that only its owner can read. Every use has a key
of its own (BLAKE2b keyed by the secret, with the use as input), so that no key serves two ends.
Imports nothing of ours.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

SECRET_BYTES = 32


class KeyFileError(Exception):
    """The key file cannot be made or read; says which file and what to do."""


@dataclass(frozen=True, slots=True)
class GatewayKeys:
    """Keys derived from the gateway's secret, one for each use."""

    placeholders: bytes
    fingerprints: bytes
    principals: bytes
    epoch: int = 1

    def fingerprint(self, tenant: str, entity: str, value: str) -> str:
        """16 hex digits that are the same for the same value, and say nothing of it without the key."""
        return _tag(self.fingerprints, tenant, entity, value)

    def principal(self, tenant: str, credential: str | None, proxy_user: str | None) -> str:
        """Who calls: a keyed fingerprint of the credential (``key-…``), the proxy user, or ``anonymous``."""
        if credential:
            return "key-" + _tag(self.principals, tenant, "credential", credential)
        if proxy_user:
            return "user-" + _tag(self.principals, tenant, "proxy_user", proxy_user)
        return "anonymous"


def _tag(key: bytes, *parts: str) -> str:
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        mac.update(len(data).to_bytes(8, "big") + data)
    return mac.hexdigest()[:16]


def derive(secret: bytes) -> GatewayKeys:
    """Derive the keys of all uses from one secret (at least 32 bytes)."""

    def key(use: bytes) -> bytes:
        return hashlib.blake2b(use, key=secret[:64], person=b"coatcheck-v1", digest_size=32).digest()

    return GatewayKeys(key(b"placeholders"), key(b"fingerprints"), key(b"principals"))


def load_or_create(path: Path) -> GatewayKeys:
    """Read the secret at ``path``, or make one there (mode 0400). Raises KeyFileError."""
    try:
        secret = path.read_bytes()
    except FileNotFoundError:
        secret = _create(path)
    except OSError as e:
        raise KeyFileError(f"cannot read the key file {path}: {e.strerror}. Check its owner and mode.") from e
    if len(secret) < SECRET_BYTES:
        raise KeyFileError(
            f"the key file {path} holds {len(secret)} bytes, it needs at least {SECRET_BYTES}. "
            "Restore it from a backup; without it, stored placeholders cannot be told apart."
        )
    return derive(secret)


def _create(path: Path) -> bytes:
    secret = secrets.token_bytes(SECRET_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    except FileExistsError:  # another process won the race: use its secret
        return path.read_bytes()
    except OSError as e:
        raise KeyFileError(
            f"cannot make the key file {path}: {e.strerror}. Set state_dir or placeholders.key_file to a place "
            "that this user can write."
        ) from e
    with os.fdopen(fd, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    return secret
