"""Knows the models on this machine: what a model folder holds, and that its files are the ones that were released.

A folder holds ``model.json``, the tokenizer, one ONNX file per execution provider and a card (``README.md``). Files are
read once, checked against their SHA-256 and handed on as bytes, so what was checked is what runs. ONNX only: no
pickles, no code. Nothing is ever downloaded. Imports nothing of ours but ``errors``; may not import onnxruntime.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models.errors import ModelError

MANIFEST: Final = "model.json"
CARD: Final = "README.md"
FORMAT: Final = 1
ENVIRONMENT: Final = "COATCHECK_NER_MODEL"
"""Names a model folder that stands in for the built-in one."""

CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"
PROVIDERS: Final = {"cpu": CPU, "cuda": CUDA}
"""ONNX Runtime's name for each device that may be asked for."""

WEIGHTS: Final = Path(__file__).with_name("weights")
"""Where the models that come with Coatcheck are."""

DEFAULT: Final = "coatcheck_ner"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of a model with the digest that it must have."""

    path: Path
    sha256: str
    size: int
    """Bytes."""

    def read(self) -> bytes:
        """The file's bytes, checked. Raises :class:`ModelError` if it is missing or is not the released file."""
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise ModelError(f"cannot read {self.path}: {error.strerror}; install the model again") from None
        if content.startswith(b"version https://git-lfs"):
            raise ModelError(f"{self.path} is only a Git LFS pointer: fetch the file itself (git lfs pull)")
        if len(content) != self.size or hashlib.sha256(content).hexdigest() != self.sha256:
            raise ModelError(
                f"{self.path} is not the file that {MANIFEST} describes (checksum differs): install the model again, "
                f"or, if you changed it yourself, write a new {MANIFEST}"
            )
        return content


@dataclass(frozen=True, slots=True)
class Model:
    """What ``model.json`` says."""

    folder: Path
    name: str
    version: str
    labels: tuple[str, ...]
    max_tokens: int
    """Tokens in a window, its two marks included."""
    overlap: int
    """Tokens that neighbouring windows share."""
    temperature: float
    threshold: float
    licence: str
    tokenizer: Artifact
    variants: dict[str, Artifact]
    """By ONNX Runtime's name of the execution provider."""
    gate: Artifact | None = None
    """The network that picks the windows worth reading (``ner/gate.py``); None: every window is read."""
    gate_threshold: float = 0.0
    """Least probability, 0 to 1, at which the gate has a token's window read."""

    def variant(self, device: str) -> tuple[str, Artifact]:
        """Provider and file for ``cpu`` or ``cuda``."""
        provider = PROVIDERS.get(device)
        if provider is None:
            raise ModelError(f"unknown device {device!r}: use one of {', '.join(PROVIDERS)}")
        if provider not in self.variants:
            raise ModelError(
                f"model {self.name} in {self.folder} has no variant for {device}: export one, or use another device"
            )
        return provider, self.variants[provider]

    @property
    def card(self) -> Path:
        """Where the model's description for people is."""
        return self.folder / CARD


def find(name_or_path: str | Path | None = None) -> Model:
    """The model of that name (built in) or in that folder; None: what the environment names, else the default.

    Reads the manifest only. Raises :class:`ModelError`.
    """
    wanted = name_or_path or os.environ.get(ENVIRONMENT) or DEFAULT
    folder = Path(wanted)
    if not folder.is_dir() and len(folder.parts) == 1:
        folder = WEIGHTS / folder
    return read(folder)


def available() -> list[Model]:
    """The models that come with this installation, by name."""
    return [read(path.parent) for path in sorted(WEIGHTS.glob(f"*/{MANIFEST}"))]


def read(folder: Path) -> Model:
    """Read and check ``folder/model.json``. Raises :class:`ModelError`."""
    path = folder / MANIFEST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"no model in {folder}: there is no {MANIFEST}; give a model's name or folder") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read {path}: {type(error).__name__}; install the model again") from None
    try:
        return _model(folder, raw)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{path} is not a model's description: {type(error).__name__} {error}") from None


def _model(folder: Path, raw: dict[str, Any]) -> Model:
    if raw["format"] != FORMAT:
        raise ModelError(
            f"{folder / MANIFEST} has format {raw['format']!r}, but this Coatcheck reads {FORMAT}: "
            "install a model that fits"
        )
    variants = {str(provider): _network(folder, entry) for provider, entry in raw["variants"].items()}
    gate = raw.get("gate")
    return Model(
        folder=folder,
        name=str(raw["name"]),
        version=str(raw["version"]),
        labels=tuple(str(label) for label in raw["labels"]),
        max_tokens=int(raw["max_tokens"]),
        overlap=int(raw["overlap"]),
        temperature=float(raw["temperature"]),
        threshold=float(raw["threshold"]),
        licence=str(raw["licence"]),
        tokenizer=_artifact(folder, raw["tokenizer"]),
        variants=variants,
        gate=_network(folder, gate) if gate else None,
        gate_threshold=_share(gate["threshold"]) if gate else 0.0,
    )


def _share(value: Any) -> float:
    number = float(value)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"threshold {number} is not between 0 and 1")
    return number


def _network(folder: Path, entry: dict[str, Any]) -> Artifact:
    artifact = _artifact(folder, entry)
    if artifact.path.suffix != ".onnx":
        raise ModelError(f"{artifact.path} is not an ONNX file: only ONNX models are loaded")
    return artifact


def _artifact(folder: Path, entry: dict[str, Any]) -> Artifact:
    name = str(entry["file"])
    if Path(name).name != name:
        raise ModelError(f"{folder / MANIFEST} names {name!r}: a model's files must lie in its own folder")
    return Artifact(folder / name, str(entry["sha256"]), int(entry["bytes"]))


def describe(path: Path) -> dict[str, str | int]:
    """A file's entry in a manifest."""
    content = path.read_bytes()
    return {"file": path.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
