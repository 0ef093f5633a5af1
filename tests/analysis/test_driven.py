"""Own, driven and driving maps against their definition, computed the long way in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.metrics import roc_auc_score

from napari_calcdyn.analysis.maps import ContributionMaps, driven_maps
from napari_calcdyn.models.roi_var import RoiVAR, fit_roi_var
from napari_calcdyn.models.sources import roi_activity
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Cancelled, InputError, Movie
from napari_calcdyn.recording.movies import Corrections
from napari_calcdyn.simulate.movie import SimulatedMovie, simulate_movie

FRAMES_BACK = 5


@dataclass
class Fitted:
    simulated: SimulatedMovie
    movie: Movie
    model: VARAutoencoder
    latents: NDArray[np.float32]
    activity: NDArray[np.float32]
    roi_var: RoiVAR
    maps: ContributionMaps


@pytest.fixture(scope="module", params=[1, 2], ids=["p1", "p2"])
def fitted(request: pytest.FixtureRequest) -> Fitted:
    # 57 × 70 pixels: not a multiple of the tiles in which the maps are split
    simulated = simulate_movie(
        frames=600,
        height=57,
        width=70,
        dynamic=6,
        silent=2,
        flicker=2,
        noise="low",
        order=request.param,
        seed=9,
    )
    movie = Movie.from_array(simulated.movie)
    config = VARAutoencoderConfig.preset("quick", steps=30, order=request.param)
    model = VARAutoencoder(config).fit(movie, device="cpu")
    latents, activity = model.encode(movie), roi_activity(movie, simulated.rois)
    roi_var = fit_roi_var(model, latents, activity, simulated.rois)
    assert sum(it.nnz for it in roi_var.connections) >= 2
    maps = driven_maps(model, movie, roi_var, activity)
    return Fitted(simulated, movie, model, latents, activity, roi_var, maps)


def relative(difference: NDArray[np.floating], of: NDArray[np.floating]) -> float:
    return float(np.abs(difference).max() / np.abs(of).max())


def past(values: NDArray[np.floating], lag: int) -> NDArray[np.floating]:
    return values[FRAMES_BACK - lag : len(values) - lag]


def deviation(fitted: Fitted) -> NDArray[np.float64]:
    """Smoothed frames less their mean, for all that have a past."""
    frames = fitted.movie.frames(0, fitted.movie.n_frames).astype(np.float64)
    centred = (frames - frames.mean(0))[FRAMES_BACK:]
    sigma = fitted.roi_var.smoothing
    if sigma < 0.2:
        return centred
    return gaussian_filter(centred, (0, sigma, sigma), mode="nearest", radius=(0, 3, 3))


def from_rois(fitted: Fitted, moved: NDArray[np.float64]) -> NDArray[np.float64]:
    """The picture of activities (T, N)."""
    return (moved @ fitted.simulated.rois.footprints.toarray()).reshape(-1, *fitted.movie.frame_shape)


def driven_activity(fitted: Fitted) -> NDArray[np.float64]:
    centred = fitted.activity - fitted.roi_var.basis.resting
    return sum(
        past(centred, lag) @ table.toarray().T
        for lag, table in enumerate(fitted.roi_var.connections, start=1)
    )


def test_the_driven_map_is_what_comes_from_other_rois(fitted: Fitted) -> None:
    expected = (from_rois(fitted, driven_activity(fitted)) * deviation(fitted)).mean(0)
    assert fitted.maps.driven is not None
    assert relative(fitted.maps.driven - expected, expected) < 1e-3


def test_the_own_map_is_what_the_place_itself_had(fitted: Fitted) -> None:
    roi_var, model = fitted.roi_var, fitted.model
    centred = fitted.activity - roi_var.basis.resting
    rest = roi_var.basis.rest(fitted.latents, fitted.activity)
    recent = [sum(past(it, lag) for lag in range(1, FRAMES_BACK + 1)) / FRAMES_BACK for it in (centred, rest)]
    nothing = model.decode(roi_var.mean[None])
    shown = model.decode(roi_var.mean + recent[1] * roi_var.steady_rest) - nothing
    expected = ((from_rois(fitted, recent[0] * roi_var.steady) + shown) * deviation(fitted)).mean(0)
    assert fitted.maps.own is not None
    assert relative(fitted.maps.own - expected, expected) < 2e-3


def test_maps_add_up(fitted: Fitted) -> None:
    maps = fitted.maps
    assert maps.own is not None
    assert maps.driven is not None
    assert maps.driving is not None
    assert relative(maps.own + maps.driven - maps.explained, maps.explained) < 1e-6
    assert len(maps.sources) == len(fitted.simulated.rois) + 1
    assert relative(maps.sources.sum() - maps.explained, maps.explained) < 1e-6
    assert maps.driving.sum() == pytest.approx(maps.driven.sum(), rel=1e-4)


def test_driving_is_what_each_roi_explains_elsewhere(fitted: Fitted) -> None:
    roi_var, rois = fitted.roi_var, fitted.simulated.rois
    centred, frames = fitted.activity - roi_var.basis.resting, deviation(fitted)
    expected = np.zeros(len(rois))
    for source in range(len(rois)):
        alone = np.zeros_like(centred)
        alone[:, source] = centred[:, source]
        moved = sum(
            past(alone, lag) @ table.toarray().T for lag, table in enumerate(roi_var.connections, start=1)
        )
        expected[source] = (from_rois(fitted, moved) * frames).mean(0).sum()
    power = rois.footprints.multiply(rois.footprints).toarray()
    expected_map = (expected / power.sum(1)) @ power
    assert fitted.maps.driving is not None
    assert relative(fitted.maps.driving.ravel() - expected_map, expected_map) < 2e-3


def test_driven_ends_where_the_rois_end(fitted: Fitted) -> None:
    inside = fitted.simulated.rois.footprints.sum(0).reshape(fitted.movie.frame_shape) > 0
    assert fitted.maps.driven is not None
    assert (fitted.maps.driven[~inside] == 0).all()
    assert np.count_nonzero(fitted.maps.driven[inside]) > 30


def test_driven_cells_are_told_from_those_that_only_have_a_memory() -> None:
    simulated = simulate_movie(
        frames=1000, height=96, width=96, dynamic=14, silent=4, flicker=4, noise="middle", seed=11
    )
    movie = Movie.from_array(simulated.movie)
    model = VARAutoencoder(preset="quick").fit(movie, device="cpu")
    activity = roi_activity(movie, simulated.rois)
    maps = driven_maps(
        model, movie, fit_roi_var(model, model.encode(movie), activity, simulated.rois), activity
    )
    count = simulated.coefficients.shape[1]
    others = simulated.coefficients[0] - np.diag(np.diag(simulated.coefficients[0]))
    traces = simulated.traces[:count] - simulated.traces[:count].mean(1, keepdims=True)
    share = (others @ traces).var(1) / traces.var(1)
    is_driven, alone = (
        np.isin(simulated.labels, 1 + np.flatnonzero(it)) for it in (share >= 0.02, share == 0)
    )
    assert is_driven.any()
    assert alone.any()
    assert maps.driven is not None
    either = is_driven | alone
    assert roc_auc_score(is_driven[either], maps.driven[either]) > 0.9
    assert roc_auc_score(is_driven[either], maps.explained[either]) < 0.9


def test_they_are_opened_as_they_were_saved(fitted: Fitted, tmp_path: Path) -> None:
    fitted.maps.save(tmp_path)
    opened = ContributionMaps.load(tmp_path)
    for name in ("explained", "amplitude", "own", "driven", "driving"):
        np.testing.assert_array_equal(getattr(opened, name), getattr(fitted.maps, name))
    np.testing.assert_array_equal(opened.sources[2], fitted.maps.sources[2])


def test_masked_pixels_are_nan_and_bad_frames_do_not_count() -> None:
    simulated = simulate_movie(
        frames=300, height=48, width=48, dynamic=3, silent=1, flicker=1, noise="low", seed=2
    )
    valid_frames, valid_pixels = np.ones(300, bool), np.ones((48, 48), bool)
    valid_frames[100:104], valid_pixels[:4] = False, False
    maps = []
    for content in (0.0, 1e5):
        frames = simulated.movie.astype(np.float32)
        frames[~valid_frames] = content
        frames[:, ~valid_pixels] = content
        corrections = Corrections(("frames", "pixels"), valid_frames, valid_pixels)
        movie = Movie.from_array(frames).corrected(corrections)
        model = VARAutoencoder(preset="quick", steps=20).fit(movie, device="cpu")
        activity = roi_activity(movie, simulated.rois)
        roi_var = fit_roi_var(model, model.encode(movie), activity, simulated.rois)
        maps.append(driven_maps(model, movie, roi_var, activity))
    for name in ("explained", "amplitude", "own", "driven", "driving"):
        first, second = (getattr(it, name) for it in maps)
        np.testing.assert_array_equal(np.isnan(first), ~valid_pixels)
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-4 * np.nanmax(np.abs(maps[0].explained)))


def test_it_can_be_stopped(fitted: Fitted) -> None:
    with pytest.raises(Cancelled):
        driven_maps(
            fitted.model, fitted.movie, fitted.roi_var, fitted.activity, progress=lambda done, total: True
        )


def test_a_movie_of_another_size_is_refused(fitted: Fitted) -> None:
    other = Movie.from_array(np.zeros((50, 20, 20), np.uint16))
    with pytest.raises(InputError, match="was trained on frames of 57 × 70"):
        driven_maps(fitted.model, other, fitted.roi_var, fitted.activity)


def test_known_latents_give_the_same_maps_without_encoding(
    fitted: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="encode the recording again"):
        driven_maps(fitted.model, fitted.movie, fitted.roi_var, fitted.activity, latents=fitted.latents[1:])
    monkeypatch.setattr(fitted.model.network, "encode", None)
    maps = driven_maps(fitted.model, fitted.movie, fitted.roi_var, fitted.activity, latents=fitted.latents)
    for name in ("explained", "amplitude", "own", "driven", "driving"):
        assert relative(getattr(maps, name) - getattr(fitted.maps, name), getattr(fitted.maps, name)) < 1e-5
