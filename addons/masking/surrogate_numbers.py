"""Stand-ins for numbers that a checksum, a country or a range says something about.

Rules for this file: pure; imports ``surrogate_draws`` and ``python-stdnum``. Where a range is reserved, or can be told
from every living person's, the stand-in's checksum fits. Where none is, it is made not to fit: a number that validates
might be somebody's. Sources stand at the tables.
"""

from __future__ import annotations

import functools
import re
import string
from typing import Any, Final

from stdnum import iban, luhn
from stdnum.cn import ric
from stdnum.exceptions import ValidationError
from stdnum.gb import nhs
from stdnum.util import get_cc_module

from addons.masking.surrogate_draws import Draw

_DIGIT = re.compile(r"[0-9]")
_SIGN = re.compile(r"[0-9A-Za-z]")
_CARD_RANGES: Final = (
    ("34", "371449"),
    ("37", "378282"),
    ("36", "305693"),
    ("38", "305693"),
    ("30", "305693"),
    ("35", "356600"),
    ("6011", "601111"),
    ("65", "601111"),
    ("62", "620000"),
    ("5", "555555"),
    ("2", "222300"),
    ("4", "424242"),
)
"""First digits -> the ranges that card schemes and payment providers keep for tests (https://docs.stripe.com/testing)."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_NATIONAL_CHECK: Final = {"ES": 8, "BE": 10, "ME": 16, "NO": 9}
"""Where in the BBAN two check digits of the country stand, for countries that ``python-stdnum`` checks."""
_FEW_DRAWS: Final = 20
_CN_AREAS: Final = ("110101", "110105", "310101", "310104", "120101")
_CN_MOBILES: Final = _words("130 131 132 133 135 136 137 138 139 150 151 152 155 158 159 180 181 185 186 187 188 189")
_NANP: Final = _words("202 206 212 213 214 215 216 303 305 312 313 314 404 407 408 410 412 414 415 503 504 512 513")
_CANADA: Final = _words(
    "204 226 236 249 250 289 306 343 365 403 416 418 431 437 438 450 506 514 519 579 581 587 604 613 639 647 672 705 "
    "709 778 780 782 807 819 825 867 873 902 905"
)
_UK: Final = (("7", "7700900"), ("20", "2079460"), ("121", "1214960"), ("161", "1614960"), ("141", "1414960"))
"""Ofcom's numbers for drama, https://www.ofcom.org.uk/phones-and-broadband/phone-numbers/numbers-for-drama."""
_RESERVED: Final = {
    "61": (("4", "491570"), ("2", "255501"), ("3", "355501"), ("7", "755501"), ("8", "855501")),
    "33": (
        ("1", "19900"),
        ("2", "26191"),
        ("3", "35301"),
        ("4", "46571"),
        ("5", "53649"),
        ("6", "63998"),
        ("7", "63998"),
    ),
    "353": (("", "2091"),),
}
"""ACMA (Australia), ARCEP (France) and ComReg (Ireland): numbers for films. Country -> (begins with, reserved)."""
_CODES: Final = _words(
    "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 54 55 56 57 60 61 62 63 64 65 66 81 "
    "82 84 86 90 91 92 353 351 358 359 370 371 372 380 385 386 420 421 852 853 886 971"
)


def overlaid(pattern: str, digits: str) -> str:
    """The text with its digits exchanged, in order, for these."""
    row = iter(digits)
    return _DIGIT.sub(lambda match: next(row), pattern)


def digits_of(text: str) -> str:
    """ASCII digits of a text."""
    return "".join(_DIGIT.findall(text))


def card(value: str, draw: Draw) -> str | None:
    """A payment card of the same scheme and length in a test range; the check digit fits (ISO/IEC 7812-1, Luhn)."""
    digits = digits_of(value)
    if not 12 <= len(digits) <= 19:
        return None
    prefix = next((reserved for first, reserved in _CARD_RANGES if digits.startswith(first)), digits[:1] + "00000")
    body = prefix + draw.digits(len(digits) - len(prefix) - 1)
    return overlaid(value, body + luhn.calc_check_digit(body))


