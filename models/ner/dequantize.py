"""Turns a released INT8 network back into FP32: as a graph, and as weights to train on from. Training only.

What is lost is what INT8 rounded away; smoothing is undone exactly. Fine-tuning makes up for the rounding, as it did
for the 4 bits of the base. Knows the graphs that ``quantize.py`` writes.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import registry
from models.errors import ModelError
from models.ner.export import CONFIG, FP32, TOKENIZER
from models.ner.labels import TAGS

Floats = NDArray[np.float32]

_HEAD_WIDTH = 32


def exported(model: registry.Model, out: Path) -> Path:
    """The model's CPU network in FP32, ``out/model.onnx``, beside its tokenizer: as export would write it."""
    import onnx  # type: ignore[import-not-found,unused-ignore]

    _, artifact = model.variant("cpu")
    network = onnx.ModelProto.FromString(artifact.read())
    undo(network)
    out.mkdir(parents=True, exist_ok=True)
    onnx.save(network, out / FP32)
    (out / TOKENIZER).write_bytes(model.tokenizer.read())
    weights = _weights(network)
    if "bert.embeddings.word_embeddings.weight" not in weights or len(weights["classifier.bias"]) != len(TAGS):
        raise ModelError(f"model {model.name} is not one that Coatcheck trained: start from the base or its own source")
    (out / CONFIG).write_text(json.dumps(_config(weights, network), indent=2), encoding="utf-8")
    return out / FP32


def start(model: registry.Model, out: Path) -> Path:
    """A run's folder with the model's weights as they are: what ``models train --from`` starts from; returns ``out``.

    Raises :class:`ModelError` for models that Coatcheck did not train.
    """
    import onnx
    import torch  # type: ignore[import-not-found,unused-ignore]
    from safetensors.torch import save_file  # type: ignore[import-not-found,unused-ignore]

    weights = _weights(onnx.load(exported(model, out)))
    trained = out / "model"
    trained.mkdir(exist_ok=True)
    save_file(
        {name: torch.from_numpy(np.array(array, order="C")) for name, array in weights.items()},
        trained / "model.safetensors",
        metadata={"format": "pt"},
    )
    (out / CONFIG).replace(trained / CONFIG)
    # The trainer only counts them: which piece of the base each was no longer matters.
    pieces = len(weights["bert.embeddings.word_embeddings.weight"])
    (out / "pieces.json").write_text(json.dumps(list(range(pieces))))
    (out / FP32).unlink()
    return out


def undo(network: Any) -> None:
    """Change a graph that ``quantize.py`` wrote into the FP32 graph that it was made from, but for rounding."""
    from onnx import numpy_helper  # type: ignore[import-not-found,unused-ignore]

    network.producer_name = "pytorch"  # whose graph it is again: the fuser looks
    graph = network.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made: dict[str, Floats] = {}
    instead: dict[str, str] = {}
    gathered: dict[str, Any] = {}
    kept = []
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            instead[node.output[0]] = node.input[0]
        elif node.op_type == "Gather" and node.input[0].endswith("_quantized"):
            gathered[node.output[0]] = node
            kept.append(node)
        elif node.op_type == "DequantizeLinear":
            quantized = node.input[0]
            if quantized in constants:
                made[node.output[0]] = _floats(node, constants)
            elif quantized in gathered:
                lookup = gathered[quantized]
                table = lookup.input[0].removesuffix("_quantized")
                made[table] = _floats(node, {**constants, quantized: constants[lookup.input[0]]})
                lookup.input[0], lookup.output[0] = table, node.output[0]
            else:
                instead[node.output[0]] = quantized
        else:
            kept.append(node)
    divisors = {}
    for node in kept:
        if node.op_type == "Mul" and node.name.endswith("_smooth"):
            divisors[node.output[0]] = constants[node.input[1]]
            instead[node.output[0]] = node.input[0]
    kept = [node for node in kept if not (node.op_type == "Mul" and node.name.endswith("_smooth"))]
    renamed = {}
    for node in kept:
        for place, name in enumerate(node.input):
            while name in instead:
                if name in divisors and node.op_type == "MatMul":
                    made[node.input[1]] = made[node.input[1]] * divisors[name][:, None]
                name = instead[name]
            node.input[place] = name
        if node.op_type == "MatMul" and node.input[1] in made:
            renamed[node.input[1]] = node.input[1].removesuffix("_DequantizeLinear_Output")
            node.input[1] = renamed[node.input[1]]
    used = {name for node in kept for name in node.input}
    tensors = [tensor for tensor in graph.initializer if tensor.name in used]
    tensors += [
        numpy_helper.from_array(np.ascontiguousarray(array), renamed.get(name, name)) for name, array in made.items()
    ]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept)
    graph.initializer.extend(tensors)


def _floats(node: Any, constants: dict[str, Any]) -> Floats:
    values, scale = constants[node.input[0]], constants[node.input[1]]
    zero = constants[node.input[2]] if len(node.input) > 2 else 0
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
    if np.ndim(scale) and np.size(scale) > 1:
        along = [1] * values.ndim
        along[axis] = -1
        scale, zero = np.reshape(scale, along), np.reshape(zero, along)
    floats: Floats = ((values.astype(np.int32) - np.asarray(zero, np.int32)) * scale).astype(np.float32)
    return floats


def _weights(network: Any) -> dict[str, Floats]:
    """The weights of a BERT-style export by transformers' names: matrices are found by the node that uses them."""
    from onnx import numpy_helper

    graph = network.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = {name: array for name, array in constants.items() if name.startswith(("bert.", "classifier."))}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in constants:
            name = node.name.strip("/").removesuffix("/MatMul").replace("/", ".")
            found[f"{name}.weight"] = constants[node.input[1]].T
    return found


def _config(weights: dict[str, Floats], network: Any) -> dict[str, object]:
    norms = [node for node in network.graph.node if node.op_type == "LayerNormalization"]
    epsilons = [attribute.f for node in norms for attribute in node.attribute if attribute.name == "epsilon"]
    pieces, hidden = weights["bert.embeddings.word_embeddings.weight"].shape
    layers = {name.split(".")[3] for name in weights if name.startswith("bert.encoder.layer.")}
    return {
        "model_type": "bert",
        "architectures": ["BertForTokenClassification"],
        "vocab_size": int(pieces),
        "hidden_size": int(hidden),
        "num_hidden_layers": len(layers),
        "num_attention_heads": int(hidden) // _HEAD_WIDTH,
        "intermediate_size": len(weights["bert.encoder.layer.0.intermediate.dense.bias"]),
        "max_position_embeddings": len(weights["bert.embeddings.position_embeddings.weight"]),
        "type_vocab_size": len(weights["bert.embeddings.token_type_embeddings.weight"]),
        "layer_norm_eps": float(epsilons[0]) if epsilons else 1e-5,  # ONNX's own default
        "pad_token_id": 1,
        "id2label": dict(enumerate(TAGS)),
        "label2id": {tag: number for number, tag in enumerate(TAGS)},
    }


def copied(model: registry.Model, out: Path) -> None:
    """A copy of the model's folder, every file checked, to add a variant to."""
    out.mkdir(parents=True, exist_ok=True)
    for artifact in (model.tokenizer, *model.variants.values(), *([model.gate] if model.gate else [])):
        (out / artifact.path.name).write_bytes(artifact.read())
    for name in (registry.MANIFEST, registry.CARD):
        if (model.folder / name).is_file():
            shutil.copyfile(model.folder / name, out / name)
