"""Where in a text we are: JSON strings, JSON in them, code blocks, and what only looks like it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.masking.place import MAX_DEPTH, Prose, escaped, unescaped


def depth_at(text: str, mark: str = "@", *, of_json: bool = False) -> list[int]:
    """The depth at each mark, the mark itself being read as a letter."""
    reader = Prose.of_json() if of_json else Prose()
    depths = []
    pieces = text.split(mark)
    for piece in pieces[:-1]:
        reader.feed(piece)
        depths.append(reader.depth)
        reader.feed("P")
    reader.feed(pieces[-1])
    return depths


@pytest.mark.parametrize(
    ("text", "depths"),
    [
        ("plain @", [0]),
        ('"@" in quotes', [0]),
        ('{"@": "@"}', [1, 1]),
        (' \n[1, -2.5e3, true, null, "@", {"a": ["@"]}]', [1, 1]),
        ('{"a": "x\\"@", "b": {}, "c": [], "d": "@"}', [1, 1]),
        ("[@](https://example.com)", [0]),
        ('[x] say "@"', [0]),
        ('[ ] "@"', [0]),
        ('[note] "@"', [0]),
        ('[1] says "@"', [0]),
        ('{"a": "@"} and "@"', [1, 0]),
        ('{"a": "@"}\n{"a": "@"}', [1, 0]),
        ('{a: "@"}', [0]),
        ('{"a" "@"}', [0]),
        ('{"a": @, "b": "@"}', [0, 0]),
        ('{"a": 01, "b": "@"}', [0]),
        ('["a",] "@"', [0]),
        ('["a"} "@"', [0]),
        ('["a\\_", "@"]', [0]),
        ('["a\nb", "@"]', [0]),
        ('["\\u12@"]', [1]),
        ('["\\ud83d\\ude00@"]', [1]),
        ('{"a": "{\\"b\\": \\"@\\"}", "c": "@"}', [2, 1]),
        ('{"a": "say \\"@\\""}', [1]),
        ('{"a": "[x] \\"@\\""}', [1]),
        ('{"a": "{\\"b\\": \\"{\\\\\\"c\\\\\\": \\\\\\"@\\\\\\"}\\"}"}', [3]),
        ('Here:\n```json\n{"a": "@"}\n```\n"@"', [1, 0]),
        ('Here:\n  ```JSON \n{"a": "@"}\n', [1]),
        ('1. ~~~json\n["@"]', [1]),
        ('```python\n{"a": "@"}', [0]),
        ('```jsonl\n{"a": "@"}', [0]),
        ('see ```json\n{"a": "@"}', [0]),
        ('{"a": "```json\\n[\\"@\\"]"}', [2]),
    ],
)
def test_depths(text: str, depths: list[int]) -> None:
    assert depth_at(text) == depths


@pytest.mark.parametrize(
    ("text", "depths"),
    [
        ('"@"', [1]),
        ("@", [0]),
        ('{"a": "@"}', [1]),
        ("{a: \"@\n@\", '@'", [1, 1, 0]),
        ('{"a": "\\_@\\u12@"', [1, 1]),
        ('{"a": "{\\"b\\": \\"@\\"}"} "@"', [2, 1]),
    ],
)
def test_depths_in_what_is_json_by_contract(text: str, depths: list[int]) -> None:
    assert depth_at(text, of_json=True) == depths


def test_nesting_is_followed_to_its_limit_and_no_further() -> None:
    document = "@"
    for _ in range(MAX_DEPTH + 3):
        document = json.dumps([document])
    assert depth_at(document) == [MAX_DEPTH]


def test_endless_openings_are_not_followed() -> None:
    assert depth_at("[" * 100_000 + '"@"') == [0]


json_like = st.lists(
    st.sampled_from(
        ["@", "{", "}", "[", "]", '"', "\\", "\\\\", '\\"', "\\u", "00e9", ":", ",", " ", "\n", "\\n", "1", "-", ".5e",
         "true", "null", "a", "```json\n", "\n```", "汉", "\x01"]
    ),
    max_size=60,
).map("".join)  # fmt: skip
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
        | st.builds(lambda value: json.dumps([value]), inner)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(json_like, st.booleans(), st.data())
def test_cuts_do_not_matter(text: str, of_json: bool, data: st.DataObject) -> None:
    pieces = Prose.of_json() if of_json else Prose()
    position = 0
    while position < len(text):
        step = data.draw(st.integers(1, 5))
        pieces.feed(text[position : position + step])
        whole = Prose.of_json() if of_json else Prose()
        position = min(position + step, len(text))
        whole.feed(text[:position])
        assert (whole.depth, whole.in_escape) == (pieces.depth, pieces.in_escape)


@settings(deadline=None)
@given(documents, st.booleans(), st.sampled_from([None, 2]))
def test_every_valid_document_is_followed_to_its_end(document: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps([document, "@"], ensure_ascii=ascii_only, indent=indent)
    if text.count("@") == 1:
        assert depth_at(text) == [1]


@settings(deadline=None)
@given(st.text(st.characters(), max_size=20), st.integers(0, 4))
def test_escaped_values_are_valid_at_their_depth(value: str, depth: int) -> None:
    spelled = escaped(value, depth)
    assert unescaped(spelled, depth) == value or any("\ud800" <= char <= "\udfff" for char in value)
    for _ in range(depth):
        spelled = json.loads(f'"{spelled}"')
    assert spelled.encode("utf-16", "surrogatepass") == value.encode("utf-16", "surrogatepass")


def test_escaping_keeps_non_ascii_and_escapes_lone_surrogates() -> None:
    assert escaped('张"伟"\u2028😀\n\\', 1) == '张\\"伟\\"\u2028😀\\n\\\\'
    assert escaped("\ud800", 1) == "\\ud800"
    assert escaped('a"', 0) == 'a"'


@pytest.mark.parametrize("spelled", ['a"b', "a\\", "\\_", "a\nb"])
def test_what_is_no_spelling_has_no_meaning(spelled: str) -> None:
    assert unescaped(spelled, 1) is None
