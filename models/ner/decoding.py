"""Token probabilities to entities: words kept whole, neighbours joined, edges trimmed. Pure; imports ``encoding``.

Coverage comes first: a name that is cut short leaks its rest, so a doubtful edge is kept inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.ner.encoding import Encoded

Floats = NDArray[np.float32]

_TRIM = " \t\r\n\u3000\u00a0\"'“”‘’「」『』《》,，、:：;；=|`"
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"), ("<", ">"), ("（", "）"), ("【", "】"))
_JOINTS = {
    "PERSON": re.compile(r"[-'’·・‧]|\. ?"),
    "ADDRESS": re.compile(r"[\s,，.#\-—()（）]{1,3}"),
    "ID": re.compile(r"[-/.]| "),
    "USERNAME": re.compile(r"[-_.@]"),
    "DATE_OF_BIRTH": re.compile(r"[\s,./\-年月]{1,2}"),
}
"""What may lie between two entities of a label that are one."""

_RUN = re.compile(r"[^\W_]+")

# Scripts written without spaces: a word there is not a run of letters.
_UNSPACED = re.compile(
    r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u318f\u31a0-\ua4cf\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """A piece of text that names someone or something. Offsets are code points of the text given, ``end`` exclusive."""

    start: int
    end: int
    label: str
    score: float
    """Mean probability of the label over the entity's tokens, 0 to 1."""


def decode(
    text: str, encoded: Encoded, probabilities: Floats, labels: tuple[str, ...], threshold: float
) -> list[Entity]:
    """Entities of ``text`` in order, not overlapping.

    ``probabilities``: ``float32[tokens, 1 + 2 * labels]``, outside first, then begin and continue of each label. A word
    belongs to an entity if the probability that it is outside is at most ``1 - threshold``.
    """
    if not (1.0 - probabilities[:, 0] >= threshold).any():
        return []  # a word is no likelier than the likeliest of its tokens
    firsts = _words(text, encoded)
    sizes = np.diff(np.append(firsts, len(encoded)))[:, None]
    words: Floats = (np.add.reduceat(probabilities, firsts, axis=0) / sizes).astype(np.float32)
    chance = words[:, 1::2] + words[:, 2::2]
    best = chance.argmax(axis=1)
    inside = np.flatnonzero(1.0 - words[:, 0] >= threshold)
    begins = probabilities[firsts, 1 + 2 * best] > probabilities[firsts, 2 + 2 * best]
    lasts = firsts + sizes[:, 0] - 1
    found: list[Entity] = []
    previous = -2
    members: list[int] = []
    for word in inside.tolist():
        if members and (word != previous + 1 or best[word] != best[previous] or begins[word]):
            found.extend(_entity(text, encoded, firsts, lasts, members, chance, labels, best))
            members = []
        members.append(word)
        previous = word
    if members:
        found.extend(_entity(text, encoded, firsts, lasts, members, chance, labels, best))
    return _joined(text, found)


def _words(text: str, encoded: Encoded) -> NDArray[np.intp]:
    """Indices of tokens that begin a word: all but those that go on in the middle of a run of letters and digits."""
    starts, ends = encoded.starts, encoded.ends
    firsts = np.ones(len(encoded), dtype=bool)
    touching = np.flatnonzero(starts[1:] == ends[:-1]) + 1
    if text.isascii():
        runs = np.asarray([run.span() for run in _RUN.finditer(text)], dtype=np.int32).reshape(-1, 2)
        last = np.searchsorted(runs[:, 0], starts[touching]) - 1  # the last run that begins before the token
        firsts[touching] = (last < 0) | (starts[touching] >= runs[last, 1]) if len(runs) else True
    else:
        for number in touching.tolist():
            at = int(starts[number])
            if 0 < at < len(text) and _goes_on(text[at - 1]) and _goes_on(text[at]):
                firsts[number] = False
    firsts[1:][starts[1:] < ends[:-1]] = False  # one character in several tokens
    return np.flatnonzero(firsts)


def _goes_on(char: str) -> bool:
    return char.isalnum() and not _UNSPACED.match(char)


def _entity(
    text: str,
    encoded: Encoded,
    firsts: NDArray[np.intp],
    lasts: NDArray[np.intp],
    members: list[int],
    chance: Floats,
    labels: tuple[str, ...],
    best: NDArray[np.intp],
) -> Iterator[Entity]:
    label = int(best[members[0]])
    start = int(encoded.starts[firsts[members[0]]])
    end = int(encoded.ends[lasts[members[-1]]])
    while start < end and text[start] in _TRIM:
        start += 1
    while end > start and text[end - 1] in _TRIM:
        end -= 1
    for opening, closing in _BRACKETS:
        if text[end - 1 : end] == closing and text.count(opening, start, end) < text.count(closing, start, end):
            end -= 1
        if text[start : start + 1] == opening and text.count(closing, start, end) < text.count(opening, start, end):
            start += 1
    if any(char.isalnum() for char in text[start:end]):
        score = float(chance[members, label].mean())
        yield Entity(start, end, labels[label], round(min(max(score, 0.0), 1.0), 4))


def _joined(text: str, found: list[Entity]) -> list[Entity]:
    """Joins entities with only a joint of their label between; the lower score holds for the whole."""
    joined: list[Entity] = []
    for entity in found:
        last = joined[-1] if joined else None
        label = _common_label(text, last, entity) if last else None
        if last and label:
            joined[-1] = Entity(last.start, entity.end, label, min(last.score, entity.score))
        else:
            joined.append(entity)
    return joined


def _common_label(text: str, last: Entity, entity: Entity) -> str | None:
    """The label of the two as one entity, None if they are two. A place that touches an address is part of it."""
    label = entity.label
    if last.label != label:
        if {last.label, label} != {"ADDRESS", "LOCATION"} or (label == "ADDRESS" and last.end < entity.start):
            return None
        label = "ADDRESS"
    joint = _JOINTS.get(label)
    touching = label == "ADDRESS" and last.end == entity.start
    return label if touching or (joint and joint.fullmatch(text, last.end, entity.start)) else None
