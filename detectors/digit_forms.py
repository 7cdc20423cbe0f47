"""Numbers found again however they are grouped: ``+1 415 555 0132`` is ``(415) 555-0132`` is ``4155550132``.

Pure. A text's runs of digit groups are walked once; each stretch of whole groups is looked up. Imports ``phrases`` and
the country codes of ``phonenumbers``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from detectors.phrases import WORD

MIN_DIGITS = 6
MIN_NATIONAL = 7
"""Digits that a telephone number has at least, without country code."""
MAX_DIGITS = 34
LONG = 12
MAX_GROUPS = 12
_SEPARATORS = " \u00a0.\\-/()\u2010-\u2013_"
_RUN = re.compile(rf"[0-9](?:[{_SEPARATORS}]{{0,2}}[0-9]){{{MIN_DIGITS - 1},}}")
_GROUP = re.compile(r"[0-9]+")
_NEXT = re.compile(rf"[{_SEPARATORS}]{{1,2}}([0-9]+)")
_NUMBER = re.compile(
    rf"([A-Za-z]{{0,4}})[{_SEPARATORS}]?([0-9](?:[{_SEPARATORS}]{{0,2}}[0-9])*)[{_SEPARATORS}]?([A-Za-z]?)"
)
_PLUS_NUMBER = re.compile(rf"(\+|00)?[{_SEPARATORS}]?([0-9(](?:[{_SEPARATORS}]{{0,3}}[0-9])*)\)?")
_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])|(?:[0-2]\d|3[01])(?:0[1-9]|1[0-2])(?:19|20)\d\d")
_COUNTING = "01234567890123456789 98765432109876543210"
_MOBILE_CN = re.compile(r"1[3-9]\d{9}")
_NATIONAL_US = re.compile(r"[2-9]\d\d[2-9]\d{6}")


@dataclass(frozen=True, slots=True)
class Number[T]:
    """What a number must have around its digits, and what it stands for."""

    prefix: str
    suffix: str
    payload: T


def telling(digits: str) -> bool:
    """False for runs that many numbers share: too short, dates, 111111, 123456."""
    varied = len(set(digits)) > (1 if len(digits) >= LONG else 2)
    return (
        MIN_DIGITS <= len(digits) <= MAX_DIGITS and varied and digits not in _COUNTING and not _DATE.fullmatch(digits)
    )


def phone_forms(value: str) -> set[str]:
    """The digit strings that mean the same telephone: with and without country code, trunk zero, ``00``."""
    match = _PLUS_NUMBER.fullmatch(value.strip())
    if match is None:
        return set()
    digits = "".join(_GROUP.findall(match[2]))
    if match[1]:
        code = next((digits[:n] for n in (1, 2, 3) if int(digits[:n] or 0) in COUNTRY_CODE_TO_REGION_CODE), "")
        national = digits[len(code) :].removeprefix("0")
        forms = {code + national, f"00{code}{national}"}
    else:
        national, forms = digits.removeprefix("0"), set()
    if len(national) >= MIN_NATIONAL:
        forms |= {national, f"0{national}"}
        if not match[1] and _MOBILE_CN.fullmatch(national):
            forms.add(f"86{national}")
        elif not match[1] and _NATIONAL_US.fullmatch(national):
            forms.add(f"1{national}")
    return {form for form in forms if telling(form)}


def identifier_form(value: str) -> tuple[str, str, str] | None:
    """Letters before, digits, letter after (``E-12 345 678`` is E, 12345678); None for what is no such number."""
    match = _NUMBER.fullmatch(value)
    if match is None:
        return None
    digits = "".join(_GROUP.findall(match[2]))
    lettered = bool(match[1] or match[3]) and MIN_DIGITS <= len(digits) <= MAX_DIGITS
    return (match[1].lower(), digits, match[3].lower()) if lettered or telling(digits) else None


class Numbers[T]:
    """Add numbers, then find them."""

    def __init__(self) -> None:
        self._known: dict[str, list[Number[T]]] = {}
        self._begins: set[str] = set()
        """What the known numbers begin with: one to four digits."""

    def __bool__(self) -> bool:
        return bool(self._known)

    def add(self, digits: str, payload: T, *, prefix: str = "", suffix: str = "") -> None:
        """Look for ``digits`` too, with these letters (in lower case) around them."""
        self._known.setdefault(digits, []).append(Number(prefix, suffix, payload))
        self._begins.update(digits[:size] for size in (1, 2, 3, 4))

    def find(self, text: str) -> Iterator[tuple[int, int, T]]:
        """``(start, end, payload)`` of every stretch of whole digit groups that is a known number."""
        begins = self._begins
        for run in _RUN.finditer(text):
            for head in _GROUP.finditer(text, run.start(), run.end()):
                start, digits = head.start(), head[0]
                international = start > 0 and text[start - 1] == "+"
                if len(digits) > 1 and digits[:2] not in begins and not international:
                    continue
                end = head.end()
                for _ in range(MAX_GROUPS):
                    if len(digits) > MAX_DIGITS:
                        break
                    yield from self._meant(text, start, end, digits)
                    after = _NEXT.match(text, end)
                    if after is None or (digits[:4] not in begins and not international):
                        break
                    digits, end = digits + after[1], after.end()

    def _meant(self, text: str, start: int, end: int, digits: str) -> Iterator[tuple[int, int, T]]:
        before = text[start - 1] if start else ""
        for number in self._known.get(digits, ()):
            begin, stop = _around(text, start, end, number.prefix, number.suffix)
            if stop:
                yield begin - (text[begin - 1 : begin] in ("+", "(") and begin > 0), stop, number.payload
        if before == "+":
            for cut in (1, 2, 3):
                for number in self._known.get(digits[cut:], ()):
                    if not number.prefix and not number.suffix and _ends(text, end):
                        yield start - 1, end, number.payload


def _ends(text: str, at: int) -> bool:
    return at >= len(text) or not WORD.match(text, at)


def _begins(text: str, at: int) -> bool:
    return at == 0 or not WORD.match(text, at - 1)


def _around(text: str, start: int, end: int, prefix: str, suffix: str) -> tuple[int, int]:
    """The number with the letters around its digits; (0, 0) if they are not there or others are."""
    if prefix:
        size = len(prefix)
        gap = 0 if text[start - size : start].lower() == prefix else 1
        start -= size + gap
        if start < 0 or text[start : start + size].lower() != prefix or (gap and WORD.match(text, start + size)):
            return 0, 0
    if suffix:
        gap = 0 if text[end : end + 1].lower() == suffix else 1
        if text[end + gap : end + gap + 1].lower() != suffix or (gap and WORD.match(text, end)):
            return 0, 0
        end += gap + 1
    return (start, end) if _begins(text, start) and _ends(text, end) else (0, 0)
