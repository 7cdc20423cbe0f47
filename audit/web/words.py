"""The page's words in English and Chinese, which one a browser wants, and how numbers and times are written. Pure."""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Mapping
from pathlib import Path

LANGUAGES = ("en", "zh")
LANGUAGE_TAGS = {"en": "en", "zh": "zh-Hans"}


@functools.cache
def all_words() -> Mapping[str, Mapping[str, str]]:
    """Words by key, then by language."""
    words: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "words.json").read_text(encoding="utf-8"))
    return words


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.tag = LANGUAGE_TAGS[language]

    def __call__(self, key: str, **values: object) -> str:
        """The words of a key. Raises KeyError for one that there is not."""
        text = all_words()[key][self.language]
        return text.format(**values) if values else text

    def maybe(self, key: str, otherwise: str) -> str:
        """The words of a key, or what is to stand there if it has none."""
        words = all_words().get(key)
        return otherwise if words is None else words[self.language]

    def number(self, value: float | None, digits: int = 0) -> str:
        """``12,345.6``; a dash for nothing."""
        return "–" if value is None else f"{value:,.{digits}f}"

    def milliseconds(self, value: float | None) -> str:
        """``0.42 ms``, ``12.3 ms``, ``1.25 s``."""
        if value is None:
            return "–"
        if value >= 1000:
            return f"{value / 1000:,.2f} s"
        return f"{value:.1f} ms" if value >= 10 else f"{value:.2f} ms"

    def size(self, value: float | None) -> str:
        """``512 B``, ``12.3 kB``, ``4.5 MB``."""
        if value is None:
            return "–"
        for unit in ("B", "kB", "MB", "GB"):
            if value < 1000:
                return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
            value /= 1000
        return f"{value:,.1f} TB"

    def age(self, seconds: float) -> str:
        """``5 min``."""
        for key, length in (("age.days", 86_400), ("age.hours", 3600), ("age.minutes", 60)):
            if seconds >= 2 * length:
                return self(key, n=f"{seconds / length:,.0f}")
        return self("age.seconds", n=f"{max(0, seconds):,.0f}")


def preferred(accept_language: str) -> str:
    """The language of an Accept-Language header (RFC 9110, 12.5.4) that there is; else English."""
    best, weight = "en", 0.0
    for part in accept_language[:1000].split(","):
        tag, _, parameters = part.strip().partition(";")
        try:
            q = float(parameters.strip().removeprefix("q=") or 1)
        except ValueError:
            q = 0.0
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES and q > weight:
            best, weight = language, q
    return best


def utc(moment: dt.datetime, *, seconds: bool = True) -> str:
    """``2026-11-24 12:00:00``."""
    return (
        f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}" if seconds else f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M}"
    )
