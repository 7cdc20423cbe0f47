"""The model as it ships, loaded once; a tokenizer made of a few pieces; a folder of made-up training data."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace

from models import registry
from models.ner.encoding import Encoder
from models.ner.inference import NerModel


@pytest.fixture(scope="session")
def model() -> NerModel:
    """What ``NerModel.load()`` gives, on one thread."""
    return NerModel.load(threads=1)


def tiny_tokenizer() -> Tokenizer:
    """Every printable ASCII character, a few Chinese ones and some longer pieces."""
    characters = [chr(code) for code in range(33, 127)] + list("王小明北京住在。,")
    longer = ["▁An", "na", "▁the", "ski", "Kowal"]
    marks = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [(mark, 0.0) for mark in marks] + [("▁", -3.0)] + [(piece, -4.0) for piece in [*characters, *longer]]
    tokenizer = Tokenizer(Unigram([*pieces, ("<mask>", 0.0)], unk_id=3))
    tokenizer.pre_tokenizer = Metaspace()
    tokenizer.add_special_tokens([*marks, "<mask>"])
    return tokenizer


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder(tiny_tokenizer())


@pytest.fixture
def model_folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a model folder with all that the registry looks at, but no network. Keywords change ``model.json``."""

    def make(**changes: Any) -> Path:
        folder = tmp_path / "toy"
        folder.mkdir(exist_ok=True)
        (folder / "net.onnx").write_bytes(b"not a network")
        (folder / "tokenizer.json").write_bytes(b"{}")
        manifest = {
            "format": registry.FORMAT,
            "name": "toy",
            "version": "1",
            "licence": "CC0-1.0",
            "labels": ["PERSON"],
            "max_tokens": 32,
            "overlap": 8,
            "temperature": 1.0,
            "threshold": 0.5,
            "tokenizer": registry.describe(folder / "tokenizer.json"),
            "variants": {registry.CPU: registry.describe(folder / "net.onnx")},
        }
        (folder / registry.MANIFEST).write_text(json.dumps({**manifest, **changes}), encoding="utf-8")
        return folder

    return make


@pytest.fixture
def open_data(tmp_path: Path) -> Path:
    """A folder as ``models data`` wants it: one open set and one file of prompts, Chinese names only."""
    folder = tmp_path / "open"
    (folder / "prompts").mkdir(parents=True)
    prompts = [
        f"# lang=zh kind=chat\n客户[[PERSON:王小{char}]]住在[[ADDRESS:长安街{char}字巷]],"
        f"订单[[ORDER_ID:A-{number}9931]]。[[PERSON:王]]女士请回电。\n"
        for number, char in enumerate("明红兰英敏静强军芳娜秀丽磊洋艳勇杰娟涛超霞平刚桂")
    ]
    prompts += [f"# lang=zh kind=clean\n第{number}段没有名字的文字。\n" for number in range(8)]
    (folder / "prompts" / "zh.txt").write_text("=====\n".join(prompts), encoding="utf-8")
    rows = [
        {"text": f"@one went to {place} #fun", "spans": [[13, 13 + len(place), "LOCATION"]]}
        for place in ("Rome", "Oslo", "Kyiv")
    ]
    with gzip.open(folder / "wnut17_train.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return folder
