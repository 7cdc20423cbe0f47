"""Masking sessions: the exact round trip, planted look-alikes, determinism, isolation, refusals."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.masking.placeholders import ALPHABET, PlaceholderKey, Scope, check_character, verify
from addons.masking.session import MaskingSession, PlaceholderCollision
from detectors.spans import Span

KEY = PlaceholderKey(b"a secret of the tests, 32 bytes.", 1)
SCOPE = Scope("tenant-a/caller-1")
OTHER = Scope("tenant-b/caller-9")


def span(start: int, end: int, entity: str = "PERSON") -> Span:
    return Span(start, end, entity, 0.9, "test")


def spans_of(text: str, *values: str, entity: str = "PERSON") -> list[Span]:
    return [span(text.index(value), text.index(value) + len(value), entity) for value in values]


def session(scope: Scope = SCOPE) -> MaskingSession:
    return MaskingSession(KEY, scope)


def digitless(entity: str) -> tuple[str, str]:
    """A value whose placeholder has letters only, and that placeholder."""
    for number in range(10_000):
        token = KEY.placeholder(SCOPE, entity, f"v{number}")
        if not any(char.isdigit() for char in token[-8:]):
            return f"v{number}", token
    raise AssertionError("no such value")


PIECES = st.sampled_from(
    [
        KEY.placeholder(SCOPE, "PERSON", "Maria"), KEY.placeholder(OTHER, "PERSON", "Maria").lower(),
        KEY.placeholder(SCOPE, "EMAIL_ADDRESS", "x").replace("_", r"\_"), "Maria", "张伟", "PERSON_", "person ",
        "PERSON", "EMAIL_", "ADDRESS_", "_", "7KQ2M4XB", "\\", '"', '\\"', "\\n", "\\u5f20", "\\u00", '{"a": "', '"}',
        '["', '"]', ", ", ": ", "```json\n", "\n```\n", "{", "[", " ", "7kq2", "\n", "İ", "😀", "\ud800",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(st.characters(), max_size=4), max_size=20).map("".join)
ENTITIES = st.sampled_from(
    ["PERSON", "NRP", "EMAIL_ADDRESS", "ADDRESS", "CREDIT_CARD", "WIDGET", "A", "A_", "A__B", "E"]
)


@st.composite
def marked(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = draw(TEXTS)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    spans = [span(a, b, draw(ENTITIES)) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    return text, draw(st.permutations(spans))


@settings(max_examples=400, deadline=None)
@given(st.lists(marked(), max_size=4))
def test_the_round_trip_is_exact(turns: list[tuple[str, list[Span]]]) -> None:
    masking = session()
    masked = [masking.mask(text, spans) for text, spans in turns]
    restoration = masking.restoration()
    for (text, spans), out in zip(turns, masked, strict=True):
        assert restoration.whole(out) == text
        restorer = restoration.text()
        assert "".join(map(restorer.feed, out)) + restorer.flush() == text
        if spans and any(one.end > one.start for one in spans):
            assert any(token in out for token in masking.mapping)
    assert restoration.counts.mangled == 0
    assert all(map(verify, masking.mapping))
    assert masking.count == len(masking.mapping) == len(set(masking.mapping))


@settings(deadline=None)
@given(marked())
def test_the_round_trip_is_exact_in_arguments(turn: tuple[str, list[Span]]) -> None:
    """A text that was masked as a leaf comes back as a leaf."""
    text, spans = turn
    masking = session()
    out = json.dumps({"text": masking.mask(text, spans)})
    assert json.loads(masking.restoration().whole_json(out)) == json.loads(json.dumps({"text": text}))


@settings(deadline=None)
@given(st.lists(marked(), max_size=5))
def test_a_grown_conversation_keeps_its_masked_beginning(turns: list[tuple[str, list[Span]]]) -> None:
    one, two = session(), session()
    assert [one.mask(*turn) for turn in turns[:-1]] == [two.mask(*turn) for turn in turns][: len(turns[:-1])]


def test_the_same_value_has_the_same_placeholder_whatever_comes_first() -> None:
    first, second = "Maria met 张伟", "张伟 and Maria"
    one, two = session(), session()
    one.mask(first, spans_of(first, "Maria", "张伟"))
    two.mask(second, spans_of(second, "张伟", "Maria"))
    assert dict(one.mapping) == dict(two.mapping)
    assert one.count == 2
    assert set(one.mapping.values()) == {"Maria", "张伟"}


def test_only_the_span_is_replaced() -> None:
    text = "XMariaY，张伟的电话"
    masking = session()
    out = masking.mask(text, spans_of(text, "张伟", "Maria"))
    tokens = {value: token for token, value in masking.mapping.items()}
    assert out == f"X{tokens['Maria']}Y，{tokens['张伟']}的电话"


def test_nothing_to_do_leaves_the_text() -> None:
    text = "get_response(MAX_CONNECTION) for the person involved, on 2024-01-31, sha 7f3a9c21 SECTION_ABSTRACT"
    masking = session()
    assert masking.mask(text) == text
    assert masking.count == 0
    assert masking.planted(text) == []


def test_a_json_document_in_a_prompt_comes_back_as_it_was_spelled() -> None:
    text = '{"name": "O\\"Neil", "zh": "\\u5f20\\u4f1f", "again": "张伟"}'
    masking = session()
    out = masking.mask(text, spans_of(text, 'O\\"Neil', "\\u5f20\\u4f1f", "张伟"))
    restoration = masking.restoration()
    assert json.loads(out).keys() == json.loads(text).keys()
    assert restoration.whole(out) == text
    # The one placeholder of O"Neil serves prose and JSON.
    assert masking.mask('O"Neil', [span(0, 6)]) == json.loads(out)["name"]
    spelled = json.loads(out)["zh"]
    assert restoration.whole(f"Dear {spelled}") == "Dear 张伟"
    assert restoration.whole_json(f'{{"to": "{spelled}"}}') == '{"to": "\\u5f20\\u4f1f"}'


# planted look-alikes


@pytest.mark.parametrize("entity", ["PERSON", "EMAIL_ADDRESS", "PLACEHOLDER", "CN_RESIDENT_ID"])
@pytest.mark.parametrize("shape", ["{}", "x{}y", "张{}的", "{}'s", '{{"a": "{}"}}'])
def test_what_looks_like_a_placeholder_is_masked(entity: str, shape: str) -> None:
    token = KEY.placeholder(OTHER, entity, "Maria")
    text = shape.format(token)
    start = text.index(token)
    masking = session()
    assert [(s.start, s.end, s.entity) for s in masking.planted(text)] == [(start, start + len(token), "PLACEHOLDER")]
    out = masking.mask(text)
    assert token not in out
    assert list(masking.mapping.values()) == [token]
    assert masking.restoration().whole(out) == text


def test_other_spellings_with_a_digit_are_masked_too() -> None:
    token = next(t for t in (KEY.placeholder(SCOPE, "PERSON", str(i)) for i in range(99)) if t[-8].isdigit())
    for spelled in (token.lower(), token.replace("_", r"\_"), token.replace("_", " "), token.replace("_", "\\u005f")):
        masking = session()
        assert spelled not in masking.mask(f"a {spelled} b")


def test_an_unheard_of_entity_is_masked_as_a_word() -> None:
    seven = "7KQ2M4X"
    token = f"WIDGET_{seven}{check_character('WIDGET', seven)}"
    assert [s.entity for s in session().planted(f"({token})")] == ["PLACEHOLDER"]
    assert session().planted(f"x{token}") == []
    wrong = ALPHABET[(ALPHABET.index(token[-1]) + 1) % 32]
    assert session().planted(f"({token[:-1]}{wrong})") == []


def test_declared_entities_are_looked_for_everywhere() -> None:
    token = KEY.placeholder(SCOPE, "WIDGET", "x")
    assert token not in MaskingSession(KEY, SCOPE, {"WIDGET"}).mask(f"x{token}")


def test_any_spelling_of_a_placeholder_of_this_flow_is_masked() -> None:
    value, token = digitless("PERSON")
    masking = session()
    masking.mask(value, [span(0, len(value))])
    text = f"{value} {token.lower().replace('_', ' ')}"
    out = masking.mask(text, spans_of(text, value))
    assert out.startswith(f"{token} PLACEHOLDER_")
    assert masking.restoration().whole(out) == text


def test_a_text_that_already_holds_what_would_mean_a_value_is_refused() -> None:
    value, token = digitless("PERSON")
    masking = session()
    text = f"the {token.lower().replace('_', ' ')}"
    assert masking.mask(text) == text
    with pytest.raises(PlaceholderCollision):
        masking.mask(value, [span(0, len(value))])
    with pytest.raises(PlaceholderCollision):
        session().mask(f"{text} {value}", spans_of(f"{text} {value}", value))


def test_an_entity_that_turns_up_later_is_looked_for_in_earlier_texts() -> None:
    value, token = digitless("WIDGET")
    masking = session()
    masking.mask(f"x{token}")
    with pytest.raises(PlaceholderCollision):
        masking.mask(value, [span(0, len(value), "WIDGET")])


def test_a_span_that_covers_a_planted_one_wins() -> None:
    token = KEY.placeholder(OTHER, "PERSON", "Maria")
    text = f"<{token}>"
    masking = session()
    masking.mask(text, [span(0, len(text), "LOCATION")])
    assert [(t[:9], v) for t, v in masking.mapping.items()] == [("LOCATION_", text)]


@pytest.mark.parametrize(("start", "end"), [(0, 5), (5, 40), (3, 6)])
def test_a_span_that_overlaps_a_planted_one_is_joined_with_it(start: int, end: int) -> None:
    token = KEY.placeholder(OTHER, "PERSON", "Maria")
    text = f"xx{token}" + "y" * 40
    masking = session()
    out = masking.mask(text, [span(start, end, "LOCATION")])
    assert list(masking.mapping.values()) == [text[min(start, 2) : max(end, 2 + len(token))]]
    assert out.count("LOCATION_") == 1
    assert masking.restoration().whole(out) == text


def test_overlapping_spans_are_replaced_as_one_with_the_longest_name() -> None:
    masking = session()
    masking.mask("abcdefgh", [span(3, 8, "LOCATION"), span(0, 4, "PERSON"), span(6, 6, "EMAIL_ADDRESS")])
    assert [(t[:9], v) for t, v in masking.mapping.items()] == [("LOCATION_", "abcdefgh")]


# isolation and refusals


def test_another_scopes_placeholder_is_never_restored() -> None:
    mine, theirs = session(), session(OTHER)
    out = theirs.mask("Maria", [span(0, 5)])
    mine.mask("Maria", [span(0, 5)])
    assert out not in mine.mapping
    restoration = mine.restoration()
    assert restoration.whole(out) == out
    assert restoration.whole_json(f'["{out}"]') == f'["{out}"]'
    assert restoration.counts.unknown == 2


def test_a_restoration_knows_what_was_known_when_it_was_made() -> None:
    masking = session()
    early = masking.restoration()
    out = masking.mask("Maria", [span(0, 5)])
    assert early.whole(out) == out
    assert masking.restoration().whole(out) == "Maria"


def test_two_values_with_one_placeholder_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    always = f"PERSON_0000000{check_character('PERSON', '0000000')}"
    monkeypatch.setattr(PlaceholderKey, "placeholder", lambda *_: always)
    masking = session()
    masking.mask("Maria", [span(0, 5)])
    with pytest.raises(PlaceholderCollision) as caught:
        masking.mask("Peter", [span(0, 5)])
    assert "Maria" not in str(caught.value)
    assert "Peter" not in str(caught.value)


def test_a_neighbour_that_would_be_swallowed_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """``LOCATION`` can be read as a code: PERSON_10CAT10N."""
    tokens = {"Maria": "PERSON_10CAT10N", "Berlin": KEY.placeholder(SCOPE, "LOCATION", "Berlin")}
    monkeypatch.setattr(PlaceholderKey, "placeholder", lambda _key, _scope, _entity, value, _depth: tokens[value])
    monkeypatch.setattr("addons.masking.grammar.code_fits", lambda _entity, _code: True)
    masking = session()
    masking.mask("Maria", [span(0, 5)])
    with pytest.raises(PlaceholderCollision, match="restored exactly"):
        masking.mask("PERSON_Berlin", [span(7, 13, "LOCATION")])


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (0, 6), (3, 2), (7, 9)])
def test_spans_outside_the_text_are_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="outside a text of 5"):
        session().mask("Maria", [span(start, end)])


def test_unfit_entity_names_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot name a placeholder"):
        session().mask("Maria", [span(0, 5, "person")])
    with pytest.raises(ValueError, match="cannot name a placeholder"):
        MaskingSession(KEY, SCOPE, {"per son"})
