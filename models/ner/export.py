"""Writes a trained network as ONNX (FP32) with optimum's exporter. Training only; imports happen when called."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from models.errors import ModelError

FP32 = "model.onnx"
TOKENIZER = "tokenizer.json"


def export(run: Path, out: Path) -> Path:
    """``run/model`` and ``run/tokenizer.json`` to ``out/model.onnx`` and ``out/tokenizer.json``; returns the former.

    Inputs ``input_ids``, ``attention_mask``, ``token_type_ids``: ``int64[batch, tokens]``; output ``logits``:
    ``float32[batch, tokens, tags]``.
    """
    trained = run / "model"
    if not (trained / "model.safetensors").is_file():
        raise ModelError(f"{trained} holds no trained network: run 'coatcheck models train' first")
    from optimum.onnxruntime import ORTModelForTokenClassification  # type: ignore[import-not-found,unused-ignore]

    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="coatcheck-export-") as folder:
        ORTModelForTokenClassification.from_pretrained(trained, export=True, local_files_only=True).save_pretrained(
            folder
        )
        shutil.copyfile(Path(folder) / FP32, out / FP32)
    shutil.copyfile(run / TOKENIZER, out / TOKENIZER)
    return out / FP32
