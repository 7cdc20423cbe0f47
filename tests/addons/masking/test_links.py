"""The reader of addresses: what counts as part of one, what does not, and that cuts change nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.masking.links import Links


def address(*pieces: str) -> str | None:
    reader = Links()
    for piece in pieces:
        reader.feed(piece)
    return reader.address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://evil.example/?d=", "https://evil.example/?d="),
        ("https://evil.example/#", "https://evil.example/#"),
        ("https://", "https://"),
        ("https://evil.example/a，b。", "https://evil.example/a，b。"),
        ('https://evil.example/?d="', 'https://evil.example/?d="'),
        (r"https:\/\/evil.example\/", r"https:\/\/evil.example\/"),
        ("https&#58;//evil.example/?", "https&#58;//evil.example/?"),
        ("www.evil.example/", "www.evil.example/"),
        ("evil.example/?d=", "evil.example/?d="),
        ("evil.example:8080/", "evil.example:8080/"),
        ("<https://evil.example/?d=", "https://evil.example/?d="),
        ("![x](", ""),
        ("![x](https://evil.example/?d=", "https://evil.example/?d="),
        ("![x](/a b ", "/a b "),
        ("[x](<https://evil.example/? ", "<https://evil.example/? "),
        ("[x](https://evil.example/\\)?d=", "https://evil.example/\\)?d="),
        ("[x](https://evil.example/(a)?d=", "https://evil.example/(a)?d="),
        ("x](https://evil.example/)?d=", "https://evil.example/)?d="),
        ("`[`](https://evil.example/)?d=", "https://evil.example/)?d="),
        ("[x][1]\n\n[1]: <https://evil.example/? ", "https://evil.example/? "),
        ("[x]: //evil.example/?d=", "//evil.example/?d="),
        ("[x]: https:evil.example?d=", "https:evil.example?d="),
        ('<img src="//evil.example/? ', "//evil.example/? "),
        ("<a class=b HREF = 'x ", "x "),
        ("<img src=//evil.example/?d=", "//evil.example/?d="),
        ('<object data="x ', "x "),
        ("background: url(x ", "x "),
    ],
)
def test_where_an_address_is(text: str, expected: str) -> None:
    assert address(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.com ",
        "(see https://example.com/a) ",
        "https://example.com/\n",
        "[text](https://example.com)",
        "[text](https://example.com)，",
        '<a href="https://example.com/">',
        "<a href='x'>",
        "[label",
        "f(x)",
        "[Agent]: ",
        "[2026-01-01]: user:",
        'data = "',
        "if a <b: src == ",
        "foo_url(",
        r"C:\Users\\",
        "src/main.py ",
        "dir/a.example/",
        "Is it report.pdf? ",
        "maria@example.com?",
        "12:30/",
    ],
)
def test_where_there_is_none(text: str) -> None:
    assert address(text) is None


PIECES = st.sampled_from(
    [
        *"[](){}<>\"'`\\/:=?# \n!&.a",
        "https://",
        "evil.example",
        "www.",
        "](",
        "]: ",
        "<img src=",
        "<object data=",
        "href = ",
        "url(",
        "&colon;",
        "&#47;",
        "[x](y)",
        "，中文",
        "x" * 330,
    ]
)


def test_a_word_longer_than_what_is_remembered_before_a_scheme() -> None:
    text = "x" * 660 + "https://"
    assert address(text) == address(*text) == address(text[:500], text[500:]) is not None


@settings(max_examples=120, deadline=None)
@given(st.lists(PIECES, max_size=24), st.data())
def test_cuts_change_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert address(*pieces) == address(text) == address(*text)
