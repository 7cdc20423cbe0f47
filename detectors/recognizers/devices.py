# ruff: noqa: E501 - expressions and word lists are read line by line
"""Bank codes, devices and places on the map: BIC, IMEI, coordinates.

BIC: ISO 9362, four letters, a country, two and optionally three characters; any eight capitals look so, hence only behind its label. IMEI: 3GPP TS
23.003, 15 digits with a Luhn digit, with its label or in the printed groups. Coordinates: ISO 6709 and what maps write, with at least four decimals
(eleven metres): fewer say a town. May import ``strict`` and ``card`` (Luhn).
"""

from __future__ import annotations

from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.reading import Seed
from detectors.recognizers.card import luhn
from detectors.recognizers.strict import Patterns


class BicRecognizer(Patterns):
    """``BIC``."""

    ENTITY = "BIC"
    PATTERNS: ClassVar = (
        (
            "labelled",
            r"(?<![A-Za-z])(?:BIC|SWIFT)(?:[ /\-]?(?:BIC|SWIFT|code|no\.?|number|代码|码|号))*[\"']?[ \t]{0,3}[:=：>(（]?[ \t]{0,3}[\"']?(?:is )?(?P<value>(?-i:[A-Z]{4}(?:A[DEFGILMNORTUWXZ]|B[ABDEFGHIJLMNOQRSTWYZ]|C[ACDFGHIKLMNORUVWXYZ]|D[EJKMOZ]|E[CEGHRST]|F[IJKMOR]|G[ABDEFGHILMNPQRTUWY]|H[KMNRTU]|I[DELMNOQRST]|J[EMOP]|K[EGHIMNPRWYZ]|L[ABCIKRSTUVY]|M[ACDEFGHKLMNOPQRSTUVWXYZ]|N[ACEFGILOPRUZ]|OM|P[AEFGHKLMNRSTWY]|QA|R[EOSUW]|S[ABCDEGHIJKLMNORSTVXYZ]|T[CDFGHJKLMNORTVWZ]|U[AGMSYZ]|V[ACEGINU]|W[FS]|XK|Y[ET]|Z[AMW])[A-Z2-9][A-NP-Z0-9](?:[A-Z0-9]{3})?))(?![0-9A-Za-z])",
            0.7,
        ),
    )

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """Not a word in capitals: ``SWIFT PLATFORM``."""
        value = match["value"]
        return None if value in _WORDS else super().judge(text, match, pattern)


_WORDS = frozenset(
    [
        "PLATFORM",
        "PROTOCOL",
        "PACKAGES",
        "COMPILER",
        "LANGUAGE",
        "TRANSFER",
        "PAYMENTS",
        "MESSAGES",
        "STANDARD",
        "REQUIRED",
        "OPTIONAL",
        "MANDATORY",
    ]
)


class ImeiRecognizer(Patterns):
    """``IMEI``."""

    ENTITY = "IMEI"
    SEED = Seed.LONG
    PATTERNS: ClassVar = (
        ("printed", r"(?<![0-9A-Za-z\-])\d{2}-\d{6}-\d{6}-\d(?![0-9A-Za-z\-])", 0.7),
        ("labelled", r"(?<![A-Za-z])imei(?:[ ]?[12])?(?:号|码|[ ]?(?:no\.?|number))?[\"']?[ \t]{0,3}[:=：]?[ \t]{0,3}[\"']?(?P<value>\d{2}[ -]?\d{6}[ -]?\d{6}[ -]?\d{1,2}|\d{14,16})(?![0-9A-Za-z])", 0.8),
        ("bare", r"(?<![0-9A-Za-z.\-])[0-9]{15}(?![0-9A-Za-z.\-])", 0.1),
    )  # fmt: skip
    CONTEXT = ("imei", "串号", "设备识别码", "handset", "手机串号")

    def validate_result(self, pattern_text: str) -> bool | None:
        """True if fifteen digits pass Luhn; None else: a mistyped one is one, too, where its label says so."""
        digits = regex.sub(r"[ -]", "", pattern_text)
        return True if len(digits) == 15 and len(set(digits)) > 2 and luhn(digits) else None


_LATITUDE, _LONGITUDE = r"[+-]?(?:[0-8]?\d|90)\.\d{4,12}", r"[+-]?(?:1[0-7]\d|180|0?\d?\d)\.\d{4,12}"


class CoordinatesRecognizer(Patterns):
    """``COORDINATES``: where somebody is, to a house."""

    ENTITY = "COORDINATES"
    PATTERNS: ClassVar = (
        ("labelled-pair", rf"(?<![A-Za-z])(?:gps|coord(?:inate)?s?|lat(?:itude)?(?:[,/ ]{{1,2}}lo?ng?(?:itude)?)|location|position|pin|坐标|座標|经纬度|定位|位置)[\"']?[ \t]{{0,2}}[:=：]?[ \t]{{0,2}}[\[(（\"']?(?P<value>{_LATITUDE}[ ]?[,，;/ ][ ]?{_LONGITUDE}|{_LONGITUDE}[ ]?[,，][ ]?{_LATITUDE})(?![0-9])", 0.7),
        ("json", rf"[\"'](?:lat|latitude)[\"'][ ]?:[ ]?[\"']?(?P<value>{_LATITUDE}[\"']?,\s{{0,12}}[\"'](?:lo?ng?|longitude)[\"'][ ]?:[ ]?[\"']?{_LONGITUDE})", 0.7),
        ("json-reverse", rf"[\"'](?:lo?ng?|longitude)[\"'][ ]?:[ ]?[\"']?(?P<value>{_LONGITUDE}[\"']?,\s{{0,12}}[\"'](?:lat|latitude)[\"'][ ]?:[ ]?[\"']?{_LATITUDE})", 0.7),
        ("assigned", rf"(?<![A-Za-z])lat(?:itude)?=(?P<value>{_LATITUDE}[&,; ]{{1,2}}lo?ng?(?:itude)?={_LONGITUDE})", 0.7),
        ("hemispheres", r"(?<![0-9A-Za-z.])(?P<value>\d{1,2}\.\d{4,10}[ ]?°?[ ]?[NS][ ,]{1,3}\d{1,3}\.\d{4,10}[ ]?°?[ ]?[EW])(?![A-Za-z])", 0.75),
        ("degrees", r"(?<![0-9A-Za-z.])(?P<value>\d{1,2}°[ ]?\d{1,2}['’′][ ]?(?:\d{1,2}(?:\.\d+)?[\"”″][ ]?)?[NS][ ,]{1,3}\d{1,3}°[ ]?\d{1,2}['’′][ ]?(?:\d{1,2}(?:\.\d+)?[\"”″][ ]?)?[EW])(?![A-Za-z])", 0.75),
        ("geo-uri", rf"(?<![A-Za-z])geo:(?P<value>{_LATITUDE},{_LONGITUDE})(?![0-9])", 0.8),
    )  # fmt: skip
