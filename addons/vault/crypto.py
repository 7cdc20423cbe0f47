"""How the vault encrypts: AES-256-GCM, a key for each object, data keys for each tenant, a master key over these.

Rules for this file: bytes in, bytes out; no I/O, no clock, no tables. Imports ``cryptography`` and this room's errors.

    master key --wraps--> data key of a tenant --HKDF, the object's salt--> key of one object --seals--> its records

A sealed thing is version (1 byte), nonce (12 random bytes), ciphertext and tag (NIST SP 800-38D). What it is bound to
(the associated data) is a list of parts, each with its length in front, so that no two lists give the same bytes.
Without its salt an object's records cannot be opened by whoever has the data key: to destroy the salt destroys them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from addons.vault.errors import VaultError

KEY_BYTES = 32
SALT_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_VERSION = b"\x01"
_BINDING_BYTES = 32


def new_key() -> bytes:
    """256 random bits: a master key, a data key or a salt."""
    return os.urandom(KEY_BYTES)


def master_id(master: bytes) -> str:
    """What a master key is called where it is not: 16 hex digits that say nothing of it."""
    return hashlib.blake2b(master, digest_size=8, person=b"coatcheckmaster").hexdigest()


def object_key(data_key: bytes, salt: bytes) -> bytes:
    """The key of one object's records (HKDF-SHA256, RFC 5869)."""
    return HKDF(SHA256(), KEY_BYTES, salt=salt, info=b"coatcheck vault object").derive(data_key)


def seal(key: bytes, plain: bytes, bound_to: Sequence[str]) -> bytes:
    """Encrypt. The same thing sealed twice gives other bytes."""
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, plain, _associated(bound_to))


def unseal(key: bytes, sealed: bytes, bound_to: Sequence[str]) -> bytes:
    """Decrypt. Raises VaultError ``damaged`` if a bit of it, of the key or of what it is bound to is another."""
    if len(sealed) < 1 + _NONCE_BYTES + _TAG_BYTES or sealed[:1] != _VERSION:
        raise _damaged()
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :], _associated(bound_to))
    except InvalidTag:
        raise _damaged() from None


def payload_of(data_key: bytes, bound_to: Sequence[str]) -> bytes:
    """What is given to a master key, or to a key service, for wrapping: the data key and what it is bound to. A key
    service takes no associated data, so the binding travels inside."""
    return data_key + _binding(bound_to)


def data_key_of(payload: bytes, bound_to: Sequence[str]) -> bytes:
    """The data key of an unwrapped payload. Raises VaultError ``damaged`` if it is another's."""
    key, binding = payload[:KEY_BYTES], payload[KEY_BYTES:]
    if len(payload) != KEY_BYTES + _BINDING_BYTES or not hmac.compare_digest(binding, _binding(bound_to)):
        raise _damaged()
    return key


def _binding(bound_to: Sequence[str]) -> bytes:
    return hashlib.blake2b(_associated(bound_to), digest_size=_BINDING_BYTES, person=b"coatcheck-bound").digest()


def _associated(parts: Sequence[str]) -> bytes:
    out = [len(parts).to_bytes(4, "big")]
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        out += (len(data).to_bytes(8, "big"), data)
    return b"".join(out)


def _damaged() -> VaultError:
    return VaultError("damaged", "A record of the vault does not open: it was altered, or its key is another.")
