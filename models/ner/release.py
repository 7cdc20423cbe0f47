"""Puts a model folder together: files, ``model.json`` and the temperature. Imports ``registry`` and its neighbours."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from models import registry
from models.errors import ModelError
from models.ner.export import TOKENIZER
from models.ner.labels import LABELS
from models.ner.quantize import INT8, MAX_TOKENS, OVERLAP

LICENCE = "CC-BY-SA-4.0"


def assemble(
    exported: Path,
    folder: Path,
    name: str,
    version: str,
    temperature: float = 1.0,
    threshold: float = 0.5,
    *,
    device: str = "cpu",
    network: str = INT8,
    licence: str = LICENCE,
    data: Mapping[str, int] | None = None,
) -> registry.Model:
    """Complete ``folder``, which holds the quantized ``network``, with its tokenizer and ``model.json``.

    ``data``: texts by source that it was trained on, for the card.
    """
    if not (folder / network).is_file():
        raise ModelError(f"{folder / network} does not exist: run 'coatcheck models quantize' first")
    shutil.copyfile(exported / TOKENIZER, folder / TOKENIZER)
    manifest: dict[str, object] = {
        "format": registry.FORMAT,
        "name": name,
        "version": version,
        "licence": licence,
        "labels": list(LABELS),
        "max_tokens": MAX_TOKENS,
        "overlap": OVERLAP,
        "temperature": temperature,
        "threshold": threshold,
        "tokenizer": registry.describe(folder / TOKENIZER),
        "variants": {registry.PROVIDERS[device]: registry.describe(folder / network)},
    }
    if data:
        manifest["data"] = dict(data)
    write(folder, manifest)
    return registry.read(folder)


def add_variant(folder: Path, device: str, network: Path) -> registry.Model:
    """Enter ``network``, a file in ``folder``, as what runs on ``device``; an earlier one for it is replaced."""
    manifest = json.loads((folder / registry.MANIFEST).read_text(encoding="utf-8"))
    variants = {**manifest["variants"], registry.PROVIDERS[device]: registry.describe(network)}
    write(folder, {**manifest, "variants": variants})
    return registry.read(folder)


def set_gate(folder: Path, gate: Path, threshold: float) -> registry.Model:
    """Enter ``gate``, a file in ``folder``, as the network that picks the windows worth reading."""
    manifest = json.loads((folder / registry.MANIFEST).read_text(encoding="utf-8"))
    write(folder, {**manifest, "gate": {**registry.describe(gate), "threshold": threshold}})
    return registry.read(folder)


def write(folder: Path, manifest: dict[str, object]) -> None:
    """Write ``model.json``."""
    (folder / registry.MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def set_temperature(folder: Path, temperature: float) -> None:
    """Change the temperature in ``model.json`` and nothing else."""
    manifest = json.loads((folder / registry.MANIFEST).read_text(encoding="utf-8"))
    write(folder, {**manifest, "temperature": temperature})
