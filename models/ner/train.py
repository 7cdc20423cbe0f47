"""Fine-tunes the network on the built data; resumable at any checkpoint. torch is imported when called.

The learning rate falls with the share of the time that is used, so a run of any length ends well. A run's folder holds
``tokenizer.json``, ``checkpoint.pt`` (all that is needed to go on) and ``model/`` (what export reads): an exponential
moving average of the weights, as it was when it did best on the development set.
"""

from __future__ import annotations

import copy
import json
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from models.ner import base, data, network, vocabulary
from models.ner.encoding import Encoder
from models.ner.examples import UNTRAINED, Example, batches, examples

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train; the defaults are what the shipped model was trained with."""

    minutes: float = 50.0
    """Time for training itself; the learning rate reaches zero at its end."""
    layers: int = 6
    latin: int = 9_000
    chinese: int = 7_500
    """Most frequent pieces of these scripts to keep beside those seen in the data."""
    tokens: int = 1500
    """Tokens in a batch, padding included."""
    rate: float = 3e-4
    warm_up: float = 0.04
    threads: int = 1
    checkpoint_minutes: float = 6.0
    """How often the state is saved and the development set is read."""
    patience: int = 5
    """Readings of the development set in a row without a better one after which training stops."""
    average: float = 0.998
    """How much of the moving average each step keeps."""
    start: Path | None = None
    """Another run, whose network and vocabulary this one starts from, instead of the base encoder."""
    seed: int = 7
    max_steps: int | None = None
    """Stop after so many steps: for trying the path out."""


def run(built: Path, out: Path, plan: Plan, report: Report) -> Path:
    """Train on ``built/train.jsonl``, watch ``built/dev.jsonl``; returns the trained model, ``out/model``.

    Goes on from ``out/checkpoint.pt`` if there is one.
    """
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    rng = random.Random(plan.seed)  # noqa: S311 - order of training, not secrets
    records = data.read(built / "train.jsonl")
    out.mkdir(parents=True, exist_ok=True)
    order = tokenizer_of([record.text for record in records], out, plan)
    encoder = Encoder.from_file(out / "tokenizer.json")
    found = list(examples(records, encoder, rng))
    watched = development(built, encoder, plan)
    report(f"{len(records)} texts, {len(found)} windows, {sum(len(e.ids) for e in found)} tokens, {len(order)} pieces")
    Run(torch, untrained(order, plan), found, watched, out, plan, report).train()
    return out / "model"


def development(built: Path, encoder: Encoder, plan: Plan) -> list[Example]:
    """Windows of the development set, the open sets left out."""
    held_out = [record for record in data.read(built / "dev.jsonl") if record.kind != "open"]
    return list(examples(held_out, encoder, random.Random(plan.seed)))  # noqa: S311


def untrained(order: list[int], plan: Plan) -> Any:
    """The network to train: the base's layers for the pieces in ``order``, or where the plan starts."""
    if plan.start:
        return network.load(plan.start / "model")
    return network.from_base(base.read_weights(base.weights_file()), plan.layers, order)


def tokenizer_of(texts: list[str], out: Path, plan: Plan) -> list[int]:
    """The pruned tokenizer, made once per run, and the base's piece for each of its pieces."""
    kept = out / "pieces.json"
    if kept.is_file() and (out / "tokenizer.json").is_file():
        stored: list[int] = json.loads(kept.read_text())
        return stored
    if plan.start:
        for name in (kept.name, "tokenizer.json"):
            shutil.copyfile(plan.start / name, out / name)
        return tokenizer_of(texts, out, plan)
    order = vocabulary.prune(base.tokenizer_file(), texts, plan.latin, plan.chinese, out / "tokenizer.json")
    kept.write_text(json.dumps(order))
    return order


