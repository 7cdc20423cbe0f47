"""A teacher's answers on a student's tokens; what is read, kept and asked again."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ModelError
from models.ner import distill, soft
from models.ner.encoding import Encoded, Encoder
from models.ner.examples import UNTRAINED, Example
from models.ner.labels import LABELS, TAGS


def _encoded(*places: tuple[int, int]) -> Encoded:
    array = np.asarray(places, dtype=np.int32).reshape(-1, 2)
    return Encoded(np.arange(len(places), dtype=np.int32), array[:, 0], array[:, 1])


def _tag(name: str) -> int:
    return TAGS.index(name)


def test_a_teacher_s_word_is_shared_out_over_the_student_s_pieces() -> None:
    teacher = _encoded((0, 4), (5, 13))
    chances = np.asarray([[0.1, 0.9, 0.0], [0.2, 0.0, 0.8]], dtype=np.float32)
    student = _encoded((0, 2), (2, 4), (5, 13))
    found = soft.targets(teacher, chances, ("PERSON",), student, 13)
    assert found[0, _tag("B-PERSON")] == pytest.approx(0.9)
    assert found[1, _tag("I-PERSON")] == pytest.approx(0.9)
    assert found[1, _tag("B-PERSON")] == 0
    assert found[2, _tag("I-PERSON")] == pytest.approx(0.8)
    assert found[:, 0] == pytest.approx([0.1, 0.1, 0.2])


def test_a_piece_over_two_words_gets_their_mean_and_labels_of_others_are_outside() -> None:
    teacher = _encoded((0, 2), (2, 4))
    chances = np.asarray([[0.0, 1.0, 0.0, 0, 0], [0.0, 0, 0, 0.0, 1.0]], dtype=np.float32)
    found = soft.targets(teacher, chances, ("PERSON", "EMAIL_ADDRESS"), _encoded((0, 4)), 4)
    assert found[0, _tag("B-PERSON")] == pytest.approx(0.5)
    assert found[0, 0] == pytest.approx(0.5)


@given(data=st.data())
def test_targets_always_add_up(data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 12))

    def cut() -> Encoded:
        points = sorted(data.draw(st.sets(st.integers(0, length), min_size=2, max_size=6)))
        return _encoded(*itertools.pairwise(points))

    teacher, student = cut(), cut()
    labels = tuple(data.draw(st.permutations(LABELS))[:3])
    raw = np.asarray(
        data.draw(
            st.lists(st.lists(st.floats(0, 1), min_size=7, max_size=7), min_size=len(teacher), max_size=len(teacher))
        )
    )
    chances = ((raw + 1e-3) / (raw + 1e-3).sum(axis=1, keepdims=True)).astype(np.float32)
    found = soft.targets(teacher, chances, labels, student, length)
    assert found.shape == (len(student), len(TAGS))
    assert (found >= 0).all()
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)


def test_labelled_windows_become_certain_targets() -> None:
    example = distill.SoftExample.of(
        Example(np.asarray([0, 5, 2], dtype=np.int32), np.asarray([UNTRAINED, 3, UNTRAINED], dtype=np.int32))
    )
    assert example.weights.tolist() == [0, 1, 0]
    assert example.chances[1].argmax() == 3
    assert example.chances.sum() == 1


def test_windows_cover_every_token_and_weigh_no_mark(encoder: Encoder) -> None:
    text = "Anna Kowalski lives here. " * 30
    tokens = len(encoder.encode(text))
    chances = np.full((tokens, len(TAGS)), 1 / len(TAGS), dtype=np.float32)
    found = list(distill.windows([text, ""], [chances, chances[:0]], encoder, random.Random(1)))
    assert sum(int(example.weights.sum()) for example in found) >= tokens
    for example in found:
        assert (example.ids[0], example.ids[-1]) == (encoder.bos, encoder.eos)
        assert (example.weights[0], example.weights[-1]) == (0, 0)
        assert len(example.ids) == len(example.chances) == len(example.weights)


class Teacher:
    """Knows one thing: the first token of a text begins a person."""

    labels = ("PERSON",)
    version = "teacher@1"

    def __init__(self, encoder: Encoder) -> None:
        self.encoder, self.asked = encoder, 0

    def token_probabilities(self, text: str) -> tuple[Encoded, np.ndarray]:
        self.asked += 1
        encoded = self.encoder.encode(text)
        chances = np.zeros((len(encoded), 3), dtype=np.float32)
        chances[:, 0] = 1
        chances[:1] = (0.25, 0.75, 0)
        return encoded, chances


def test_a_stopped_run_does_not_ask_again_but_another_text_does(encoder: Encoder, tmp_path: Path) -> None:
    teacher, texts = Teacher(encoder), ["Anna is here", "Kowalski"]
    said = distill._answers(teacher, texts, encoder, tmp_path)  # type: ignore[arg-type]
    again = distill._answers(teacher, texts, encoder, tmp_path)  # type: ignore[arg-type]
    assert teacher.asked == 2
    assert said[0][0, _tag("B-PERSON")] == pytest.approx(0.75)
    assert [part.shape for part in again] == [part.shape for part in said]
    assert np.allclose(np.concatenate(said), np.concatenate(again), atol=1e-3)
    distill._answers(teacher, [*texts, "more"], encoder, tmp_path)  # type: ignore[arg-type]
    assert teacher.asked == 5


def test_texts_are_read_by_line_or_from_json_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\ntwo\n", encoding="utf-8")
    assert distill.read_texts(tmp_path / "a.txt") == ["one", "two"]
    (tmp_path / "a.jsonl").write_text('{"text": "one\\ntwo"}\n\n', encoding="utf-8")
    assert distill.read_texts(tmp_path / "a.jsonl") == ["one\ntwo"]
    for line in ('{"txt": "Anna"}', '["Anna"]', "Anna", '{"text": 3}'):
        (tmp_path / "a.jsonl").write_text(f'{{"text": "x"}}\n{line}\n', encoding="utf-8")
        with pytest.raises(ModelError, match=r"a\.jsonl, line 2: ") as caught:
            distill.read_texts(tmp_path / "a.jsonl")
        assert "Anna" not in str(caught.value)
    with pytest.raises(ModelError, match="cannot read"):
        distill.read_texts(tmp_path / "missing")