def iban_code(value: str, draw: Draw) -> str | None:
    """An IBAN of the same country and length at a bank that is none; check digits fit (ISO 13616, mod 97-10)."""
    compact = re.sub(r"[^0-9A-Za-z]", "", value).upper()
    if len(compact) < 15:
        return None
    head, tail = compact[4:8], compact[8:]
    bank = "".join("0" if char.isdigit() else "TEST"[at] for at, char in enumerate(head))
    at = _NATIONAL_CHECK.get(compact[:2])
    bban = bank + draw.shaped(tail)
    code = ""
    for check in range(100 if at is not None else 1):
        if at is not None:
            bban = f"{bban[:at]}{check:02}{bban[at + 2 :]}"
        code = compact[:2] + iban.calc_check_digits(compact[:2] + "00" + bban) + bban
        if iban.is_valid(code):
            break
    return _overlaid_signs(value, code) if iban.is_valid(code, check_country=False) else None


def _overlaid_signs(pattern: str, signs: str) -> str | None:
    """The text with its letters and digits exchanged, in order; None if it has more of them."""
    if len(_SIGN.findall(pattern)) > len(signs):
        return None
    row = iter(signs)

    def exchanged(match: re.Match[str]) -> str:
        sign = next(row)
        return sign.lower() if match[0].islower() else sign

    return _SIGN.sub(exchanged, pattern)


def phone(value: str, draw: Draw) -> str | None:
    """A telephone number of the same country and format, in a range kept for fiction where the country has one; else
    with zeros in it where numbers in use have none."""
    digits = digits_of(value)
    country, national = _country(value, digits)
    if len(national) < 7:
        return overlaid(value, digits[:1] + draw.digits(len(digits) - 1)) if len(digits) >= 6 else None
    if country == "1" and len(national) == 10:
        made = f"{draw.pick(_CANADA if national[:3] in _CANADA else _NANP)}55501{draw.digits(2)}"
    elif country == "44" and len(national) == 10:
        reserved = next((there for first, there in _UK if national.startswith(first)), "7700900")
        made = reserved + draw.digits(10 - len(reserved))
    elif country == "86" and len(national) == 11:
        made = f"{draw.pick(_CN_MOBILES)}0000{draw.digits(4)}"
    else:
        ranges = _RESERVED.get(country, ()) if len(national) == 9 else ()
        reserved = next((there for first, there in ranges if national.startswith(first)), "")
        made = reserved + draw.digits(9 - len(reserved)) if reserved else _zeroed(national, draw)
    return overlaid(value, digits[: len(digits) - len(national)] + made)


def _zeroed(national: str, draw: Draw) -> str:
    keep = 2 if len(national) < 9 else 3
    zeros = max(0, len(national) - keep - 4)
    return draw.shaped(national[0]).replace("0", "3") + draw.digits(keep - 1) + "0" * zeros + draw.digits(4)


def _country(value: str, digits: str) -> tuple[str, str]:
    """Calling code and national number as far as they can be told; a trunk 0 belongs to neither."""
    if value.lstrip("( ").startswith("+") or digits.startswith("00"):
        full = digits.removeprefix("00")
        code = next((code for code in sorted(_CODES, key=len, reverse=True) if full.startswith(code)), "")
        national = full[len(code) :]
        return code, national.removeprefix("0")
    if len(digits) == 11 and digits[0] == "1":
        return (
            ("86", digits) if digits[1] in "3456789" and "-" not in value[:2] and _is_cn(digits) else ("1", digits[1:])
        )
    if len(digits) == 10 and digits[0] not in "01":
        return "1", digits
    if len(digits) == 11 and digits.startswith("0"):
        return "44", digits[1:]
    return "", digits.removeprefix("0")


def _is_cn(digits: str) -> bool:
    return digits[1] in "3589" or digits[:3] in {
        "147",
        "145",
        "149",
        "166",
        "165",
        "167",
        "170",
        "171",
        "172",
        "173",
        "175",
        "176",
        "177",
        "178",
    }


def resident_id(value: str, draw: Draw) -> str | None:
    """A Chinese resident id (GB 11643-1999): the checksum fits, and the birth year tells that nobody living has it."""
    compact = re.sub(r"[^0-9Xx]", "", value)
    if len(compact) != 18:
        return None
    born = f"18{draw.between(40, 79)}{draw.between(1, 12):02}{draw.between(1, 28):02}"
    body = draw.pick(_CN_AREAS) + born + draw.digits(3)
    code = body + ric.calc_check_digit(body + "0")
    return _overlaid_signs(value.replace("x", "X"), code)


def nhs_number(value: str, draw: Draw) -> str | None:
    """999 000 0000 and above are kept for tests (NHS Data Model and Dictionary); modulus 11 fits."""
    if len(digits_of(value)) != 10:
        return None
    for _ in range(_FEW_DRAWS):  # one body in eleven has no check digit
        body = "999" + draw.digits(6)
        code = next((body + last for last in string.digits if nhs.is_valid(body + last)), None)
        if code is not None:
            return overlaid(value, code)
    return None


