# ruff: noqa: E501 - expressions and word lists are read line by line
"""Passports of China: ordinary E/G, EA to EZ, diplomatic D/DE, service S/SE, public affairs P/PE, Hong Kong K/H/HJ, Macao M/MA/MB.

Format: the letter prefix and eight characters in all after the first letter (National Immigration Administration;
ICAO Doc 9303 gives nine characters). No checksum outside the machine-readable zone, so context is needed.
"""

from __future__ import annotations

from typing import ClassVar

from detectors.reading import Seed
from detectors.recognizers.strict import Patterns


class CnPassportRecognizer(Patterns):
    """``CN_PASSPORT``."""

    ENTITY = "CN_PASSPORT"
    LANGUAGE = "zh"
    SEED = Seed.LONG
    PATTERNS: ClassVar = (
        (
            "ordinary",
            r"(?<![0-9A-Za-z])(?:[EG]\d{8}|E[A-HJ-NP-Z]\d{7}|(?:D|S|P)E?\d{7,8}|1[45]\d{7})(?![0-9A-Za-z])",
            0.2,
        ),
        ("hong-kong-macao", r"(?<![0-9A-Za-z])(?:K|H|HJ|M|MA|MB)\d{7,8}(?![0-9A-Za-z])", 0.2),
    )
    CONTEXT = ("护照", "護照", "passport", "证件", "出境", "签证", "簽證")
