"""Stand-ins for dates and ages: the format stays, and all dates of a scope move by the same number of days.

So what lies between two dates stays as it was. A date in which day and month could be mistaken for each other stays one
of which both readings exist. Rules for this file: pure; imports ``surrogate_draws``.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from addons.masking.surrogate_draws import Source

_MONTHS: Final = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_NUMBER = {name[:length].lower(): at + 1 for at, name in enumerate(_MONTHS) for length in (3, 4, len(name))}
_MONTH = "|".join([*_MONTHS, *(name[:4] for name in _MONTHS if name == "September"), *(name[:3] for name in _MONTHS)])
_YEAR_FIRST = re.compile(
    r"(?P<y>[12][0-9]{3})(?P<a>[-/. ]|年 ?)(?P<m>[0-9]{1,2})(?P<b>[-/. ]|月 ?)(?P<d>[0-9]{1,2})(?P<z>[日号]?)"
)
_DENSE = re.compile(r"(?P<y>[12][0-9]{3})(?P<m>[01][0-9])(?P<d>[0-3][0-9])")
_YEAR_LAST = re.compile(r"(?P<p>[0-9]{1,2})(?P<a>[-/. ])(?P<q>[0-9]{1,2})(?P<b>[-/. ])(?P<y>[12][0-9]{3})")
_NAMED = re.compile(
    rf"(?:(?P<m>{_MONTH})(?P<a>\.? )(?P<d>[0-9]{{1,2}})(?P<t>st|nd|rd|th)?(?P<b>,? )(?P<y>[12][0-9]{{3}})"
    rf"|(?P<d2>[0-9]{{1,2}})(?P<t2>st|nd|rd|th)?(?P<a2>[ -])(?P<m2>{_MONTH})(?P<b2>\.?,?[ -])(?P<y2>[12][0-9]{{3}}))",
    re.IGNORECASE,
)
_MAX_SHIFT = 1200
"""Days."""
_AGE = re.compile(r"[1-9][0-9]?")

Formats = tuple[tuple[str, str], ...]
"""Other ways to write the stand-in, and the value in the same way."""


def date(value: str, source: Source, attempt: int) -> tuple[str, Formats] | None:
    """The date moved by the scope's own number of days, and other formats of both; None for what is no full date."""
    draw = source.draw("date", attempt=attempt)
    shift = dt.timedelta(days=draw.between(40, _MAX_SHIFT) * draw.pick((-1, 1)))
    for pattern, write in ((_YEAR_FIRST, _year_first), (_DENSE, _dense), (_NAMED, _named)):
        match = pattern.fullmatch(value)
        if match is None:
            continue
        day = _day(match)
        if day is None:
            return None
        try:
            moved = day + shift
        except OverflowError:
            return None
        if moved.year < 1000:
            return None
        return write(match, moved), tuple(zip(_formats(moved), _formats(day), strict=True))
    match = _YEAR_LAST.fullmatch(value)
    return None if match is None else _year_last(match, shift, source, attempt)


def _day(match: re.Match[str]) -> dt.date | None:
    parts = match.groupdict()
    month = parts["m"] or parts["m2"]
    number = int(month) if month.isdigit() else _NUMBER[month.lower()]
    try:
        return dt.date(int(parts["y"] or parts["y2"]), number, int(parts["d"] or parts["d2"]))
    except ValueError:
        return None


def _padded(number: int, like: str) -> str:
    """Two digits where the value has a leading zero, or two digits that do not tell."""
    return f"{number:02}" if like.startswith("0") or (len(like) == 2 and number < 10) else str(number)


def _year_first(match: re.Match[str], day: dt.date) -> str:
    _, a, m, b, d, z = match.groups()
    padded = m.startswith("0") or d.startswith("0") or (len(m) == len(d) == 2 and a[0] not in "年")
    month, number = (f"{day.month:02}", f"{day.day:02}") if padded else (str(day.month), str(day.day))
    return f"{day.year}{a}{month}{b}{number}{z}"


def _dense(match: re.Match[str], day: dt.date) -> str:
    return f"{day:%Y%m%d}"


def _named(match: re.Match[str], day: dt.date) -> str:
    g = match.groupdict()
    written = g["m"] or g["m2"]
    name = _MONTHS[day.month - 1]
    if len(written) < 5 and written.lower() != name.lower() and written.lower() not in ("june", "july"):
        name = name[:3]
    name = name.upper() if written.isupper() else name.lower() if written.islower() else name
    ordinal = _ordinal(day.day) if g["t"] or g["t2"] else ""
    if g["m"]:
        return f"{name}{g['a']}{_padded(day.day, g['d'][:1])}{ordinal}{g['b']}{day.year}"
    return f"{_padded(day.day, g['d2'][:1])}{ordinal}{g['a2']}{name}{g['b2']}{day.year}"


def _ordinal(day: int) -> str:
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _year_last(match: re.Match[str], shift: dt.timedelta, source: Source, attempt: int) -> tuple[str, Formats] | None:
    p, a, q, b, y = match.groups()
    first, second = int(p), int(q)
    if first > 12 >= second or a == ".":
        order = (second, first)
    elif second > 12 >= first:
        order = (first, second)
    else:
        order = None
    if order is None:
        draw = source.draw("date", match[0], attempt=attempt)
        year = int(y) + draw.between(1, 3) * draw.pick((-1, 1))
        made = draw.between(1, 12), draw.between(1, 12)
        if made == (first, second):
            return None
        return f"{_padded(made[0], p)}{a}{_padded(made[1], q)}{b}{year}", ()
    try:
        day = dt.date(int(y), *order)
        moved = day + shift
    except (ValueError, OverflowError):
        return None
    if order == (first, second):  # month first: the day must still tell
        moved = moved.replace(day=13 + moved.day % 15)
        head, tail = moved.month, moved.day
    else:
        moved = moved if a == "." else moved.replace(day=13 + moved.day % 15)
        head, tail = moved.day, moved.month
    padded = p.startswith("0") or q.startswith("0") or len(p) == len(q) == 2
    one, two = (f"{head:02}", f"{tail:02}") if padded else (str(head), str(tail))
    return f"{one}{a}{two}{b}{moved.year}", tuple(zip(_formats(moved), _formats(day), strict=True))


def _formats(day: dt.date) -> tuple[str, ...]:
    month = _MONTHS[day.month - 1]
    return (
        day.isoformat(),
        f"{day.year}/{day.month:02}/{day.day:02}",
        f"{month} {day.day}, {day.year}",
        f"{day.day} {month} {day.year}",
        f"{month[:3]} {day.day}, {day.year}",
        f"{day.day} {month[:3]} {day.year}",
        f"{day.year}年{day.month}月{day.day}日",
    )


def age(value: str, source: Source, attempt: int) -> str | None:
    """Another age of the same decade; words around the number stay."""
    numbers = _AGE.findall(value)
    if len(numbers) != 1 or not value.replace(numbers[0], "", 1).isprintable() or re.search(r"[0-9]{3}", value):
        return None
    number = int(numbers[0])
    first = number // 10 * 10
    draw = source.draw("age", str(number), attempt=attempt)
    choices = [other for other in range(max(first, 1), first + 10) if other != number]
    return value.replace(numbers[0], str(draw.pick(choices)), 1)
