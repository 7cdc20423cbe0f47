# ruff: noqa: E501 - character classes are one line each
"""The shadow text: obfuscation undone for detection, with every offset mapped back. Pure functions, standard library only.

Undone: zero-width, bidi and tag characters; full-width and other styled letters and digits; digits of other scripts; look-alike letters inside Latin words;
``\\uXXXX`` and ``\\xXX`` escapes; HTML entities; percent-encoding; digits spelled apart or dictated in Chinese numerals or English words. Base64 is decoded separately (``base64_runs``). Plain text has no shadow.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes


@dataclass(frozen=True, slots=True)
class Shadow:
    """A text as a reader would take it, and where each of its characters comes from."""

    text: str
    starts: list[int]
    """Original offset at which each shadow character's source begins."""
    ends: list[int]
    """Original offset one past each shadow character's source."""

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The original stretch behind ``text[start:end]``, whole code points. The stretch must not be empty."""
        return self.starts[start], self.ends[end - 1]


_INVISIBLE = "\u00ad\u0332\u0335-\u0338\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\u20e3\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e007f\U000e0100-\U000e01ef"
_STYLED = "\u2070-\u209c\u2100-\u214f\u2460-\u249b\u24b6-\u24ea\u2776-\u2793\uff10-\uff19\uff20-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff\U0001f100-\U0001f10a\U0001f130-\U0001f149"
_OTHER_DIGITS = "\u0660-\u0669\u06f0-\u06f9\u07c0-\u07c9\u0966-\u096f\u09e6-\u09ef\u0a66-\u0a6f\u0ae6-\u0aef\u0be6-\u0bef\u0c66-\u0c6f\u0ce6-\u0cef\u0d66-\u0d6f\u0e50-\u0e59\u0ed0-\u0ed9\u0f20-\u0f29\u1040-\u1049\u17e0-\u17e9"
_ALIKE = dict(
    zip(
        "АВЕКМНОРСТХаеорсухіјѕԁԛԝһҮүΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορυχ",
        "ABEKMHOPCTXaeopcyxijsdqwhYyABEZHIKMNOPTYXaiknopux",
        strict=True,
    )
)
_ALIKE_CLASS = "".join(_ALIKE)

_RAISED = r"(?<=[\u00b2\u00b3\u00b9\u2070-\u2079])[\u00b2\u00b3\u00b9]|[\u00b2\u00b3\u00b9](?=[\u00b2\u00b3\u00b9\u2070-\u2079])"
"""Raised digits in a row; one alone is a square or a footnote."""
_BLANK = r"(?<=[0-9\uff10-\uff19])[\u2000-\u200a\u202f\u205f\u3000](?=[0-9\uff10-\uff19])"
"""Between digits; Chinese paragraphs begin with such blanks."""
_STOP = r"(?<=[0-9A-Za-z])[\uff0e\uff61](?=[A-Za-z])|(?<=[0-9A-Za-z])\u3002(?=[a-z]{2})"
"""What IDNA takes for a full stop (RFC 3490), within an address."""
_ESCAPED_END = r"(?<!\\)\\++[nrt](?=[0-9A-Z+(\u3400-\u9fff])"
"""A line end or tab of a JSON string; not the beginning of a word in a Windows path."""
_STEP = re.compile(
    rf"(?P<invisible>[{_INVISIBLE}])"
    rf"|(?P<blank>{_BLANK})|(?P<stop>{_STOP})|(?P<end>{_ESCAPED_END})"
    rf"|(?P<styled>{_RAISED}|[{_STYLED}{_OTHER_DIGITS}]|(?<=[\uff10-\uff5a])[\uff0b\uff0d\uff0e\uff3f](?=[\uff10-\uff5a]))"
    r"|(?P<escape>(?<!\\)\\++(?:U[0-9a-fA-F]{8}|u\{[0-9a-fA-F]{1,6}\}|u[dD][89abAB][0-9a-fA-F]{2}\\++u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4})|\\x[0-9a-fA-F]{2})"
    r"|(?P<entity>&(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[A-Za-z][A-Za-z0-9]{1,30};))"
    r"|(?P<percent>(?:%[0-9a-fA-F]{2})+)"
)
_MIXED_WORD = re.compile(
    rf"(?=[0-9A-Za-z@._%+\-{_ALIKE_CLASS}]*[A-Za-z0-9@])(?=[0-9A-Za-z@._%+\-]*[{_ALIKE_CLASS}])[0-9A-Za-z@._%+\-{_ALIKE_CLASS}]{{2,}}"
)
_ALIKE_ANY = re.compile(f"[{_ALIKE_CLASS}]")
_SPACED = re.compile(
    r"(?<![0-9A-Za-z])[0-9](?:[ \u00a0\u3000.\-_·*]{1,2}[0-9]){6,40}(?:[ .\-]{1,2}[Xx])?(?![0-9A-Za-z])"
)
_NUMERALS = dict(zip("零〇○洞一二三四五六七八九幺拐勾壹贰叁肆伍陆柒捌玖两", "00001234567891791234567892", strict=True))
"""Written, dictated over the telephone (幺拐洞勾), and as on cheques (壹贰叁)."""
_NUMERAL = "".join(_NUMERALS)
_SPOKEN = re.compile(
    rf"[0-9]{{0,10}}[{_NUMERAL}](?=(?:[0-9 ,，、\-]{{0,12}}[{_NUMERAL}]){{2}})(?:[ ,，、\-]?[0-9{_NUMERAL}]){{6,30}}"
)
_WORD_DIGITS = {
    word: str(digit)
    for digit, words in enumerate(
        ("zero oh nought", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    )
    for word in words.split()
}
_WORD = rf"(?:(?:double|triple)[ -])?(?:{'|'.join(_WORD_DIGITS)})"
_WORDS = re.compile(rf"(?<![A-Za-z]){_WORD}(?:[ ,.\-]{{1,3}}{_WORD}){{6,30}}(?![A-Za-z])", re.IGNORECASE)
_FEWEST_WORDS = 7
"""Number words in a row that are a number."""
_ONE_WORD = re.compile(rf"(?:(?P<times>double|triple)[ -])?(?P<word>{'|'.join(_WORD_DIGITS)})", re.IGNORECASE)
_SUSPECT = re.compile(
    rf"[{_INVISIBLE}{_STYLED}{_OTHER_DIGITS}{_ALIKE_CLASS}]|{_RAISED}|{_BLANK}|{_STOP}|{_ESCAPED_END}|\\[uUx]|&[#A-Za-z]|%[0-9a-fA-F]"
)


class _Builder:
    """A text under change with its offset map."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = list(range(len(text)))
        self.ends = list(range(1, len(text) + 1))

    def replace(self, edits: list[tuple[int, int, str, list[tuple[int, int]] | None]]) -> None:
        """Apply edits ``(start, end, new, sources)`` in order; ``sources`` are stretches within the edit for each new character."""
        if not edits:
            return
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        position = 0
        for start, end, new, sources in edits:
            pieces += (self.text[position:start], new)
            starts += self.starts[position:start]
            ends += self.ends[position:start]
            for index in range(len(new)):
                first, last = sources[index] if sources else (start, end)
                starts.append(self.starts[first])
                ends.append(self.ends[last - 1])
            position = end
        pieces.append(self.text[position:])
        starts += self.starts[position:]
        ends += self.ends[position:]
        self.text, self.starts, self.ends = "".join(pieces), starts, ends


