"""Features of traces whose events are known."""

from __future__ import annotations

import numpy as np
import pytest

from napari_calcdyn.analysis.neurons.trace_features import trace_features
from napari_calcdyn.recording import Traces


def decaying(samples: int, at: list[int], size: float) -> np.ndarray:
    """Events that rise at once and fall with a time constant of 15 samples."""
    trace = np.zeros(samples)
    for start in at:
        trace[start:] += size * np.exp(-np.arange(samples - start) / 15)
    return trace


def test_peak_noise_and_events() -> None:
    rng = np.random.default_rng(0)
    at = [100, 400, 700, 900]
    values = np.stack([5 + decaying(1200, at, 20.0), np.full(1200, 5.0), np.full(1200, 3.0)])
    values[:2] += rng.normal(size=(2, 1200))
    values[0, 950:1000] = np.nan  # no events in the gap
    features = trace_features(Traces(values, np.array([4, 7, 9]), frame_rate=10.0))
    assert list(features) == ["peak", "snr", "events_per_minute"]
    assert features["peak"][0] == pytest.approx(20, abs=2.5)
    assert features["snr"][0] == pytest.approx(20, rel=0.15)
    assert 2.5 < features["snr"][1] < 4.5, "noise alone"
    assert features["events_per_minute"][0] == pytest.approx(4 / (1150 / 600))
    assert features["events_per_minute"][1] == 0
    assert all(np.isnan(column[2]) for column in features.values()), "constant"


def test_a_noisy_event_is_one_event() -> None:
    rng = np.random.default_rng(1)
    slow = 6 * np.exp(-np.square(np.arange(1000) - 500) / (2 * 80**2))  # crosses slowly, up and down
    events = trace_features(Traces(slow[None] + rng.normal(size=(1, 1000)), np.array([0])))["events"]
    crossings = (np.diff((slow + rng.normal(size=1000) > 4).astype(int)) == 1).sum()
    assert crossings > 20
    assert events[0] <= 2


def test_without_noise_or_neighbouring_samples() -> None:
    square = np.zeros((1, 100))
    square[0, 40:50] = 1
    features = trace_features(Traces(square, np.array([0])))
    assert np.isnan(features["snr"][0])
    assert features["events"][0] == 1
    sparse = np.where(np.arange(100) % 2, np.nan, square)
    assert trace_features(Traces(sparse, np.array([0])))["events"][0] == 1