def ssn(value: str, draw: Draw) -> str | None:
    """Area 9xx was never assigned to anybody (SSA, 20 CFR 422.103), and the group is none of an ITIN's."""
    if len(digits_of(value)) != 9:
        return None
    return overlaid(value, f"9{draw.digits(2)}{draw.between(1, 49):02}{draw.between(1, 9999):04}")


def nino(value: str, draw: Draw) -> str | None:
    """``QQ`` is never allocated (HMRC, NIM39110); the suffix stays a letter from A to D."""
    signs = "".join(_SIGN.findall(value))
    if not re.fullmatch(r"[A-Za-z]{2}[0-9]{6}[A-Da-d]?", signs):
        return None
    return _overlaid_signs(value, "QQ" + draw.digits(6) + draw.pick("ABCD"))


def imei(value: str, draw: Draw) -> str | None:
    """Type allocation codes 00 1xx are for test equipment (GSMA TS.06); Luhn fits."""
    digits = digits_of(value)
    if len(digits) not in (15, 16):
        return None
    body = "001" + draw.digits(11)
    made = body + luhn.calc_check_digit(body)
    return overlaid(value, made if len(digits) == 15 else body + draw.digits(2))


_OLD_BIRTH: Final = {
    "PL_PESEL": "{yy}{mm80}{dd}ddddd",
    "KR_RRN": "{yy}{mm}{dd}9dddddd",
    "EE_IK": "1{yy}{mm}{dd}dddd",
    "LT_AK": "1{yy}{mm}{dd}dddd",
    "RO_CNP": "3{yy}{mm}{dd}12dddd",
    "BG_EGN": "{yy}{mm20}{dd}dddd",
}
"""Ids that tell the century: born 18xx, nobody living has it."""


def born_long_ago(entity: str, value: str, draw: Draw) -> str | None:
    """A national id of somebody born between 1840 and 1879, with a fitting checksum."""
    module = validator(entity)
    for _ in range(_FEW_DRAWS):
        month = draw.between(1, 12)
        body = _OLD_BIRTH[entity].format(
            yy=f"{draw.between(40, 79)}",
            mm=f"{month:02}",
            mm80=f"{month + 80}",
            mm20=f"{month + 20}",
            dd=f"{draw.between(1, 28):02}",
        )
        body = re.sub("d", lambda match: draw.digits(1), body)[:-1]
        if len(body) + 1 != len(digits_of(value)):
            return None
        code = next((body + last for last in string.digits if module and module.is_valid(body + last)), None)
        if code is not None:
            return overlaid(value, code)
    return None


def misfitting(entity: str, value: str, draw: Draw) -> str | None:
    """The same shape, and a checksum (if the entity has one) that does not fit: nobody's number."""
    made = draw.shaped(value)
    module = validator(entity)
    for _ in range(_FEW_DRAWS):
        if made != value and (module is None or not _is_valid(module, made)):
            return made
        made = draw.shaped(value)
    return None


def _is_valid(module: Any, number: str) -> bool:
    try:
        module.validate(number)
    except ValidationError:
        return False
    except Exception:  # a validator that stumbles over a number does not confirm it
        return False
    return True


_MODULES: Final = {
    "CH_AHV": "ssn",
    "DE_TAX_ID": "idnr",
    "DE_VAT_ID": "vat",
    "FI_PERSONAL_IDENTITY_CODE": "hetu",
    "GR_AFM": "vat",
    "IL_ID": "idnr",
    "IT_FISCAL_CODE": "codicefiscale",
    "IT_VAT_CODE": "iva",
    "JP_CORPORATE_NUMBER": "cn",
    "LT_AK": "asmens",
    "NO_FNR": "fodselsnummer",
    "SE_PNR": "personnummer",
    "TH_TNIN": "pin",
    "TR_TCKN": "tckimlik",
    "ZA_ID": "idnr",
}
"""Entities whose module has another name."""


@functools.lru_cache(maxsize=512)
def validator(entity: str) -> Any | None:
    """``python-stdnum``'s module for an entity such as ``BR_CPF``; None if it has none."""
    country, _, name = entity.partition("_")
    if len(country) != 2 or not name:
        return None
    wanted = _MODULES.get(entity, name.lower())
    try:
        return get_cc_module("gb" if country == "UK" else country.lower(), wanted)
    except Exception:  # the package knows no such country
        return None


HAS_OLD_BIRTHS: Final = frozenset(_OLD_BIRTH)
