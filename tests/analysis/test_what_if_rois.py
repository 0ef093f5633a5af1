"""Pushes and forecasts between ROIs, against the recursion and the footprints written out here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from napari_calcdyn.analysis.what_if.decoders import RoiDecoder, drawn
from napari_calcdyn.analysis.what_if.forecasting import forecast, forecast_error, forecast_movie
from napari_calcdyn.analysis.what_if.impulse import impulse_movie, impulse_response, source_push
from napari_calcdyn.models.roi_var import RoiVAR, fit_activity_var, fit_roi_var
from napari_calcdyn.models.sources import roi_activity
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Movie
from napari_calcdyn.simulate.movie import simulate_movie

FIRST, HORIZONS = 320, 4


@dataclass
class Fitted:
    movie: Movie
    model: VARAutoencoder
    activity: np.ndarray
    between: RoiVAR
    footprints: np.ndarray  # (N, Y·X)


@pytest.fixture(scope="module")
def known() -> Fitted:
    simulated = simulate_movie(frames=400, height=45, width=52, dynamic=5, noise="low", seed=4)
    movie = Movie.from_array(simulated.movie)
    model = VARAutoencoder(VARAutoencoderConfig.preset("quick", steps=20)).fit(movie, device="cpu")
    activity = roi_activity(movie, simulated.rois)
    between = fit_roi_var(model, model.encode(movie), activity, simulated.rois)
    return Fitted(movie, model, activity, between, simulated.rois.footprints.toarray())


def by_hand(var: object, past: np.ndarray, frames: int) -> np.ndarray:
    series = [row.astype(np.float64) - var.mean for row in past]
    for _ in range(frames):
        series.append(sum(table @ series[-lag] for lag, table in enumerate(var.coefficients, 1)))
    return np.array(series[len(past) :]) + var.mean


def test_a_push_moves_one_roi_then_those_it_drives_and_the_movie_shows_their_footprints(
    known: Fitted,
) -> None:
    var = known.between.var
    push = source_push(var, 2, -1.5)
    assert push[2] == -1.5 * var.std[2]
    assert np.count_nonzero(push) == 1
    response = impulse_response(var, push, 6)
    expected = by_hand(var, np.stack([var.mean] * (var.order - 1) + [var.mean + push]), 5) - var.mean
    np.testing.assert_allclose(response[1:], expected, atol=1e-9)
    pictures = impulse_movie(known.model, response, fitted=known.between)
    by_footprints = (response @ known.footprints).reshape(pictures.shape)
    np.testing.assert_allclose(pictures, by_footprints, atol=1e-5 * np.abs(by_footprints).max())
    assert not pictures[0].ravel()[known.footprints[2] == 0].any()  # at first, nothing but the cell
    lazy = drawn(RoiDecoder(known.model, known.between), response, deviation=True, most_bytes=0)
    assert lazy.chunks[0] == (1,) * 6
    np.testing.assert_array_equal(lazy.compute(), pictures)


def test_a_forecast_shows_the_rois_on_the_mean_frame(known: Fitted) -> None:
    var = known.between.var
    ahead = forecast(var, known.activity, 200, 5)
    np.testing.assert_allclose(ahead, by_hand(var, known.activity[200 - var.order : 200], 5), atol=1e-6)
    pictures = forecast_movie(known.model, ahead, fitted=known.between)
    expected = known.movie.mean_frame() + (ahead @ known.footprints).reshape(pictures.shape)
    np.testing.assert_allclose(pictures, expected, rtol=1e-4)


def test_errors_are_of_a_var_that_does_not_know_the_held_out_frames(known: Fitted) -> None:
    found = forecast_error(known.model, known.activity, None, FIRST, HORIZONS, fitted=known.between)
    before = fit_activity_var(known.activity[:FIRST], known.between.lags)
    activity, order = known.activity.astype(np.float64), before.order
    for horizon in range(1, HORIZONS + 1):
        starts = range(FIRST, len(activity) - horizon + 1)
        rolled = np.array([by_hand(before, activity[at - order : at], horizon)[-1] for at in starts])
        actual = activity[FIRST + horizon - 1 :]
        spread, wrong = actual - actual.mean(0), actual - rolled
        kept = actual - activity[FIRST - 1 : len(activity) - horizon]
        in_rois = np.square(wrong).sum() / np.square(spread).sum()
        shown, variance, still = (np.square(it @ known.footprints).sum() for it in (wrong, spread, kept))
        assert found.starts[horizon - 1] == len(starts)
        assert found.latents[horizon - 1] == pytest.approx(in_rois, rel=1e-6)
        assert found.picture[horizon - 1] == pytest.approx(shown / variance, rel=1e-4)
        assert found.unchanged[horizon - 1] == pytest.approx(still / variance, rel=1e-4)
    whole = forecast_error(
        known.model, known.activity, known.between.var, FIRST, HORIZONS, fitted=known.between
    )
    assert whole.latents[0] != found.latents[0]
    read = forecast_error(known.model, known.movie, None, FIRST, HORIZONS, fitted=known.between)
    np.testing.assert_array_equal(read.picture, found.picture)
