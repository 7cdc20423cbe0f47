"""Escaping: a restored document means what the document with the values put in means, at every depth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.restorer import FlowRestoration, Original

KEY = PlaceholderKey(b"a secret of the tests, 32 bytes.", 1)
SCOPE = Scope("tenant-a/caller-1")
P = KEY.placeholder(SCOPE, "PERSON", "Maria")
MAIL = KEY.placeholder(SCOPE, "EMAIL_ADDRESS", "maria@example.com")
ZH = KEY.placeholder(SCOPE, "CN_PHONE_NUMBER", "13800000000")
HARD = 'O"Neil \\ 张\n\t\x00\x7f\u2028😀{['


@dataclass(frozen=True)
class Text:
    """A string of a document: literals and placeholders."""

    parts: tuple[str, ...]

    def joined(self, mapping: dict[str, str]) -> str:
        return "".join(mapping.get(part, part) for part in self.parts)


@dataclass(frozen=True)
class Inner:
    """A document that is held in a string of another."""

    document: Any


literals = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{["), max_size=6)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.just(HARD)
texts = st.lists(literals | st.sampled_from([P, MAIL, ZH]), max_size=4).map(lambda parts: Text(tuple(parts)))
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda child: (
        st.lists(child, max_size=3)
        | st.lists(st.tuples(texts, child), max_size=3, unique_by=lambda pair: pair[0].joined({})).map(tuple)
        | st.builds(lambda item: Inner([item]), child)
        | st.builds(lambda item: Inner(((Text((P,)), item),)), child)
    ),
    max_leaves=6,
)
styles = st.sampled_from([{}, {"ensure_ascii": False}, {"separators": (",", ":")}, {"indent": 2}])


def written(document: Any, style: dict[str, Any]) -> str:
    def plain(node: Any) -> Any:
        match node:
            case Inner(document):
                return written(document, style)
            case Text():
                return node.joined({})
            case list():
                return [plain(item) for item in node]
            case tuple():
                return {key.joined({}): plain(item) for key, item in node}
            case _:
                return node

    return json.dumps(plain(document), **style)


def read(text: str) -> Any:
    """Objects as tuples of pairs, since two keys may have become alike."""
    return json.loads(text, object_pairs_hook=tuple)


def same(found: Any, document: Any, mapping: dict[str, str]) -> bool:
    match document:
        case Inner(inner):
            return same(read(found), inner, mapping)
        case Text():
            return bool(found == document.joined(mapping))
        case list():
            return len(found) == len(document) and all(map(same, found, document, [mapping] * len(found)))
        case tuple():
            if found == {} or document == ():
                return bool(not found and not document)
            return len(found) == len(document) and all(
                key == name.joined(mapping) and same(item, value, mapping)
                for (key, item), (name, value) in zip(found, document, strict=True)
            )
        case _:
            return bool(found == document)


@settings(max_examples=200, deadline=None)
@given(documents, styles, st.fixed_dictionaries({P: values, MAIL: values, ZH: values}))
def test_restored_documents_mean_the_same_at_every_depth(
    document: Any, style: dict[str, Any], mapping: dict[str, str]
) -> None:
    text = written(document, style)
    restoration = FlowRestoration.from_mapping(mapping)
    restored = restoration.whole_json(text)
    assert same(read(restored), document, mapping)
    assert restoration.counts.restored == text.count(P) + text.count(MAIL) + text.count(ZH)
    if text[0] in "{[":
        assert restoration.whole(text) == restored
        fenced = restoration.whole(f"Here you are:\n```json\n{text}\n```\n{P}")
        assert fenced == f"Here you are:\n```json\n{restored}\n```\n{mapping[P]}"


@pytest.mark.parametrize("depth", range(9))
def test_depth_up_to_eight(depth: int) -> None:
    def nested(leaf: str) -> str:
        for _ in range(depth):
            leaf = json.dumps({"in": leaf}, ensure_ascii=False)
        return leaf

    assert FlowRestoration.from_mapping({P: HARD}).whole_json(nested(P)) == nested(HARD)


@pytest.mark.parametrize(
    ("text", "restored"),
    [
        ("[{P}](https://example.com)", "[{V}](https://example.com)"),
        ('[{P} says "{P}"]', '[{V} says "{V}"]'),
        ('[{P} "{P}"]', '[{V} "{V}"]'),
        ('- [x] "{P}"', '- [x] "{V}"'),
        ('[x] "{P}"', '[x] "{V}"'),
        ('{{not json}} "{P}"', '{{not json}} "{V}"'),
        ('["{P}"] is a list of "{P}"', '["{E}"] is a list of "{V}"'),
        ('"{P}"', '"{V}"'),
        ('{{"a": "{P}", b: "{P}"}}', '{{"a": "{E}", b: "{V}"}}'),
        ('```json\n["{P}"]\n```\n"{P}"', '```json\n["{E}"]\n```\n"{V}"'),
        ('```python\n["{P}"]\n```', '```python\n["{V}"]\n```'),
    ],
)
def test_prose_that_only_looks_like_json_is_not_harmed(text: str, restored: str) -> None:
    value = 'a"b'
    restoration = FlowRestoration.from_mapping({P: value})
    given_text = text.format(P=P)
    wanted = restored.format(V=value, E='a\\"b')
    assert restoration.whole(given_text) == wanted
    restorer = restoration.text()
    assert "".join(map(restorer.feed, given_text)) + restorer.flush() == wanted


@pytest.mark.parametrize(
    ("text", "restored"),
    [
        ('{"a": PLACE, "b": "PLACE"}', '{"a": a"b, "b": "a\\"b"}'),
        ("PLACE", 'a"b'),
        ('"PLACE"', '"a\\"b"'),
        ('{"a": "PLACE', '{"a": "a\\"b'),
        ("{a: 'PLACE'}", "{a: 'a\"b'}"),
    ],
)
def test_broken_arguments_are_still_restored(text: str, restored: str) -> None:
    assert FlowRestoration.from_mapping({P: 'a"b'}).whole_json(text.replace("PLACE", P)) == restored


@pytest.mark.parametrize("underscore", ["\\u005f", "\\u005F", "\\\\_", "\\_", " "])
def test_a_mangled_placeholder_does_not_end_the_document(underscore: str) -> None:
    restoration = FlowRestoration.from_mapping({P: 'a"b'})
    text = f'{{"a": "{P.replace("_", underscore)}", "b": "{P}"}}'
    assert restoration.whole(text) == '{"a": "a\\"b", "b": "a\\"b"}'
    assert restoration.counts.mangled == 1


def test_long_runs_without_a_placeholder_are_followed_too() -> None:
    filler = json.dumps("\\" + '"x' * 50_000)
    text = f'[{filler}, "{P}"]'
    restoration = FlowRestoration.from_mapping({P: 'a"b'})
    restorer = restoration.text()
    pieces = [restorer.feed(text[i : i + 1000]) for i in range(0, len(text), 1000)]
    assert "".join(pieces) + restorer.flush() == f'[{filler}, "a\\"b"]' == restoration.whole(text)


def test_an_original_is_given_back_as_it_was_spelled() -> None:
    original = Original("\\u5f20", 1, "张")
    assert [original.spelled(depth) for depth in range(3)] == ["张", "\\u5f20", "\\\\u5f20"]
