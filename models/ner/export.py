"""Writes a trained network as ONNX (FP32) with optimum's exporter. Training only; imports happen when called."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from models.errors import ModelError
from models.ner import progress

FP32 = "model.onnx"
TOKENIZER = "tokenizer.json"
CONFIG = "config.json"
"""transformers' description of the network, kept beside the export: heads and sizes, for fusing."""


def export(run: Path, out: Path) -> Path:
    """``run/model`` and ``run/tokenizer.json`` to ``out/model.onnx`` and ``out/tokenizer.json``; returns the former.

    Inputs ``input_ids``, ``attention_mask``, ``token_type_ids``: ``int64[batch, tokens]``; output ``logits``:
    ``float32[batch, tokens, tags]``.
    """
    trained = run / "model"
    if not (trained / "model.safetensors").is_file():
        raise ModelError(f"{trained} holds no trained network: run 'coatcheck models train' first")
    export_network(trained, out)
    shutil.copyfile(run / TOKENIZER, out / TOKENIZER)
    return out / FP32


def export_network(trained: Path, out: Path) -> None:
    """A token classifier saved by transformers (``config.json``, safetensors) to ``out/model.onnx``; no code of its."""
    from optimum.exporters.onnx import onnx_export_from_model  # type: ignore[import-not-found,unused-ignore]
    from transformers import AutoModelForTokenClassification  # type: ignore[import-not-found,unused-ignore]

    # safetensors only: any other file of weights is a pickle, which may run code.
    network = AutoModelForTokenClassification.from_pretrained(
        trained, local_files_only=True, trust_remote_code=False, use_safetensors=True
    )
    out.mkdir(parents=True, exist_ok=True)
    with progress.unadvised(), tempfile.TemporaryDirectory(prefix="coatcheck-export-") as folder:
        onnx_export_from_model(network, Path(folder), task="token-classification", do_validation=False)
        shutil.copyfile(Path(folder) / FP32, out / FP32)
    shutil.copyfile(trained / CONFIG, out / CONFIG)
