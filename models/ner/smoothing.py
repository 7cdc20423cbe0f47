"""Makes activations fit for INT8: SmoothQuant (Xiao, Lin, Seznec, Wu, Demouth, Han, ICML 2023). Training only.

A few channels of the feed-forward layers' inputs are ten times the rest; one scale for all then leaves the rest few
steps. Each channel is divided by a constant and its row of weights multiplied by the same, so that the network stays
the function it was. Measured on 250 windows: mean change of a token's tag probabilities by INT8 0.0080 without, 0.0035
with (dynamic INT8: 0.0059).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

STRENGTH = 0.85
"""Share of the difficulty that moves from activations to weights, 0 to 1."""


def smooth(
    source: Path, sample: Sequence[Mapping[str, NDArray[np.int64]]], out: Path, strength: float = STRENGTH
) -> None:
    """Write the network of ``source``, smoothed by what it does on ``sample``, to ``out``."""
    import onnx  # type: ignore[import-not-found,unused-ignore]
    from onnx import numpy_helper  # type: ignore[import-not-found,unused-ignore]

    network = onnx.load(source)
    weights = {tensor.name: tensor for tensor in network.graph.initializer}
    products = [node for node in network.graph.node if _is_feed_forward(node, weights)]
    peaks = _peaks(network, sorted({node.input[0] for node in products}), sample)
    inserted: dict[str, Any] = {}
    for node in products:
        activation, name = node.input[0], node.input[1]
        matrix: Floats = numpy_helper.to_array(weights[name])
        factors = channel_factors(peaks[activation], matrix, strength)
        weights[name].CopyFrom(numpy_helper.from_array(matrix * factors[:, None], name))
        divisor, smoothed = f"{activation}_divisor", f"{activation}_smoothed"
        network.graph.initializer.append(numpy_helper.from_array(1 / factors, divisor))
        inserted[activation] = onnx.helper.make_node(
            "Mul", [activation, divisor], [smoothed], name=f"{node.name}_smooth"
        )
        node.input[0] = smoothed
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in network.graph.node]
    del network.graph.node[:]
    for node in nodes:
        network.graph.node.append(node)
        network.graph.node.extend(inserted[name] for name in node.output if name in inserted)
    onnx.save(network, out)


def channel_factors(peaks: Floats, matrix: Floats, strength: float) -> Floats:
    """What each channel is divided by, ``float32[channels]``, with geometric mean 1.

    ``peaks``: the greatest magnitude of each channel; ``matrix``: ``float32[channels, outputs]``.
    """
    rows = np.abs(matrix).max(axis=1)
    factors = np.maximum(peaks, 1e-3) ** strength / np.maximum(rows, 1e-3) ** (1 - strength)
    centred: Floats = (factors / np.exp(np.log(factors).mean())).astype(np.float32)
    return centred


def _is_feed_forward(node: Any, weights: Mapping[str, Any]) -> bool:
    """Products that widen or narrow, but the head: any encoder's feed-forward layers, by shape, as names differ."""
    if node.op_type != "MatMul" or node.input[1] not in weights:
        return False
    rows, columns = weights[node.input[1]].dims
    return bool(rows != columns and max(rows, columns) <= 8 * min(rows, columns))


def _peaks(network: Any, names: list[str], sample: Sequence[Mapping[str, NDArray[np.int64]]]) -> dict[str, Floats]:
    """The greatest magnitude of each channel of the named activations."""
    import onnx
    import onnxruntime  # type: ignore[import-untyped]

    watched = onnx.ModelProto.FromString(network.SerializeToString())
    watched.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names
    )
    session = onnxruntime.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    peaks: dict[str, Floats] = {}
    for inputs in sample:
        for name, values in zip(names, session.run(names, dict(inputs)), strict=True):
            here: Floats = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
            peaks[name] = np.maximum(peaks[name], here) if name in peaks else here
    return peaks
