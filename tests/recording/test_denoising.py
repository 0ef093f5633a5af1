"""Denoised traces: closer to the truth than filters, with a band that holds what it says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from napari_calcdyn import InputError, Traces, denoise
from napari_calcdyn.recording import Cancelled
from napari_calcdyn.recording.traces import BAND

NOISE = 0.5


def simulated(kind: str, neurons: int = 30, samples: int = 400) -> NDArray[np.float64]:
    """Traces without noise; all of "jumps" and "alike" jump at few times, those of "alike" at the same ones."""
    random = np.random.default_rng(100)
    steps = random.exponential(2.0, (neurons, samples))
    if kind == "normal":
        steps = random.normal(0, 0.5, (neurons, samples))
    else:
        steps *= random.random((1 if kind == "alike" else neurons, samples)) < 0.03
    for t in range(1, samples):
        steps[:, t] += 0.9 * steps[:, t - 1]
    return 10 + steps


def noisy(clean: NDArray[np.float64]) -> Traces:
    random = np.random.default_rng(101)
    return Traces.from_array(clean + random.normal(0, NOISE, clean.shape), frame_rate=20.0)


def error(found: NDArray[np.float32], clean: NDArray[np.float64]) -> float:
    return float(np.square(found - clean).mean())


@pytest.mark.parametrize(("kind", "better"), [("jumps", 0.6), ("normal", 1.02)])
def test_closer_to_the_truth_than_the_best_gaussian(kind: str, better: float) -> None:
    clean = simulated(kind)
    traces = noisy(clean)
    found = denoise(traces)
    gaussian = min(
        error(gaussian_filter1d(traces.values, width, axis=1), clean) for width in (0.5, 0.7, 1, 1.5)
    )
    assert error(found.values, clean) < better * gaussian < NOISE**2
    assert np.median(found.noise) == pytest.approx(NOISE, rel=0.15)
    within = np.abs(found.values - clean) < BAND * found.sd
    assert 0.85 < within.mean() < 0.95
    assert found.share > 0.5 if kind == "jumps" else found.share < 0.5


def test_neurons_that_behave_alike_help_each_other() -> None:
    clean = simulated("alike")
    traces = noisy(clean)
    others = np.array([[at for at in range(len(clean)) if at != it] for it in range(len(clean))])
    assert error(denoise(traces, others).values, clean) < 0.85 * error(denoise(traces).values, clean)


def test_unit_gaps_and_unusable_traces() -> None:
    values = noisy(simulated("jumps", 8, 200)).values.copy()
    found = denoise(Traces.from_array(values, frame_rate=20.0))
    scaled = denoise(Traces.from_array(1000 * values - 7, frame_rate=20.0))
    np.testing.assert_allclose(scaled.values, 1000 * found.values - 7, rtol=1e-3)
    np.testing.assert_allclose(scaled.sd, 1000 * found.sd, rtol=1e-2)
    values[0] = 3.0
    values[1, 50:80] = np.nan
    spoilt = denoise(Traces.from_array(values, frame_rate=20.0))
    assert np.isnan(spoilt.values[0]).all()
    assert np.isfinite(spoilt.values[1:]).all()
    assert spoilt.sd[1, 60:70].mean() > 1.5 * spoilt.sd[1, 100:].mean()  # it knows that it does not know


def test_what_is_refused() -> None:
    traces = noisy(simulated("jumps", 5, 50))
    for alike in (np.zeros((4, 2), int), np.zeros((5, 2)), np.full((5, 2), 5)):
        with pytest.raises(InputError, match="alike"):
            denoise(traces, alike)
    with pytest.raises(Cancelled):
        denoise(traces, progress=lambda done, total: done > 3)
    said: list[tuple[int, int]] = []
    denoise(traces, progress=lambda *at: said.append(at))
    assert [done for done, _ in said] == list(range(said[0][1]))
