# ruff: noqa: E501 - expressions are read line by line
"""Names that are nobody's private matter: public figures and eponyms. Pure functions over a text and its spans.

A ``PERSON`` that equals an entry of ``figures.txt`` or ``eponyms.txt`` becomes a ``PUBLIC_FIGURE``, unless the text makes a private person of it: a
title touches the name, or the text holds identifying values of other kinds. A name directly before ``disease``, ``theorem``, 综合征
(``eponym_heads.txt``) is none of a person. May import ``spans`` and ``recognizers.word_list``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from detectors.spans import Span

PERSON = "PERSON"
PUBLIC_FIGURE = "PUBLIC_FIGURE"

_HARMLESS = frozenset(
    [
        "PERSON",
        "PUBLIC_FIGURE",
        "ORGANIZATION",
        "LOCATION",
        "AGE",
        "NRP",
        "DATE_TIME",
        "PRIVATE_IP_ADDRESS",
        "IP_ADDRESS",
        "MAC_ADDRESS",
        "SECRET",
        "URL",
        "CRYPTO",
        "USERNAME",
        "PLACEHOLDER",
    ]
)
"""Entities that make no private person of a name beside them."""


def _lines(name: str) -> list[str]:
    text = (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]


def _key(name: str) -> str:
    """The spelling in which names are compared."""
    return re.sub(r"[\s·・‧•]+", " ", name.casefold()).strip(" .,;:'’\"“”")


_FIGURES = frozenset(_key(name) for file in ("figures", "eponyms") for name in _lines(file))
_HEADS = _lines("eponym_heads")
_LATIN_HEADS = "|".join(re.escape(head) for head in _HEADS if head.isascii())
_OTHER_HEADS = "|".join(re.escape(head) for head in _HEADS if not head.isascii())
_HEAD = re.compile(rf"(?:['’]s?)?[ -](?:{_LATIN_HEADS})|[ -]?(?:{_OTHER_HEADS})", re.IGNORECASE)
_ILLNESS = re.compile(
    r"氏?(?:病|症)(?![了假情历重危退房床人例逝倒故案理愈死得在史程因号友区])|氏?法(?=[，。,、；;的（(则测求和与或]|计算|$)"
)
"""What follows a foreign name only: after a Chinese one it tells of an ill person."""
TITLE_BEFORE = re.compile(
    r"(?<![A-Za-z])(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Doctor|Sir|Madam|Herr|Frau|Fr|Monsieur|Madame|Mme|Mlle|Señora?|Sra?|Signora?|Sig|Nurse|Officer|Aunt|Auntie|Uncle|Sister|Brother|Coach|Cst|Sgt|Judge)\.?[ \t]{1,2}$",
    re.IGNORECASE,
)
"""A title directly before a name."""
TITLE_AFTER = re.compile(
    r"[ ]?(?:先生|女士|小姐|太太|夫人|同学|同學|同志|老师|老師|教授|医生|醫生|大夫|护士|師傅|师傅|阿姨|大爷|大妈|奶奶|爷爷|叔叔|叔|伯伯|姐|哥|嫂|工(?=[，。,：:说来在])|总(?![部局公体计数量理裁监店厂会务行院署站司社目之是共线装评而得结])|經理|经理|主任|さん|様|氏(?!病|症)|씨)"
)
"""A title or kinship word directly after a name."""


def is_eponym(text: str, start: int, end: int) -> bool:
    """True if what follows makes a term of the name (``Hardy-Weinberg equilibrium``, 帕金森病)."""
    name = text[start:end]
    known = _key(name) in _FIGURES
    if not known and re.search(r"[^\W\d_] [A-Z]", name):
        return False  # a given name and a family name
    if TITLE_BEFORE.search(text, max(0, start - 16), start) is not None:
        return False
    return _HEAD.match(text, end) is not None or (
        (known or len(name) > 3) and name[-1] > "\u2e80" and _ILLNESS.match(text, end) is not None
    )


def has_title(text: str, start: int, end: int) -> bool:
    """True if a title touches the name."""
    return TITLE_BEFORE.search(text, max(0, start - 16), start) is not None or TITLE_AFTER.match(text, end) is not None


def retyped(text: str, spans: Sequence[Span]) -> list[Span]:
    """The spans, public figures typed as such. Extents stay as they are."""
    if any(span.entity not in _HARMLESS for span in spans):
        return list(spans)
    return [
        replace(span, entity=PUBLIC_FIGURE)
        if span.entity == PERSON
        and _key(text[span.start : span.end]) in _FIGURES
        and not has_title(text, span.start, span.end)
        else span
        for span in spans
    ]
