# ruff: noqa: E501 - expressions and word lists are read line by line
"""Telephone numbers of the world: Presidio's phone recognizer, run only where digits could be one.

Presidio asks ``phonenumbers`` (Google's libphonenumber metadata: ITU-T E.164 and the national numbering plans) once per
region over the whole text: four fifths of all detection time. Here a cheap scan finds the runs of digits and telephone
punctuation with at least seven digits; the matcher sees only those, all regions in one pass (``phone_matcher``). Numbers
with fewer digits are no finding either way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar

import phonenumbers
from presidio_analyzer import RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts
from presidio_analyzer.predefined_recognizers import PhoneRecognizer as PresidioPhoneRecognizer

from detectors.context import ContextWords
from detectors.reading import Reading
from detectors.recognizers.phone_matcher import RegionsMatcher, could_be_valid
from detectors.recognizers.strict import result_of

MIN_DIGITS = 7
LENIENCY = 1
"""``phonenumbers`` leniency VALID."""
_MARGIN = 32

_PUNCTUATION = "x\u2010-\u2015\u2212\u30fc\uff0d-\uff0f \u00a0\u00ad\u200b\u2060\u3000()\uff08\uff09\uff3b\uff3d.\\[\\]/~\u2053\u223c\uff5e+\uff0b\\-"
_RUN = re.compile(rf"(?:\d[{_PUNCTUATION}]*){{{MIN_DIGITS},}}", re.IGNORECASE)
_NOT_PHONE = re.compile(
    r"(?:19|20)\d\d[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:0?[1-9]|[12]\d|3[01])(?:\D|$)"
    r"|(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|1[0-2])[-/.](?:19|20)\d\d(?:\D|$)"
    r"|\(?(?:19|20)\d\d[.\-/]\d{1,2}[.\-/]\d{1,2}\)?"
    r"|\d\d\.\d\d\.[–\-]\d\d\.\d\d"
    r"|\d{1,3}(?:\.\d{1,3}){3}$"
    r"|\d{3}-\d{2}-\d{4}$"
    r"|\d+\.\d+$"
    r"|-?\d+\.\d+\.{2,}-?\d+\.\d+$"
    r"|(?:0|[1-9]\d{0,3})\.\d{1,3} ?[–~-] ?(?:0|[1-9]\d{0,3})\.\d{1,3}$"
    r"|(?:19[5-9]|20[0-4])\d[–~/-](?:19[5-9]|20[0-4])\d$"
)
_MOMENT = re.compile(r"1[0-9]{9}|1[0-9]{12}")
"""Seconds since 1970 from 2001 to 2033, or milliseconds."""
_MOMENT_NAMED = re.compile(
    r"(?:(?<![A-Za-z])(?:exp|iat|nbf|auth_time|ts|epoch|unix|timestamps?|时间戳?|時間戳?)[\"'`]?(?:\s?[=:：]\s?|\s|为|是)"
    r"|(?:(?<![A-Za-z])(?:time|since|until)|(?<=[a-z])(?:At|Ts|Time)|_(?:at|ts|time|ms))[\"'`]?\s?[=:：]\s?)[\[\"'(]?\Z"
)
_BEFORE_IT = re.compile(r"(?<![0-9A-Za-z_+-])(\d{1,13})(?:,[ \t]?|[ \t]\|[ \t]|\t)\Z")
_AFTER_IT = re.compile(r"(?:,[ \t]?|[ \t]\|[ \t]|\t)(\d{1,13})(?![0-9A-Za-z_-])")
_A_MONTH = 31 * 86400
_TRAILING = "".join(
    char for char in map(chr, range(0x10000)) if re.fullmatch(rf"[{_PUNCTUATION}]", char, re.IGNORECASE)
)
_SEPARATORS = re.compile(r"[ \-./()\u00a0\u2010-\u2015]")


def is_bare(text: str, start: int, end: int) -> bool:
    """True for digits without separators and country code: too many numbers look like that."""
    return text[start:end].isdigit() and not text.startswith("00", start)


def candidate_windows(
    text: str, has_context: Callable[[int, int], bool] = lambda start, end: True
) -> list[tuple[int, int]]:
    """Stretches outside of which ``phonenumbers`` finds nothing of seven digits; cut between digit runs only.

    Runs of nothing but digits are left out where ``has_context`` says that no telephone word is near.
    """
    found: list[tuple[int, int]] = []
    for hit in _RUN.finditer(text):
        span = _core(hit)
        if is_bare(text, *span) and not _has_plus(text, hit.start()) and not has_context(*span):
            continue
        start, end = max(0, hit.start() - 8), min(len(text), hit.end() + _MARGIN)
        while start > 0 and text[start - 1].isdigit():
            start -= 1
        while end < len(text) and text[end].isdigit():
            end += 1
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _has_plus(text: str, start: int) -> bool:
    """True if a plus sign stands before, with or without telephone punctuation between."""
    before = text[max(0, start - 12) : start].rstrip(_TRAILING.replace("+", "").replace("\uff0b", ""))
    return before.endswith(("+", "\uff0b"))


def _core(hit: re.Match[str]) -> tuple[int, int]:
    """The run without the punctuation at its end."""
    return hit.start(), hit.start() + len(hit[0].rstrip(_TRAILING))


def _without_brackets(text: str, start: int, end: int) -> tuple[int, int]:
    """``(4155550182`` and ``(4155550182)`` are bare digits in a bracket of the sentence."""
    raw = text[start:end]
    core = raw.strip("()[]\uff08\uff09\uff3b\uff3d")
    return (start + raw.index(core), start + raw.index(core) + len(core)) if core.isdigit() else (start, end)


def is_moment(text: str, start: int, end: int) -> bool:
    """True for bare epoch seconds or milliseconds that their name gives away, or their neighbours in a list of numbers.

    Ten digits alone may be a telephone number, near 手机号 all the more. Such neighbours are a moment at most a month
    away, or, on both sides, numbers too short to be a telephone number.
    """
    value = text[start:end]
    if not _MOMENT.fullmatch(value):
        return False
    if _MOMENT_NAMED.search(text, max(0, start - 24), start):
        return True
    unit = 1000 if len(value) > 10 else 1
    beside = (_BEFORE_IT.search(text, max(0, start - 20), start), _AFTER_IT.match(text, end))
    numbers = [found[1] for found in beside if found is not None]
    moments = [
        number
        for number in numbers
        if len(number) == len(value) and abs(int(number) - int(value)) <= _A_MONTH * unit and number != value
    ]
    short = [number for number in numbers if len(number) < MIN_DIGITS]
    return len(short) == len(beside) or (bool(moments) and len(short) + len(moments) == len(numbers))


class PhoneRecognizer(PresidioPhoneRecognizer):
    """``PHONE_NUMBER``. Scores: 0.75 with a country code, 0.5 in a national format with separators, 0.2
    in other ones (needs context); bare digits are a finding near a telephone word only."""

    WORDS: ClassVar = (
        "phone", "telephone", "tel", "cell", "cellphone", "mobile", "call", "fax", "whatsapp", "sms", "text", "contact", "ph",
        "mob", "handy", "telefon", "téléphone", "teléfono", "telefono", "telefone", "celular", "landline", "hotline", "ext", "dial",
        "reach", "telegram", "signal", "number is", "电话", "電話", "手机", "手機", "联系", "전화", "携帯", "тел",
    )  # fmt: skip

    def __init__(self, regions: Sequence[str]) -> None:
        super().__init__(context=list(self.WORDS), supported_regions=tuple(regions), name="PhoneRecognizer")
        self._words = ContextWords(self.WORDS)
        for region in regions:
            could_be_valid(region)  # compiled now, not at the first text

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Presidio's entry point."""
        reading = Reading.of(text, nlp_artifacts)

        def has_context(start: int, end: int) -> bool:
            return self._words.near(text, start, end)

        stretches = candidate_windows(text, has_context) if reading.prefilter else [(0, len(text))]
        best: dict[tuple[int, int], float] = {}
        for start, end in stretches:
            for found_start, found_end in self._matches(text[start:end], prefilter=reading.prefilter):
                span = _without_brackets(text, start + found_start, start + found_end)
                score = self._score(text, *span)
                bare = is_bare(text, *span)
                if score > 0.0 and not (bare and (not has_context(*span) or is_moment(text, *span))):
                    best[span] = score
        return [result_of(self, "PHONE_NUMBER", start, end, score) for (start, end), score in sorted(best.items())]

    def _matches(self, text: str, *, prefilter: bool) -> Iterator[tuple[int, int]]:
        if prefilter:
            found: Iterable[tuple[int, int]] = RegionsMatcher(text, self.supported_regions, LENIENCY, MIN_DIGITS)
        else:
            found = (
                (match.start, match.end)
                for region in self.supported_regions
                for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=LENIENCY)
            )
        for start, end in found:
            if _RUN.search(text, start, end):
                yield start, end

    @staticmethod
    def _score(text: str, start: int, end: int) -> float:
        raw = text[start:end]
        if (start > 0 and ((text[start - 1].isalnum() and text[start - 1] < "\u2e80") or text[start - 1] in "_#")) or (
            end < len(text) and (text[end] == "_" or (text[end].isalnum() and text[end] < "\u2e80"))
        ):
            return 0.0
        if raw[0] == "+" or (raw.startswith(("(+", "00")) and len(raw) > 10):
            return 0.75
        if (start > 1 and text[start - 1] in "./:-" and text[start - 2].isalnum()) or (
            end + 1 < len(text) and text[end] in "./:-" and text[end + 1].isalnum()
        ):
            return 0.0
        if _NOT_PHONE.match(raw):
            return 0.0
        kinds = _SEPARATORS.findall(raw)
        if len(kinds) >= 2 and (
            raw[0] in "0(" or re.fullmatch(r"1?[-. ]?\(?\d{3}\)?[-. ]{1,2}\d{3}[-. ]\d{4}.*", raw, re.DOTALL)
        ):
            return 0.5
        return (0.45 if 10 <= sum(map(str.isdigit, raw)) <= 12 else 0.3) if kinds and raw[0] in "0(" else 0.2
