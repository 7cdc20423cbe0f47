"""What a model may run on: the execution provider that must do the work, and how much to give it at once. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.errors import ModelError

CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"
TENSORRT: Final = "TensorrtExecutionProvider"


@dataclass(frozen=True, slots=True)
class Device:
    """One kind of device as the configuration names it (``detector.ner.device``)."""

    name: str
    provider: str
    """ONNX Runtime's name of the provider that the model's variant is for; what runs must be this one."""
    helpers: tuple[str, ...]
    """Providers for the nodes that ``provider`` leaves out; never a substitute for it."""
    batch_tokens: int
    """Tokens in one run, padding included; beyond it throughput no longer grows, and memory does."""
    fixed_rows: bool
    """Whether every run of a width must have the same number of rows.

    A GPU's libraries pick a kernel by the whole shape, and kernels round differently: only runs of one shape give a
    text the same probabilities in any company. Missing rows are padding.
    """


DEVICES: Final = {
    device.name: device
    for device in (
        Device("cpu", CPU, (), 512, fixed_rows=False),
        Device("cuda", CUDA, (), 8192, fixed_rows=True),
        Device("tensorrt", TENSORRT, (CUDA,), 8192, fixed_rows=True),
    )
}


def device(name: str) -> Device:
    """The device of that name. Raises :class:`ModelError`."""
    try:
        return DEVICES[name]
    except KeyError:
        raise ModelError(f"unknown device {name!r}: use one of {', '.join(DEVICES)}") from None


def of_provider(provider: str) -> Device:
    """The device that a provider runs on. Raises :class:`ModelError`."""
    for known in DEVICES.values():
        if known.provider == provider:
            return known
    raise ModelError(f"unknown execution provider {provider!r}")
