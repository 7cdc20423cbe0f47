"""Knows the models on this machine: what a model folder holds, and that its files are the ones that were released.

A folder holds ``model.json``, the tokenizer, one ONNX file per execution provider and a card (``README.md``). Files are
read once, checked against their SHA-256 and handed on as bytes, so what was checked is what runs. ONNX only: no
pickles, no code. Nothing is downloaded here. Imports nothing of ours but ``devices`` and ``errors``; may not import
onnxruntime.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models import devices
from models.errors import ModelError

MANIFEST: Final = "model.json"
CARD: Final = "README.md"
FORMAT: Final = 1
ENVIRONMENT: Final = "COATCHECK_NER_MODEL"
"""Names a model folder that stands in for the built-in one."""

CPU: Final = devices.CPU
CUDA: Final = devices.CUDA
TENSORRT: Final = devices.TENSORRT
PROVIDERS: Final = {name: device.provider for name, device in devices.DEVICES.items()}
"""ONNX Runtime's name for each device that may be asked for."""

WEIGHTS: Final = Path(__file__).with_name("weights")
"""Where the models that come with Coatcheck are."""

DEFAULT: Final = "coatcheck_ner"


def installed() -> Path:
    """Where ``coatcheck models pull`` puts models: ``$XDG_DATA_HOME/coatcheck/models`` (XDG Base Directory)."""
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "coatcheck" / "models"


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
class Encoding:
    """How a model's tokenizer is used: by our own rules (``ner/encoding.py``) or as it is (``ner/foreign.py``)."""

    own: bool = True
    """Line breaks are tokens of their own."""
    bos: str = "<s>"
    eos: str = "</s>"
    pad: str = "<pad>"


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
    encoding: Encoding = Encoding()

    def variant(self, device: str) -> tuple[str, Artifact]:
        """Provider and file for ``cpu``, ``cuda`` or ``tensorrt``."""
        provider = devices.device(device).provider
        if provider not in self.variants:
            has = ", ".join(name for name, known in PROVIDERS.items() if known in self.variants)
            raise ModelError(
                f"model {self.name} in {self.folder} has no variant for {device} (it has: {has or 'none'}): make one "
                f"with 'coatcheck models quantize --device {device}', or use another device"
            )
        return provider, self.variants[provider]

    @property
    def card(self) -> Path:
        """Where the model's description for people is."""
        return self.folder / CARD


def find(name_or_path: str | Path | None = None) -> Model:
    """The model of that name (built in or pulled) or in that folder; None: the environment's, else the default.

    A built-in model goes before a pulled one of its name. Reads the manifest only. Raises :class:`ModelError`.
    """
    wanted = name_or_path or os.environ.get(ENVIRONMENT) or DEFAULT
    folder = Path(wanted)
    if folder.is_dir() or len(folder.parts) != 1:
        return read(folder)
    for place in (WEIGHTS, installed()):
        if (place / folder / MANIFEST).is_file():
            return read(place / folder)
    names = ", ".join(path.parent.name for path in _manifests())
    raise ModelError(f"no model {str(folder)!r} in {WEIGHTS} or {installed()} (there are: {names or 'none'})")


def available() -> list[Model]:
    """The models that come with this installation, then those that were pulled, by name."""
    return [read(path.parent) for path in _manifests()]


def _manifests() -> list[Path]:
    return [path for place in (WEIGHTS, installed()) for path in sorted(place.glob(f"*/{MANIFEST}"))]


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
        encoding=Encoding(**{key: _scalar(value) for key, value in raw.get("encoding", {}).items()}),
    )


def _scalar(value: Any) -> Any:
    if not isinstance(value, str | bool):
        raise TypeError("encoding is not made of texts")
    return value


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
