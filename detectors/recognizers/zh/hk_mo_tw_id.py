# ruff: noqa: E501 - expressions and word lists are read line by line
"""Identity cards of Hong Kong, Macao and Taiwan.

Hong Kong: one or two letters, six digits, check character in parentheses; letters count A=10 (a missing first letter 36),
weights 9 to 2, MOD 11. Taiwan: letter, 1/2 (citizens) or 8/9 (residents), eight digits; the letter becomes two digits,
weights 1 9 8 7 6 5 4 3 2 1 1, MOD 10 (Ministry of the Interior). Macao: 1, 5 or 7, six digits, one digit in parentheses; no public checksum.
"""

from __future__ import annotations

from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.reading import Seed
from detectors.recognizers.strict import CHECKED, Patterns

_TW_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"


def hong_kong_valid(value: str) -> bool:
    """True if the Hong Kong check character fits; ``value`` with or without parentheses."""
    bare = regex.sub(r"[^0-9A-Z]", "", value.upper())
    prefix, check = bare[:-1], bare[-1]
    codes = [36] * (8 - len(prefix)) + [int(char, 36) for char in prefix]
    total = sum(code * weight for code, weight in zip(codes, range(9, 1, -1), strict=True))
    return (total + (10 if check == "A" else int(check, 36))) % 11 == 0


def taiwan_valid(value: str) -> bool:
    """True if the Taiwanese check digit fits."""
    number = _TW_LETTERS.index(value[0].upper()) + 10
    digits = [number // 10, number % 10, *map(int, value[1:])]
    return sum(d * w for d, w in zip(digits, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)) % 10 == 0


class HkIdRecognizer(Patterns):
    """``HK_ID``."""

    ENTITY = "HK_ID"
    LANGUAGE = "zh"
    SEED = Seed.LONG
    PATTERNS: ClassVar = (
        ("parentheses", r"(?<![0-9A-Za-z])[A-Z]{1,2} ?\d{6} ?[(\uff08][0-9A][)\uff09]", 0.5),
        ("bare", r"(?<![0-9A-Za-z])[A-Z]{1,2}\d{6}[0-9A](?![0-9A-Za-z])", 0.1),
    )
    CONTEXT = ("hkid", "hong kong id", "身份证", "身份證", "identity card", "id card")

    def validate_result(self, pattern_text: str) -> bool | None:
        """True if the check character fits. Parentheses alone are a form of their own, so a misfit is no proof against it."""
        return True if hong_kong_valid(pattern_text) else None


class MoIdRecognizer(Patterns):
    """``MO_ID``."""

    ENTITY = "MO_ID"
    LANGUAGE = "zh"
    SEED = Seed.LONG
    PATTERNS: ClassVar = (("parentheses", r"(?<![0-9A-Za-z])[157]/?\d{6}/?[(\uff08]\d[)\uff09]", 0.3),)
    CONTEXT = ("澳门", "澳門", "macau", "macao", "bir", "身份证", "身份證")


class TwIdRecognizer(Patterns):
    """``TW_ID``."""

    ENTITY = "TW_ID"
    LANGUAGE = "zh"
    SEED = Seed.LONG
    PATTERNS: ClassVar = (("national", r"(?<![0-9A-Za-z])[A-Z][1289]\d{8}(?![0-9A-Za-z])", 0.4),)
    CONTEXT = ("身份证", "身份證", "身分證", "身分证", "居留證", "national id", "id number", "證號", "证号")

    def validate_result(self, pattern_text: str) -> bool | None:
        """True if the check digit fits; None else: with context it is still one."""
        return True if taiwan_valid(pattern_text) else None

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """Without a right check digit it needs context."""
        result = super().judge(text, match, pattern)
        if result is not None and not result.recognition_metadata[CHECKED]:
            result.score = 0.2
        return result
