"""Labelled texts to token windows with BIO tags, for the trainer. Imports ``encoding``, ``labels``, ``sources``."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.ner.encoding import Encoded, Encoder
from models.ner.labels import IGNORE, LABELS
from models.ner.sources import Record

UNTRAINED = -100
"""torch's cross entropy leaves positions with this target out."""

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Example:
    """A window with its marks: ``ids`` and ``tags``, ``int32[tokens]`` each."""

    ids: Ints
    tags: Ints


def tags_of(record: Record, encoded: Encoded) -> Ints:
    """One BIO tag per token; a token belongs to the span that it overlaps."""
    tags = np.zeros(len(encoded), dtype=np.int32)
    for start, end, label in record.spans:
        touched = np.flatnonzero((encoded.ends > start) & (encoded.starts < end))
        if not len(touched):
            continue
        if label == IGNORE:
            tags[touched] = UNTRAINED
            continue
        begin = 1 + 2 * LABELS.index(label)
        tags[touched] = begin + 1
        tags[touched[0]] = begin
    return tags


def examples(records: Iterable[Record], encoder: Encoder, rng: random.Random) -> Iterator[Example]:
    """Windows of varied length, so that the model sees texts cut anywhere and short ones as they are."""
    for record in records:
        encoded = encoder.encode(record.text)
        tags = tags_of(record, encoded)
        for window in encoder.windows(encoded, size=rng.choice((48, 64, 94, 94, 126)), overlap=12):
            ids = encoded.ids[window.start : window.end]
            if len(ids):
                marked = np.concatenate(([encoder.bos], ids, [encoder.eos])).astype(np.int32)
                untrained = [UNTRAINED]
                yield Example(
                    marked, np.concatenate((untrained, tags[window.start : window.end], untrained)).astype(np.int32)
                )


def batches(found: list[Example], tokens: int, rng: random.Random) -> list[list[int]]:
    """Indices of examples in batches of about ``tokens`` tokens and like length, in random order."""
    order = sorted(range(len(found)), key=lambda number: (len(found[number].ids) // 4, rng.random()))
    made: list[list[int]] = []
    batch: list[int] = []
    for number in order:
        if batch and (len(batch) + 1) * len(found[number].ids) > tokens:
            made.append(batch)
            batch = []
        batch.append(number)
    if batch:
        made.append(batch)
    rng.shuffle(made)
    return made
