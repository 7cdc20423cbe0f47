# ruff: noqa: E501 - expressions and word lists are read line by line
"""Payment card numbers: credit and debit cards of the world, UnionPay included.

Format: ISO/IEC 7812, 12 to 19 digits, last digit Luhn (annex B). The first digits are the issuer's (BIN): Visa 4, Mastercard
51-55 and 2221-2720, American Express 34 37, Diners 30 36 38 39, Discover 6011 644-649 65, JCB 3528-3589, UnionPay 62 81,
Maestro 50 56-58 63 67 69, Mir 2200-2204, RuPay 60 82, Verve 5060 6500. Known test numbers are numbers too.
"""

from __future__ import annotations

from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.reading import Seed
from detectors.recognizers.strict import Patterns

_IMEI = regex.compile(r"(?:imei|meid|串号|设备识别码)[^0-9\n]{0,12}$", regex.IGNORECASE)
_LUHN_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_CONTEXT = (
    "card", "visa", "mastercard", "amex", "american express", "discover", "jcb", "diners", "maestro", "unionpay", "credit",
    "debit", "pan", "卡号", "卡號", "银行卡", "銀行卡", "信用卡", "储蓄卡", "借记卡", "银联", "账号", "賬號", "帐号", "尾号", "卡",
)  # fmt: skip


def luhn(digits: str) -> bool:
    """True if the last digit is the Luhn check digit (ISO/IEC 7812-1 annex B)."""
    total = sum(map(int, digits[-1::-2])) + sum(_LUHN_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return total % 10 == 0


class CreditCardRecognizer(Patterns):
    """``CREDIT_CARD``."""

    ENTITY = "CREDIT_CARD"
    SEED = Seed.LONG
    PATTERNS: ClassVar = (
        (
            "issuer",
            r"(?<![0-9A-Za-z])(?<![0-9][.\-])(?:(?:4\d{3}|5[0-8]\d{2}|2[27]\d{2}|2[3-6]\d{2}|6[0-9]\d{2}|8[12]\d{2}|35\d{2}|3[0689]\d{2})[ -]?\d{4}[ -]?\d{4}[ -]?\d{1,4}(?:[ -]?\d{3})?"
            r"|3[47]\d{2}[ -]?\d{6}[ -]?\d{5}|3[0689]\d{2}[ -]?\d{6}[ -]?\d{4}|62\d{4}[ -]?\d{6,13})(?![0-9A-Za-z])(?!\.\d)",
            0.5,
        ),
        ("other", r"(?<![0-9A-Za-z])(?<![0-9][.\-])[1-9]\d{3}[ -]\d{4}[ -]\d{4}[ -]\d{4}(?:[ -]\d{1,3})?(?![0-9A-Za-z])(?!\.\d)", 0.2),
    )  # fmt: skip
    CONTEXT = _CONTEXT

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """Not what its label calls a device's number: an IMEI has a Luhn digit, too."""
        if _IMEI.search(text, max(0, match.start() - 20), match.start()):
            return None
        return super().judge(text, match, pattern)

    def validate_result(self, pattern_text: str) -> bool:
        """Thirteen to nineteen digits with a right Luhn digit, not all the same."""
        digits = regex.sub(r"[ -]", "", pattern_text)
        return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn(digits)


class CardWithoutLuhnRecognizer(Patterns):
    """``CREDIT_CARD`` whose check digit does not fit: cards in the usual groups or UnionPay bank cards, with context only.

    Some banks' older debit cards do not follow Luhn, and a mistyped card number still tells most of it.
    """

    ENTITY = "CREDIT_CARD"
    SEED = Seed.LONG
    PATTERNS: ClassVar = (
        (
            "grouped",
            r"(?<![0-9A-Za-z])(?<![0-9][.\-])[3-6]\d{3}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?(?![0-9A-Za-z])(?!\.\d)",
            0.3,
        ),
        ("unionpay", r"(?<![0-9A-Za-z])(?<![0-9][.\-])62\d{14,17}(?![0-9A-Za-z])(?!\.\d)", 0.3),
        ("sixteen", r"(?<![0-9A-Za-z])(?<![0-9][.\-])[3-6]\d{15}(?![0-9A-Za-z])(?!\.\d)", 0.1),
    )
    CONTEXT = _CONTEXT
