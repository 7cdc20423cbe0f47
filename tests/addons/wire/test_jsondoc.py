"""The JSON document: strict, byte-keeping, and of one mind with the standard library."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.wire.collect import parse_json
from addons.wire.jsondoc import Document, Node, literal
from addons.wire.openai_chat import OpenAIChat
from addons.wire.rules import FREE
from addons.wire.types import Place, WireError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_reads_what_the_standard_library_writes(value: Any, ascii_only: bool, indent: Any) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    document = Document(text)
    assert document.root.plain() == value
    assert document.splice([]) == text


@given(st.text(alphabet='{}[]",:\\ u0e1-.aN\n\x01truefalsn', max_size=12))
def test_admits_nothing_that_the_standard_library_refuses(text: str) -> None:
    try:
        expected = json.loads(text, parse_constant=lambda _: pytest.fail("constant"))
    except (ValueError, pytest.fail.Exception):
        with pytest.raises(WireError):
            Document(text)
    else:
        assert Document(text, duplicates=True).root.plain() == expected


@given(JSON, st.text())
def test_every_string_is_replaced_where_it_stands(value: Any, new: str) -> None:
    document = Document(json.dumps(value, indent=2))
    edits: list[tuple[int, int, str]] = []

    def walk(node: Node) -> Any:
        if node.string is not None:
            edits.append((node.start, node.end, document.literal(new, node.start, node.end)))
            return new
        if node.kind == 0:
            return {child.key: walk(child) for child in node.children}
        return [walk(child) for child in node.children] if node.kind == 1 else node.plain()

    expected = walk(document.root)
    assert json.loads(document.splice(edits)) == expected


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"a":1,"a":2}', "duplicate_key"),
        (b'{"a":1,"\\u0061":2}', "duplicate_key"),
        (b"[NaN]", "malformed_json"),
        (b"[Infinity]", "malformed_json"),
        (b"[1,]", "malformed_json"),
        (b'{"a":1}x', "malformed_json"),
        (b"", "malformed_json"),
        (b"\xef\xbb\xbf{}", "byte_order_mark"),
        (b'"\xff"', "malformed_utf8"),
        (b'"\xed\xa0\x80"', "malformed_utf8"),
        (b"[" * 129 + b"]" * 129, "too_deep"),
        (b"[" + b"1," * 1_000_000 + b"1]", "too_many_nodes"),
        (b'"' + b'\\"' * 200_000, "malformed_json"),
        (b"1" + b" " * 500_000 + b"2", "malformed_json"),
    ],
)
def test_refuses(body: bytes, code: str) -> None:
    with pytest.raises(WireError) as caught:
        Document.of_bytes(body)
    assert caught.value.code == code


def test_128_levels_are_allowed() -> None:
    assert Document("[" * 128 + "]" * 128).root.kind == 1


def test_lone_surrogates_survive() -> None:
    raw = b'{"a": "x\\ud83d y", "b": "z"}'
    request = parse_json(raw, FREE)
    assert request.segments[0].text == "x\ud83d y"
    assert request.encode({1: "w"}) == b'{"a": "x\\ud83d y", "b": "w"}'
    assert json.loads(request.encode({0: "\ud83d q"})) == {"a": "\ud83d q", "b": "z"}


def test_literals_follow_the_old_ones() -> None:
    assert literal('王"\n') == '"王\\"\\n"'
    assert literal("王", like='"\\u738b"') == '"\\u738b"'
    assert literal("王", like='"\\u0041"') == '"王"'
    assert literal("王", like='"秀\\u738b"') == '"王"'


def test_everything_but_the_changed_literal_stays() -> None:
    raw = b'{ "n" : 1.50e+01,\t"s":"caf\\u00e9 \\/","x":"y" }\n'
    request = parse_json(raw, FREE)
    assert request.encode({1: "Z"}) == raw.replace(b'"y"', b'"Z"')
    assert request.encode({0: "é!"}) == raw.replace(b"caf\\u00e9 \\/", b"\\u00e9!")


def test_json_in_strings_in_strings() -> None:
    inner = json.dumps({"to": "王", "deep": json.dumps({"who": "王"})})
    body = {"model": "m", "messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": inner}}]}]}
    request = OpenAIChat().parse_request(json.dumps(body).encode())
    assert [s.path for s in request.segments] == [
        "$.messages[0].tool_calls[0].function.arguments.$.to",
        "$.messages[0].tool_calls[0].function.arguments.$.deep.$.who",
    ]
    sent = request.encode({1: 'a"b'})
    arguments = json.loads(sent)["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(json.loads(arguments)["deep"]) == {"who": 'a"b'}
    assert json.loads(arguments)["to"] == "王"


def test_numbers_and_names_that_hold_data() -> None:
    raw = b'{"phone": 13912345678, "n": 42, "maria@example.com": 1, "f": 13912345678.0, "g": 3.14159265}'
    request = parse_json(raw, FREE)
    assert [(s.text, s.place) for s in request.segments] == [
        ("13912345678", Place.NUMBER),
        ("maria@example.com", Place.KEY),
        ("13912345678.0", Place.NUMBER),
    ]
    assert request.segments[0].context == "phone"
    assert "maria" not in request.segments[1].path
    assert request.encode({0: "13912345678"}) == raw
    assert request.encode({0: "P_1", 1: "E_1"}) == raw.replace(b"13912345678,", b'"P_1",').replace(
        b"maria@example.com", b"E_1"
    )


def test_arguments_that_are_no_json_are_text() -> None:
    body = b'{"messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":"{\\"a\\": \\"unfinished"}}]}]}'
    request = OpenAIChat().parse_request(body)
    assert [s.text for s in request.segments] == ['{"a": "unfinished']


def test_objects_where_the_api_wants_a_number_are_scanned() -> None:
    request = OpenAIChat().parse_request(b'{"seed": {"x": "maria@example.com"}, "temperature": "maria@example.org"}')
    assert [s.text for s in request.segments] == ["maria@example.com", "maria@example.org"]


def test_the_model_is_renamed_or_named() -> None:
    chat = OpenAIChat()
    assert chat.parse_request(b'{"a": 1, "model" : "x"}').encode({}, model="y") == b'{"a": 1, "model" : "y"}'
    assert chat.parse_request(b'{"n": 1}').encode({}, model="y") == b'{"model": "y", "n": 1}'
    assert chat.parse_request(b"{}").encode({}, model="y") == b'{"model": "y"}'
