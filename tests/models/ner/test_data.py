"""Training data: markup read right, values swapped with their spans, and nothing of the development set trained on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ModelError
from models.ner import data, names, negatives, places, synthesis
from models.ner.encoding import Encoder
from models.ner.examples import UNTRAINED, batches, examples, tags_of
from models.ner.labels import IGNORE, LABELS, TAGS, model_label
from models.ner.sources import Record, is_development, parse_markup, read_open_sets, read_prompts

TEXT = "客户[[PERSON:王小明]](订单[[ORDER_ID:A-19931]])和[[PERSON:王]]女士。\n[[PHONE_NUMBER:13800000000]]"


@pytest.fixture(autouse=True)
def without_faker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Latin names and addresses from short lists: the tests need no training package."""
    monkeypatch.setattr(names, "_latin_lists", lambda: ((["Anna", "Emeka"], ["Kowalski", "Obi"]),))
    monkeypatch.setattr(places, "western_address", lambda rng: f"{rng.randint(1, 99)} High Street")


def _record(markup: str = TEXT, lang: str = "zh") -> Record:
    return Record(*parse_markup(markup), lang, "chat", "test")


def _values(record: Record) -> Iterator[tuple[str, str]]:
    return ((record.text[start:end], label) for start, end, label in record.spans)


def test_markup_becomes_spans() -> None:
    record = _record()
    assert "[[" not in record.text
    assert list(_values(record)) == [
        ("王小明", "PERSON"),
        ("A-19931", "ORDER_ID"),
        ("王", "PERSON"),
        ("13800000000", "PHONE_NUMBER"),
    ]


@given(
    st.lists(
        st.tuples(
            st.text("ab\n", max_size=5), st.sampled_from(("PERSON", "AGE")), st.text("xyz ", min_size=1, max_size=5)
        )
    )
)
def test_markup_round_trip(parts: list[tuple[str, str, str]]) -> None:
    text, spans = parse_markup("".join(f"{before}[[{label}:{value}]]" for before, label, value in parts))
    assert text == "".join(before + value for before, _, value in parts)
    assert [(text[start:end], label) for start, end, label in spans] == [(value, label) for _, label, value in parts]


def test_what_patterns_find_is_no_label_of_the_model() -> None:
    assert [label for _, label in _values(_record().in_model_labels())] == ["PERSON", "ID", "PERSON"]
    assert model_label("EMAIL_ADDRESS") is None
    assert model_label("PUBLIC_FIGURE") == IGNORE


def test_a_swapped_text_is_about_someone_else_but_one_person() -> None:
    record = _record()
    rng = random.Random(1)
    other = synthesis.swapped(record, synthesis.Values.gather([record]), rng)
    assert [label for _, label in _values(other)] == [label for _, label in _values(record)]
    full, number, surname, phone = (value for value, _ in _values(other))
    assert full != "王小明"
    assert full.startswith(surname)
    assert number != "A-19931"
    assert number[1] == "-"
    assert phone.startswith("138")
    assert other.text.startswith(f"客户{full}(订单{number})和{surname}女士。")


def test_parts_of_a_latin_name_stay_parts_of_one_name() -> None:
    record = _record("[[PERSON:Maria Lopez]] wrote; [[PERSON:MARIA]] and Mr [[PERSON:Lopez]] agree.", "en")
    full, shouted, family = (
        value for value, _ in _values(synthesis.swapped(record, synthesis.Values(), random.Random(3)))
    )
    assert full.split() == [shouted.capitalize(), family]


@pytest.mark.parametrize("seed", range(40))
def test_noise_keeps_spans_on_their_values(seed: int) -> None:
    record = _record("Call [[PERSON:Anna]]\nat [[ADDRESS:12 High St\nLondon]]; she is [[AGE:35]].", "en")
    other = synthesis.noisy(record, random.Random(seed))
    known = {"anna", "12 high st london", "35", "12 high st", "london"}
    for value, _ in _values(other):
        assert value.lower().replace("\\n", " ").replace("\n", " ") in known


