"""Windows of text for calibrating and comparing networks. Imports ``encoding``, ``sources`` and ``data``."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.ner import data
from models.ner.encoding import Encoder
from models.ner.sources import read_prompts

Inputs = dict[str, NDArray[np.int64]]
"""``input_ids``, ``attention_mask``, ``token_type_ids``: ``int64[1, tokens]``."""


def texts(built: Path | None, seed: int = 7) -> list[str]:
    """Training texts of ``built`` in random order; None: the hand-written prompts that come with the code."""
    records = data.read(built / "train.jsonl") if built else list(read_prompts(data.PROMPTS))
    random.Random(seed).shuffle(records)  # noqa: S311 - a sample, not a secret
    return [record.text for record in records]


def windows(
    chosen: Iterable[str], encoder: Encoder, max_tokens: int, overlap: int, count: int, names: frozenset[str]
) -> Iterator[Inputs]:
    """The first ``count`` windows of the texts; of the inputs those in ``names``, which a network takes."""
    for text in chosen:
        encoded = encoder.encode(text)
        for window in encoder.windows(encoded, max_tokens - 2, overlap):
            if window.end > window.start:
                inside = encoded.ids[window.start : window.end]
                ids = np.concatenate(([encoder.bos], inside, [encoder.eos])).astype(np.int64)[None]
                feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
                yield {name: array for name, array in feed.items() if name in names}
                count -= 1
            if not count:
                return