def shadow(text: str) -> Shadow | None:
    """The shadow of ``text``, or None where it would not differ. Two rounds: an escape may hide another."""
    if not (_suspect(text) or _SPACED.search(text) or _spoken(text)):
        return None
    built = _Builder(text)
    for _ in range(2):
        before = built.text
        built.replace(list(_decoded(built.text)))
        if built.text == before:
            break
    built.replace(list(_look_alikes(built.text)))
    built.replace(list(_spaced_digits(built.text)))
    built.replace(list(_spoken_digits(built.text)))
    built.replace(list(_worded_digits(built.text)))
    if built.text == text:
        return None
    return Shadow(built.text, built.starts, built.ends)


def _suspect(text: str) -> bool:
    """True if ``_SUSPECT`` matches; ASCII has its escapes only, which begin with one of three marks."""
    if text.isascii() and "\\" not in text and "&" not in text and "%" not in text:
        return False
    return _SUSPECT.search(text) is not None


def _spoken(text: str) -> bool:
    """True if a number is dictated: Chinese numerals are not ASCII, and seven English words must be there."""
    if not text.isascii() and _SPOKEN.search(text):
        return True
    folded = text.casefold()
    return sum(map(folded.count, _WORD_DIGITS)) >= _FEWEST_WORDS and _WORDS.search(text) is not None


