"""The shadow text: what it undoes, and that every offset leads back."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.normalize import base64_runs, shadow


def shown(text: str) -> str:
    undone = shadow(text)
    return text if undone is None else undone.text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("an\u200bna@exa\u00admple.com", "anna@example.com"),
        ("\u202emoc\u202c x", "moc x"),
        ("４１１１ １１１１", "4111 1111"),
        ("ｌｉ＠ｅｘａｍｐｌｅ．ｃｏｍ", "li@example.com"),
        ("pаypаl@exаmple.com", "paypal@example.com"),
        ("\\u5f20\\u4e09", "张三"),
        ("\\ud83d\\ude00 \\x41", "😀 A"),
        ("anna&#64;example&period;com", "anna@example.com"),
        ("mail=anna%40example.com", "mail=anna@example.com"),
        ("%E5%BC%A0%E4%B8%89", "张三"),
        ("anna%2540example.com", "anna@example.com"),
        ("1 3 8 0 0 1 3 8 0 0 0", "13800138000"),
        ("٠١٢٣", "0123"),
        ("𝟒𝟏𝟏𝟏", "4111"),
        ("一五六二三八八零九四七", "15623880947"),
        ("Oh seven, double seven oh nine one two", "07770912"),
        ("幺三八 零零幺三 八零零零", "13800138000"),
        ("幺三八洞洞幺三八洞洞洞", "13800138000"),
        ("幺三勾○○幺三八拐〇零", "13900138700"),
        ("壹叁捌零零壹叁捌零零零", "13800138000"),
        ("138零零一三八000", "13800138000"),
        ("1 1 0 1 0 5 1 9 4 9 1 2 3 1 0 0 2 X", "11010519491231002X"),
        ("138\u30000013\u30008000", "138 0013 8000"),
        ("1\u20093\u20098", "1 3 8"),
        ("anna@example．com, bob@example。com", "anna@example.com, bob@example.com"),
        ("a\u0332n\u0332n\u0332a\u0332", "anna"),
        ("1\ufe0f\u20e33\ufe0f\u20e38\ufe0f\u20e3", "138"),
        ("¹³⁸⁰", "1380"),
        ("\\U00000061\\U0001f600", "a😀"),
        ("&#97&#110&#x6e;&#97", "anna"),
        ("tel:\\t13800138000\\nMaria\\\\n张三", "tel:\t13800138000\nMaria\n张三"),
    ],
)
def test_undone(text: str, plain: str) -> None:
    assert shown(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plain text, 42 % of it: a < b && c > d.",
        "普通中文，全角标点：（没有）变化。",
        "Привет, мир! Ελληνικά",
        "def f(x): return x % 16",
        "C:\\users\\new",
        'print("total\\n")',
        "\u3000\u3000中文段落。",
        "10 m², x³ and a footnote¹",
        "用Python。Then",
        "第一13800138000",
        "一二三四",
        "one two three, four",
        "phone one at nine",
        "100 %ab",
    ],
)
def test_plain_text_has_no_shadow(text: str) -> None:
    assert shown(text) == text


@given(st.text())
def test_every_stretch_leads_back_into_the_text(text: str) -> None:
    undone = shadow(text)
    if undone is None:
        return
    assert len(undone.text) == len(undone.starts) == len(undone.ends)
    for index in range(len(undone.text)):
        start, end = undone.original(index, index + 1)
        assert 0 <= start < end <= len(text)
    assert undone.starts == sorted(undone.starts)
    assert undone.ends == sorted(undone.ends)


PLAIN = st.text("abc 12.@é中文", min_size=1, max_size=20)


@given(PLAIN, PLAIN, PLAIN)
def test_an_escaped_part_maps_back_to_its_escapes(before: str, value: str, after: str) -> None:
    for encoded in ("".join(f"\\u{ord(c):04x}" for c in value), "".join(f"&#{ord(c)};" for c in value)):
        text = before + encoded + after
        undone = shadow(text)
        assert undone is not None
        at = len(undone.text) - len(shown(after)) - len(value)
        if shown(before + value + after) != before + value + after:
            continue
        assert undone.text[at : at + len(value)] == value
        assert undone.original(at, at + len(value)) == (len(before), len(before) + len(encoded))


@given(st.text("aé中文", min_size=1, max_size=12))
def test_percent_encoding_maps_character_by_character(value: str) -> None:
    encoded = quote(value, safe="")
    undone = shadow(encoded)
    if encoded == value:
        assert undone is None
        return
    assert undone is not None
    assert undone.text == value
    for index, char in enumerate(value):
        start, end = undone.original(index, index + 1)
        assert encoded[start:end] == quote(char, safe="")


def test_base64_of_text_is_decoded() -> None:
    secret = json.dumps({"name": "Anna", "mail": "anna@example.com"})
    run = base64.b64encode(secret.encode()).decode()
    assert list(base64_runs(f"data: {run} end")) == [(6, 6 + len(run), secret)]


@pytest.mark.parametrize(
    "text",
    [
        "commit adbd9d00103099f49fbadb1f5853ab6dc73688fd",
        "VeryLongCamelCaseIdentifierNameInJava",
        "a/path/that/is/long/enough/to/match",
        "550e8400-e29b-41d4-a716-446655440000",
    ],
)
def test_what_is_no_base64_text_is_left(text: str) -> None:
    assert list(base64_runs(text)) == []
