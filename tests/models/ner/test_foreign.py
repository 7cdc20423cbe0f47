"""Others' tokenizers as they are: offsets into the text given, marks from the manifest. A pulled model, run for real.

``tests/models/pulled`` is a network of random weights that ``with_torch.py`` made; what it finds means nothing, but
what it computes must not depend on the batch.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from models import registry
from models.errors import ModelError
from models.ner.decoding import decode
from models.ner.encoding import Encoder
from models.ner.foreign import ForeignEncoder, encoder_of
from models.session import open_session

PULLED = Path(__file__).parents[1] / "pulled"
TEXT = "Please call Anna Kowalski in 北京 today, 12 High St.\nBest regards"


def _bytes_encoder() -> ForeignEncoder:
    pieces = ["<s>", "<pad>", "</s>", *sorted(ByteLevel.alphabet())]
    tokenizer = Tokenizer(BPE({piece: number for number, piece in enumerate(pieces)}, []))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    return ForeignEncoder(tokenizer, registry.Encoding(own=False))


@pytest.fixture(scope="module")
def pulled() -> registry.Model:
    return registry.read(PULLED)


@pytest.fixture(scope="module")
def words(pulled: registry.Model) -> Encoder:
    return encoder_of(pulled)


def test_the_manifest_says_which_marks_stand_around_a_window(words: Encoder, model_folder: object) -> None:
    assert isinstance(words, ForeignEncoder)
    tokenizer = Tokenizer.from_file(str(PULLED / "tokenizer.json"))
    assert [tokenizer.id_to_token(mark) for mark in (words.bos, words.eos, words.pad)] == ["[CLS]", "[SEP]", "[PAD]"]
    assert type(encoder_of(registry.find(registry.DEFAULT))) is Encoder


def test_line_breaks_are_no_tokens_unless_the_tokenizer_makes_them_so(words: Encoder) -> None:
    encoded = words.encode("one\ntwo")
    assert words.eos not in encoded.ids
    covered = {place for start, end in zip(encoded.starts, encoded.ends, strict=True) for place in range(start, end)}
    assert covered == {0, 1, 2, 4, 5, 6}
    assert len(_bytes_encoder().encode("one\ntwo")) == 7


def test_a_character_of_several_bytes_is_covered_by_each_of_its_tokens() -> None:
    encoded = _bytes_encoder().encode("a北b")
    assert list(zip(encoded.starts.tolist(), encoded.ends.tolist(), strict=True)) == [(0, 1), *[(1, 2)] * 3, (2, 3)]


@given(text=st.text(max_size=80))
def test_offsets_of_bytes_give_the_text_back(text: str) -> None:
    encoded = _bytes_encoder().encode(text)
    places = dict.fromkeys(zip(encoded.starts.tolist(), encoded.ends.tolist(), strict=True))
    assert "".join(text[start:end] for start, end in places) == text


@given(text=st.text(max_size=120))
def test_offsets_lie_in_the_text_in_order(words: Encoder, text: str) -> None:
    encoded = words.encode(text)
    assert (np.diff(encoded.starts) >= 0).all()
    assert ((encoded.ends > encoded.starts) & (encoded.ends <= len(text))).all()


@pytest.mark.parametrize("joint", ["\n", " ", ""])
def test_long_texts_are_cut_where_they_break(words: Encoder, joint: str) -> None:
    text = joint.join(["word"] * 1500)
    encoded = words.encode(text)
    covered = np.zeros(len(text), dtype=bool)
    for start, end in zip(encoded.starts, encoded.ends, strict=True):
        covered[start:end] = True
    assert covered[[place for place, char in enumerate(text) if char.isalpha()]].all()
    if joint:
        short = words.encode(joint.join(["word"] * 3))
        assert len(encoded) == 500 * len(short)  # no word was cut in two


def test_a_line_feed_is_the_best_place_for_a_cut() -> None:
    encoder = _bytes_encoder()
    encoded = encoder.encode("ab, cd\nef. gh " * 8)
    first = next(iter(encoder.windows(encoded, 24, 4)))
    assert encoded.starts[first.end - 1] == 20


def test_broken_tokenizers_are_named(pulled: registry.Model, tmp_path: Path) -> None:
    for content, message in ((b"{}", "not a tokenizer"), (b"\xff", "not a tokenizer")):
        folder = shutil.copytree(PULLED, tmp_path / "model", dirs_exist_ok=True)
        (folder / "tokenizer.json").write_bytes(content)
        manifest = json.loads((folder / registry.MANIFEST).read_text(encoding="utf-8"))
        manifest["tokenizer"] = registry.describe(folder / "tokenizer.json")
        (folder / registry.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        with pytest.raises(ModelError, match=message):
            encoder_of(registry.read(folder))
    with pytest.raises(ValueError, match=r"no \[BOS\] token"):
        ForeignEncoder.of((PULLED / "tokenizer.json").read_bytes(), registry.Encoding(False, "[BOS]", "[SEP]", "[PAD]"))


def test_a_pulled_network_gives_logarithms_of_our_tags_in_any_company(pulled: registry.Model, words: Encoder) -> None:
    session = open_session(pulled, threads=1)
    encoded = words.encode(TEXT)
    row = [words.bos, *encoded.ids[:30], words.eos]

    def run(rows: list[list[int]]) -> np.ndarray:
        ids = np.full((len(rows), 32), words.pad, dtype=np.int64)
        mask = np.zeros_like(ids)
        for number, content in enumerate(rows):
            ids[number, : len(content)], mask[number, : len(content)] = content, 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        answer: np.ndarray = session.run(None, feed)[0]
        return answer

    alone, crowded = run([row])[0], run([row[:9], row, row[::-1]])[1]
    assert (alone == crowded).all()
    shares = np.exp(alone)
    assert shares.shape == (32, 1 + 2 * len(pulled.labels))
    assert np.allclose(shares.sum(axis=-1), 1, atol=1e-5)
    entities = decode(TEXT, words.encode(TEXT[:40]), shares[1 : 1 + len(words.encode(TEXT[:40]))], pulled.labels, 0.0)
    assert {entity.label for entity in entities} <= {"PERSON", "LOCATION"}
    assert entities
