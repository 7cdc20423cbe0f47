"""Trains a small model on what a larger one says of unlabelled texts (Hinton, Vinyals, Dean, 2015). Training only.

The teacher is any model folder, pulled or our own, and runs in onnxruntime; the student is trained by ``train.py`` with
soft targets, which say how sure the teacher is, beside the labelled windows of the built data. What the teacher said is
kept in the run's folder, so that a stopped run goes on without asking it again.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.ner import data, progress, soft, train
from models.ner.encoding import Encoder
from models.ner.examples import UNTRAINED, Example, examples
from models.ner.inference import NerModel
from models.ner.labels import TAGS

Floats = NDArray[np.float32]

_ANSWERS = "teacher.npz"


@dataclass(frozen=True, slots=True)
class SoftExample:
    """A window with its targets: ``ids`` ``int32[tokens]``, ``chances`` ``float32[tokens, tags]``, a weight a token."""

    ids: NDArray[np.int32]
    chances: Floats
    weights: Floats

    @classmethod
    def of(cls, example: Example) -> SoftExample:
        """A labelled window: certain targets; tokens that are not trained have no weight."""
        chances = np.zeros((len(example.ids), len(TAGS)), dtype=np.float32)
        trained = example.tags != UNTRAINED
        chances[np.flatnonzero(trained), example.tags[trained]] = 1.0
        return cls(example.ids, chances, trained.astype(np.float32))


def read_texts(path: Path) -> list[str]:
    """Unlabelled texts: ``*.jsonl`` with ``{"text"}`` a line, or any other file with one text a line.

    Raises :class:`ModelError` that names file and line, never the text.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot read {path}: {type(error).__name__}; it must be UTF-8") from None
    if path.suffix != ".jsonl":
        return [line for line in lines if line.strip()]
    texts = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                text = json.loads(line)["text"]
            except (ValueError, KeyError, TypeError):
                text = None
            if not isinstance(text, str):
                raise ModelError(f"{path.name}, line {number}: no object with a text")
            texts.append(text)
    return texts


def answers(teacher: NerModel, texts: list[str], encoder: Encoder) -> list[Floats]:
    """What the teacher says of each text, on the student's tokens: ``float32[tokens, tags]``."""
    said = []
    for text in progress.shown(texts, "asking the teacher", len(texts)):
        theirs, chances = teacher.token_probabilities(text)
        said.append(soft.targets(theirs, chances, teacher.labels, encoder.encode(text), len(text)))
    return said


def windows(texts: list[str], said: list[Floats], encoder: Encoder, rng: random.Random) -> Iterator[SoftExample]:
    """Windows of varied length, as in training on labels."""
    for text, chances in zip(texts, said, strict=True):
        encoded = encoder.encode(text)
        for window in encoder.windows(encoded, size=rng.choice((48, 64, 94, 94, 126)), overlap=12):
            inside = slice(window.start, window.end)
            if window.end > window.start:
                ids = np.concatenate(([encoder.bos], encoded.ids[inside], [encoder.eos])).astype(np.int32)
                edge = np.zeros((1, len(TAGS)), dtype=np.float32)
                weights = np.ones(len(ids), dtype=np.float32)
                weights[0] = weights[-1] = 0.0
                yield SoftExample(ids, np.concatenate((edge, chances[inside], edge)), weights)


def run(
    teacher: NerModel,
    texts: list[str],
    built: Path,
    out: Path,
    plan: train.Plan,
    report: train.Report,
    labelled_share: float = 1.0,
) -> Path:
    """Train on the teacher's answers and on ``built/train.jsonl``, watch ``built/dev.jsonl``; returns ``out/model``.

    ``labelled_share``, 0 to 1: how much of the training set goes in beside the answers.

    Goes on from ``out/checkpoint.pt`` if there is one. Raises :class:`ModelError` if no label of the teacher is ours.
    """
    import torch  # type: ignore[import-not-found,unused-ignore]

    if not soft.shared(teacher.labels):
        raise ModelError("the teacher has none of the labels that the student learns: map its labels (--labels)")
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    rng = random.Random(plan.seed)  # noqa: S311 - order of training, not secrets
    out.mkdir(parents=True, exist_ok=True)
    records = data.read(built / "train.jsonl")
    order = train.tokenizer_of([*texts, *(record.text for record in records)], out, plan)
    encoder = Encoder.from_file(out / "tokenizer.json")
    said = _answers(teacher, texts, encoder, out)
    found = list(windows(texts, said, encoder, rng))
    chosen = [record for record in records if rng.random() < labelled_share]
    labelled = [SoftExample.of(example) for example in examples(chosen, encoder, rng)]
    report(f"{len(texts)} texts in {len(found)} windows from the teacher, {len(labelled)} labelled windows")
    watched = train.development(built, encoder, plan)
    student = train.untrained(order, plan)
    SoftRun(torch, student, [*found, *labelled], watched, out, plan, report).train()
    return out / "model"


def _answers(teacher: NerModel, texts: list[str], encoder: Encoder, out: Path) -> list[Floats]:
    """From the run's folder if they are there for this teacher and these texts."""
    key = hashlib.sha256(json.dumps([teacher.version, texts]).encode()).hexdigest()
    path = out / _ANSWERS
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["key"]) == key:
                parts: list[Floats] = np.split(kept["chances"].astype(np.float32), kept["ends"][:-1])
                return parts
    said = answers(teacher, texts, encoder)
    if said:
        ends = np.cumsum([len(chances) for chances in said])
        np.savez_compressed(path, key=key, ends=ends, chances=np.concatenate(said).astype(np.float16))
    return said


class SoftRun(train.Run):
    """A training run on soft targets."""

    def loss(self, chosen: list[SoftExample]) -> tuple[Any, int]:
        """Cross entropy against the targets, mean over the tokens that count; and tokens in the batch."""
        torch = self.torch
        width = max(len(example.ids) for example in chosen)
        ids = np.full((len(chosen), width), 1, dtype=np.int64)
        wanted = np.zeros((len(chosen), width, len(TAGS)), dtype=np.float32)
        weights = np.zeros((len(chosen), width), dtype=np.float32)
        for row, example in enumerate(chosen):
            length = len(example.ids)
            ids[row, :length], weights[row, :length] = example.ids, example.weights
            wanted[row, :length] = example.chances
        target, weight = (torch.from_numpy(array).to(self.device) for array in (wanted, weights))
        logs = torch.log_softmax(self.logits(ids), dim=-1)
        return -((target * logs).sum(-1) * weight).sum() / weight.sum().clamp(min=1.0), ids.size
