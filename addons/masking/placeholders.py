"""Token placeholders: ``ENTITY_`` + eight characters, a keyed function of (scope, entity, value).

Rules for this file: arithmetic only. It knows nothing of texts, flows or restoring, does no I/O and
imports nothing of ours. How a placeholder is *found* in a text is ``grammar.py``'s matter.

Layout: ``PERSON_7KQ2M4XB`` = entity, underscore, seven characters (35 bits of keyed BLAKE2b) and one
check character, all Crockford base32 in upper case (https://www.crockford.com/base32.html): letters,
digits and underscore survive JSON, HTML, Markdown, shells and every encoder.

The check character makes the word, read as a polynomial over GF(32), a multiple of (x - a), where a is
a primitive element. A single wrong symbol changes the remainder by e * a^i, two swapped neighbours by
(c - d) * (a + 1) * a^i; neither is ever zero, so both are always noticed.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford base32: no I, L, O, U."""
CODE_LENGTH = 8
MAX_ENTITY_LENGTH = 64
PLACEHOLDER_ENTITY = "PLACEHOLDER"
"""Entity of what already looked like a placeholder when it came in."""

ENTITY_NAME = re.compile(rf"[A-Z][A-Z0-9_]{{0,{MAX_ENTITY_LENGTH - 1}}}")
STRICT = re.compile(rf"({ENTITY_NAME.pattern})_([{ALPHABET}]{{{CODE_LENGTH}}})")
"""A placeholder exactly as it is made; the check character is not part of the pattern."""

STRICT_WORD = re.compile(rf"(?<![A-Za-z0-9_]){STRICT.pattern}(?![A-Za-z0-9_])")
"""The same, standing by itself among ASCII letters and digits."""

COMMON_ENTITIES = frozenset(
    {
        PLACEHOLDER_ENTITY,
        "PERSON",
        "ORGANIZATION",
        "LOCATION",
        "ADDRESS",
        "EMAIL_ADDRESS",
        "PHONE_NUMBER",
        "DATE_TIME",
        "NRP",
        "URL",
        "IP_ADDRESS",
        "MAC_ADDRESS",
        "CREDIT_CARD",
        "IBAN_CODE",
        "CRYPTO",
        "MEDICAL_LICENSE",
        "US_SSN",
        "US_PASSPORT",
        "US_DRIVER_LICENSE",
        "US_BANK_NUMBER",
        "US_ITIN",
        "UK_NHS",
        "UK_NINO",
        "CN_RESIDENT_ID",
        "CN_PHONE_NUMBER",
        "CN_BANK_CARD",
        "CN_PASSPORT",
        "CN_VEHICLE_PLATE",
        "CN_ADDRESS",
        "API_KEY",
        "PRIVATE_KEY",
        "JWT",
        "PASSWORD",
        "CREDENTIAL",
        "SECRET",
    }
)
"""Names that a session looks for from its first text on; others join when a span names them."""

_ALIASES = str.maketrans("OIL", "011")
_VALUE_OF = {char: value for value, char in enumerate(ALPHABET)}
# The entity's 37 letters do not fit in 32 symbols: digits five apart share one.
_NAME_VALUE_OF = {"_": 0} | {chr(65 + i): i + 1 for i in range(26)} | {str(d): 27 + d % 5 for d in range(10)}
# Multiplication by a = x in GF(32) = GF(2)[x] / (x^5 + x^2 + 1), a primitive polynomial.
_TIMES_A = tuple((v << 1) ^ (0b100101 if v & 16 else 0) for v in range(32))


@dataclass(frozen=True, slots=True)
class Scope:
    """Within which the same value gets the same placeholder."""

    principal: str
    """Tenant and caller, e.g. the keyed fingerprint of the credential."""
    conversation: str | None = None


@dataclass(frozen=True, slots=True)
class PlaceholderKey:
    """The gateway's own key for placeholders.

    Raises ValueError for a secret of fewer than 16 bytes or a negative epoch.
    """

    secret: bytes = field(repr=False)
    epoch: int
    """Rises by one at each rotation; another epoch gives other placeholders."""

    def __post_init__(self) -> None:
        if len(self.secret) < 16:
            raise ValueError("placeholder key: the secret must have at least 16 bytes")
        if self.epoch < 0:
            raise ValueError("placeholder key: the epoch must not be negative")

    def placeholder(self, scope: Scope, entity: str, value: str, depth: int = 0) -> str:
        """The placeholder of a value: the same arguments, the same answer.

        ``depth`` is 0 for a value as people read it; n for one that can only be given back as it was
        spelled inside n nested JSON strings. Raises ValueError for an entity outside ``[A-Z][A-Z0-9_]*``.
        """
        check_entity_name(entity)
        digest = self._digest(b"coatcheck.token", 8, scope, (entity, str(depth), value))
        bits = int.from_bytes(digest, "big") >> 29
        seven = "".join(ALPHABET[bits >> shift & 31] for shift in range(30, -1, -5))
        return f"{entity}_{seven}{check_character(entity, seven)}"

    def seed(self, scope: Scope, *words: str) -> bytes:
        """32 bytes that surrogates are drawn from: keyed by epoch, scope and words, and apart from all tokens."""
        return self._digest(b"coatcheck.surrog", 32, scope, words)

    def _digest(self, use: bytes, size: int, scope: Scope, words: Iterable[str]) -> bytes:
        secret = self.secret if len(self.secret) <= 64 else hashlib.blake2b(self.secret).digest()
        mac = hashlib.blake2b(key=secret, digest_size=size, person=use)
        conversation = [] if scope.conversation is None else [scope.conversation]
        for part in (str(self.epoch), scope.principal, str(len(conversation)), *conversation, *words):
            data = part.encode("utf-8", "surrogatepass")
            mac.update(len(data).to_bytes(8, "big"))
            mac.update(data)
        return mac.digest()


def check_entity_name(entity: str) -> None:
    """Raises ValueError unless the name can stand in a placeholder."""
    if not ENTITY_NAME.fullmatch(entity):
        raise ValueError(
            f"entity {entity!r} cannot name a placeholder: use A-Z, 0-9 and _, a letter first, "
            f"at most {MAX_ENTITY_LENGTH} characters"
        )


@functools.lru_cache(maxsize=1024)
def _entity_remainder(entity: str) -> int:
    remainder = 0
    for char in entity:
        remainder = _TIMES_A[remainder] ^ _NAME_VALUE_OF[char]
    return remainder


def check_character(entity: str, seven: str) -> str:
    """The eighth character for an entity and seven characters of ``ALPHABET``."""
    remainder = _entity_remainder(entity)
    for char in seven:
        remainder = _TIMES_A[remainder] ^ _VALUE_OF[char]
    return ALPHABET[_TIMES_A[remainder]]


def canonical_code(spelled: str) -> str:
    """Code characters as a model may have spelled them (case, spaces, O for 0, I and L for 1) in canonical form."""
    return spelled.replace(" ", "").upper().translate(_ALIASES)


def code_fits(entity: str, code: str) -> bool:
    """True if the check character of a canonical eight-character code confirms it for this entity."""
    return check_character(entity, code[:-1]) == code[-1]


def verify(token: str) -> bool:
    """True if this is a placeholder exactly as made: strict grammar and a fitting check character."""
    match = STRICT.fullmatch(token)
    return match is not None and code_fits(match[1], match[2])
