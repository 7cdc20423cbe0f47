# ruff: noqa: E501 - expressions and word lists are read line by line
"""International bank account numbers: Presidio's recognizer, failing closed and never logging.

Format: ISO 13616: country, two check digits (ISO 7064 MOD 97-10), up to 30 characters whose shape is the country's.
"""

from __future__ import annotations

from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult
from presidio_analyzer.predefined_recognizers import IbanRecognizer as PresidioIbanRecognizer
from stdnum import iban
from stdnum.exceptions import ValidationError

from detectors.reading import Seed
from detectors.recognizers.strict import FLAGS, StrictPatterns, result_of


class IbanRecognizer(StrictPatterns, PresidioIbanRecognizer):
    """``IBAN_CODE``."""

    SEED: ClassVar = Seed.PAIR
    FLAGS: ClassVar = FLAGS

    def __init__(self) -> None:
        super().__init__(
            patterns=[
                Pattern(  # type: ignore[list-item]  # Presidio annotates list[str] and takes Pattern
                    "iban",
                    r"(?<![0-9A-Za-z])[A-Z]{2}[ -]?[0-9]{2}(?:[ \u00a0-]?[A-Z0-9]{4}){2,7}(?:[ \u00a0-]?[A-Z0-9]{1,3})?(?![0-9A-Za-z])",
                    0.5,
                )
            ],
            context=["iban", "bank", "transaction", "account", "账号", "账户", "konto", "银行"],
            name="IbanRecognizer",
        )

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """The longest beginning of the match that passes its checksum: a word after the number may have been swallowed.

        Without a right checksum an upper-case candidate stays a weak finding: with context it is a mistyped IBAN.
        """
        start, end = match.span()
        stops = [end, *(start + gap.start() for gap in regex.finditer(r"[ \u00a0-]", match[0]))]
        for stop in sorted(set(stops), reverse=True):
            compact = regex.sub(r"[ \u00a0-]", "", text[start:stop])
            if len(compact) < 15:
                break
            try:
                iban.validate(compact, check_country=False)
            except ValidationError:
                continue
            return result_of(self, "IBAN_CODE", start, stop, 1.0, verified=True, checked=True)
        value = match[0]
        if value.upper() == value and sum(map(str.isdigit, value)) >= 10 and value[:2] in _COUNTRIES:
            return result_of(self, "IBAN_CODE", start, end, 0.3)
        return None


_COUNTRIES = frozenset(
    [
        "AD",
        "AE",
        "AL",
        "AT",
        "AZ",
        "BA",
        "BE",
        "BG",
        "BH",
        "BR",
        "BY",
        "CH",
        "CR",
        "CY",
        "CZ",
        "DE",
        "DK",
        "DO",
        "EE",
        "EG",
        "ES",
        "FI",
        "FO",
        "FR",
        "GB",
        "GE",
        "GI",
        "GL",
        "GR",
        "GT",
        "HR",
        "HU",
        "IE",
        "IL",
        "IQ",
        "IS",
        "IT",
        "JO",
        "KW",
        "KZ",
        "LB",
        "LC",
        "LI",
        "LT",
        "LU",
        "LV",
        "MC",
        "MD",
        "ME",
        "MK",
        "MR",
        "MT",
        "MU",
        "NL",
        "NO",
        "PK",
        "PL",
        "PS",
        "PT",
        "QA",
        "RO",
        "RS",
        "SA",
        "SC",
        "SE",
        "SI",
        "SK",
        "SM",
        "ST",
        "SV",
        "TL",
        "TN",
        "TR",
        "UA",
        "VA",
        "VG",
        "XK",
    ]
)
