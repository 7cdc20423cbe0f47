"""Where the master key comes from: a file, an environment variable, or a key service's command.

Imports this room's pure parts. A master key only ever wraps data keys. The first of several is the one in force; the
others open what was wrapped before, until a rotation is through. Keys are written as 64 hexadecimal digits.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from addons.vault import crypto
from addons.vault.errors import VaultError

_HEX_KEY = re.compile(rf"[0-9a-fA-F]{{{2 * crypto.KEY_BYTES}}}")
_BOUND_TO = ("data key",)
_OTHERS_MAY_READ = 0o007
KMS = "kms"
"""Id of the master key that a command keeps."""
_HEAD = "# Coatcheck vault: master keys, the one in force first. Back it up: without it, stored values are lost.\n"


class Masters(Protocol):
    """What wraps data keys."""

    @property
    def current(self) -> str:
        """Id of the master key in force. Raises VaultError ``no_key``."""
        ...

    def wrap(self, payload: bytes) -> tuple[str, bytes]:
        """Id of the master key in force, and the payload wrapped by it. Raises VaultError ``no_key``."""
        ...

    def unwrap(self, master: str, wrapped: bytes) -> bytes:
        """The payload. Raises VaultError ``no_key`` or ``damaged``."""
        ...


class HeldKeys:
    """Master keys in memory: those of a file or a variable."""

    def __init__(self, keys: Sequence[bytes], source: str) -> None:
        """``source`` names for people where the keys come from. Raises VaultError ``no_key`` if there are none."""
        if not keys:
            raise VaultError("no_key", f"{source} holds no master key: 64 hexadecimal digits are needed.")
        self._source = source
        self._current = crypto.master_id(keys[0])
        self._keys: Mapping[str, bytes] = {crypto.master_id(key): key for key in keys}

    @property
    def ids(self) -> Sequence[str]:
        """Ids of all keys held, the one in force first."""
        return list(self._keys)

    @property
    def current(self) -> str:
        """See ``Masters.current``."""
        return self._current

    def wrap(self, payload: bytes) -> tuple[str, bytes]:
        """See ``Masters.wrap``."""
        return self._current, crypto.seal(self._keys[self._current], payload, _BOUND_TO)

    def unwrap(self, master: str, wrapped: bytes) -> bytes:
        """See ``Masters.unwrap``."""
        key = self._keys.get(master)
        if key is None:
            raise VaultError(
                "no_key",
                f"{self._source} lacks the vault's master key {master}: put the right one back (all gateways of one "
                "database need the same), or forget what it protects: coatcheck vault forget --everything.",
            )
        return crypto.unseal(key, wrapped, _BOUND_TO)


def keys_in(text: str, source: str) -> list[bytes]:
    """Keys, one a line or after a comma; ``#`` begins a comment. Raises VaultError ``no_key`` for what is none."""
    words = [word for line in text.splitlines() for word in line.partition("#")[0].replace(",", " ").split()]
    if not all(_HEX_KEY.fullmatch(word) for word in words):
        raise VaultError("no_key", f"{source} holds something that is no master key (64 hexadecimal digits each).")
    return [bytes.fromhex(word) for word in words]


def from_environment(variable: str) -> HeldKeys:
    """The keys in an environment variable. Raises VaultError ``no_key``."""
    source = f"The environment variable {variable}"
    return HeldKeys(keys_in(os.environ.get(variable, ""), source), source)


