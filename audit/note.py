"""C2SP signed notes with Ed25519 keys: a text, a blank line, a line for each signature. And keys as text.

Format: c2sp.org/signed-note; keys are written as ``golang.org/x/mod/sumdb/note`` writes them, so that other tools read
ours. Pure; imports only the error.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.errors import AuditError

_ED25519 = b"\x01"
"""The signature type that the key's bytes begin with."""

_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
MAX_SIGNATURES = 100


def key_id(name: str, public: bytes) -> bytes:
    """Four bytes that tell keys of one name apart."""
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def check_name(name: str) -> str:
    """The name of a key, if it may be one. Raises AuditError (``key``)."""
    if not name or "+" in name or any(c.isspace() or not c.isprintable() for c in name):
        raise AuditError(
            "key", "A ledger's name (origin) is text without spaces and plus signs: example.com/coatcheck."
        )
    return name


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Checks signatures. ``str()``: ``name+id+base64``."""

    name: str
    public: bytes

    def __str__(self) -> str:
        key = base64.b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{key_id(self.name, self.public).hex()}+{key}"

    def verifies(self, text: str, signature: bytes) -> bool:
        """True if this key made ``signature`` (64 bytes) over ``text``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """Makes signatures."""

    name: str
    secret: bytes
    """32 bytes, the Ed25519 seed."""

    @property
    def public_key(self) -> PublicKey:
        """What others need to check."""
        return PublicKey(self.name, Ed25519PrivateKey.from_private_bytes(self.secret).public_key().public_bytes_raw())

    def text(self) -> str:
        """The key as it stands in its file."""
        public = self.public_key
        key = base64.b64encode(_ED25519 + self.secret).decode()
        return f"PRIVATE+KEY+{self.name}+{key_id(self.name, public.public).hex()}+{key}"

    def sign(self, text: str) -> str:
        """The note: ``text``, which ends in a newline, and this key's signature."""
        if not text.endswith("\n") or _CONTROL.search(text):
            raise ValueError("a note's text ends in a newline and has no control characters")
        public = self.public_key
        signature = Ed25519PrivateKey.from_private_bytes(self.secret).sign(text.encode())
        line = base64.b64encode(key_id(self.name, public.public) + signature).decode()
        return f"{text}\n— {self.name} {line}\n"


def new_key(name: str | None) -> SigningKey:
    """A new key. ``name`` None: one that is unique to the key. Raises AuditError (``key``)."""
    secret = Ed25519PrivateKey.generate().private_bytes_raw()
    if name is None:
        name = "coatcheck/" + sha256(SigningKey("", secret).public_key.public).hexdigest()[:16]
    return SigningKey(check_name(name), secret)


def parse_public_key(text: str) -> PublicKey:
    """Reads ``name+id+base64``. Raises AuditError (``key``)."""
    name, public = _parse_key(text.strip())
    return PublicKey(name, public)


def parse_signing_key(text: str) -> SigningKey:
    """Reads ``PRIVATE+KEY+name+id+base64``. Raises AuditError (``key``), which quotes nothing of it."""
    text = text.strip()
    if not text.startswith("PRIVATE+KEY+"):
        raise AuditError("key", "This is no ledger key: such a file begins with PRIVATE+KEY+.")
    name, secret = _parse_key(text.removeprefix("PRIVATE+KEY+"), secret=True)
    return SigningKey(name, secret)


def _parse_key(text: str, *, secret: bool = False) -> tuple[str, bytes]:
    wrong = AuditError("key", "This is no ledger key: a public one reads NAME+8 hexadecimal digits+BASE64; print it "
                       "with `coatcheck audit checkpoint --public-key`.")  # fmt: skip
    parts = text.split("+", 2)
    if len(parts) != 3 or not re.fullmatch("[0-9a-f]{8}", parts[1]):
        raise wrong
    try:
        key = base64.b64decode(parts[2], validate=True)
    except (binascii.Error, ValueError):
        raise wrong from None
    if len(key) != 33 or key[:1] != _ED25519:
        raise wrong
    public = SigningKey(parts[0], key[1:]).public_key.public if secret else key[1:]
    if key_id(parts[0], public).hex() != parts[1]:
        raise wrong
    return check_name(parts[0]), key[1:]


@dataclass(frozen=True, slots=True)
class Note:
    """A note taken apart; nothing is checked yet."""

    text: str
    signatures: Sequence[tuple[str, bytes]]
    """Key name, and four bytes of key id with the signature."""

    def signed_by(self, keys: Iterable[PublicKey]) -> bool | None:
        """True if one of the keys signed it; False if a signature in a key's name is not that key's; None: by others.

        An unknown key's signature is passed over, as the format demands; a known key's that is wrong spoils the note.
        """
        good: bool | None = None
        for key in keys:
            for name, signature in self.signatures:
                if name == key.name and signature[:4] == key_id(key.name, key.public):
                    if not key.verifies(self.text, signature[4:]):
                        return False
                    good = True
        return good


def parse_note(note: str) -> Note:
    """Takes a note apart. Raises AuditError (``note``)."""
    wrong = AuditError("note", "This is no signed note: it is a text, a blank line, and lines that begin with —.")
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n") or _CONTROL.search(note):
        raise wrong
    signatures: list[tuple[str, bytes]] = []
    for line in lines.removesuffix("\n").split("\n"):
        match = _SIGNATURE.fullmatch(line)
        try:
            signature = base64.b64decode(match[2], validate=True) if match else b""
        except (binascii.Error, ValueError):
            signature = b""
        if match is None or len(signature) < 5 or len(signatures) >= MAX_SIGNATURES:
            raise wrong
        signatures.append((match[1], signature))
    return Note(text + "\n", signatures)
