"""Files that training reads and writes: the 4-bit base, the pruned tokenizer, the model folder."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from models import registry
from models.errors import ModelError
from models.ner import base, release, vocabulary
from models.ner.encoding import Encoder
from models.ner.export import export
from models.ner.quantize import INT8


def _q4(weights: list[int], scale: float) -> bytes:
    """One Q4_0 block: 32 weights of -8 to 7."""
    nibbles = bytes((low + 8) | ((high + 8) << 4) for low, high in zip(weights[:16], weights[16:], strict=True))
    return struct.pack("<e", scale) + nibbles


def _weights_file(path: Path) -> Path:
    pieces = [b"<s>", "王".encode()]
    blob = b"".join(pieces)
    head = b"E5S1" + struct.pack("<I7ifi", 1, 32, 1, 4, 64, 2, 16, 2, 1e-12, 32)
    head += struct.pack("<i4iQ3I2f", 2, 0, 2, 1, 3, len(blob), 0, 3, len(blob), 0.0, -1.0) + blob
    head += struct.pack("<iI", 0, 5) + b"norms"
    tensors = {
        "emb.word": (_q4([*range(-8, 8), *range(-8, 8)], 0.5) + _q4([0] * 31 + [7], 2.0), 64),
        "emb.ln.b": (np.arange(32, dtype="<f4").tobytes(), 32),
    }
    directory = sum(2 + len(name) + 1 + 4 + 8 + 8 for name in tensors)
    at = len(head) + 4 + directory
    table, body = struct.pack("<i", len(tensors)), b""
    for name, (content, count) in tensors.items():
        table += (
            struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", 0, count, at + len(body), len(content))
        )
        body += content
    path.write_bytes(head + table + body)
    return path


def test_base_is_turned_back_into_floats(tmp_path: Path) -> None:
    read = base.read_weights(_weights_file(tmp_path / "weights.bin"))
    assert (read.hidden, read.layers, read.heads, read.ffn, read.vocabulary, read.positions, read.types) == (
        32,
        1,
        4,
        64,
        2,
        16,
        2,
    )
    words = read.tensors["emb.word"]
    assert words.shape == (2, 32)
    assert words[0].tolist() == [value * 0.5 for value in [*range(-8, 8), *range(-8, 8)]]
    assert words[1].tolist() == [0.0] * 31 + [14.0]
    assert read.tensors["emb.ln.b"].tolist() == list(range(32))


def test_a_missing_wheel_names_the_extra() -> None:
    with pytest.raises(ModelError, match="extra 'train'"):
        base._inside("no_such_package_here", "x")


def test_pruning_keeps_marks_and_reads_the_rest_as_smaller_pieces(encoder: Encoder, tmp_path: Path) -> None:
    whole = tmp_path / "whole.json"
    whole.write_text(encoder._tokenizer.to_str(), encoding="utf-8")
    order = vocabulary.prune(whole, ["Anna Anna Anna"], latin=0, chinese=0, out=tmp_path / "tokenizer.json")
    before, after = Tokenizer.from_file(str(whole)), Encoder.from_file(tmp_path / "tokenizer.json")
    assert len(order) < before.get_vocab_size()
    assert order[: len(order)] == sorted(order)
    assert len(after.encode("Anna")) == len(encoder.encode("Anna"))
    assert len(after.encode("Kowalski")) > len(encoder.encode("Kowalski"))
    small = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for piece, number in small.get_vocab().items():
        assert before.token_to_id(piece) == order[number]


def test_a_model_folder_is_complete_and_checks(encoder: Encoder, tmp_path: Path) -> None:
    exported, folder = tmp_path / "exported", tmp_path / "model"
    exported.mkdir()
    folder.mkdir()
    (exported / "tokenizer.json").write_text(encoder._tokenizer.to_str(), encoding="utf-8")
    (folder / INT8).write_bytes(b"network")
    model = release.assemble(exported, folder, "toy", "2")
    assert (model.name, model.version, model.temperature) == ("toy", "2", 1.0)
    assert model.variant("cpu")[1].read() == b"network"
    release.set_temperature(folder, 1.25)
    assert registry.read(folder).temperature == 1.25
    assert json.loads((folder / registry.MANIFEST).read_text(encoding="utf-8"))["licence"] == release.LICENCE


def test_each_step_names_the_one_before(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="coatcheck models train"):
        export(tmp_path, tmp_path / "out")
    with pytest.raises(ModelError, match="coatcheck models quantize"):
        release.assemble(tmp_path, tmp_path, "toy", "1")
