"""People's names taken apart: which words of a full name may be found again by themselves, and when.

Pure functions and tables (``name_words.txt``). *Everyday* words are names too (Will, 高峰): that they name a person
in one place does not make a person of every other. Imports ``phrases``.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from detectors.phrases import WORD, lower


def _sections(text: str) -> dict[str, frozenset[str]]:
    parts = re.split(r"^\[([a-z-]+)\]\n", text, flags=re.MULTILINE)[1:]
    return {
        name: frozenset(word for line in body.splitlines() for word in line.partition("#")[0].split())
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }


_WORDS = _sections(Path(__file__).with_name("name_words.txt").read_text(encoding="utf-8"))
EVERYDAY_EN = _WORDS["everyday-en"]
"""In lower case."""
EVERYDAY_ZH = _WORDS["everyday-zh"]
HAN_NAME = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]{2,4}")
COMPOUND_SURNAMES = _WORDS["compound-surnames"]
_NO_SURNAME_ZH = _WORDS["no-surname-zh"]
_TITLES_ZH = _WORDS["titles-zh"]
TITLE_ZH = re.compile(
    rf"{'|'.join(sorted(_TITLES_ZH, key=len, reverse=True))}"
    "|[总總](?![是共结結体體会會数數之统統理有在要能想觉覺裁监監经經部])|工(?![作程业業厂廠人具资資商地期艺藝])|[哥姐叔伯婶嬸姨舅董](?![妹们們弟])"
)
"""What follows a surname that stands alone: 王总, 李工, 欧阳老师."""

TITLE_EN = re.compile(
    r"(?<![a-z])(?:mr|mrs|ms|miss|mx|dr|prof|professor|doctor|sir|dame|lord|lady|madam|herr|frau|señora?|sra?|don|doña|monsieur|"
    r"madame|mme|mlle|signora?|dear|hi|hello|nurse|judge|officer|captain|sgt|sergeant|rev)\.?[ \t\u00a0]+$",
    re.IGNORECASE,
)
"""Before a name; matched against the text that ends where the name begins."""
_ENDS_IN_TITLE = re.compile(rf"(?:{TITLE_ZH.pattern})$")
_NO_PART = _WORDS["no-part"]
"""Titles, roles and function words that a span may hold by mistake: never found again."""
_PARTICLES = _WORDS["particles"]
MIN_PART = 3
"""Latin letters that a part needs to be found by itself."""


def _without_marks() -> dict[int, str]:
    table = dict(zip(map(ord, "đłøħıĐŁØ"), "dlohidlo", strict=True))
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        base = unicodedata.normalize("NFD", chr(code))[0]
        if base.isascii() and base.isalpha():
            table[code] = base.lower()
    return table


_MARKS = _without_marks()
_MARKED = re.compile(f"[{re.escape(''.join(map(chr, _MARKS)))}]")


def fold(text: str) -> str:
    """Lower case without accents (``Nguyễn`` is ``nguyen``); every character keeps its place."""
    folded = lower(text)
    return folded.translate(_MARKS) if _MARKED.search(folded) else folded


@dataclass(frozen=True, slots=True)
class LatinName:
    """A name in a script with spaces."""

    parts: tuple[str, ...]
    """Its words as written, titles left out."""

    @property
    def heads(self) -> list[str]:
        """The parts that may lead to the name in another text."""
        return [
            part
            for part in self.parts
            if len(part) >= MIN_PART and fold(part) not in _PARTICLES and not any(map(str.isdigit, part))
        ]


def latin_name(value: str) -> LatinName | None:
    """The Latin (Greek, Cyrillic, ...) words of a name; None if there are none or far too many."""
    found = tuple(word for word in WORD.findall(value) if fold(word) not in _NO_PART)
    if not found or len(found) > 7:
        return None
    return LatinName(found)


def han_parts(value: str) -> tuple[str, str] | None:
    """Surname and given name of a Chinese name (王, 小明; 欧阳, 娜娜), either may be empty; None for what is none.

    A title is none of it (王先生 is 王), nor is a given name the rest of a nickname (小王, 阿德).
    """
    titled = _ENDS_IN_TITLE.search(value, 1)
    name = value if titled is None else value[: titled.start()]
    if name in COMPOUND_SURNAMES or (len(name) == 1 and name not in _NO_SURNAME_ZH):
        return name, ""
    if not HAN_NAME.fullmatch(name):
        return None
    if len(name) > 2 and name[:2] in COMPOUND_SURNAMES:
        return name[:2], name[2:]
    return ("", name) if name[0] in _NO_SURNAME_ZH else (name[0], name[1:])
