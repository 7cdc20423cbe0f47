"""Smoothing evens out channels and leaves the product what it was."""

from __future__ import annotations

import numpy as np
import pytest

from models.ner.smoothing import channel_factors

RNG = np.random.default_rng(7)
INPUTS = RNG.normal(size=(50, 16)).astype(np.float32)
INPUTS[:, 3] *= 40
MATRIX = RNG.normal(size=(16, 8)).astype(np.float32)


def test_the_product_stays_what_it_was() -> None:
    factors = channel_factors(np.abs(INPUTS).max(axis=0), MATRIX, 0.85)
    np.testing.assert_allclose((INPUTS / factors) @ (MATRIX * factors[:, None]), INPUTS @ MATRIX, rtol=1e-3, atol=1e-3)


def test_channels_become_alike() -> None:
    before = np.abs(INPUTS).max(axis=0)
    after = np.abs(INPUTS / channel_factors(before, MATRIX, 0.85)).max(axis=0)
    assert after.max() / np.median(after) < 0.2 * before.max() / np.median(before)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_factors_are_centred_and_finite_for_dead_channels(strength: float) -> None:
    factors = channel_factors(np.zeros(16, np.float32), np.zeros((16, 8), np.float32), strength)
    assert factors == pytest.approx(np.ones(16))
