"""Devices by the name of the configuration and by onnxruntime's."""

from __future__ import annotations

import pytest

from models import devices
from models.errors import ModelError


def test_devices_are_found_both_ways() -> None:
    for name, device in devices.DEVICES.items():
        assert devices.device(name) is device
        assert devices.of_provider(device.provider) is device


def test_unknown_ones_are_named() -> None:
    with pytest.raises(ModelError, match="unknown device 'tpu': use one of cpu, cuda, tensorrt"):
        devices.device("tpu")
    with pytest.raises(ModelError, match="unknown execution provider 'QNN"):
        devices.of_provider("QNNExecutionProvider")


def test_a_gpu_takes_more_at_once_and_always_the_same_number_of_rows() -> None:
    cpu, *others = devices.DEVICES.values()
    assert not cpu.fixed_rows
    assert all(device.fixed_rows and device.batch_tokens > cpu.batch_tokens for device in others)
