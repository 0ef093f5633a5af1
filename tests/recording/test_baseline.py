"""ΔF/F and its baselines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bad_input import refuses
from pydantic import ValidationError
from scipy.ndimage import gaussian_filter, maximum_filter1d, minimum_filter1d

from napari_calcdyn.recording import Cancelled, Movie, RoiSet, Traces, extract_traces, open_traces
from napari_calcdyn.recording.movies import join
from napari_calcdyn.recording.traces.baseline import Baseline, delta_f_over_f

RATE = 10.0


def bleaching(number: int = 5, samples: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """Events on a baseline that falls by a third: fluorescence and the true ΔF/F."""
    random = np.random.default_rng(0)
    spikes = random.random((number, samples)) < 0.01
    decay = np.exp(-np.arange(60) / 8)
    events = np.array([np.convolve(train, decay)[:samples] for train in spikes.astype(float)])
    f0 = random.uniform(80, 400, (number, 1)) * (1 - np.linspace(0, 0.33, samples))
    return f0 * (1 + events) + random.normal(0, 0.4, (number, samples)), events


def traces_of(values: np.ndarray, rate: float | None = RATE) -> Traces:
    return Traces(values, np.arange(len(values)) + 7, frame_rate=rate, provenance={"file": "x"})


def test_maximin_is_that_of_suite2p() -> None:
    """Its preprocess: Gaussian filter, minimum filter, maximum filter along time."""
    values, _ = bleaching()
    smooth = gaussian_filter(values.astype(np.float32).astype(float), [0.0, 12.0])
    f0 = maximum_filter1d(minimum_filter1d(smooth, 300), 300)
    found = delta_f_over_f(traces_of(values), Baseline(method="maximin", window_s=30, smoothing_s=1.2))
    np.testing.assert_allclose(found.values, (values - f0) / f0, atol=1e-5)


def test_percentile_is_one_number_per_trace() -> None:
    values, _ = bleaching()
    f0 = np.percentile(values, 20, axis=1, keepdims=True)
    found = delta_f_over_f(traces_of(values, None), Baseline(method="percentile", percentile=20))
    np.testing.assert_allclose(found.values, (values - f0) / f0, atol=1e-5)


def test_running_percentile_looks_at_its_window() -> None:
    values, _ = bleaching()
    found = delta_f_over_f(
        traces_of(values), Baseline(method="running percentile", percentile=30, window_s=12.1)
    )
    for sample in (60, 100, 450, 839):
        f0 = np.sort(values[:, sample - 60 : sample + 61], axis=1)[:, int(0.3 * 121)]
        np.testing.assert_allclose(found.values[:, sample], (values[:, sample] - f0) / f0, atol=1e-5)


@pytest.mark.parametrize("method", ["maximin", "running percentile"])
def test_running_baselines_follow_bleaching(method: str) -> None:
    values, events = bleaching()
    found = delta_f_over_f(traces_of(values), Baseline(method=method, window_s=20))
    assert np.abs(found.values - events).mean() < 0.05
    fixed = delta_f_over_f(traces_of(values), Baseline(method="percentile"))
    assert np.abs(fixed.values - events).mean() > 0.1


def test_what_was_done_is_kept() -> None:
    values, _ = bleaching()
    found = delta_f_over_f(traces_of(values), Baseline(percentile=30))
    assert found.unit == "ΔF/F"
    assert found.ids.tolist() == [7, 8, 9, 10, 11]
    kept = json.loads(json.dumps(found.provenance))
    assert kept == {
        "file": "x",
        "baseline": {"method": "maximin", "percentile": 30, "window_s": 60, "smoothing_s": 1, "floor": 0.05},
    }
    refuses("ΔF/F already", delta_f_over_f, found)


@pytest.mark.parametrize("method", ["maximin", "running percentile", "percentile"])
def test_baselines_near_zero_are_raised_and_said(method: str) -> None:
    values, _ = bleaching()
    values[1] -= values[1].min()  # as after a neuropil coefficient that is too large
    values[2] -= values[2].max()
    found = delta_f_over_f(traces_of(values), Baseline(method=method, floor=0.1))
    assert np.abs(found.values[1:3]).max() <= 10 + 1e-4
    assert found.provenance["raised_baselines"] == [8, 9]
    (warning,) = found.provenance["warnings"]
    assert warning.startswith("The baseline of 2 of 5 traces falls below 10% of the trace's range")
    untouched = delta_f_over_f(traces_of(bleaching()[0]), Baseline(method=method, floor=0.1))
    np.testing.assert_array_equal(found.values[[0, 3, 4]], untouched.values[[0, 3, 4]])
    assert "warnings" not in untouched.provenance
    assert np.corrcoef(found.values[1], values[1])[0, 1] > 0.9, "the shape stays"


def test_earlier_warnings_stay() -> None:
    values, _ = bleaching()
    traces = Traces(values - 300, np.arange(5), RATE, provenance={"warnings": ["One."]})
    assert delta_f_over_f(traces).provenance["warnings"][0] == "One."
    assert len(delta_f_over_f(traces).provenance["warnings"]) == 2
    assert traces.provenance == {"warnings": ["One."]}


@pytest.mark.parametrize("method", ["maximin", "running percentile", "percentile"])
def test_missing_samples_and_unusable_traces(method: str) -> None:
    values, events = bleaching()
    values[0, 100:140] = np.nan
    values[0, :5] = np.nan
    values[1] = np.nan
    values[2] = 40
    values[3] = -40
    values[4] = 0
    found = delta_f_over_f(traces_of(values), Baseline(method=method, window_s=20))
    np.testing.assert_array_equal(np.isnan(found.values), np.isnan(values))
    assert found.problems == (None, "no valid samples", "constant", "constant", "constant")
    assert "warnings" not in found.provenance
    if method != "percentile":
        assert np.nanmean(np.abs(found.values[0] - events[0])) < 0.05


def test_windows_longer_than_the_recording() -> None:
    values, _ = bleaching(samples=50)
    found = delta_f_over_f(traces_of(values), Baseline(method="maximin", window_s=600, smoothing_s=0))
    np.testing.assert_allclose(found.values, values / values.min(1, keepdims=True) - 1, atol=1e-5)
    found = delta_f_over_f(traces_of(values), Baseline(method="running percentile", window_s=600))
    assert np.isfinite(found.values).all()


@pytest.mark.parametrize("method", ["maximin", "running percentile", "percentile"])
def test_recordings_that_were_joined_have_baselines_of_their_own(method: str) -> None:
    values, _ = bleaching()
    parts = [values[:, :300], 3 * values[:, 300:]]
    alone = [delta_f_over_f(traces_of(it), Baseline(method=method)).values for it in parts]
    joined = RoiSet(np.eye(5), np.arange(5), (1, 5))
    movie = join([Movie.from_array(it.T[:, None], frame_rate=RATE) for it in parts], levelled=False)
    found = delta_f_over_f(extract_traces(movie, joined, neuropil=None), Baseline(method=method)).values
    np.testing.assert_allclose(found[:, :300], alone[0], atol=1e-5)
    np.testing.assert_allclose(found[:, -600:], alone[1], atol=1e-5)
    assert np.isnan(found[:, 300:-600]).all()


def test_bad_settings() -> None:
    values, _ = bleaching()
    refuses(
        "“maximin” has a window in seconds, but traces has no frame rate",
        delta_f_over_f,
        traces_of(values, None),
    )
    for wrong in (
        {"method": "median"},
        {"percentile": 0},
        {"percentile": 100},
        {"window_s": 0},
        {"floor": 0},
    ):
        with pytest.raises(ValidationError):
            Baseline(**wrong)  # type: ignore[arg-type]


def test_progress_and_cancel() -> None:
    seen: list[tuple[int, int]] = []
    delta_f_over_f(traces_of(bleaching()[0]), progress=lambda *state: seen.append(state))
    assert seen == [(k, 5) for k in range(6)]
    with pytest.raises(Cancelled):
        delta_f_over_f(traces_of(bleaching()[0]), progress=lambda done, total: done == 2)


def test_real_suite2p(data_folder: Path) -> None:
    """Its fluorescence has no offset: many baselines are near zero, and none explodes."""
    traces = open_traces(data_folder / "suite2p_plane0")
    found = delta_f_over_f(traces)
    assert np.abs(found.values).max() <= 20 + 1e-3
    assert len(found.provenance["raised_baselines"]) > 20
    assert found.usable.tolist() == traces.usable.tolist()
    stubs = delta_f_over_f(open_traces(data_folder / "formats" / "suite2p"))
    assert "warnings" not in stubs.provenance
    assert 0.1 < stubs.values.max() < 2
