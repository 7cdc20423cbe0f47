"""Trains the gate (``gate.py``) on the built data. Training only; torch is imported when called.

The gate uses the model's own tokenizer, and starts from its word embeddings, reduced to their principal components, so
that rare pieces are known from the first step. Marked text teaches it whom to let through; source code and documents as
they lie on the disk, labelled by the model itself, what to leave alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.ner import data, negatives, network
from models.ner.encoding import Encoder
from models.ner.examples import UNTRAINED, tags_of
from models.ner.inference import NerModel
from models.ner.sources import Record

FILE = "gate.onnx"

Report = Callable[[str], None]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class GatePlan:
    """How to train the gate; the defaults are what the shipped one was trained with."""

    width: int = 32
    """Numbers per token."""
    hidden: int = 96
    reach: int = 4
    """Neighbours on either side that each of the two convolutions sees."""
    epochs: int = 7
    tokens: int = 256
    """Tokens in one training sequence; texts are laid end to end."""
    batch: int = 64
    rate: float = 3e-3
    weight: float = 4.0
    """How much worse a miss is than a window read in vain."""
    sources: int = 1500
    """Stretches of files on the disk that the model labels for it, each seen three times an epoch."""
    seed: int = 7


def train(run: Path, model: NerModel, built: Path, out: Path, plan: GatePlan, report: Report) -> Path:
    """Train on ``built/train.jsonl`` with the tokenizer and embeddings of ``run``; returns ``out/gate.onnx``.

    ``model`` is what the gate will stand before; it must read everything, with no gate of its own.
    """
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(plan.seed)
    torch.set_num_threads(1)
    if not (run / "model" / "model.safetensors").is_file():
        raise ModelError(f"{run} holds no trained network: run 'coatcheck models train' first")
    encoder = Encoder.from_file(run / "tokenizer.json")
    labelled = list(_labelled(model, plan, report))
    ids, marks = _rows(data.read(built / "train.jsonl") + 3 * labelled, encoder, plan)
    embeddings = network.load(run / "model").bert.embeddings.word_embeddings.weight.detach().numpy()
    gate = _network(torch, _principal(embeddings, plan.width), plan)
    optimizer = torch.optim.Adam(gate.parameters(), lr=plan.rate)
    steps = plan.epochs * (len(ids) // plan.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=plan.rate, total_steps=steps + 1)
    rng = np.random.default_rng(plan.seed)
    for epoch in range(plan.epochs):
        order, total = rng.permutation(len(ids)), 0.0
        for first in range(0, len(ids) - plan.batch + 1, plan.batch):
            chosen = order[first : first + plan.batch]
            wanted = torch.from_numpy(marks[chosen])
            logits = gate(torch.from_numpy(ids[chosen]))
            losses = torch.nn.functional.binary_cross_entropy_with_logits(
                logits, wanted.clamp(min=0), pos_weight=torch.tensor(plan.weight), reduction="none"
            )
            loss = (losses * (wanted >= 0)).sum() / (wanted >= 0).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        report(f"gate: epoch {epoch + 1} of {plan.epochs}, loss {total / (len(ids) // plan.batch):.4f}")
    out.mkdir(parents=True, exist_ok=True)
    write(gate.state_dict(), plan, out / FILE)
    return out / FILE


def _labelled(model: NerModel, plan: GatePlan, report: Report) -> Iterator[Record]:
    texts = list(negatives.sources(random.Random(plan.seed), plan.sources))  # noqa: S311 - a sample, not a secret
    for first in range(0, len(texts), 25):
        batch = texts[first : first + 25]
        for text, found in zip(batch, model.predict(batch), strict=True):
            spans = tuple((entity.start, entity.end, entity.label) for entity in found)
            yield Record(text, spans, "en", "source", "gate")
    report(f"gate: {len(texts)} stretches of files labelled by {model.version}")


def _rows(records: list[Record], encoder: Encoder, plan: GatePlan) -> tuple[NDArray[np.int64], Floats]:
    """Texts end to end, cut into rows; marks are 1 inside an entity, 0 outside, -1 where the data is silent."""
    random.Random(plan.seed).shuffle(records)  # noqa: S311 - order of training
    ids: list[NDArray[np.int32]] = []
    marks: list[Floats] = []
    stop = np.asarray([encoder.eos] * (2 * plan.reach), dtype=np.int32)
    for record in records:
        encoded = encoder.encode(record.text)
        tags = tags_of(record, encoded)
        ids += [encoded.ids, stop]
        marks += [np.where(tags == UNTRAINED, -1, tags > 0).astype(np.float32), np.zeros(len(stop), dtype=np.float32)]
    joined, marked = np.concatenate(ids), np.concatenate(marks)
    rows = len(joined) // plan.tokens
    shape = (rows, plan.tokens)
    return joined[: rows * plan.tokens].astype(np.int64).reshape(shape), marked[: rows * plan.tokens].reshape(shape)


def _principal(embeddings: Floats, width: int) -> Floats:
    """The ``width`` strongest components of the embeddings, each scaled to unit variance."""
    centred = embeddings - embeddings.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    reduced = centred @ vectors[:, ::-1][:, :width]
    return (reduced / reduced.std(axis=0)).astype(np.float32)


def _network(torch: Any, embeddings: Floats, plan: GatePlan) -> Any:
    nn = torch.nn
    kernel = 2 * plan.reach + 1

    class Network(nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding.from_pretrained(torch.from_numpy(embeddings), freeze=False)
            self.first = nn.Conv1d(plan.width, plan.hidden, kernel, padding=plan.reach)
            self.second = nn.Conv1d(plan.hidden, plan.hidden, kernel, padding=plan.reach)
            self.last = nn.Conv1d(plan.hidden, 1, 1)

        def forward(self, ids: Any) -> Any:
            seen = self.embed(ids).transpose(1, 2)
            return self.last(self.second(self.first(seen).relu()).relu()).squeeze(1)

    return Network()


def write(state: dict[str, Any], plan: GatePlan, path: Path) -> None:
    """The trained weights as ONNX: ``input_ids`` ``int64[1, tokens]`` to ``chances`` ``float32[1, tokens]``.

    Embeddings are kept in INT8 with one scale per component.
    """
    import onnx  # type: ignore[import-not-found,unused-ignore]
    from onnx import TensorProto, helper, numpy_helper  # type: ignore[import-not-found,unused-ignore]

    weights = {name: np.asarray(tensor.detach().numpy(), dtype=np.float32) for name, tensor in state.items()}
    scale = np.maximum(np.abs(weights["embed.weight"]).max(axis=0), 1e-6) / 127
    constants = {
        "table": np.round(weights["embed.weight"] / scale).astype(np.int8),
        "scale": scale.astype(np.float32),
        "axis": np.asarray([1], dtype=np.int64),
        **{name.replace(".", "_"): array for name, array in weights.items() if not name.startswith("embed.")},
    }
    padded = {"pads": [plan.reach, plan.reach], "kernel_shape": [2 * plan.reach + 1]}
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["rows"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["numbers", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["channels"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["channels", "first_weight", "first_bias"], ["a"], **padded),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "second_weight", "second_bias"], ["c"], **padded),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Conv", ["d", "last_weight", "last_bias"], ["e"], kernel_shape=[1]),
        helper.make_node("Squeeze", ["e", "axis"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["chances"]),
    ]
    graph = helper.make_graph(
        nodes,
        "gate",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "tokens"])],
        [helper.make_tensor_value_info("chances", TensorProto.FLOAT, [1, "tokens"])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
