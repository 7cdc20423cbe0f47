"""Networks for GPUs: FP16 with fused attention for CUDA, INT8 with symmetric scales for TensorRT. Training only.

Why not the CPU's INT8: ONNX Runtime's CUDA provider has no kernels for it, and TensorRT wants scales without zero
points and weights of full 8 bits. Fusing is ONNX Runtime's own (``onnxruntime.transformers``); it turns a BERT-style
export, with SDPA or eager attention, into one node each for attention, skip connection + LayerNorm, and bias + GELU.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from models.errors import ModelError
from models.ner import progress
from models.ner.export import CONFIG
from models.ner.quantize import Reader, products_of_activations
from models.ner.samples import Inputs
from models.ner.smoothing import smooth

FP16 = "model.fp16.onnx"
QDQ = "model.qdq.onnx"

FUSED = ("Attention", "MultiHeadAttention", "SkipLayerNormalization", "BiasGelu")


def half(source: Path, out: Path) -> dict[str, int]:
    """``source`` (FP32) to ``out`` (FP16 inside, FP32 logits); returns how many nodes of each kind were fused.

    ``config.json`` beside ``source`` names the architecture. One whose graph fuses nothing is still right, only slower.
    """
    from onnxruntime.transformers.optimizer import optimize_model  # type: ignore[import-untyped]

    if not source.is_file():
        raise ModelError(f"{source} does not exist: run 'coatcheck models export' first")
    config = json.loads((source.parent / CONFIG).read_text(encoding="utf-8"))
    heads = config.get("num_attention_heads") or config.get("n_heads", 0)
    hidden = config.get("hidden_size") or config.get("dim", 0)
    # Level 0: fusing by pattern alone; the runtime's own optimizations would fit the graph to this machine's CPU.
    network = optimize_model(str(source), model_type="bert", num_heads=heads, hidden_size=hidden, opt_level=0)
    counts: dict[str, int] = network.get_fused_operator_statistics()
    network.convert_float_to_float16(keep_io_types=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    network.save_model_to_file(str(out))
    return {name: counts.get(name, 0) for name in FUSED}


def quantize_for_tensorrt(source: Path, out: Path, sample: Sequence[Inputs]) -> None:
    """``source`` (FP32) to ``out``: INT8 Q/DQ pairs around every product with constant weights."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static  # type: ignore[import-untyped]

    out.parent.mkdir(parents=True, exist_ok=True)
    with progress.unadvised(), tempfile.TemporaryDirectory(prefix="coatcheck-quantize-") as folder:
        smoothed = Path(folder) / "smooth.onnx"
        smooth(source, sample, smoothed)
        quantize_static(
            smoothed,
            out,
            Reader(iter(sample)),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=products_of_activations(smoothed),
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "OpTypesToExcludeOutputQuantization": ["MatMul"],
            },
        )
