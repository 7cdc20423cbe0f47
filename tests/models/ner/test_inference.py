"""The model that ships, run for real: offsets, independence of the batch, odd and huge texts, threads."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import registry
from models.errors import ModelError
from models.ner.inference import NerModel

TEXTS = [
    "Please call Anna Kowalski about the contract; she lives at 12 High Street, London SW1A 2AA.",
    "王小明住在北京市海淀区中关村大街1号,今年35岁。",
    "import numpy as np\n\n\ndef mean(values):\n    return np.mean(values)\n",
    "",
    "Dear Dr Okafor,\r\nthe patient Maria Gonzalez (MRN 00482917) was born on 14 March 1961.\r\n",
    "x",
    "2024-05-11 10:32:07 INFO user=jsmith42 logged in from Berlin\n" * 20,
    "联系人:歐陽娜娜 地址:台北市大安區忠孝東路四段1號5樓",
    "😀 𝒜nna 😀 Maria Gonzalez 😀",
]


def _found(model: NerModel, text: str) -> list[tuple[str, str]]:
    (entities,) = model.predict([text])
    return [(text[entity.start : entity.end], entity.label) for entity in entities]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXTS[0], ("Anna Kowalski", "PERSON")),
        (TEXTS[1], ("王小明", "PERSON")),
        (TEXTS[1], ("北京市海淀区中关村大街1号", "ADDRESS")),
        (TEXTS[4], ("Maria Gonzalez", "PERSON")),
        (TEXTS[4], ("00482917", "ID")),
        (TEXTS[8], ("Maria Gonzalez", "PERSON")),
        ("tell priya deshmukh i said hi", ("priya deshmukh", "PERSON")),
        ('{"first_name": "Priya", "dob": "1990-04-02"}', ("1990-04-02", "DATE_OF_BIRTH")),
    ],
)
def test_finds_what_names_someone(model: NerModel, text: str, expected: tuple[str, str]) -> None:
    assert expected in _found(model, text)


def test_leaves_code_alone(model: NerModel) -> None:
    assert _found(model, TEXTS[2]) == []
    assert _found(model, "from sklearn.linear_model import Ridge\nmodel = Ridge(alpha=0.1)") == []


@pytest.mark.parametrize("before", ["", "😀 ", "ﬁ ", "１２３ ", "a\r\n\r\nb ", "\u200bx ", "e\u0301 ", "\ud800 "])
def test_offsets_are_code_points_of_the_text_given(model: NerModel, before: str) -> None:
    assert ("Maria Gonzalez", "PERSON") in _found(model, before + "My name is Maria Gonzalez.")


def test_a_text_s_entities_do_not_depend_on_the_batch(model: NerModel) -> None:
    alone = [model.predict([text])[0] for text in TEXTS]
    together = model.predict(TEXTS)
    backwards = model.predict(TEXTS[::-1])[::-1]
    crowded = [model.predict([*TEXTS, text, *TEXTS[::2]])[len(TEXTS)] for text in TEXTS]
    assert alone == together == backwards == crowded  # scores too, to the last bit


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_company_gives_the_same_probabilities(model: NerModel, data: st.DataObject) -> None:
    company = data.draw(st.lists(st.one_of(st.sampled_from(TEXTS), st.text(max_size=80)), max_size=6))
    text = data.draw(st.sampled_from(TEXTS))
    place = data.draw(st.integers(0, len(company)))
    together = model.predict([*company[:place], text, *company[place:]])
    assert together[place] == model.predict([text])[0]


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet=st.characters(), max_size=200))
def test_any_text_gives_entities_within_it(model: NerModel, text: str) -> None:
    (entities,) = model.predict([text])
    position = 0
    for entity in entities:
        assert position <= entity.start < entity.end <= len(text)
        assert entity.label in model.labels
        assert 0 <= entity.score <= 1
        position = entity.end


def test_no_texts_and_empty_texts(model: NerModel) -> None:
    assert model.predict([]) == []
    assert model.predict(["", " ", "\n\n", "\t"]) == [[], [], [], []]


def test_the_same_name_is_found_anywhere_in_a_long_text(model: NerModel) -> None:
    filler = "The build finished without warnings and the report was stored. "
    text = "".join(filler * 9 + "Please write to Maria Gonzalez today. " for _ in range(12))
    assert _found(model, text).count(("Maria Gonzalez", "PERSON")) == 12


def test_a_megabyte(model: NerModel) -> None:
    # Mostly blanks, which make few tokens, so that the test is about size and not about speed.
    text = ("Maria Gonzalez".ljust(10_000) + "\n") * 100
    (entities,) = model.predict([text])
    assert {text[entity.start : entity.end] for entity in entities} == {"Maria Gonzalez"}
    assert len(entities) == 100


def test_threads_share_a_model(model: NerModel) -> None:
    expected = model.predict(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        assert all(answer == expected for answer in pool.map(model.predict, [TEXTS] * 8))


def test_two_loads_and_other_thread_counts_agree(model: NerModel) -> None:
    other = NerModel.load(threads=2)
    other.warm_up()
    assert other.version == model.version
    assert other.predict(TEXTS) == model.predict(TEXTS)


def test_version_names_the_model_and_its_digest(model: NerModel) -> None:
    network, _, gate = model.version.partition("+gate@")
    name, _, digest = network.partition("@")
    assert name
    assert len(digest) == 12
    assert int(digest, 16) >= 0
    assert gate  # what is read decides what is found
    assert NerModel.load(threads=1, cascade=False).version == network


def _copy(folder: Path) -> Path:
    shutil.copytree(registry.find().folder, folder)
    return folder


def test_a_network_that_was_changed_is_not_run(tmp_path: Path) -> None:
    folder = _copy(tmp_path / "model")
    path = registry.read(folder).variant("cpu")[1].path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="checksum"):
        NerModel.load(folder)


def test_labels_must_fit_the_network(tmp_path: Path) -> None:
    folder = _copy(tmp_path / "model")
    manifest = json.loads((folder / registry.MANIFEST).read_text(encoding="utf-8"))
    manifest["labels"] = manifest["labels"][:-1]
    (folder / registry.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelError, match="labels"):
        NerModel.load(folder)


def test_a_tokenizer_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = _copy(tmp_path / "model")
    (folder / "tokenizer.json").write_bytes(b"{}")
    manifest = json.loads((folder / registry.MANIFEST).read_text(encoding="utf-8"))
    manifest["tokenizer"] = registry.describe(folder / "tokenizer.json")
    (folder / registry.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelError, match="no tokenizer"):
        NerModel.load(folder)
