"""Gives a foreign network our output layout, so that decoding need not know others' schemes. Training only.

Softmax over the foreign labels, probabilities of labels that mean the same added up, and the logarithm of that: which
is a logit again, for which a softmax at temperature 1 gives back the very sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.errors import ModelError

_LEAST: Final = 1e-9


def relabel(network: Any, columns: Sequence[int], labels: int) -> None:
    """Change the graph's one output, ``float32[batch, tokens, theirs]``, to ``float32[batch, tokens, 1 + 2 * labels]``.

    ``columns``: for each foreign output, its place in ours.
    """
    from onnx import TensorProto, helper, numpy_helper  # type: ignore[import-not-found,unused-ignore]

    graph = network.graph
    if len(graph.output) != 1:
        raise ModelError(f"the network has {len(graph.output)} outputs instead of one: it is no token classifier")
    name = graph.output[0].name
    inner = f"{name}_foreign"
    for node in graph.node:
        for places in (node.input, node.output):
            for at, entry in enumerate(places):
                if entry == name:
                    places[at] = inner
    sums = np.zeros((len(columns), 1 + 2 * labels), dtype=np.float32)
    sums[np.arange(len(columns)), list(columns)] = 1.0
    graph.initializer.extend(
        [
            numpy_helper.from_array(sums, f"{name}_sums"),
            numpy_helper.from_array(np.asarray(_LEAST, dtype=np.float32), f"{name}_least"),
        ]
    )
    graph.node.extend(
        [
            helper.make_node("Softmax", [inner], [f"{name}_shares"], axis=-1),
            helper.make_node("MatMul", [f"{name}_shares", f"{name}_sums"], [f"{name}_summed"]),
            helper.make_node("Max", [f"{name}_summed", f"{name}_least"], [f"{name}_clipped"]),
            helper.make_node("Log", [f"{name}_clipped"], [name]),
        ]
    )
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "tokens", 1 + 2 * labels]))


def relabel_file(path: Path, columns: Sequence[int], labels: int) -> None:
    """The same for a file, in place."""
    import onnx  # type: ignore[import-not-found,unused-ignore]

    network = onnx.load(path)
    relabel(network, columns, labels)
    onnx.save(network, path)
