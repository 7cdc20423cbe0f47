"""Recorded text never acts on a terminal."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.visible import visible, visible_json

ACTING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("gpt-example", "gpt-example"),
        ("张三 Ünïcode 👋", "张三 Ünïcode 👋"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb\tc\0", "a\\x0d\\x0ab\\x09c\\x00"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028end", "line\\u2028end"),
        ("\U000e0041tag", "\\U000e0041tag"),
        ("lone\ud800", "lone\\ud800"),
    ],
)
def test_what_acts_is_escaped_and_what_reads_stays(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters(codec=None)))
def test_nothing_acting_is_left(text: str) -> None:
    assert not {unicodedata.category(c) for c in visible(text)} & ACTING


@given(st.text(st.characters(codec=None)))
def test_json_is_the_same_value_and_harmless(text: str) -> None:
    shown = visible_json({"key": [text]})
    assert not {unicodedata.category(c) for c in shown} & ACTING
    # Two lone surrogates in a row read back as the one character that they make up.
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert json.loads(shown)["key"][0].encode("utf-16", "surrogatepass") == joined.encode("utf-16", "surrogatepass")
