"""What one place gives away is found in others: parts of names, values in another spelling; never in earlier turns."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.detector import Detector
from detectors.linking import LINKED, MIN_SCORE, link
from detectors.spans import Span


def spans_of(text: str, *values: tuple[str, str], score: float = 0.9) -> list[Span]:
    return [
        Span(text.index(value), text.index(value) + len(value), entity, score, "double") for value, entity in values
    ]


def linked(value: str, entity: str, text: str, *, score: float = 0.9) -> list[str]:
    """What ``text`` shows when ``value`` was found in a text before it."""
    _, spans = link([value, text], [spans_of(value, (value, entity), score=score), []])
    assert all((span.entity, span.recognizer, span.score) == (entity, LINKED, score) for span in spans)
    return [text[span.start : span.end] for span in spans]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Maria Gonzalez", "Ms. Gonzalez and Maria met", ["Gonzalez", "Maria"]),
        ("Maria Gonzalez", "Gonzalez's car; GONZALEZ! maria.", ["Gonzalez", "GONZALEZ", "maria"]),
        ("Maria Gonzalez", "M. Gonzalez wrote. MARIA GONZALEZ did.", ["M. Gonzalez", "MARIA GONZALEZ"]),
        ("Maria Gonzalez", '{"user": "gonzalez"} /home/maria_gonzalez/a.b', ["gonzalez", "maria_gonzalez"]),
        ("Maria Gonzalez", "?q=Maria%20Gonzalez&u=maria.gonzalez", ["Maria%20Gonzalez", "maria.gonzalez"]),
        ("Maria Gonzalez", "mgonzalez, MariaDB, gonzalez_path, mariachi", []),
        ("GONZALEZ, Maria", "Maria Gonzalez; Gonzalez", ["Maria Gonzalez", "Gonzalez"]),
        ("José García", "Jose Garcia, GARCÍA", ["Jose Garcia", "GARCÍA"]),
        (
            "Nguyễn Thị Hồng Nhung",
            "Hồng Nhung; Ms Nhung; Nguyen Thi Hong Nhung",
            ["Hồng Nhung", "Nhung", "Nguyen Thi Hong Nhung"],
        ),
        ("Ludwig van Beethorn", "van der Beethorn, a van", ["Beethorn"]),
        ("Dr. Anna Li", "Anna met Dr. Li in Li", ["Anna"]),
        ("王小明", "小明来了，王总和王先生都在；王总是迟到，王工作忙", ["小明", "王", "王"]),
        ("王小明", "找王 小明", ["小明"]),
        ("欧阳娜娜", "娜娜说欧阳老师在，欧阳也在", ["娜娜", "欧阳", "欧阳"]),
        ("西奥多·奥康纳", "奥康纳先生和西奥多", ["奥康纳", "西奥多"]),
        ("蹇志国", "找志国，蹇总", ["志国", "蹇"]),
        ("张伟", "伟大的张伟同学，张经理", ["张伟", "张"]),
        ("田中 さくら", "さくらさん", ["さくら"]),
        ("Ignazio Sanna", "Dear Ignazio, I signed. Sanna, I. wrote", ["Ignazio", "Sanna, I"]),
        ("王先生", "王总说，小姐和先生", ["王"]),
        ("小阳", "小姐，小阳", ["小阳"]),
        ("阿德", "阿姨，阿德", ["阿德"]),
    ],
)  # fmt: skip
def test_names_and_their_parts(name: str, text: str, expected: list[str]) -> None:
    assert linked(name, "PERSON", text) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Will Hope", "Will you come? I hope so, we will.", []),
        ("Will Hope", "Then I met Will, and Hope too. Mr. Hope will go.", ["Will", "Hope", "Hope"]),
        ("Will Hope", "will_paginate, HOPE, MarkDown, set Will=1, call Will(2)", []),
        ("Will Hope", "# Will\n- Will\n\"Will it?\" (Will) 'Hope'", ["Hope"]),
        ("Will Hope", "will hope; Will Hope; WILL HOPE", ["Will Hope", "WILL HOPE"]),
        ("Rose Zandvoort", "rose petals; zandvoort", ["zandvoort"]),
        ("GRANT Zandvoort", "GRANT ALL ON x; so Grant said", ["Grant"]),
        ("高峰", "高峰期很挤，高峰先生说", ["高峰"]),
        ("王文明", "文明社会；文明同志；王文明", ["文明", "王文明"]),
        ("Dr. User", "the user, dr", []),
    ],
)
def test_everyday_words_are_names_only_where_nothing_else_fits(name: str, text: str, expected: list[str]) -> None:
    assert linked(name, "PERSON", text) == expected


@pytest.mark.parametrize(
    ("value", "entity", "text", "expected"),
    [
        ("Maria.G@Example.com", "EMAIL_ADDRESS", "maria.g@example.com MAILTO:MARIA.G@EXAMPLE.COM", 2),
        ("+1 415 555 0132", "PHONE_NUMBER", "(415) 555-0132 and 4155550132", 2),
        ("AB-1234-5679", "CUSTOMER_ID", "/files/ab12345679.pdf AB 1234 5679 12345679", 2),
        ("WX12-QQ77-ZZ", "CUSTOMER_ID", "wx12qq77zz", 1),
        ("mgonzalez", "USERNAME", '{"mgonzalez": 1} /home/MGonzalez/x backup_mgonzalez_2 mgonzalez2', 3),
        ("admin", "USERNAME", "admin", 0),
        ("rose", "USERNAME", "rose", 0),
        ("hunter2!x", "SECRET", "psql -p hunter2!x HUNTER2!X", 1),
        ("password", "SECRET", "the password", 0),
        ("1234", "SECRET", "1234", 0),
        ("Flat 3, 12 Elm Street", "ADDRESS", "flat 3, 12 elm street", 1),
        ("北京市海淀区中关村大街1号", "ADDRESS", "在北京市海淀区中关村大街1号。", 1),
        ("Example Corp", "ORGANIZATION", "Example Corp; example corp", 1),
        ("Apple", "ORGANIZATION", "Apple", 0),
        ("37", "AGE", "37", 0),
        ("1990-05-04", "DATE_OF_BIRTH", "1990-05-04 1990/05/04", 1),
        ("20391", "ORDER_ID", "20391", 0),
    ],
)
def test_values_in_other_spellings(value: str, entity: str, text: str, expected: int) -> None:
    assert len(linked(value, entity, text)) == expected


def test_a_weak_finding_does_not_spread() -> None:
    assert linked("Maria Gonzalez", "PERSON", "Maria", score=MIN_SCORE - 0.01) == []


def test_spans_that_are_there_stay_and_only_the_rest_is_added() -> None:
    text = "Maria Gonzalez wrote to Maria Gonzalez"
    there = [*spans_of(text, ("Maria Gonzalez", "PERSON")), Span(30, 38, "LOCATION", 0.4, "double")]
    (spans,) = link([text], [there])
    assert [span for span in spans if span.recognizer != LINKED] == there
    assert [text[span.start : span.end] for span in spans if span.recognizer == LINKED] == ["Maria"]


def test_placeholders_are_left_alone() -> None:
    text = "person mgonzalez1: PERSON_7KQ2M4XB, USERNAME_7KQ2M4XB"
    given = ["PERSON", "USERNAME", "7KQ2M4XB"]
    source = " ".join(given)
    _, spans = link([source, text], [spans_of(source, *((value, "CUSTOMER_ID") for value in given)), []])
    assert spans == []


def test_what_may_pass_is_not_looked_for() -> None:
    texts = ["Maria Gonzalez", "Maria"]
    found = [spans_of(texts[0], (texts[0], "PERSON")), []]
    assert link(texts, found, allowed=lambda entity, value: value == "Maria Gonzalez")[1] == []
    assert link(texts, found, allowed=lambda entity, value: value == "Maria")[1] == []
    assert link(texts, found, allowed=lambda entity, value: entity != "PERSON")[1] != []


def test_a_turn_gives_to_itself_and_to_later_ones() -> None:
    texts = ["Maria asked", "Maria Gonzalez", "for Maria", "x-user: maria", "Gonzalez"]
    turns: list[int | None] = [0, 1, 1, None, 2]
    found = [[], spans_of(texts[1], (texts[1], "PERSON")), [], [], []]
    assert [bool(spans) for spans in link(texts, found, turns)] == [False, True, True, True, True]


def test_what_stands_aside_gives_to_every_turn() -> None:
    texts = ["Maria asked", "Maria Gonzalez"]
    found = [[], spans_of(texts[1], (texts[1], "PERSON"))]
    assert len(link(texts, found, [0, None])[0]) == 1


VALUES = (
    "Maria Gonzalez", "Gonzalez", "maria", "Ms. Gonzalez", "王小明", "小明", "王总", "+1 415 555 0132", "4155550132",
    "C-12345679", "c12345679", "mgonzalez", "M. Gonzalez", "Will", "maria_gonzalez", "PERSON_7KQ2M4XB",
    "\n", "张伟", "%20", "\u200b",
)  # fmt: skip
ENTITIES = ("PERSON", "PHONE_NUMBER", "CUSTOMER_ID", "USERNAME", "ORGANIZATION", "SECRET")


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[str], list[list[Span]]]:
    texts, found = [], []
    for _ in range(draw(st.integers(1, 6))):
        text, spans = "", []
        for value in draw(st.lists(st.sampled_from(VALUES), max_size=6)):
            if draw(st.booleans()):
                entity = draw(st.sampled_from(ENTITIES))
                spans.append(
                    Span(len(text), len(text) + len(value), entity, draw(st.sampled_from([0.5, 0.7, 1.0])), "r")
                )
            text += value + draw(st.sampled_from([" ", ", ", "", "/", ": "]))
        texts.append(text)
        found.append(spans)
    return texts, found


@given(conversations(), st.data())
def test_the_prefix_of_a_conversation_is_masked_as_if_nothing_followed(
    conversation: tuple[list[str], list[list[Span]]], data: st.DataObject
) -> None:
    texts, found = conversation
    size = data.draw(st.integers(0, len(texts)))
    turns: list[int | None] = sorted(data.draw(st.lists(st.integers(0, 4), min_size=len(texts), max_size=len(texts))))
    while 0 < size < len(texts) and turns[size] == turns[size - 1]:
        size += 1  # whole turns only
    whole = link(texts, found, turns)
    assert link(texts[:size], found[:size], turns[:size]) == whole[:size]


@given(conversations())
def test_nothing_is_lost_moved_or_overlaps_and_twice_is_once(conversation: tuple[list[str], list[list[Span]]]) -> None:
    texts, found = conversation
    out = link(texts, found)
    for text, before, after in zip(texts, found, out, strict=True):
        assert [span for span in after if span.recognizer != LINKED] == before
        assert all(0 <= span.start < span.end <= len(text) for span in after)
        assert all(a.end <= b.start for a, b in itertools.pairwise(after))
    assert link(texts, out) == out


@given(st.text(max_size=60), st.data())
def test_any_text_and_any_span(text: str, data: st.DataObject) -> None:
    cut = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4).map(set)))
    entity = data.draw(st.sampled_from(ENTITIES))
    spans = [Span(a, b, entity, 1.0, "r") for a, b in itertools.pairwise(cut)][::2]
    (after,) = link([text + " " + text], [spans])
    assert set(spans) <= set(after)


def test_a_long_text_of_nothing_but_hits() -> None:
    text = "Maria Gonzalez;" * 20_000
    (spans,) = link([text], [[Span(0, 14, "PERSON", 0.9, "r")]])
    assert len(spans) == 20_000


def test_one_text_links_within_itself(detector: Detector) -> None:
    text = "Phone: +1 (415) 555-0132. Log: caller=4155550132 done"
    (spans,) = detector.detect([text])
    assert [text[span.start : span.end] for span in spans] == ["+1 (415) 555-0132", "4155550132"]
