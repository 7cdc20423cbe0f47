# ruff: noqa: E501 - expressions and word lists are read line by line
"""Resident identity card number of the People's Republic of China.

Format: GB 11643-1999. Six digits region (GB/T 2260), eight digits date of birth, three digits sequence, one check
character (ISO 7064 MOD 11-2: weights 2^(17-i) mod 11, remainder 0..10 -> ``10X98765432``). Residence permits of
people from Hong Kong, Macao (81, 82) and Taiwan (83) and the foreigners' permanent residence card (9) share it.
Before 1999: 15 digits, two-digit year, no check; those need context.
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.reading import Seed
from detectors.recognizers.strict import Patterns

_REGIONS = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
        "83",
        "91",
        "93",
    ]
)


def check_character(first17: str) -> str:
    """ISO 7064 MOD 11-2 check character of seventeen digits."""
    total = sum(int(digit) * pow(2, 17 - i, 11) for i, digit in enumerate(first17))
    return "10X98765432"[total % 11]


def is_date(yyyymmdd: str) -> bool:
    """True if the eight digits are a day of the calendar, 1850 or later."""
    try:
        return dt.date(int(yyyymmdd[:4]), int(yyyymmdd[4:6]), int(yyyymmdd[6:])).year >= 1850
    except ValueError:
        return False


class CnResidentIdRecognizer(Patterns):
    """``CN_RESIDENT_ID``."""

    ENTITY = "CN_RESIDENT_ID"
    LANGUAGE = "zh"
    SEED = Seed.LONG
    PATTERNS: ClassVar = (
        (
            "18",
            r"(?<![0-9A-Za-z])[1-9]\d{5}[ -]?(?:18|19|20)\d{2}[ -]?(?:0[1-9]|1[0-2])[ -]?(?:0[1-9]|[12]\d|3[01])[ -]?\d{3}[\dX](?![0-9A-Za-z])",
            0.6,
        ),
        (
            "15",
            r"(?<![0-9A-Za-z])[1-8]\d{7}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}(?![0-9A-Za-z])",
            0.2,
        ),
    )
    CONTEXT = (
        "身份证",
        "身份證",
        "证件号",
        "证号",
        "公民身份",
        "居民身份",
        "id card",
        "resident id",
        "identity card",
        "id_card",
        "idcard",
        "sfz",
    )

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """Region and date must exist; a wrong check character leaves a weaker finding: a mistyped number is still one."""
        digits = regex.sub(r"[ -]", "", match[0])
        birth = digits[6:14] if len(digits) == 18 else "19" + digits[6:12]
        if digits[:2] not in _REGIONS or not is_date(birth):
            return None
        return super().judge(text, match, pattern)

    def validate_result(self, pattern_text: str) -> bool | None:
        """True if the check character fits; None if it does not or there is none."""
        digits = regex.sub(r"[ -]", "", pattern_text).upper()
        return True if len(digits) == 18 and check_character(digits[:17]) == digits[17] else None