class Run:
    """One run: optimizer, place in the data, time used. ``torch`` is the imported module."""

    def __init__(
        self,
        torch: Any,
        model: Any,
        found: list[Any],
        watched: list[Example],
        out: Path,
        plan: Plan,
        report: Report,
    ) -> None:
        self.torch, self.model, self.found, self.out, self.plan, self.report = torch, model, found, out, plan, report
        self.watched = watched
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        model.to(self.device)
        # Frozen: most pieces are rare in the training data, and moving only the seen ones would tear the space apart.
        model.bert.embeddings.word_embeddings.weight.requires_grad_(False)
        head = [weight for name, weight in model.named_parameters() if name.startswith("classifier.")]
        body = [
            weight
            for name, weight in model.named_parameters()
            if not name.startswith("classifier.") and weight.requires_grad
        ]
        self.optimizer = torch.optim.AdamW(
            [{"params": body, "scale": 1.0}, {"params": head, "scale": 1.0 if plan.start else 5.0}],
            lr=plan.rate,
            weight_decay=0.01,
        )
        self.averaged = copy.deepcopy(model).eval()
        self.step = 0
        self.epoch = 0
        self.place = 0
        self.used = 0.0
        self.best = float("inf")
        self.worse = 0
        self._resume()

    def train(self) -> None:
        """Until the time or the steps are used up, or the development set has not improved for long."""
        plan, limit = self.plan, self.plan.minutes * 60
        saved = self.used
        self.model.train()
        order = self._epoch_order()
        columns = (
            TextColumn("training"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )
        console = Console(stderr=True)
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            bar = progress.add_task("", total=limit, completed=int(self.used))
            loss, tokens, since = 0.0, 0, time.monotonic()
            while self.used < limit and (plan.max_steps is None or self.step < plan.max_steps):
                if self.place >= len(order):
                    self.epoch, self.place = self.epoch + 1, 0
                    order = self._epoch_order()
                began = time.monotonic()
                value, count = self._one(order[self.place])
                self.used += time.monotonic() - began
                self.place += 1
                self.step += 1
                loss, tokens = loss + value, tokens + count
                if self.step % 25 == 0:
                    rate = tokens / (time.monotonic() - since)
                    place = f"step {self.step} epoch {self.epoch} {self.place}/{len(order)}"
                    state = f"{place} loss {loss / 25:.4f} {rate:.0f} tokens/s"
                    progress.update(bar, completed=self.used, description=state)
                    if progress.disable:
                        self.report(f"{state} {self.used / 60:.1f}/{plan.minutes:g} min")
                    loss, tokens, since = 0.0, 0, time.monotonic()
                if self.used - saved > plan.checkpoint_minutes * 60:
                    saved = self.used
                    if not self._save():
                        return
        self._save()

    def _epoch_order(self) -> list[list[int]]:
        return batches(self.found, self.plan.tokens, random.Random(self.plan.seed + 1000 * self.epoch))  # noqa: S311

    def _one(self, batch: list[int]) -> tuple[float, int]:
        torch = self.torch
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate * group["scale"] * self._share_of_rate()
        loss, count = self.loss([self.found[number] for number in batch])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            # Early on the average follows faster, or it would remember the untrained head.
            keep = min(self.plan.average, (1 + self.step) / (10 + self.step))
            for mean, weight in zip(self.averaged.parameters(), self.model.parameters(), strict=True):
                if weight.requires_grad:
                    mean.lerp_(weight, 1.0 - keep)
        return float(loss.detach()), count

    def loss(self, chosen: list[Any]) -> tuple[Any, int]:
        """The loss on a batch of examples, and how many tokens it holds."""
        torch = self.torch
        ids, tags = padded(chosen)
        loss = torch.nn.functional.cross_entropy(
            self.logits(ids).flatten(0, 1), torch.from_numpy(tags).to(self.device).flatten(), ignore_index=UNTRAINED
        )
        return loss, ids.size

    def logits(self, ids: NDArray[np.int64]) -> Any:
        """What the network in training says, ``float32[windows, tokens, tags]``."""
        torch = self.torch
        inputs = torch.from_numpy(ids).to(self.device)
        with torch.autocast(self.device, dtype=torch.bfloat16):
            return self.model(input_ids=inputs, attention_mask=(inputs != 1).long()).logits.float()

    def _share_of_rate(self) -> float:
        done = self.used / (self.plan.minutes * 60)
        return min(1.0, (done + 0.002) / self.plan.warm_up) * max(0.0, 1.0 - done)

    def _errors(self) -> float:
        """Share of the development set's tokens that the averaged network labels wrongly.

        Not its loss, which grows with confidence while the labels still get better.
        """
        torch = self.torch
        wrong, count = 0, 0
        with torch.no_grad():
            for batch in batches(self.watched, 4 * self.plan.tokens, random.Random(0)):  # noqa: S311
                ids, tags = padded([self.watched[number] for number in batch])
                inputs = torch.from_numpy(ids).to(self.device)
                answers = self.averaged(input_ids=inputs, attention_mask=(inputs != 1).long()).logits.argmax(-1)
                labels = (answers.cpu().numpy() + 1) // 2  # begin and continue are one label
                counted = tags != UNTRAINED
                wrong += int((labels != (tags + 1) // 2)[counted].sum())
                count += int(counted.sum())
        return wrong / max(1, count)

    def _save(self) -> bool:
        """Write the state, and the averaged network if it is the best so far; False once patience is used up."""
        watched = self._errors()
        better = watched <= self.best
        self.best, self.worse = (watched, 0) if better else (self.best, self.worse + 1)
        self.report(f"development set: {100 * watched:.3f} % of tokens wrong{', the best so far' if better else ''}")
        state = {
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "place": (self.step, self.epoch, self.place, self.used, self.best, self.worse),
        }
        partial = self.out / "checkpoint.pt.part"
        self.torch.save(state, partial)
        partial.replace(self.out / "checkpoint.pt")
        if better:
            self.averaged.save_pretrained(self.out / "model")
        return self.worse < self.plan.patience

    def _resume(self) -> None:
        path = self.out / "checkpoint.pt"
        if not path.is_file():
            return
        state = self.torch.load(path, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.epoch, self.place, self.used, self.best, self.worse = state["place"]
        self.report(f"goes on after step {self.step}, {self.used / 60:.1f} minutes")


def padded(chosen: list[Example]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids and tags of like-sized windows as ``int64[windows, tokens]``."""
    width = max(len(example.ids) for example in chosen)
    ids = np.full((len(chosen), width), 1, dtype=np.int64)
    tags = np.full((len(chosen), width), UNTRAINED, dtype=np.int64)
    for row, example in enumerate(chosen):
        ids[row, : len(example.ids)] = example.ids
        tags[row, : len(example.tags)] = example.tags
    return ids, tags
