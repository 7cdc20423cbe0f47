"""What one model says of a text, as targets for another with another tokenizer. Pure; imports numpy and ``encoding``.

The two cut words differently, so probabilities are spread over code points and gathered again: a label's mass on a
token is the mean over its code points, and its share that *begins* an entity is what the teacher begins inside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.ner.encoding import Encoded
from models.ner.labels import LABELS, TAGS

Floats = NDArray[np.float32]


def shared(labels: Sequence[str]) -> list[tuple[int, int]]:
    """Places in ours and in ``labels`` of the labels that both have."""
    return [(ours, labels.index(label)) for ours, label in enumerate(LABELS) if label in labels]


def targets(teacher: Encoded, chances: Floats, labels: Sequence[str], student: Encoded, length: int) -> Floats:
    """``float32[student's tokens, TAGS]``, rows that add up to 1.

    ``chances``: the teacher's ``float32[tokens, 1 + 2 * labels]`` for a text of ``length`` code points. What the
    teacher labels with a name that is not one of ours is outside, and so is what none of its tokens covers.
    """
    known = shared(labels)
    inside = np.zeros((length + 1, len(LABELS)), dtype=np.float64)
    begins = np.zeros((length + 1, len(LABELS)), dtype=np.float64)
    for token in range(len(teacher)):
        start, end = int(teacher.starts[token]), int(teacher.ends[token])
        for ours, theirs in known:
            begin, go_on = (float(chances[token, place + 2 * theirs]) for place in (1, 2))
            inside[start:end, ours] = np.maximum(inside[start:end, ours], begin + go_on)
            begins[start, ours] = max(begins[start, ours], begin)
    sums = np.concatenate((np.zeros((1, len(LABELS))), np.cumsum(inside[:length], axis=0)))
    found = np.zeros((len(student), len(TAGS)), dtype=np.float64)
    for token in range(len(student)):
        start, end = int(student.starts[token]), int(student.ends[token])
        if end > start:
            mass = (sums[end] - sums[start]) / (end - start)
            first = np.minimum(begins[start:end].max(axis=0), mass)
            found[token, 1::2], found[token, 2::2] = first, mass - first
    # One token of the student's may span two of the teacher's; their labels together are not more than certain.
    total = np.maximum(found.sum(axis=1), 1.0)[:, None]
    found /= total
    found[:, 0] = np.maximum(0.0, 1.0 - found.sum(axis=1))
    return found.astype(np.float32)