def test_templates_fill_every_slot() -> None:
    templates = synthesis.read_templates(data.TEMPLATES)
    assert {lang for lang, _ in templates} == {"en", "zh"}
    rng = random.Random(5)
    for template in templates:
        record = synthesis.filled(template, synthesis.Values(), rng)
        assert "[[" not in record.text
        assert record.spans
        assert all(value.strip() for value, _ in _values(record))
        assert all(model_label(label) for _, label in _values(record))


def test_punctuation_beside_chinese_changes_its_width_and_nothing_else() -> None:
    record = _record("客户:[[PERSON:王小明]],电话 a,b;(地址[[ADDRESS:长安街1号]])好?")
    wide = synthesis._other_width(record)
    assert wide.text == "客户：王小明，电话 a,b;（地址长安街1号）好？"
    assert wide.spans == record.spans
    assert synthesis._other_width(wide).text == record.text


def test_stretches_of_files_come_as_they_are_and_again_the_same() -> None:
    made = list(negatives.sources(random.Random(3), 4))
    assert made == list(negatives.sources(random.Random(3), 4))
    assert all(200 < len(text) <= 3000 for text in made)


def test_negatives_hold_no_entity_and_come_as_asked() -> None:
    made = [*negatives.code(random.Random(1), 5), *negatives.logs(random.Random(1), 10)]
    assert len(made) == 15
    assert all(record.text.strip() and not record.spans for record in made)


def test_open_sets_are_repaired(open_data: Path) -> None:
    records = list(read_open_sets(open_data))
    assert records
    for record in records:
        assert ("@one", "USERNAME") in list(_values(record))


def test_a_prompt_without_header_is_named(open_data: Path) -> None:
    (open_data / "prompts" / "bad.txt").write_text("no header\ntext\n", encoding="utf-8")
    with pytest.raises(ModelError, match=r"bad\.txt, record 1"):
        list(read_prompts(open_data / "prompts"))


def test_build_keeps_whole_records_apart(open_data: Path, tmp_path: Path) -> None:
    recipe = data.Recipe(variants=2, per_template=1, code=2, logs=2)
    built = data.build(open_data, tmp_path / "built", recipe)
    held_out, train = data.read(built.dev), data.read(built.train)
    assert held_out
    assert all(is_development(record) for record in held_out)
    texts = {record.text for record in train}
    assert not any(record.text in texts for record in held_out)
    # A held-out address is never a value in a variant.
    secret = {value for record in held_out for value, label in _values(record) if label == "ADDRESS"}
    assert not any(value in record.text for value in secret for record in train)
    again = data.build(open_data, tmp_path / "again", recipe)
    assert again.train.read_bytes() == built.train.read_bytes()


def test_build_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no \*\.txt"):
        data.build(tmp_path, tmp_path / "out")
    with pytest.raises(ModelError, match="build the data first"):
        data.read(tmp_path / "train.jsonl")


def test_tags_begin_and_continue(encoder: Encoder) -> None:
    record = Record("Anna Bob", ((0, 4, "PERSON"), (5, 8, IGNORE)), "en", "", "")
    encoded = encoder.encode(record.text)
    tags = tags_of(record, encoded).tolist()
    inside = [tag for tag, end in zip(tags, encoded.ends.tolist(), strict=True) if end <= 4]
    assert [TAGS[tag] for tag in inside] == ["B-PERSON"] + ["I-PERSON"] * (len(inside) - 1)
    after = [tag for tag, end in zip(tags, encoded.ends.tolist(), strict=True) if end > 5]
    assert set(after) == {UNTRAINED}


def test_examples_and_batches_lose_nothing(encoder: Encoder) -> None:
    records = [Record("Anna " * count, (), "en", "", "") for count in range(1, 60)]
    found = list(examples(records, encoder, random.Random(1)))
    assert all(example.ids[0] == encoder.bos and example.ids[-1] == encoder.eos for example in found)
    made = batches(found, 200, random.Random(1))
    assert sorted(number for batch in made for number in batch) == list(range(len(found)))
    assert all(len(batch) * max(len(found[number].ids) for number in batch) <= 200 for batch in made)


def test_labels_and_tags_agree() -> None:
    assert len(TAGS) == 1 + 2 * len(LABELS)
