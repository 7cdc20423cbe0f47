"""Unified social credit code of organizations in China: 18 characters.

Format: GB 32100-2015. Registration authority, category, six digits region, nine characters organization code, one check
character: weights 3^i mod 31 over the alphabet without I, O, S, V, Z.
"""

from __future__ import annotations

from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.reading import Seed
from detectors.recognizers.strict import CHECKED, FLAGS_CASED, Patterns

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def check_character(first17: str) -> str:
    """GB 32100 check character of seventeen characters. Raises ValueError for a character outside the alphabet."""
    total = sum(_ALPHABET.index(char) * pow(3, i, 31) for i, char in enumerate(first17))
    return _ALPHABET[(31 - total % 31) % 31]


class CnUsccRecognizer(Patterns):
    """``CN_USCC``."""

    ENTITY = "CN_USCC"
    LANGUAGE = "zh"
    SEED = Seed.LONG
    FLAGS = FLAGS_CASED
    PATTERNS: ClassVar = (
        ("uscc", r"(?<![0-9A-Za-z])[1-9A-HJ-NP-RTUWXY][1-9][1-9]\d{5}[0-9A-HJ-NP-RTUWXY]{10}(?![0-9A-Za-z])", 0.4),
    )
    CONTEXT = (
        "信用代码",
        "信用代碼",
        "税号",
        "稅號",
        "纳税人",
        "统一社会",
        "企业",
        "公司",
        "营业执照",
        "uscc",
        "credit code",
        "发票",
        "tax",
    )

    def validate_result(self, pattern_text: str) -> bool | None:
        """True if the check character fits, else None: the form with context is enough."""
        return True if check_character(pattern_text[:17]) == pattern_text[17] else None

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """Without a right check character it needs context."""
        result = super().judge(text, match, pattern)
        if result is not None and not result.recognition_metadata[CHECKED]:
            result.score = 0.25
        return result
