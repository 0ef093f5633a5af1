"""The encoder of kinds: blind for when, sharp for what, and the same after it was saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_calcdyn import InputError, KindEncoder, Traces
from napari_calcdyn.models.kinds.repeatable import repeatable_directions
from napari_calcdyn.models.kinds.statistics import STATISTICS, standard_traces, trace_statistics


def traces(seed: int = 0, neurons: int = 12, samples: int = 400, frame_rate: float | None = 20.0) -> Traces:
    rng = np.random.default_rng(seed)
    kernel = np.exp(-np.arange(60) / 15)
    spikes = rng.uniform(3, 12, (neurons, 1)) * (rng.random((neurons, samples)) < 0.02)
    values = np.array([np.convolve(row, kernel)[:samples] for row in spikes])
    return Traces.from_array(values + rng.normal(size=values.shape), frame_rate=frame_rate)


def statistics(known: Traces) -> np.ndarray:
    return trace_statistics(standard_traces(known), known.frame_rate)[0]


def test_repeatable_directions_are_those_of_the_neurons() -> None:
    rng = np.random.default_rng(0)
    neuron = rng.normal(size=(200, 1, 2)) * (3, 2)
    windows = np.concatenate(
        [neuron + rng.normal(size=(200, 2, 2)), 5 * rng.normal(size=(200, 2, 4))], axis=2
    )
    mixing = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    found = repeatable_directions(windows @ mixing, 2)
    in_truth = mixing @ found  # rows of the two true numbers, then of noise
    assert np.abs(in_truth[2:]).max() < 0.1 * np.abs(in_truth[:2]).max()


def test_time_brightness_and_offset_do_not_count() -> None:
    known = traces()
    moved = np.roll(known.values, 200, axis=1)  # a neuron that does the same at another time
    first, later = statistics(known), statistics(Traces.from_array(moved, frame_rate=20.0))
    brighter = statistics(Traces.from_array(7 * known.values + 300, frame_rate=20.0))
    assert first.shape == (12, STATISTICS)
    spread = first.std(axis=0).mean()
    assert np.abs(later - first).mean() < 0.3 * spread
    np.testing.assert_allclose(brighter, first, atol=0.1 * spread)


def test_missing_samples_and_traces_that_cannot_be_used() -> None:
    known = traces()
    values = known.values.copy()
    values[0, 100:120] = np.nan
    values[1] = 5
    whole, found = statistics(known), statistics(Traces.from_array(values, frame_rate=20.0))
    assert np.isnan(found[1]).all()
    assert np.isfinite(np.delete(found, 1, axis=0)).all()
    assert np.abs(found[0] - whole[0]).mean() < 0.5 * whole.std(axis=0).mean()


def test_save_and_load(tmp_path: Path) -> None:
    known = [traces(0), traces(1, samples=300)]
    encoder = KindEncoder(latent=4).fit(known)
    assert 0 < encoder.metrics["repeatability"] < 1
    encoder.save(tmp_path / "model")
    again = KindEncoder.load(tmp_path / "model")
    np.testing.assert_array_equal(again.encode(known[1]), encoder.encode(known[1]))
    assert again.encode(known[1]).shape == (12, 4)
    assert again.config == encoder.config
    with pytest.raises(InputError, match="has no frame rate, and the recordings of the model have"):
        again.encode(traces(2, frame_rate=None))


def test_no_more_latents_than_statistics() -> None:
    assert KindEncoder(latent=STATISTICS).config.latent == STATISTICS
    with pytest.raises(InputError, match="latent"):
        KindEncoder(latent=STATISTICS + 1)


def test_recordings_that_cannot_be_used() -> None:
    with pytest.raises(InputError, match="has no frame rate and others have"):
        KindEncoder().fit([traces(), traces(frame_rate=None)])
    with pytest.raises(InputError, match="give a list of recordings"):
        KindEncoder().fit(traces())  # type: ignore[arg-type]
    with pytest.raises(InputError, match="There is no recording"):
        KindEncoder().fit([])
    with pytest.raises(InputError, match="6 traces that can be used"):
        KindEncoder().fit([traces(neurons=6)])
    with pytest.raises(InputError, match="too short"):
        KindEncoder().fit([traces(samples=20)])
