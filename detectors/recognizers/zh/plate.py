# ruff: noqa: E501 - expressions and word lists are read line by line
"""Vehicle number plates of China.

Format: GA 36-2018. Province character, authority letter, five characters (no I, O) or six for new-energy vehicles
(D/F first or last), 学 挂 警 港 澳 as last character; the dot between is optional.
"""

from __future__ import annotations

from typing import ClassVar

from detectors.reading import Reading
from detectors.recognizers.strict import Patterns


class CnLicensePlateRecognizer(Patterns):
    """``LICENSE_PLATE``."""

    ENTITY = "LICENSE_PLATE"
    LANGUAGE = "zh"
    PATTERNS: ClassVar = (
        (
            "plate",
            r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领][A-HJ-NP-Z][ ·•・.．\-—]{0,2}"
            r"(?=[0-9A-Z]{0,5}\d)[0-9A-HJ-NP-Z]{4}(?:[0-9A-HJ-NP-Z]{1,2}|[学挂警港澳])(?![0-9A-Za-z])",
            0.85,
        ),
        ("consular", r"(?<![0-9A-Za-z])\d{6}[使领](?![0-9A-Za-z馆館])", 0.4),
        ("military", r"(?<![0-9A-Za-z\u4e00-\u9fff])(?:WJ|[VKHBSLJNGCZ][A-Z])[ ·•]?[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]?\d{5}(?![0-9A-Za-z])", 0.1),
    )  # fmt: skip
    CONTEXT = ("车牌", "車牌", "号牌", "車號", "车号", "plate")

    def can_match(self, reading: Reading) -> bool:
        """Every plate has digits."""
        return not reading.prefilter or any(digit in reading.text for digit in "0123456789")
