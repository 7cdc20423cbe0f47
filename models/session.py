"""Makes ONNX Runtime sessions from checked bytes. Imports ``devices``, ``registry``, ``errors`` and onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Sequence

import onnxruntime  # type: ignore[import-untyped]

from models import devices
from models.errors import ModelError
from models.registry import Artifact, Model


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_session(model: Model, device: str = "cpu", threads: int | None = None) -> onnxruntime.InferenceSession:
    """A session on ``device`` and on nothing else; ``threads`` defaults to the cores that may be used.

    Raises :class:`ModelError` if the files are wrong or if the device cannot be had: a model for a GPU that quietly ran
    on the CPU would be slower than the CPU's own.
    """
    kind = devices.device(device)
    provider, artifact = model.variant(device)
    if provider not in onnxruntime.get_available_providers():
        raise ModelError(
            f"device {device!r} was asked for, but this onnxruntime has no {provider}: "
            "install onnxruntime-gpu, or use the CPU"
        )
    session = _open(artifact, [provider, *kind.helpers], threads)
    if session.get_providers()[0] != provider:
        raise ModelError(
            f"device {device!r} was asked for, but onnxruntime runs on {session.get_providers()[0]}: check the driver"
        )
    return session


def open_gate(model: Model) -> onnxruntime.InferenceSession:
    """A session for the model's gate: on the CPU whatever the device, where it costs less than a copy to a GPU would.

    One thread: its steps are too small to share. Raises :class:`ModelError`, also if the model has no gate.
    """
    if model.gate is None:
        raise ModelError(f"model {model.name} in {model.folder} has no gate: train one (coatcheck models gate)")
    return _open(model.gate, [devices.CPU], 1)


def _open(artifact: Artifact, providers: Sequence[str], threads: int | None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads would take from the proxy what they wait for.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    content = artifact.read()
    try:
        return onnxruntime.InferenceSession(content, options, providers=list(providers))
    except Exception as error:
        raise ModelError(
            f"onnxruntime cannot load {artifact.path}: {type(error).__name__}; install the model again"
        ) from None
