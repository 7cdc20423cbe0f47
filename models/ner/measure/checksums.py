"""Which marked values are structured, and whether their checksum or form is right. Pure; uses ``python-stdnum``.

A mistyped number cannot be told from any other number, so recall of structured values is asked of right ones only.
Kinds without a checksum (e-mail, telephone, network address, credential) count whole.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Final

from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_2

PLAIN: Final = {
    "EMAIL_ADDRESS": "e-mail",
    "PHONE_NUMBER": "telephone",
    "IP_ADDRESS": "network address",
    "MAC_ADDRESS": "network address",
    "SECRET": "credential",
}
"""Structured labels that have no checksum, and the group that they are reported in."""

GROUPS: Final = (
    "e-mail",
    "telephone",
    "card",
    "IBAN",
    "wallet",
    "identity number",
    "VIN",
    "network address",
    "credential",
)

_IDENTITY: Final = (
    *("cn.uscc", "tw.ubn", "us.ssn", "us.ein", "gb.nhs", "gb.vat", "de.idnr", "de.vat", "fr.nir", "fr.nif"),
    *("pl.pesel", "pl.nip", "br.cpf", "br.cnpj", "se.personnummer", "dk.cpr", "no.fodselsnummer", "fi.hetu", "nl.bsn"),
    *("es.dni", "es.nie", "it.codicefiscale", "ch.ssn", "at.vnr", "be.nn", "cz.rc", "ro.cnp", "bg.egn", "hr.oib"),
    *("ee.ik", "lt.asmens", "tr.tckimlik", "za.idnr", "in_.aadhaar", "in_.pan", "mx.curp", "cl.rut", "ca.sin"),
    *("au.tfn", "nz.ird", "kr.rrn", "jp.cn", "my.nric", "ie.pps", "pt.nif", "gr.amka", "il.idnr", "ar.cuit"),
)
_IDENTITY_LABELS: Final = frozenset(
    {"NATIONAL_ID", "TAX_ID", "SOCIAL_SECURITY", "MEDICAL_RECORD", "DRIVER_LICENSE", "HEALTH_INSURANCE"}
)
# HMRC, National Insurance Manual NIM39110; CMS, "Understanding the Medicare Beneficiary Identifier format".
_NINO: Final = re.compile(r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]")
_MBI: Final = re.compile(
    r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y\d]\d[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y\d]\d[AC-HJKMNP-RT-Y]{2}\d\d"
)
_HKID: Final = re.compile(r"([A-Z]{1,2})(\d{6})\(?([\dA])\)?")
_TWID: Final = re.compile(r"([A-Z])([1289]\d{8})")
_TW_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
_BARE: Final = re.compile(r"[\s.\-/·]")


def group(label: str, value: str) -> str | None:
    """The group of a structured value whose checksum or form is right; None for any other value."""
    if label in PLAIN:
        return PLAIN[label]
    bare = _BARE.sub("", value).upper()
    if label in ("CREDIT_CARD", "BANK_ACCOUNT"):
        return "card" if luhn(bare) else None
    if label == "IBAN_CODE":
        return "IBAN" if _stdnum("iban")(bare) else None
    if label == "CRYPTO":
        return "wallet" if _wallet(value.strip()) else None
    if label == "VIN":
        return "VIN" if vin(bare) else None
    if label in _IDENTITY_LABELS and identity(bare):
        return "identity number"
    return None


def luhn(digits: str) -> bool:
    """Whether 12 to 19 digits pass ISO/IEC 7812-1's check."""
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def vin(number: str) -> bool:
    """Whether a vehicle identification number's ninth character is its check digit (49 CFR 565.15, GB 16735)."""
    if not re.fullmatch(r"[A-HJ-NPR-Z0-9]{17}", number):
        return False
    values = dict(
        zip(
            "ABCDEFGHJKLMNPRSTUVWXYZ",
            (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
            strict=True,
        )
    )
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    total = sum(
        weight * (int(char) if char.isdigit() else values[char]) for weight, char in zip(weights, number, strict=True)
    )
    return number[8] == "0123456789X"[total % 11]


def identity(number: str) -> bool:
    """Whether some country's identity, tax or health number looks like this and its check digits fit."""
    if any(pattern.fullmatch(number) for pattern in (_NINO, _MBI)) or _mainland(number):
        return True
    if _hong_kong(number) or _taiwan(number):
        return True
    return any(_stdnum(name)(number) for name in _IDENTITY)


def _mainland(number: str) -> bool:
    # GB 11643-1999; python-stdnum's own check also wants the county code in its list, which is not complete.
    return re.fullmatch(r"[1-9]\d{16}[\dX]", number) is not None and mod_11_2.is_valid(number)


def _hong_kong(number: str) -> bool:
    match = _HKID.fullmatch(number)
    if match is None:
        return False
    letters = [ord(letter) - 55 for letter in match[1].rjust(2)]
    if len(match[1]) == 1:
        letters[0] = 36  # a missing first letter counts as a blank
    values = [*letters, *map(int, match[2])]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return (total + (10 if match[3] == "A" else int(match[3]))) % 11 == 0


def _taiwan(number: str) -> bool:
    match = _TWID.fullmatch(number)
    if match is None:
        return False
    code = _TW_LETTERS.index(match[1]) + 10
    values = [code // 10, code % 10, *map(int, match[2])]
    return (
        sum(value * weight for value, weight in zip(values, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)) % 10 == 0
    )


def _wallet(value: str) -> bool:
    return _stdnum("bitcoin")(value) or re.fullmatch(r"0x[0-9a-fA-F]{40}", value) is not None


def _stdnum(name: str) -> Callable[[str], bool]:
    module = importlib.import_module(f"stdnum.{name}")

    def fits(number: str) -> bool:
        try:
            module.validate(number)
        except ValidationError:
            return False
        return True

    return fits