class KeyFile:
    """Master keys in a file that only its owner can read; read again when one is asked for that it lacked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: HeldKeys | None = None

    def ensure(self) -> None:
        """Make the file with a first key (mode 0600) where there is none. Raises VaultError ``no_key``."""
        if not self.path.exists():
            self._put([crypto.new_key()], only_if_absent=True)

    @property
    def held(self) -> HeldKeys:
        """The keys that the file held when last read. Raises VaultError ``no_key``."""
        if self._held is None:
            self._held = self._read()
        return self._held

    @property
    def current(self) -> str:
        """See ``Masters.current``."""
        return self.held.current

    def wrap(self, payload: bytes) -> tuple[str, bytes]:
        """See ``Masters.wrap``. The file is read again: another process may have put a new key in force."""
        self._held = self._read()
        return self._held.wrap(payload)

    def unwrap(self, master: str, wrapped: bytes) -> bytes:
        """See ``Masters.unwrap``."""
        if master not in self.held.ids:  # rotated since it was read
            self._held = self._read()
        return self.held.unwrap(master, wrapped)

    def ids(self) -> Sequence[str]:
        """Ids of the keys in the file, as it is now, the one in force first. Raises VaultError ``no_key``."""
        self._held = self._read()
        return self._held.ids

    def add_new(self) -> None:
        """Put a new key in force, keeping the others. Raises VaultError ``no_key``."""
        self._put([crypto.new_key(), *self._keys()])

    def drop_old(self) -> None:
        """Keep only the key in force. Raises VaultError ``no_key``."""
        keys = self._keys()
        if len(keys) > 1:
            self._put(keys[:1])

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time changes the file."""
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            yield
        finally:
            os.close(directory)

    def _read(self) -> HeldKeys:
        return HeldKeys(self._keys(), f"The key file {self.path}")

    def _keys(self) -> list[bytes]:
        try:
            if self.path.stat().st_mode & _OTHERS_MAY_READ:
                raise VaultError("no_key", f"The key file {self.path} can be read by others: chmod 600 it.")
            text = self.path.read_text(encoding="ascii", errors="replace")
        except OSError as error:
            raise VaultError(
                "no_key", f"The key file {self.path} cannot be read: {error.strerror}. Restore it from a backup."
            ) from None
        return keys_in(text, f"The key file {self.path}")

    def _put(self, keys: Sequence[bytes], *, only_if_absent: bool = False) -> None:
        """Whole or not at all: written beside it, synced, then put in its place."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)  # mode 0600
            beside = Path(name)
            try:
                with os.fdopen(fd, "w", encoding="ascii") as file:
                    file.write(_HEAD + "".join(f"{key.hex()}\n" for key in keys))
                    file.flush()
                    os.fsync(file.fileno())
                if only_if_absent:
                    with contextlib.suppress(FileExistsError):  # another process was first: its key it is
                        os.link(beside, self.path)
                else:
                    beside.replace(self.path)
            finally:
                beside.unlink(missing_ok=True)
            directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise VaultError(
                "no_key",
                f"The key file {self.path} cannot be written: {error.strerror}. Set vault.key_file to a place that "
                "this user can write.",
            ) from None
        self._held = None


class KeyCommand:
    """A master key that stays with a key service: a command of the site's wraps and unwraps.

    It is run with ``wrap`` or ``unwrap`` as its last argument, gets one line of base64 on stdin, and answers with one
    on stdout. The service's own rotation is the service's matter; ``rotate`` has it wrap again.
    """

    def __init__(self, command: Sequence[str], limit_s: float) -> None:
        self._command = list(command)
        self._limit_s = limit_s

    @property
    def current(self) -> str:
        """See ``Masters.current``."""
        return KMS

    def wrap(self, payload: bytes) -> tuple[str, bytes]:
        """See ``Masters.wrap``."""
        return KMS, self._run("wrap", payload)

    def unwrap(self, master: str, wrapped: bytes) -> bytes:
        """See ``Masters.unwrap``."""
        if master != KMS:
            raise VaultError(
                "no_key", "The vault's data key was wrapped by a key file or variable, not by the command."
            )
        return self._run("unwrap", wrapped)

    def _run(self, verb: str, data: bytes) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603  the site's own command, named in its configuration; no shell
                [*self._command, verb],
                input=base64.b64encode(data) + b"\n",
                capture_output=True,
                timeout=self._limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise self._failed(verb, f"did not answer within {self._limit_s:g} s") from None
        except OSError as error:
            raise self._failed(verb, f"cannot be run: {error.strerror}") from None
        if done.returncode:
            raise self._failed(verb, f"ended with status {done.returncode}")
        try:
            return base64.b64decode(done.stdout.strip(), validate=True)
        except binascii.Error:
            raise self._failed(verb, "did not answer with one line of base64") from None

    def _failed(self, verb: str, how: str) -> VaultError:
        return VaultError("no_key", f"vault.kms_command {verb}: the command {how}.")
