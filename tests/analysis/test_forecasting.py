"""Forecasts, and their errors against ones that are recomputed here frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from what_if_model import fit

from napari_calcdyn.analysis.what_if import forecasting
from napari_calcdyn.analysis.what_if.forecasting import (
    first_held_out,
    forecast,
    forecast_error,
    forecast_movie,
)
from napari_calcdyn.models.var.model import VAR
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Cancelled, InputError, Movie

HORIZONS = 7


@pytest.fixture(scope="module", params=[(1, 30), (3, 17)], ids=["p1", "p3, empty places"])
def fitted(request: pytest.FixtureRequest) -> tuple[VARAutoencoder, Movie]:
    return fit(*request.param)


@pytest.fixture(scope="module")
def model(fitted: tuple[VARAutoencoder, Movie]) -> VARAutoencoder:
    return fitted[0]


@pytest.fixture(scope="module")
def latents(fitted: tuple[VARAutoencoder, Movie]) -> np.ndarray:
    return fitted[0].encode(fitted[1])


def by_hand(var: VAR, latents: np.ndarray, start: int, horizon: int) -> np.ndarray:
    """The recursion, written out."""
    series = [row.astype(np.float64) - var.mean for row in latents[:start]]
    for _ in range(horizon):
        series.append(sum(var.coefficients[lag - 1] @ series[-lag] for lag in range(1, var.order + 1)))
    return np.array(series[start:]) + var.mean


def relative(model: VARAutoencoder, actual: np.ndarray, wrong: np.ndarray) -> tuple[float, float]:
    """Error over variance, in latents and in decoded pictures."""
    spread = actual - actual.mean(0)
    in_latents = np.square(wrong).sum() / np.square(spread).sum()
    errors, variance = (
        np.square(model.decode(it) - model.decode(0 * it)).astype(np.float64).sum() for it in (wrong, spread)
    )
    return float(in_latents), float(errors / variance)


def test_it_uses_only_the_frames_before(model: VARAutoencoder, latents: np.ndarray) -> None:
    found = forecast(model.var, latents, 50, HORIZONS)
    np.testing.assert_allclose(found, by_hand(model.var, latents, 50, HORIZONS), rtol=1e-9, atol=1e-9)
    other = latents.copy()
    other[50:] = np.nan
    np.testing.assert_array_equal(forecast(model.var, other, 50, HORIZONS), found)
    behind = forecast(model.var, latents, len(latents), 3)  # beyond the end of the recording
    np.testing.assert_allclose(behind, by_hand(model.var, latents, len(latents), 3), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(forecast_movie(model, found), model.decode(found), rtol=1e-5)


def test_reported_errors_equal_those_recomputed_by_hand(
    fitted: tuple[VARAutoencoder, Movie], latents: np.ndarray
) -> None:
    model, movie = fitted
    first = first_held_out(model, movie)
    assert first == 128  # the last fifth of 160 frames
    for var in (model.var, model.var.at(fraction=0.6)):
        found = forecast_error(model, latents, var, first, HORIZONS)
        for horizon in range(1, HORIZONS + 1):
            starts = range(first, len(latents) - horizon + 1)
            assert found.starts[horizon - 1] == len(starts)
            rolled = np.array([by_hand(var, latents, start, horizon)[-1] for start in starts])
            targets = latents[first + horizon - 1 :].astype(np.float64)
            expected = relative(model, targets, targets - rolled)
            assert found.latents[horizon - 1] == pytest.approx(expected[0], rel=1e-6)
            assert found.picture[horizon - 1] == pytest.approx(expected[1], rel=1e-4)
            kept = latents[first - 1 : len(latents) - horizon]
            assert found.unchanged[horizon - 1] == pytest.approx(
                relative(model, targets, targets - kept)[1], rel=1e-4
            )
    assert found.horizons.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert found.first == first


def test_one_frame_ahead_it_is_the_error_that_the_training_reported(
    fitted: tuple[VARAutoencoder, Movie],
) -> None:
    model, movie = fitted
    found = forecast_error(model, movie, None, first_held_out(model, movie), 1)
    assert found.latents[0] == pytest.approx(model.metrics["latent_prediction_error"], rel=1e-4)
    assert found.picture[0] == pytest.approx(model.metrics["picture_prediction_error"], rel=1e-4)


def test_parts_add_up_to_the_same_errors(
    model: VARAutoencoder, latents: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = forecast_error(model, latents, None, 128, 30)
    monkeypatch.setattr(forecasting, "_STARTS_AT_ONCE", 5)
    done: list[tuple[int, int]] = []
    parts = forecast_error(model, latents, None, 128, 30, lambda *it: done.append(it))
    np.testing.assert_allclose(parts.latents, whole.latents, rtol=1e-9)
    np.testing.assert_allclose(parts.picture, whole.picture, rtol=1e-9)
    assert done == sorted(done)
    with pytest.raises(Cancelled):
        forecast_error(model, latents, None, 128, 30, lambda *_: True)


def test_what_cannot_be_forecast_is_said_in_one_sentence(model: VARAutoencoder, latents: np.ndarray) -> None:
    order = model.var.order
    with pytest.raises(InputError, match=f"start at one from {order} to 160"):
        forecast(model.var, latents, order - 1, 3)
    with pytest.raises(InputError, match="start at one from"):
        forecast(model.var, latents, 161, 3)
    with pytest.raises(InputError, match="With 32 frames held out, errors can be measured at 1 to 31"):
        forecast_error(model, latents, None, 128, 32)
    with pytest.raises(InputError, match="hold out fewer"):
        forecast_error(model, latents, None, 0, 2)
