"""Makes new labelled texts out of old ones: every value swapped for another of its label, and templates filled.

Imports ``names`` and ``sources``. Values come from the *training* records, so that nothing of the development set is
ever seen. Digits and letters of numbers are drawn anew: a model that has learned checksums has learned the wrong thing.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.ner import names, places
from models.ner.labels import LABELS
from models.ner.sources import Record, parse_markup
from models.ner.words import words

_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’\-](?=[^\W\d_]))*")
_SLOT = re.compile(r"\[\[([A-Z_]+)\]\]")
_POOLED = ("LOCATION", "ORGANIZATION", "ADDRESS", "USERNAME", "DATE_OF_BIRTH", "AGE", "PERSON")

_MONTHS = words("months")

_HALF, _FULL = ",:;?!()", "，：；？！（）"
_BESIDE_HAN = re.compile(f"(?<=[\u3400-\u9fff])[{_HALF}{_FULL}]|[{_HALF}{_FULL}](?=[\u3400-\u9fff])")


def is_han(text: str) -> bool:
    """Whether there is a Chinese character in it."""
    return _HAN.search(text) is not None


@dataclass(slots=True)
class Values:
    """Values by label and script, gathered from training records."""

    pools: dict[tuple[str, bool], list[str]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def gather(cls, records: Iterable[Record]) -> Values:
        """Every value of the pooled labels in ``records``; order kept, so that a seed gives the same data again."""
        values = cls()
        seen: set[tuple[str, str]] = set()
        for record in records:
            for start, end, label in record.spans:
                value = record.text[start:end]
                if label in _POOLED or label not in LABELS:
                    if (label, value) not in seen and len(value) < 160:
                        values.pools[label, is_han(value)].append(value)
                    seen.add((label, value))
        return values

    def draw(self, rng: random.Random, label: str, han: bool) -> str:
        """A value of ``label``, Chinese or not."""
        made = _generate(rng, label, han)
        if made is not None:
            return made
        pool = self.pools.get((label, han)) or self.pools.get((label, not han))
        if not pool:
            return _redraw(rng, "AB-29481")
        value = rng.choice(pool)
        if label in ("LOCATION", "ORGANIZATION", "USERNAME", "DATE_OF_BIRTH", "AGE"):
            return value
        return _redraw(rng, value, letters=label != "ADDRESS")


def _generate(rng: random.Random, label: str, han: bool) -> str | None:
    if label == "PERSON":
        return names.chinese_name(rng) if han else names.latin_name(rng)
    if label == "ADDRESS" and rng.random() < 0.5:
        return places.chinese_address(rng) if han else places.western_address(rng)
    if label == "ORGANIZATION" and rng.random() < 0.4:
        return places.organization(rng, han)
    if label == "USERNAME" and not han and rng.random() < 0.5:
        return places.username(rng)
    if label == "DATE_OF_BIRTH" and rng.random() < 0.7:
        return _date(rng, han)
    if label == "AGE" and rng.random() < 0.6:
        years = rng.randint(1, 97)
        return (
            rng.choice((f"{years}岁", f"{years}歲", f"{years}"))
            if han
            else rng.choice((f"{years}", f"{years} years old", f"{years}yo"))
        )
    return None


def _date(rng: random.Random, han: bool) -> str:
    year, month, day = rng.randint(1930, 2023), rng.randint(1, 12), rng.randint(1, 28)
    if han:
        return rng.choice(
            (
                f"{year}年{month}月{day}日",
                f"{year}-{month:02}-{day:02}",
                f"{year}.{month}.{day}",
                f"{year}/{month:02}/{day:02}",
                f"{year}年{month}月",
                f"{year}{month:02}{day:02}",
            )
        )
    name = _MONTHS[month - 1]
    return rng.choice(
        (
            f"{year}-{month:02}-{day:02}",
            f"{month:02}/{day:02}/{year}",
            f"{day:02}/{month:02}/{year}",
            f"{day}.{month}.{year}",
            f"{name} {day}, {year}",
            f"{day} {name} {year}",
            f"{day} {name[:3]} {year}",
            f"{day:02}-{name[:3].upper()}-{year}",
            f"{year}{month:02}{day:02}",
            f"{month}/{day}/{year % 100:02}",
        )
    )


def _redraw(rng: random.Random, value: str, letters: bool = True) -> str:
    """The same shape with other digits, and other capital letters where it holds both (``LP-00931``)."""
    mixed = letters and any(char.isdigit() for char in value)
    drawn = []
    digits = sum(char.isdigit() for char in value)
    left = 3 if digits > 6 else 0
    for char in value:
        if left and char.isdigit():
            # What begins a number says what it is (a country's code, a region, a year).
            left -= 1
            drawn.append(char)
        elif char.isascii() and char.isdigit():
            drawn.append(rng.choice("123456789") if char != "0" else rng.choice("0000123456789"))
        elif mixed and char.isascii() and char.isupper() and rng.random() < 0.5:
            drawn.append(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ"))
        else:
            drawn.append(char)
    return "".join(drawn)


class _People:
    """Within one text the same name part becomes the same other part: ``Emeka Obi`` and ``Emeka`` stay one person."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._parts: dict[str, str] = {}

    def swap(self, name: str) -> str:
        if is_han(name) and not re.search(r"[A-Za-z]", name):
            return self._swap_han(name)
        words = list(_WORD.finditer(name))
        if not words or is_han(name):
            return names.chinese_name(self._rng) if is_han(name) else names.latin_name(self._rng)
        position, parts = 0, list[str]()
        for number, word in enumerate(words):
            parts += (name[position : word.start()], self._part(word[0], number == len(words) - 1 and number > 0))
            position = word.end()
        return "".join((*parts, name[position:]))

    def _part(self, word: str, family: bool) -> str:
        if len(word) == 1:
            return self._rng.choice("ABCDEFGHJKLMNPRSTVW") if word.isupper() else word
        known = self._parts.get(word.lower())
        if known is None:
            known = names.latin_parts(self._rng)[1 if family else 0]
            self._parts[word.lower()] = known
        if word.isupper() and len(word) > 2:
            return known.upper()
        return known.lower() if word.islower() else known

    def _swap_han(self, name: str) -> str:
        length = 2 if name[:2] in names.ZH_DOUBLE_SURNAMES else 1
        if name[0] in "老小阿" and len(name) == 2:
            return name[0] + self._han_part(name[1:], surname=True)[:1]
        if len(name) <= length:
            return self._han_part(name, surname=True)
        if name[:length] not in self._parts and len(name) == 2 and name[0] not in names.ZH_SURNAMES:
            return self._han_part(name, surname=False)
        return self._han_part(name[:length], surname=True) + self._han_part(name[length:], surname=False)

    def _han_part(self, part: str, surname: bool) -> str:
        if part not in self._parts:
            drawn = names.chinese_parts(self._rng)
            self._parts[part] = drawn[0] if surname else drawn[1]
        return self._parts[part]


