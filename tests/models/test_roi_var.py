"""A VAR between ROIs: what belongs to them, what they get from themselves and from each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_calcdyn.models.roi_var import RoiVAR, fit_activity_var, fit_roi_var
from napari_calcdyn.models.roi_var.own_past import LAGS
from napari_calcdyn.models.roi_var.rest import fit_own
from napari_calcdyn.models.sources import roi_activity
from napari_calcdyn.models.var import Selection, fit_var
from napari_calcdyn.models.var.weights import own_past_free
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import InputError, Movie, RoiSet
from napari_calcdyn.recording.movies import Corrections
from napari_calcdyn.simulate.movie import SimulatedMovie, simulate_movie


@dataclass
class Fitted:
    simulated: SimulatedMovie
    movie: Movie
    model: VARAutoencoder
    latents: NDArray[np.float32]
    activity: NDArray[np.float32]
    roi_var: RoiVAR


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    simulated = simulate_movie(
        frames=500, height=56, width=64, dynamic=4, silent=2, flicker=2, noise="low", seed=3
    )
    movie = Movie.from_array(simulated.movie)
    model = VARAutoencoder(VARAutoencoderConfig.preset("quick", steps=40)).fit(movie, device="cpu")
    latents, activity = model.encode(movie), roi_activity(movie, simulated.rois)
    return Fitted(
        simulated, movie, model, latents, activity, fit_roi_var(model, latents, activity, simulated.rois)
    )


def driven(frames: int, seed: int = 0) -> NDArray[np.float64]:
    """Five columns with a memory of two frames; the first drives the second."""
    draw = np.random.default_rng(seed)
    values = draw.standard_normal((frames, 5))
    for t in range(2, frames):
        values[t] += 0.9 * values[t - 1] - 0.3 * values[t - 2]
        values[t, 1] += 0.4 * values[t - 1, 0]
    return values


def test_activities_follow_their_cells_and_not_the_glow_around_them(fitted: Fitted) -> None:
    dynamic = fitted.simulated.kind == "dynamic"
    peaks = fitted.simulated.rois.footprints.max(axis=1).toarray().ravel()
    unit = fitted.activity * peaks  # counts at the brightest pixel, as traces are
    for mine, true in zip(unit[:, dynamic].T, fitted.simulated.traces[dynamic], strict=True):
        assert np.corrcoef(mine, true)[0, 1] > 0.95
        assert np.polyfit(true, mine, 1)[0] == pytest.approx(1, abs=0.1)
    assert np.abs(fitted.activity.mean(0)).max() < 1e-3 * fitted.activity.std()


def test_bad_frames_have_no_activity(fitted: Fitted) -> None:
    valid = np.ones(fitted.movie.n_frames, bool)
    valid[[7, 90]] = False
    corrections = Corrections(("frames",), valid, np.ones(fitted.movie.frame_shape, bool))
    holed = Movie.from_array(fitted.simulated.movie).corrected(corrections)
    activity = roi_activity(holed, fitted.simulated.rois)
    np.testing.assert_array_equal(np.isnan(activity).all(1), ~valid)
    np.testing.assert_allclose(np.nanstd(activity, 0), fitted.activity.std(0), rtol=0.1)


def test_the_rest_is_what_the_network_encodes_without_the_rois(fitted: Fitted) -> None:
    movie, model, basis = fitted.movie, fitted.model, fitted.roi_var.basis
    frames = movie.frames(0, 60).astype(np.float64)
    lit = (fitted.activity[:60] @ fitted.simulated.rois.footprints.toarray()).reshape(frames.shape)
    expected = model.encode((frames - lit).astype(np.float32)) - basis.mean
    found = basis.rest(fitted.latents[:60], fitted.activity[:60])
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_others_have_fewer_lags_than_the_own_past() -> None:
    weights = own_past_free(3, 1, 2).view(2, 3, 3)
    assert (weights[0].diagonal() == 0).all()
    assert (weights[1].diagonal() == 0).all()
    off = ~np.eye(3, dtype=bool)
    assert (weights[0][off] == 1).all()
    assert weights[1][off].isinf().all()
    assert (own_past_free(3, 3, 2).view(3, 3, 3)[2].diagonal() == np.inf).all()


def test_a_connection_is_found_beside_a_longer_own_past() -> None:
    var = fit_activity_var(driven(3000), 1)
    assert var.order == 2
    first, second = var.coefficients
    others = first - np.diag(np.diag(first))
    assert list(zip(*np.nonzero(others), strict=True)) == [(1, 0)]
    assert others[1, 0] == pytest.approx(0.4, abs=0.06)
    assert not (second - np.diag(np.diag(second))).any()
    np.testing.assert_allclose(np.diag(first), 0.9, atol=0.06)
    np.testing.assert_allclose(np.diag(second), -0.3, atol=0.06)
    assert var.at(fraction=1.0).nonzeros == 10  # the own past is never left out


def test_one_event_that_two_cells_share_is_no_connection() -> None:
    values = np.random.default_rng(1).standard_normal((400, 5))
    values[200:203, 0] += 30
    values[201:204, 1] += 30
    weights = own_past_free(5, 1, 2)
    trusting = fit_var(values, 2, Selection("ebic"), weights=weights).coefficients[0]
    checked = fit_activity_var(values, 1).coefficients[0]
    assert trusting[1, 0] > 0.2
    assert checked[1, 0] == 0
    values = driven(400)
    checked, trusting = fit_activity_var(values, 1), fit_var(values, 2, Selection("ebic"), weights=weights)
    assert (checked.lam >= trusting.lam * (1 - 1e-12)).all()
    assert checked.coefficients[0][1, 0] > 0.2


@pytest.mark.parametrize("others", [True, False])
def test_prediction_is_that_of_its_parts(fitted: Fitted, others: bool) -> None:
    roi_var, latents, activity = fitted.roi_var, fitted.latents, fitted.activity
    basis, order = roi_var.basis, roi_var.order
    deviation, rest = activity - basis.resting, basis.rest(latents, activity)
    ahead, expected = (np.zeros((len(latents) - order, it.shape[1])) for it in (activity, latents))
    for lag in range(1, order + 1):
        before = slice(order - lag, len(latents) - lag)
        ahead += (roi_var.own if others else roi_var.own_alone)[lag - 1] * deviation[before]
        expected += roi_var.rest[lag - 1] * rest[before]
        if others and lag <= roi_var.lags:
            ahead += deviation[before] @ roi_var.connections[lag - 1].toarray().T
    expected += basis.mean + ahead @ basis.encoded
    found = roi_var.predict(latents, activity, others=others)
    np.testing.assert_allclose(found[order:], expected, atol=1e-4 * latents.std())
    np.testing.assert_allclose(found[:order], np.tile(basis.mean, (order, 1)), atol=1e-4 * latents.std())
    if others:
        of_rois = roi_var.predict_activity(activity)
        assert np.isnan(of_rois[:order]).all()
        np.testing.assert_allclose(of_rois[order:], basis.resting + ahead, atol=1e-4 * activity.std())


def test_predicted_sums_of_latents_are_sums_of_predicted_latents(fitted: Fitted) -> None:
    roi_var, latents, activity = fitted.roi_var, fitted.latents, fitted.activity
    weights = np.random.default_rng(0).standard_normal((3, latents.shape[1])).astype(np.float32)
    found = roi_var.predict_readout(latents, activity, weights)
    assert np.isnan(found[:, : roi_var.order]).all()
    expected = weights @ roi_var.predict(latents, activity).T
    np.testing.assert_allclose(
        found[:, roi_var.order :], expected[:, roi_var.order :], atol=1e-4 * expected.std()
    )


def test_own_past_is_estimated_for_all_columns_together() -> None:
    """Of many short columns with similar dynamics; the error is that against the coefficients they were made with."""
    draw = np.random.default_rng(2)
    true = np.array([0.5, 0.2, 0.1, 0.0, 0.0])[:, None] + 0.03 * draw.standard_normal((LAGS, 60))
    values = draw.standard_normal((160, 60))
    for t in range(LAGS, len(values)):
        values[t] += sum(true[lag] * values[t - 1 - lag] for lag in range(LAGS))
    together = fit_own(values, values.mean(0))
    each = np.concatenate([fit_own(values[:, [j]], values[:, [j]].mean(0)) for j in range(60)], 1)
    assert np.square(together - true).mean() < 0.3 * np.square(each - true).mean()
    past = np.stack([values[LAGS - lag : -lag, 0] for lag in range(1, LAGS + 1)], 1) - values[:, 0].mean()
    by_least_squares = np.linalg.lstsq(past, values[LAGS:, 0] - values[:, 0].mean(), rcond=None)[0]
    np.testing.assert_allclose(each[:, 0], by_least_squares, atol=1e-6)


def test_unlike_columns_keep_their_own_past() -> None:
    draw = np.random.default_rng(3)
    slow = np.where(np.arange(40) < 20, 0.9, 0.0)
    values = draw.standard_normal((3000, 40))
    for t in range(1, len(values)):
        values[t] += slow * values[t - 1]
    values[:, 7] = 1.5
    found = fit_own(values, values.mean(0))
    others = np.arange(40) != 7
    np.testing.assert_allclose(found[0, others], slow[others], atol=0.08)
    assert not found[:, 7].any()


def test_after_a_gap_it_predicts_the_mean(fitted: Fitted) -> None:
    latents, activity = fitted.latents.copy(), fitted.activity.copy()
    latents[50], activity[50] = np.nan, np.nan
    found = fitted.roi_var.predict(latents, activity)
    order = fitted.roi_var.order
    assert np.isfinite(found).all()
    for gap in range(51, 51 + order):
        np.testing.assert_allclose(found[gap], fitted.roi_var.mean, atol=1e-4 * fitted.latents.std())
    np.testing.assert_allclose(
        found[51 + order :], fitted.roi_var.predict(fitted.latents, fitted.activity)[51 + order :]
    )
    holed = fit_roi_var(fitted.model, latents, activity, fitted.simulated.rois)
    np.testing.assert_allclose(holed.steady, fitted.roi_var.steady, atol=0.05)
    np.testing.assert_allclose(holed.rest, fitted.roi_var.rest, atol=0.05)
    np.testing.assert_allclose(holed.own, fitted.roi_var.own, atol=0.05)


def test_latents_are_predicted_better_than_from_their_own_past(fitted: Fitted) -> None:
    latents, activity, known = fitted.latents, fitted.activity, 400
    before = fit_roi_var(fitted.model, latents[:known], activity[:known], fitted.simulated.rois)

    def error(predicted: NDArray[np.floating]) -> float:
        return float(np.square(predicted[known:] - latents[known:]).sum())

    alone = fit_var(latents[:known], 1, Selection("fraction", fraction=1.0))
    assert error(before.predict(latents, activity)) < error(alone.predict_from_own_past(latents))


def test_rois_of_another_size_are_refused(fitted: Fitted) -> None:
    rois = RoiSet.from_labels(np.ones((8, 8), int))
    with pytest.raises(InputError, match=r"8 × 8"):
        roi_activity(fitted.movie, rois)
