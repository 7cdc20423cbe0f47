"""Decoding keeps words whole, joins neighbours and trims edges. Probabilities are made by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ner.decoding import Entity, Floats, decode
from models.ner.encoding import Encoded
from models.ner.labels import LABELS, TAGS


def _tokens(text: str, pieces: list[str]) -> Encoded:
    """The pieces' places in the text, one after the other."""
    starts, at = [], 0
    for piece in pieces:
        at = text.index(piece, at)
        starts.append(at)
        at += len(piece)
    ends = [start + len(piece) for start, piece in zip(starts, pieces, strict=True)]
    return Encoded(np.zeros(len(pieces), np.int32), np.asarray(starts, np.int32), np.asarray(ends, np.int32))


def _chances(tags: list[str], sure: float = 0.9) -> Floats:
    chances = np.full((len(tags), len(TAGS)), (1 - sure) / (len(TAGS) - 1), dtype=np.float32)
    for row, tag in enumerate(tags):
        chances[row, TAGS.index(tag)] = sure
    return chances


def _found(text: str, pieces: list[str], tags: list[str], sure: float = 0.9) -> list[tuple[str, str]]:
    entities = decode(text, _tokens(text, pieces), _chances(tags, sure), LABELS, 0.5)
    return [(text[entity.start : entity.end], entity.label) for entity in entities]


def test_pieces_become_one_entity_with_a_score() -> None:
    text = "I am Anna Kowalski."
    pieces, tags = ["I", "am", "Anna", "Kowal", "ski", "."], ["O", "O", "B-PERSON", "I-PERSON", "I-PERSON", "O"]
    (entity,) = decode(text, _tokens(text, pieces), _chances(tags), LABELS, 0.5)
    assert (entity.start, entity.end, entity.label) == (5, 18, "PERSON")
    assert entity.score == pytest.approx(0.90625, abs=1e-4)


def test_a_latin_word_is_never_cut() -> None:
    assert _found("Kowalski", ["Kowal", "ski"], ["B-PERSON", "O"], 0.98) == [("Kowalski", "PERSON")]


def test_chinese_may_be_cut_between_characters() -> None:
    assert _found("王小明住", ["王", "小明", "住"], ["B-PERSON", "I-PERSON", "O"]) == [("王小明", "PERSON")]


def test_a_new_beginning_is_a_new_entity() -> None:
    assert _found("Anna Bob", ["Anna", "Bob"], ["B-PERSON", "B-PERSON"]) == [("Anna", "PERSON"), ("Bob", "PERSON")]
    assert _found("Anna Bob", ["Anna", "Bob"], ["B-PERSON", "I-PERSON"]) == [("Anna Bob", "PERSON")]


def test_an_entity_may_begin_without_its_beginning() -> None:
    assert _found("in Rome", ["in", "Rome"], ["O", "I-LOCATION"]) == [("Rome", "LOCATION")]


@pytest.mark.parametrize(
    ("text", "pieces", "label"),
    [
        ("Jean-Luc", ["Jean", "-", "Luc"], "PERSON"),
        ("O'Brien", ["O", "'", "Brien"], "PERSON"),
        ("Main St\n12", ["Main", "St", "\n", "12"], "ADDRESS"),
        ("AB-12", ["AB", "-", "12"], "ID"),
        ("1990年5", ["1990", "年", "5"], "DATE_OF_BIRTH"),
    ],
)
def test_joints_do_not_part(text: str, pieces: list[str], label: str) -> None:
    tags = [f"B-{label}" if re.match(r"\w", piece) and piece != "年" else "O" for piece in pieces]
    tags = [
        tag if number == 0 or tag == "O" or tags[number - 1] == "O" else f"I-{label}" for number, tag in enumerate(tags)
    ]
    assert _found(text, pieces, tags) == [(text, label)]


def test_edges_are_trimmed() -> None:
    assert _found('"Anna",', ['"', "Anna", '",'], ["B-PERSON", "I-PERSON", "I-PERSON"]) == [("Anna", "PERSON")]


@pytest.mark.parametrize(("text", "pieces"), [("(AB12)", ["(", "AB12", ")"]), ("AB12)", ["AB12", ")"])])
def test_brackets_without_their_other_half_are_trimmed(text: str, pieces: list[str]) -> None:
    tags = ["B-ID", *["I-ID"] * (len(pieces) - 1)]
    assert _found(text, pieces, tags) == [(text if text[0] == "(" else "AB12", "ID")]


def test_a_place_that_touches_an_address_is_part_of_it() -> None:
    tags = ["B-LOCATION", "B-ADDRESS", "B-LOCATION", "I-ADDRESS"]
    assert _found("北京市中关村1号", ["北京市", "中关村", "1", "号"], tags) == [("北京市中关村1号", "ADDRESS")]
    tags = ["B-ADDRESS", "I-ADDRESS", "O", "B-LOCATION"]
    assert _found("High St, London", ["High", "St", ",", "London"], tags) == [("High St, London", "ADDRESS")]
    tags = ["B-LOCATION", "O", "B-ADDRESS", "I-ADDRESS"]
    assert _found("Rome, 1 Main", ["Rome", ",", "1", "Main"], tags) == [("Rome", "LOCATION"), ("1 Main", "ADDRESS")]


def test_marks_alone_are_no_entity() -> None:
    assert _found("- !", ["-", "!"], ["B-PERSON", "I-PERSON"]) == []


def test_the_threshold_weighs_what_is_outside() -> None:
    text, tokens = "Anna", _tokens("Anna", ["Anna"])
    chances = np.zeros((1, len(TAGS)), np.float32)
    chances[0, 0], chances[0, TAGS.index("B-PERSON")], chances[0, TAGS.index("B-LOCATION")] = 0.4, 0.35, 0.25
    assert decode(text, tokens, chances, LABELS, 0.5) == [Entity(0, 4, "PERSON", 0.35)]
    assert decode(text, tokens, chances, LABELS, 0.7) == []


def test_one_character_in_several_tokens_stays_whole() -> None:
    encoded = Encoded(np.zeros(2, np.int32), np.asarray([0, 0], np.int32), np.asarray([1, 1], np.int32))
    entities = decode("ﷺ", encoded, _chances(["B-ORGANIZATION", "O"], 0.98), LABELS, 0.5)
    assert [(entity.start, entity.end) for entity in entities] == [(0, 1)]


def test_no_tokens_no_entities() -> None:
    assert decode("", _tokens("", []), _chances([]), LABELS, 0.5) == []


@given(
    st.lists(st.text("ab1_-. \n", min_size=1, max_size=4), min_size=1, max_size=12),
    st.lists(st.sampled_from(TAGS), min_size=12, max_size=12),
)
def test_a_letter_of_another_script_far_away_changes_nothing(pieces: list[str], tags: list[str]) -> None:
    text = "".join(pieces)
    tokens, chances = _tokens(text, pieces), _chances(tags[: len(pieces)])
    assert decode(text, tokens, chances, LABELS, 0.5) == decode(f"{text} é", tokens, chances, LABELS, 0.5)