def _decoded(text: str) -> Iterator[tuple[int, int, str, list[tuple[int, int]] | None]]:
    for match in _STEP.finditer(text):
        start, end = match.span()
        kind = match.lastgroup
        raw = match[0]
        if kind == "invisible":
            yield start, end, "", None
        elif kind == "blank":
            yield start, end, " ", None
        elif kind == "stop":
            yield start, end, ".", None
        elif kind == "end":
            yield start, end, "\t" if raw[-1] == "t" else "\n", None
        elif kind == "styled":
            yield start, end, _plain(raw), None
        elif kind == "escape":
            new = _unescape(raw)
            if new is not None:
                yield start, end, new, None
        elif kind == "entity":
            new = html.unescape(raw)
            if new != raw:
                yield start, end, new, None
        else:
            decoded = _unquote(raw, start)
            if decoded is not None:
                yield start, end, *decoded


def _plain(char: str) -> str:
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    folded = unicodedata.normalize("NFKC", char)
    return folded if folded.isascii() else char


def _unescape(raw: str) -> str | None:
    digits = re.findall(r"[uUx]\{?([0-9a-fA-F]{1,8})", raw)
    try:
        if len(digits) == 2:
            return bytes.fromhex(digits[0] + digits[1]).decode("utf-16-be")
        code = int(digits[0], 16)
        return None if 0xD800 <= code <= 0xDFFF or code < 0x20 else chr(code)
    except (ValueError, OverflowError):
        return None


def _unquote(raw: str, offset: int) -> tuple[str, list[tuple[int, int]]] | None:
    """Percent-encoded UTF-8; None where it is none. Each character comes from its own escapes."""
    try:
        new = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return None
    sources = []
    for char in new:
        length = 3 * len(char.encode("utf-8"))
        sources.append((offset, offset + length))
        offset += length
    return new, sources


def _look_alikes(text: str) -> Iterator[tuple[int, int, str, list[tuple[int, int]] | None]]:
    if not _ALIKE_ANY.search(text):
        return
    for word in _MIXED_WORD.finditer(text):
        for match in _ALIKE_ANY.finditer(text, word.start(), word.end()):
            yield match.start(), match.end(), _ALIKE[match[0]], None


def _spaced_digits(text: str) -> Iterator[tuple[int, int, str, list[tuple[int, int]] | None]]:
    for match in _SPACED.finditer(text):
        places = [i for i in range(match.start(), match.end()) if text[i] in "0123456789Xx"]
        yield match.start(), match.end(), "".join(text[i] for i in places), [(i, i + 1) for i in places]


def _spoken_digits(text: str) -> Iterator[tuple[int, int, str, list[tuple[int, int]] | None]]:
    for match in _SPOKEN.finditer(text):
        places = [i for i in range(match.start(), match.end()) if text[i] in _NUMERALS or text[i] in "0123456789"]
        yield (
            match.start(),
            match.end(),
            "".join(_NUMERALS.get(text[i], text[i]) for i in places),
            [(i, i + 1) for i in places],
        )


def _worded_digits(text: str) -> Iterator[tuple[int, int, str, list[tuple[int, int]] | None]]:
    """ "oh seven double seven" -> 0777; a doubled digit comes from its whole phrase."""
    for match in _WORDS.finditer(text):
        digits: list[str] = []
        sources: list[tuple[int, int]] = []
        for word in _ONE_WORD.finditer(text, match.start(), match.end()):
            times = {"double": 2, "triple": 3}.get((word["times"] or "").lower(), 1)
            digits += [_WORD_DIGITS[word["word"].lower()]] * times
            sources += [word.span()] * times
        yield match.start(), match.end(), "".join(digits), sources


_BASE64 = re.compile(r"(?<![0-9A-Za-z+/_=\-])(?:[0-9A-Za-z+/]{16,}|[0-9A-Za-z_\-]{16,})={0,2}(?![0-9A-Za-z+/_=\-])")


def base64_runs(text: str, longest: int = 200_000) -> Iterator[tuple[int, int, str]]:
    """Runs of base64 (RFC 4648, both alphabets) that decode to readable UTF-8: ``(start, end, decoded)``."""
    for match in _BASE64.finditer(text):
        raw = match[0].rstrip("=")
        if len(raw) > longest or len(raw) % 4 == 1 or not _mixed(raw):
            continue
        try:
            data = base64.b64decode(raw.replace("-", "+").replace("_", "/") + "=" * (-len(raw) % 4), validate=True)
            decoded = data.decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            continue
        if _readable(decoded):
            yield match.start(), match.end(), decoded


def _mixed(raw: str) -> bool:
    """Base64 of text has upper and lower case; hex digests and identifiers mostly do not."""
    return not raw.islower() and not raw.isupper() and not raw.isdigit()


def _readable(text: str) -> bool:
    return len(text) >= 6 and all(char.isprintable() or char in "\r\n\t" for char in text)
