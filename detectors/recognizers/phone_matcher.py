"""``phonenumbers``' matcher for several regions in one pass over a text, with the same matches as one pass each.

What a candidate's stretches are does not depend on the region, so they are cut once. Then, for each region, a cheap
necessary condition: the digits must be able to become a number that the region's metadata call valid. Only where one
could, ``phonenumbers`` parses. A number with a country code is the same for every region and parsed once.
May import ``phonenumbers`` only (its private names, too: a test compares with the public matcher).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberMatch, PhoneNumberMatcher
from phonenumbers.phonenumbermatcher import (  # type: ignore[attr-defined]  # not in its stub
    _PATTERN,
    _SECOND_NUMBER_START_PATTERN,
)

_KINDS = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "personal_number",
    "voip",
    "pager",
    "uan",
    "voicemail",
)
"""Kinds of numbers of which a valid one must be one."""

_PLAIN = re.compile(r"[0-9 \u00a0()\[\]./~\-\u2010-\u2015\u2212]+")
"""Digits and punctuation that parsing drops; an extension or another alphabet's digits need a closer look."""
_NO_DIGIT = re.compile("[^0-9]+")
_PLUS = ("+", "\uff0b")


def _metadata_of(code: int) -> Iterator[PhoneMetadata]:
    for region in COUNTRY_CODE_TO_REGION_CODE.get(code, ()):
        metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        if metadata is not None:
            yield metadata


@cache
def could_be_valid(region: str) -> re.Pattern[str] | None:
    """What digits without ``+`` must match to be a valid number dialled in ``region``. None: no condition.

    Parsing may strip the country code and then, once or twice, the national prefix; the rest must be a number of one of
    the kinds of one of the regions that share the country code. An international prefix may lead anywhere.
    """
    own = PhoneMetadata.metadata_for_region(region, None)
    if own is None or own.country_code is None:
        return None
    sharing = list(_metadata_of(own.country_code))
    numbers = {
        kind.national_number_pattern
        for metadata in (own, *sharing)
        for kind in (getattr(metadata, name) for name in _KINDS)
        if kind is not None and kind.national_number_pattern
    }
    parsing = (own, *sharing[:1])  # the first is the code's main region: its prefixes count after a country code
    prefixes = {metadata.national_prefix_for_parsing or "" for metadata in parsing} - {""}
    rules = {metadata.national_prefix_transform_rule or "" for metadata in parsing} - {""}
    if any(re.fullmatch(r"[\\$][1-9]", rule) is None for rule in rules):
        return None  # digits are inserted: the number need not be the end of what was dialled
    prefix = r"\d*?" if rules else f"(?:{'|'.join(f'(?:{p})' for p in sorted(prefixes))}){{0,2}}" if prefixes else ""
    number = "|".join(f"(?:{pattern})" for pattern in sorted(numbers))
    abroad = f"(?:{own.international_prefix})|" if own.international_prefix else ""
    return re.compile(rf"{abroad}(?:{own.country_code})?{prefix}(?:{number})\Z")


class _Candidate(NamedTuple):
    """What may be a number or hold one."""

    start: int
    text: str
    regions: Sequence[str]
    """Where it, or a stretch of it, could be valid."""
    parts: Sequence[str]
    """Where a stretch of it that is not all of it could be."""


class _Recorder(PhoneNumberMatcher):
    """Notes the stretches that the matcher would parse, and finds nothing."""

    def __init__(self, text: str) -> None:
        super().__init__(text, None)
        self.tried: list[tuple[int, str]] = []

    def _parse_and_verify(self, candidate: str, offset: int) -> None:
        self.tried.append((offset, candidate))


class RegionsMatcher:
    """All telephone numbers that ``PhoneNumberMatcher`` finds in ``text`` for any of ``regions``."""

    def __init__(self, text: str, regions: Sequence[str], leniency: int, min_digits: int) -> None:
        """``min_digits``: numbers with fewer are of no interest and may be missing."""
        self._text = text
        self._regions = regions
        self._leniency = leniency
        self._min_digits = min_digits
        self._next: dict[int, _Candidate | None] = {}
        self._abroad: dict[int, PhoneNumberMatch] = {}
        self._whole: dict[int, PhoneNumberMatch] = {}

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """``(start, end)``, region by region, in order in each; one that several regions share may come repeatedly."""
        if self._candidate(0) is None:
            return
        for region in self._regions:
            matcher = PhoneNumberMatcher(self._text, region, leniency=self._leniency)
            index = 0
            while (candidate := self._candidate(index)) is not None:
                match = self._match(matcher, candidate) if region in candidate.regions else None
                if match is not None:
                    yield match.start, match.end
                    index = match.end
                else:
                    index = candidate.start + len(candidate.text)

    def _candidate(self, index: int) -> _Candidate | None:
        """The first candidate at or after ``index`` that could be a number of some region."""
        if index in self._next:
            return self._next[index]
        place = index
        candidate: _Candidate | None = None
        while (found := _PATTERN.search(self._text, place)) is not None:
            text = found[0]
            second = _SECOND_NUMBER_START_PATTERN.search(text)
            if second is not None:
                text = text[: second.start()]
            candidate = self._judged(found.start(), text)
            if candidate.regions:
                break
            candidate = None
            place = found.start() + len(text)
        self._next[index] = candidate
        return candidate

    def _judged(self, start: int, text: str) -> _Candidate:
        """The candidate with the regions in which it could be a valid number or hold one."""
        if len(text) < self._min_digits or sum(map(str.isdigit, text)) < self._min_digits:
            return _Candidate(start, text, (), ())
        if _PLAIN.fullmatch(text) is None:
            return _Candidate(start, text, self._regions, self._regions)
        recorder = _Recorder(self._text)
        recorder._extract_match(text, start)
        whole = _NO_DIGIT.sub("", text) if recorder.tried else ""
        digits = {_NO_DIGIT.sub("", stretch) for place, stretch in recorder.tried if (place, stretch) != (start, text)}
        regions, parts = [], []
        for region in self._regions:
            possible = could_be_valid(region)
            if possible is None or any(map(possible.match, digits)):
                parts.append(region)
                regions.append(region)
            elif possible.match(whole):
                regions.append(region)
        return _Candidate(start, text, regions, parts)

    def _match(self, matcher: PhoneNumberMatcher, candidate: _Candidate) -> PhoneNumberMatch | None:
        start, text, _, parts = candidate
        known = self._abroad.get(start)
        if known is None and matcher.preferred_region not in parts:
            known = self._whole.get(start)  # here it is this or nothing, and the search goes on after it either way
        if known is not None and known.raw_string == text:
            return known
        match = matcher._extract_match(text, start)
        if match is not None and match.raw_string == text:
            self._whole[start] = match
            if text.startswith(_PLUS) and _NO_DIGIT.sub("", text).startswith(str(match.number.country_code)):
                self._abroad[start] = match
        return match
