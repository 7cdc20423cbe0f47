# ruff: noqa: E501 - expressions and word lists are read line by line
"""Travel permits between the mainland, Hong Kong, Macao and Taiwan.

往来港澳通行证: C or W + 8 (C + letter + 7); 往来台湾通行证: T or L + 8; 港澳居民来往内地通行证 (回乡证): H or M + 8 or 10;
台湾居民来往大陆通行证 (台胞证): 8 or 10 digits. Formats: National Immigration Administration. No checksum: context needed.
"""

from __future__ import annotations

from typing import ClassVar

from detectors.reading import Seed
from detectors.recognizers.strict import Patterns


class CnTravelPermitRecognizer(Patterns):
    """``CN_TRAVEL_PERMIT``."""

    ENTITY = "CN_TRAVEL_PERMIT"
    LANGUAGE = "zh"
    SEED = Seed.LONG
    PATTERNS: ClassVar = (
        (
            "letter",
            r"(?<![0-9A-Za-z])(?:[CW]\d{8}|C[A-HJ-NP-Z]\d{7}|[TL]\d{8}|[HM]\d{8}(?:\d{2})?)(?![0-9A-Za-z])",
            0.2,
        ),
        ("taiwan", r"(?<![0-9A-Za-z])\d{8}(?:\d{2})?(?:[(\uff08]?[A-Z][)\uff09]?)?(?![0-9A-Za-z])", 0.08),
    )
    CONTEXT = ("通行证", "通行證", "回乡证", "回鄉證", "台胞证", "台胞證", "travel permit", "home return permit")
