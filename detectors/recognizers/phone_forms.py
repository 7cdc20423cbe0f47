# ruff: noqa: E501 - expressions and word lists are read line by line
"""Telephone numbers by written form alone, for those that ``phonenumbers`` calls invalid.

Reserved and fictional ranges (Ofcom's 07700 900xxx, NANP 555-01xx abroad), new ranges and mistyped numbers are telephone numbers, too. Forms: ITU-T E.123 international
notation; national groups with a leading zero as the British (Ofcom) and others write them.
"""

from __future__ import annotations

from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.reading import Seed
from detectors.recognizers.phone import PhoneRecognizer
from detectors.recognizers.strict import Patterns

_BEFORE = r"(?<![0-9A-Za-z_+])(?<![0-9][.\-/:])"
_AFTER = r"(?![0-9A-Za-z_])(?![.\-:/][0-9])"


class PhoneFormRecognizer(Patterns):
    """``PHONE_NUMBER``."""

    ENTITY = "PHONE_NUMBER"
    SEED = Seed.PAIR
    PATTERNS: ClassVar = (
        ("international", _BEFORE + r"\(?\+[1-9]\d{0,2}\)?(?:(?:[ \u00a0\-./]|[ \u00a0]?-[ \u00a0]?)?(?:\(0?\d{1,5}\)|\d)){6,13}(?:-\d{1,4})?" + _AFTER, 0.7),
        ("zero-five-six", _BEFORE + r"0\d{4}[ \-]\d{6}" + _AFTER, 0.5),
        ("zero-four-three", _BEFORE + r"0\d{3,4}[ \-]\d{3}[ \-]\d{3,4}" + _AFTER, 0.5),
        ("zero-three-four", _BEFORE + r"0\d{2}[ \-]\d{3,4}[ \-]\d{4}" + _AFTER, 0.5),
        ("zero-pairs", _BEFORE + r"(?<![0-9a-f]{2} )(?<![0-9a-f]{2}  )0[1-9](?:[ .]\d\d){4}(?! {1,3}[0-9a-f]{2}(?![0-9a-z]))" + _AFTER, 0.5),
        ("north-american", _BEFORE + r"(?:\(\d{3}\) ?|(?!400)\d{3}[-. ])\d{3}[-. ]\d{4}(?: ?(?:x|ext\.?) ?\d{1,5})?" + _AFTER, 0.45),
        ("seven-five-five-five", _BEFORE + r"555[-. ]01\d\d" + _AFTER, 0.5),
    )  # fmt: skip
    CONTEXT = PhoneRecognizer.WORDS

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """A ``+`` at the beginning of a line before bare digits is a diff, not a country code."""
        start = match.start()
        if (
            pattern.name == "international"
            and (start == 0 or text[start - 1] == "\n")
            and match[0][1:].isdigit()
            and len(match[0]) < 12
        ):
            return None
        return super().judge(text, match, pattern)
