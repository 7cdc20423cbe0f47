# ruff: noqa: E501 - expressions and word lists are read line by line
"""Telephone numbers that no numbering plan recognizes: spoken, misread by OCR, national ones of other countries behind a cue, extensions.

"oh seven seven double oh nine hundred three one four", "Tel. O2 4350 1947", "call driver Edin 031 555 044", "ext. 226", 分机8023. Also other
numbers spelled aloud (NATO alphabet, "six six one zero dash nine"). Without a cue only what is long enough to be nothing else. May import ``strict``.
"""

from __future__ import annotations

import re
from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import EntityRecognizer, Pattern, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from detectors.reading import Reading
from detectors.recognizers.strict import Patterns, result_of

_DIGIT_WORDS = ["zero", "oh", "nought", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_ALPHABET = [
    "alpha",
    "alfa",
    "bravo",
    "charlie",
    "delta",
    "echo",
    "foxtrot",
    "golf",
    "hotel",
    "india",
    "juliet",
    "juliett",
    "kilo",
    "lima",
    "mike",
    "november",
    "oscar",
    "papa",
    "quebec",
    "romeo",
    "sierra",
    "tango",
    "uniform",
    "victor",
    "whiskey",
    "whisky",
    "x-ray",
    "xray",
    "yankee",
    "zulu",
]
_COUNT = {"double": 2, "triple": 3, "treble": 3}
_WORD = rf"(?:(?:double|triple|treble)[ -])?(?:{'|'.join(_DIGIT_WORDS)})|hundred|thousand"
_STEP = r"(?:[ ,.\-]{1,3}|[ ,]{1,2}(?:dash|stroke|slash|hyphen|and|then)[ ,]{1,2})"
_SPOKEN = re.compile(
    rf"(?<![A-Za-z])(?:{_WORD})(?:{_STEP}(?:{_WORD}|[b-hj-z](?![A-Za-z]))){{3,30}}(?![A-Za-z])", re.IGNORECASE
)
_SPELLED = re.compile(
    rf"(?<![A-Za-z])(?:{'|'.join(_ALPHABET)}|[a-z] as in [a-z]{{3,10}}(?: [a-z](?![a-z])){{0,3}})(?: (?:{'|'.join(_ALPHABET)}|{'|'.join(_DIGIT_WORDS)}|[a-z] as in [a-z]{{3,10}}|[a-z](?![a-z]))){{3,20}}(?![A-Za-z])",
    re.IGNORECASE,
)
_PHONE_CUE = re.compile(
    r"(?<![A-Za-z])(?:phone|number|mobile|cell|call(?:er)?|tel|telephone|line|reach|ring|dial|contact|text|new one)(?![A-Za-z])",
    re.IGNORECASE,
)
_OTHER_CUE = re.compile(
    r"(?<![A-Za-z])(?:account|acct|id|ref(?:erence)?|policy|claim|card|member|code|pin|case|customer|order|passport|licen[cs]e|plate|reg|index|pnc|ssn|social|sort|routing|booking)(?![A-Za-z])",
    re.IGNORECASE,
)
_PLATE_CUE = re.compile(
    r"(?<![A-Za-z])(?:plate|reg(?:istration)?|index|vehicle|car|van|tag)(?![A-Za-z])", re.IGNORECASE
)


def count_of(words: str) -> int:
    """How many digits the words say."""
    total = 0
    for times, word in re.findall(r"(?:(double|triple|treble)[ -])?([a-z]+)", words.lower()):
        total += _COUNT.get(times, 1) if word in _DIGIT_WORDS else {"hundred": 2, "thousand": 3}.get(word, 0)
    return total


class SpokenNumberRecognizer(EntityRecognizer):
    """``PHONE_NUMBER``, ``CUSTOMER_ID``, ``LICENSE_PLATE`` spelled aloud in English."""

    def __init__(self) -> None:
        super().__init__(
            supported_entities=["PHONE_NUMBER", "CUSTOMER_ID", "LICENSE_PLATE"],
            name="SpokenNumberRecognizer",
            supported_language="en",
        )

    def load(self) -> None:
        """Nothing to load."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Presidio's entry point."""
        lower = Reading.of(text, nlp_artifacts).lower
        results: list[RecognizerResult] = []
        if sum(word in lower for word in _DIGIT_WORDS) < 2:
            return results
        for match in _SPOKEN.finditer(text):
            before = text[max(0, match.start() - 48) : match.start()]
            digits = count_of(match[0])
            if digits >= 9 or (digits >= 7 and _PHONE_CUE.search(before)):
                results.append(result_of(self, "PHONE_NUMBER", *match.span(), 0.7))
            elif digits >= 4 and _OTHER_CUE.search(before):
                results.append(result_of(self, "CUSTOMER_ID", *match.span(), 0.6))
        for match in _SPELLED.finditer(text):
            plate = _PLATE_CUE.search(text, max(0, match.start() - 48), match.start())
            if any(word in match[0].lower().split() for word in _DIGIT_WORDS):
                results.append(result_of(self, "LICENSE_PLATE" if plate else "CUSTOMER_ID", *match.span(), 0.65))
        return results


_CUE = r"(?<![A-Za-z])(?:t[eé][l1](?:ephone|efono|éfono|efon|efone)?|phone|ph|mob(?:ile)?|cell|fax|call|ring|dial|text|whatsapp|handy|hp|gsm|m[oó]vil|celular|cel|zadzwoni|zadzwoń|hívd|appeler?|chiama(?:re)?|llamar?|ligar|anrufen|contact|reach|number)(?![A-Za-z])"
_HK = re.compile(r"[喺嘅佢唔咗啲嚟冇睇]|香港|九龍|新界|港島|葵涌|沙田|荃灣|將軍澳|致電|WhatsApp|速遞")


class CuedPhoneRecognizer(Patterns):
    """``PHONE_NUMBER`` behind a cue, and extensions."""

    ENTITY = "PHONE_NUMBER"
    NEEDS: ClassVar = {"misread-american": ("(",), "speaker": (":", "：")}
    PATTERNS: ClassVar = (
        ("misread", rf"{_CUE}[.:]?\s{{0,3}}(?P<value>\+?\(?(?=[OoIl0-9 ()\-./]*[OoIl])(?=(?:[ ()\-./]?[0-9OoIl]){{8,14}})[OoIl0-9](?:[ ()\-./]{{0,2}}[OoIl0-9]){{7,13}})(?![0-9A-Za-z])", 0.7),
        ("misread-american", r"(?<![0-9A-Za-z])(?P<value>\([0-9OIl]{3}\) ?[0-9OIl]{3}-(?=[0-9]*[OIl])[0-9OIl]{4})(?![0-9A-Za-z])", 0.6),
        ("national", rf"{_CUE}(?:[.:]|\s(?:is|at|on|to|me|him|her|us|the|driver|nr|no|number)|\s(?-i:[A-Z][a-z]{{1,15}})){{0,4}}+[.:]?\s{{0,3}}(?P<value>\(?0?\d{{1,5}}\)?(?:[ .\-/]|, )\d{{2,5}}(?:(?:[ .\-/]|, )\d{{2,5}}){{1,3}})(?![0-9A-Za-z])(?![.,]\d)", 0.6),
        ("indian-groups", r"(?<![0-9A-Za-z+.\-])(?P<value>[6-9]\d{4} \d{5})(?![0-9A-Za-z])(?! ?\d)", 0.5),
        ("belgian", r"(?<![0-9A-Za-z+.\-/])(?P<value>0(?:\d \d{3}|\d\d \d\d|4\d\d \d\d) \d\d \d\d)(?![0-9A-Za-z])(?! ?\d)", 0.5),
        ("italian-mobile", r"(?<![0-9A-Za-z+.\-/])(?P<value>3[2-9]\d (?:\d{3} \d\d \d\d|\d{3} \d{4}|\d{7}))(?![0-9A-Za-z])(?! ?\d)", 0.45),
        ("polish-mobile", rf"{_CUE}[^\n0-9]{{0,24}}(?P<value>[4-8]\d\d[ -]\d{{3}}[ -]\d{{3}})(?![0-9A-Za-z])(?! ?\d)", 0.6),
        ("extension", r"(?<![0-9A-Za-z])(?:ext\.|extn\.?|ext|extension)[ ]?:?[ ]?(?P<value>\d{2,6})(?![0-9A-Za-z])(?!\.\d)", 0.6),
        ("extension-zh", r"(?:分机号?|分機號?|内线|內線|短号|短號)[是为為:: ]{0,3}(?P<value>\d{3,8})(?![0-9A-Za-z])", 0.65),
        ("extension-label", r"[(（](?:转|轉)[ ]?(?P<value>\d{3,6})[)）]", 0.55),
        ("speaker", r"[\u4e00-\u9fff]\d{1,2}[:：][ ]?(?P<value>1[3-9]\d{9})(?!\d)", 0.75),
        ("hong-kong", r"(?<![0-9A-Za-z+.\-/:$])(?P<value>[25-79]\d{3} \d{4})(?![0-9A-Za-z])(?![ .\-/]?\d)", 0.5),
        ("singapore", r"(?<![0-9A-Za-z])(?:hp|whatsapp|mobile|tel|call|contact|电话|电联|联系)[^\n0-9+]{0,12}(?P<value>[3689]\d{3} ?\d{4})(?![0-9A-Za-z])", 0.6),
        ("macao", r"(?:澳门|澳門|macau|macao)[^\n0-9]{0,24}(?P<value>(?:\(?\+?853\)? ?)?[268]\d{3}[ -]?\d{4})(?![0-9A-Za-z])", 0.55),
    )  # fmt: skip

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """Seven to fourteen digits where it is a whole number; eight digits alone only in a text of Hong Kong."""
        value = match["value"]
        digits = sum(char.isdigit() for char in value)
        if pattern.name == "hong-kong":
            if not _HK.search(text, max(0, match.start() - 400), min(len(text), match.end() + 400)):
                return None
        elif pattern.name in ("misread", "misread-american"):
            if digits < 5:
                return None
        elif (pattern.name == "national" and (not 7 <= digits <= 13 or _DATE.match(value))) or (
            pattern.name == "extension" and _FILE.search(text, max(0, match.start() - 8), match.start())
        ):
            return None
        return super().judge(text, match, pattern)


_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)?\d\d$|\d{1,3}(?:\.\d{1,3}){3}$|\d+\.\d+$"
)
_FILE = re.compile(r"(?:file|the|an?|\.)\s?$", re.IGNORECASE)
