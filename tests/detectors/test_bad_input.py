"""Bad input: no crash, what is stated happens, and a value in the midst of it is found all the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.config import DetectorConfig
from detectors.detector import Detector
from detectors.errors import DetectorError
from detectors.pieces import OVERLAP, PIECE, detect_all
from detectors.spans import Span

MAIL = "anna@example.com"
SIZE = 12_000

REPEATED = {
    "letters": "a",
    "emoji": "😀👨‍👩‍👧‍👦🇨🇳",
    "right to left": "שלום עולם مرحبا ",
    "direction marks": "\u202e\u2066\u200f",
    "lone surrogates": "\ud800x\udc00",
    "digits": "1234567890",
    "one digit": "0",
    "NULs": "\0",
    "blanks": " ",
    "line ends": "\r\n",
    "words on one line": "word ",
    "at signs": "a@",
    "dotted": "a.",
    "dashed digits": "1-",
    "spaced digits": "1 ",
    "brackets": "([{",
    "quotes": "\"'",
    "labels without values": "password=",
    "urls without ends": "http://a@b:",
    "base64": "aB3/",
    "percent escapes": "%41",
    "escaped escapes": "%25",
    "entities": "&#x41;",
    "backslashes": "\\",
    "unicode escapes": "\\u0061",
    "Chinese numerals": "一二三四五",
    "spoken digits": "one two ",
    "look-alikes": "аb",
    "full width": "１２ａ",
    "combining marks": "e\u0301\u0301",
    "Thai": "สวัสดีครับ ",
    "Arabic": "مرحبا بالعالم ",
    "Georgian": "გამარჯობა ",
    "Chinese": "北京市海淀区",
    "key heads": "-----BEGIN ",
    "token heads": "eyJ",
    "table rows": "| name | phone |\n",
    "control characters": "\x1b[31m\x07",
    "astral": "\U0010ffff𝟒",
}
"""What is repeated, by what it is."""


def found(detector: Detector, text: str) -> list[Span]:
    spans = detector.detect([text])[0]
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(before.end <= after.start for before, after in pairwise(spans))
    return spans


@pytest.mark.parametrize("unit", REPEATED.values(), ids=REPEATED)
def test_a_value_amid_any_repetition_is_found(detector: Detector, unit: str) -> None:
    filling = unit * (SIZE // len(unit))
    text = f"{filling}\n{MAIL}\n{filling}"
    at = text.index(MAIL)
    covered = [span for span in found(detector, text) if span.start <= at and at + len(MAIL) <= span.end]
    assert [span.entity for span in covered] == ["EMAIL_ADDRESS"]


@pytest.mark.parametrize("text", ["", "a", "1", "@", "中", "😀", "\ud800", "\0", "\n", "\u200b", "\ufeff"])
def test_one_character_holds_nothing(detector: Detector, text: str) -> None:
    assert found(detector, text) == []


@pytest.mark.parametrize("letters", ["กบ", "ءب", "აბ", "अआ", "あア", "가나"])
def test_values_beside_letters_of_any_script(detector: Detector, letters: str) -> None:
    text = f"{letters} {MAIL} {letters} +1 415-555-0132 {letters}"
    assert [span.entity for span in found(detector, text)] == ["EMAIL_ADDRESS", "PHONE_NUMBER"]


@settings(max_examples=60, deadline=None)
@given(
    st.text(
        st.sampled_from("\ud800\udfff\0\u200b\u202e٣๓三３³①𝟑%\\u00&#;xX=+/aA@.- \n\r\t\"'{[(שم😀"),
        max_size=120,
    )
)
def test_any_mixture_gives_disjoint_spans_within_it(detector: Detector, text: str) -> None:
    found(detector, text)


def test_a_million_digits_are_no_number(detector: Detector) -> None:
    ((_, _, answer),) = detect_all(detector, [(0, "1234567890" * 100_000)])
    assert answer == []


class TestTenMegabytes:
    """More than the gateway takes as one text: ``detect`` reads it in pieces."""

    LINE = "The quick brown fox jumps over the lazy dog, again and again.\n"

    class Mails:
        """A cheap detector that refuses what the real one would refuse; adds up what it reads."""

        limit = DetectorConfig().max_segment_chars

        def __init__(self) -> None:
            self.read = 0

        def detect(self, texts: Sequence[str]) -> list[list[Span]]:
            assert all(len(text) <= self.limit for text in texts)
            self.read += sum(map(len, texts))
            return [
                [Span(*match.span(), "EMAIL_ADDRESS", 1.0, "Mails") for match in re.finditer(MAIL, text)]
                for text in texts
            ]

    def test_each_value_once_where_it_stands(self) -> None:
        part = self.LINE * 1_500 + f"mail {MAIL} now\n"
        text = part * (10_000_000 // len(part) + 1)
        mails = self.Mails()
        ((_, _, answer),) = detect_all(mails, [(0, text)])
        assert isinstance(answer, list)
        assert [(span.start, span.end) for span in answer] == [m.span() for m in re.finditer(MAIL, text)]
        assert mails.read <= len(text) * (1 + 4 * OVERLAP / PIECE)

    def test_without_any_line_end(self) -> None:
        text = ("x" * 49_000 + f" {MAIL} ") * 205
        ((_, _, answer),) = detect_all(self.Mails(), [(0, text)])
        assert isinstance(answer, list)
        assert [(span.start, span.end) for span in answer] == [m.span() for m in re.finditer(MAIL, text)]

    def test_the_real_detector_at_a_cut(self, detector: Detector) -> None:
        filling = self.LINE * (PIECE // len(self.LINE))
        text = filling[:-40].replace("\n", ",").replace(" ", "-") + f" {MAIL} " + filling
        ((_, _, answer),) = detect_all(detector, [(0, text)])
        assert isinstance(answer, list)
        assert [text[span.start : span.end] for span in answer if span.entity == "EMAIL_ADDRESS"] == [MAIL]

    def test_the_gateway_refuses_it(self, detector: Detector) -> None:
        with pytest.raises(DetectorError, match=r"longer than detector\.max_segment_chars"):
            detector.detect(["a" * (detector.config.max_segment_chars + 1)])


def test_the_real_model_on_bad_input() -> None:
    whole = Detector(DetectorConfig())
    texts = [unit * (600 // len(unit)) + " Maria Gonzalez " for unit in REPEATED.values()]
    texts += ["", "a", "\ud800", "สวัสดีครับ ผมชื่อ Maria Gonzalez", "😀" * 500]
    for text, spans in zip(texts, whole.detect(texts), strict=True):
        assert all(0 <= span.start < span.end <= len(text) for span in spans)
        assert all(before.end <= after.start for before, after in pairwise(spans))
    assert any(span.entity == "PERSON" for span in whole.detect(["My name is Maria Gonzalez. " + "\0" * 50])[0])
