# ruff: noqa: E501 - expressions and word lists are read line by line
"""Vehicle identification numbers: 17 characters without I, O, Q.

Format: ISO 3779. Check digit at position 9 in North America and China (49 CFR 565.15; GB 16735): letters by value, weights 8 7 6 5 4 3 2 10 0 9 8 7
6 5 4 3 2, MOD 11. Europe uses no check digit, so without it context is needed.
"""

from __future__ import annotations

from typing import ClassVar

from detectors.reading import Seed
from detectors.recognizers.strict import Patterns

_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VALUES = dict(
    zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", [*range(10), *range(1, 9), *range(1, 6), 7, 9, *range(2, 10)], strict=True)
)


def check_digit_fits(vin: str) -> bool:
    """True if position 9 is the check digit of 49 CFR 565.15."""
    total = sum(_VALUES[char] * weight for char, weight in zip(vin.upper(), _WEIGHTS, strict=True))
    return vin[8].upper() == "0123456789X"[total % 11]


class VinRecognizer(Patterns):
    """``VIN``."""

    ENTITY = "VIN"
    SEED = Seed.PAIR
    PATTERNS: ClassVar = (
        (
            "vin",
            r"(?<![0-9A-Za-z_+/=-])(?=[0-9]{0,16}[A-HJ-NPR-Z])(?=(?:[A-Z0-9]{0,9}[0-9]){1,6})[A-HJ-NPR-Z0-9]{12}(?:[A-HJ-NPR-Z0-9])\d{4}(?![0-9A-Za-z_+/=-])",
            0.25,
        ),
    )
    CONTEXT = (
        "vin",
        "chassis",
        "vehicle",
        "car",
        "车架",
        "車架",
        "车辆识别",
        "識別代號",
        "fahrgestell",
        "telaio",
        "bastidor",
        "châssis",
    )

    def validate_result(self, pattern_text: str) -> bool | None:
        """True if the check digit fits; hex and digits alone never do."""
        if pattern_text.isdigit() or all(char in "0123456789abcdefABCDEF" for char in pattern_text):
            return False
        return True if check_digit_fits(pattern_text) else None