def swapped(record: Record, values: Values, rng: random.Random) -> Record:
    """The same text about other people, places and numbers. ``record`` carries the guide's labels."""
    people = _People(rng)
    kept: dict[tuple[str, str], str] = {}
    parts: list[str] = []
    spans: list[tuple[int, int, str]] = []
    length = position = 0
    for start, end, label in sorted(record.spans):
        if start < position:
            continue
        old = record.text[start:end]
        if (label, old) not in kept:
            kept[label, old] = _other_value(old, label, values, people, rng)
        new = kept[label, old]
        before = record.text[position:start]
        spans.append((length + len(before), length + len(before) + len(new), label))
        parts += (before, new)
        length += len(before) + len(new)
        position = end
    parts.append(record.text[position:])
    return Record("".join(parts), tuple(spans), record.lang, record.kind, record.source)


def _other_value(old: str, label: str, values: Values, people: _People, rng: random.Random) -> str:
    if label == "PERSON":
        return people.swap(old)
    if label == "PUBLIC_FIGURE":
        return old
    if label in ("LOCATION", "ORGANIZATION", "ADDRESS", "DATE_OF_BIRTH", "AGE", "USERNAME"):
        return old if rng.random() < 0.2 else values.draw(rng, label, is_han(old))
    return _redraw(rng, old, letters=label != "EMAIL_ADDRESS")


def read_templates(path: Path) -> list[tuple[str, str]]:
    """(language, text with ``[[LABEL]]`` slots); separated by ``=====``, each headed ``# lang=..``."""
    found = []
    for raw in path.read_text(encoding="utf-8").split("\n=====\n"):
        header, _, body = raw.strip("\n").partition("\n")
        found.append((header.removeprefix("# lang="), body))
    return found


def filled(template: tuple[str, str], values: Values, rng: random.Random) -> Record:
    """A template with values drawn for its slots."""
    lang, body = template
    han = lang == "zh"

    def value(match: re.Match[str]) -> str:
        other = rng.random() < 0.07
        return f"[[{match[1]}:{values.draw(rng, match[1], han != other)}]]"

    text, spans = parse_markup(_SLOT.sub(value, body))
    return Record(text, spans, lang, "template", "templates")


def noisy(record: Record, rng: random.Random) -> Record:
    """The same text as it also comes: other case or width, lines run together, breaks escaped, a single line of it."""
    form = rng.random()
    if record.lang == "zh" and form < 0.4:
        return _other_width(record)
    if form < 0.25:
        return _fragment(record, rng)
    if form < 0.5:
        return replace(record, text=record.text.replace("\n", " "))
    if form < 0.65:
        return _escaped(record)
    text = record.text.lower() if form < 0.87 else record.text.upper()
    return replace(record, text=text) if len(text) == len(record.text) else record


def _other_width(record: Record) -> Record:
    """Full-width punctuation beside Chinese characters where it was half-width, and the other way round."""
    wide = sum(char in _FULL for char in record.text) > sum(char in _HALF for char in record.text)
    table = str.maketrans(_FULL, _HALF) if wide else str.maketrans(_HALF, _FULL)

    def turned(match: re.Match[str]) -> str:
        return match[0].translate(table)

    return replace(record, text=_BESIDE_HAN.sub(turned, record.text))


def _fragment(record: Record, rng: random.Random) -> Record:
    """One line, or the part of one up to a clause's end: segments of a request are often that short."""
    lines = [match for match in re.finditer(r"[^\n。;；]+", record.text) if match[0].strip()]
    if not lines:
        return record
    line = rng.choice(lines)
    first, last = line.span()
    inside = tuple(
        (max(start, first) - first, min(end, last) - first, label)
        for start, end, label in record.spans
        if start < last and end > first
    )
    return replace(record, text=line[0], spans=inside)


def _escaped(record: Record) -> Record:
    """Line breaks as the two characters that they are inside a JSON string."""
    places_of_breaks = [number for number, char in enumerate(record.text) if char == "\n"]

    def moved(at: int) -> int:
        return at + bisect_left(places_of_breaks, at)

    return replace(
        record,
        text=record.text.replace("\n", "\\n"),
        spans=tuple((moved(start), moved(end), label) for start, end, label in record.spans),
    )
