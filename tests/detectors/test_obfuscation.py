"""A value written in any of the ways that are undone is found, whole, wherever it stands."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.detector import Detector

MAIL, PHONE, CARD, RESIDENT = "anna@example.com", "13800138000", "4111111111111111", "11010519491231002X"
VALUES = {"EMAIL_ADDRESS": MAIL, "PHONE_NUMBER": PHONE, "CREDIT_CARD": CARD, "CN_RESIDENT_ID": RESIDENT}
CUES = {"EMAIL_ADDRESS": "mail", "PHONE_NUMBER": "手机", "CREDIT_CARD": "card", "CN_RESIDENT_ID": "身份证"}

type Write = Callable[[str], str]


def between(sign: str) -> Write:
    return lambda value: sign.join(value)


def after(sign: str) -> Write:
    return lambda value: "".join(char + sign for char in value)


def each(form: Callable[[int], str]) -> Write:
    return lambda value: "".join(form(ord(char)) for char in value)


def swapped(digits: str) -> Write:
    return lambda value: value.translate({ord("0") + i: digit for i, digit in enumerate(digits)})


ANY: dict[str, Write] = {
    "zero width": between("\u200b"),
    "word joiner": between("\u2060"),
    "soft hyphen": between("\u00ad"),
    "direction marks": between("\u200f"),
    "tag characters": between("\U000e0041"),
    "struck through": after("\u0336"),
    "full width": each(lambda code: chr(code + 0xFEE0)),
    "percent": each(lambda code: f"%{code:02X}"),
    "percent twice": lambda value: quote("".join(f"%{ord(char):02X}" for char in value)),
    "HTML": each(lambda code: f"&#{code};"),
    "HTML, hexadecimal": each(lambda code: f"&#x{code:x};"),
    "HTML without semicolons": each(lambda code: f"&#{code}"),
    "JSON": each(lambda code: f"\\u{code:04x}"),
    "JSON in JSON": each(lambda code: f"\\\\u{code:04x}"),
    "Python": each(lambda code: f"\\U{code:08x}"),
    "hexadecimal": each(lambda code: f"\\x{code:02x}"),
    "base64": lambda value: base64.b64encode(f"{value} and more".encode()).decode(),
}
NUMBERS: dict[str, Write] = {
    "spaced": between(" "),
    "dotted": between("."),
    "dashed": between("-"),
    "no-break spaces": between("\u00a0"),
    "ideographic spaces": between("\u3000"),
    "thin spaces": between("\u2009"),
    "numerals 零": swapped("零一二三四五六七八九"),
    "numerals 〇": swapped("〇一二三四五六七八九"),
    "numerals ○": swapped("○一二三四五六七八九"),
    "telephone 幺洞拐勾": swapped("洞幺二三四五六拐八勾"),
    "cheques 壹贰叁": swapped("零壹贰叁肆伍陆柒捌玖"),
    "half of it 一三八": lambda value: value[:3] + swapped("零一二三四五六七八九")(value[3:7]) + value[7:],
    "Arabic": swapped("٠١٢٣٤٥٦٧٨٩"),
    "circled": swapped("⓪①②③④⑤⑥⑦⑧⑨"),
    "bold": swapped("𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"),
    "raised": swapped("⁰¹²³⁴⁵⁶⁷⁸⁹"),
    "keycaps": after("\ufe0f\u20e3"),
}
CASES = [
    *((entity, write) for entity in VALUES for write in ANY.values()),
    *(("PHONE_NUMBER", write) for write in NUMBERS.values()),
]
IDS = [*(f"{entity}, {name}" for entity in VALUES for name in ANY), *(f"PHONE_NUMBER, {name}" for name in NUMBERS)]


@pytest.mark.parametrize(("entity", "write"), CASES, ids=IDS)
def test_found_whole(detector: Detector, entity: str, write: Write) -> None:
    written = write(VALUES[entity])
    before, behind = f"first line\n{CUES[entity]} ", " 。\nlast line"
    (span,) = detector.detect([before + written + behind])[0]
    assert span.entity == entity
    letters = [i for i, char in enumerate(written) if char.isalnum()]
    assert span.start <= len(before) + letters[0]
    assert span.end > len(before) + letters[-1]
    assert len(before) <= span.start and span.end <= len(before) + len(written)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(list(ANY.values())),
    st.text(st.sampled_from("张三 abc。\n😀é"), max_size=30),
    st.text(st.sampled_from("张三 abc。\n😀é"), max_size=30),
)
def test_surroundings_do_not_move_it(detector: Detector, write: Write, before: str, behind: str) -> None:
    written = write(MAIL)
    text = f"{before} {written} {behind}"
    covered = {i for span in detector.detect([text])[0] for i in range(span.start, span.end)}
    start = len(before) + 1
    assert {i for i in range(start, start + len(written)) if text[i].isalnum()} <= covered


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_values_at_line_ends_of_json_in_json(detector: Detector, depth: int) -> None:
    text = f"Contact:\n{PHONE}\nor\t{CARD}"
    for _ in range(depth):
        text = json.dumps(text)
    spans = detector.detect([text])[0]
    assert [(span.entity, text[span.start : span.end]) for span in spans] == [
        ("PHONE_NUMBER", PHONE),
        ("CREDIT_CARD", CARD),
    ]
