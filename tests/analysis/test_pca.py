"""Principal components against the singular value decomposition they are defined by."""

from __future__ import annotations

import numpy as np
import pytest

from napari_calcdyn.analysis.neurons.pca import PCABaseline
from napari_calcdyn.recording import InputError


@pytest.mark.parametrize("shape", [(30, 80), (80, 30), (20, 20)])
def test_equations_13_and_15(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=shape) * np.linspace(3, 1, shape[1]) + 5, rng.normal(size=(7, shape[1]))
    baseline = PCABaseline.fit(train.astype(np.float32), 4)
    directions = np.linalg.svd(train - train.mean(0))[2][:4]
    centred = test - train.mean(0)
    projected = centred @ directions.T @ directions
    np.testing.assert_allclose(baseline.reconstruct(test), projected + train.mean(0), atol=1e-4)
    latents = baseline.encode(test)
    assert (latents.shape, latents.dtype) == ((7, 4), np.float32)
    np.testing.assert_allclose(abs(latents), abs(centred @ directions.T), atol=1e-4)
    np.testing.assert_allclose(baseline.decode(latents), baseline.reconstruct(test))


def test_as_many_components_as_samples_lose_nothing() -> None:
    values = np.random.default_rng(0).normal(size=(12, 6))
    np.testing.assert_allclose(PCABaseline.fit(values, 6).reconstruct(values), values, atol=1e-5)


def test_what_has_no_principal_components() -> None:
    values = np.random.default_rng(0).normal(size=(12, 6))
    with pytest.raises(InputError, match="12 neurons with 6 samples have no 7 principal components"):
        PCABaseline.fit(values, 7)
    values[3, 2] = np.nan
    with pytest.raises(InputError, match="without missing samples"):
        PCABaseline.fit(values, 2)
