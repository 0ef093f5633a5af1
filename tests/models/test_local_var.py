"""A VAR whose predictors are a latent's neighbours, beside the one of all latents with heavy weights for the others."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from local_designs import SPACING, centres, latents, members
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.analysis.what_if.impulse import impulse_response, source_push
from napari_calcdyn.models.var import (
    Neighbourhoods,
    Selection,
    fit_own_past,
    fit_var,
    neighbours,
    penalty_weights,
)
from napari_calcdyn.models.var.model import VAR
from napari_calcdyn.models.var.selection import ebic
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.models.var_autoencoder.prediction import Estimate, detached, estimate_var
from napari_calcdyn.recording import Movie

ORDER = 2
CENTRES = centres()
D = len(CENTRES)
HOOD = Neighbourhoods.within(CENTRES, SPACING, 1.5)


def series() -> NDArray[np.float64]:
    z = latents(CENTRES, 600).numpy() * np.geomspace(0.1, 10, D) + np.arange(D)
    z[100:103] = np.nan
    return z


def weights(near: bool) -> Tensor:
    price = {"distance_penalty": 0.5, "penalise_own_past": False}
    if near:
        return penalty_weights(CENTRES, SPACING, ORDER, **price, neighbourhoods=HOOD)
    full = penalty_weights(CENTRES, SPACING, ORDER, **price)
    inside = torch.zeros_like(full, dtype=torch.bool)
    for target in range(D):
        index = members(HOOD, target, ORDER)
        inside[index[index >= 0], target] = True
    return torch.where(inside, full, 1e6)


def fitted(near: bool, rule: str) -> VAR:
    hood = HOOD if near else None
    return fit_var(series(), ORDER, Selection(rule), weights=weights(near), neighbourhoods=hood)


@pytest.mark.parametrize("near", [True, False])
def test_the_own_past_is_least_squares_without_the_others(near: bool) -> None:
    var, z = fitted(near, "ebic"), series()
    past = np.concatenate([z[:100], z[103:]]) - var.mean
    pieces = (past[:100], past[100:])
    for target in (0, D // 2):
        own = np.concatenate([np.stack([it[1:-1, target], it[:-2, target]], 1) for it in pieces])
        now = np.concatenate([it[2:, target] for it in pieces])
        expected = np.linalg.lstsq(own, now)[0]
        np.testing.assert_allclose(var.own_past[:, target], expected, rtol=1e-6)
    predicted = var.predict_from_own_past(z)
    expected = var.mean[0] + var.own_past[:, 0] @ (z[[61, 60], 0] - var.mean[0])
    assert predicted[62, 0] == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(predicted[101:105, 0], var.mean[0], rtol=1e-5)


def test_weights_are_those_of_the_neighbours() -> None:
    full, near = weights(False), weights(True)
    for target in range(D):
        index = members(HOOD, target, ORDER)
        torch.testing.assert_close(near[index >= 0, target], full[index[index >= 0], target])
    assert near.isfinite().all()


@pytest.mark.parametrize("rule", ["fraction", "nonzeros", "cross-validation"])
def test_it_is_the_var_of_all_latents_with_heavy_weights_for_others(rule: str) -> None:
    full, near = fitted(False, rule), fitted(True, rule)
    assert (near.order, near.latents, near.nonzeros) == (ORDER, D, full.nonzeros)
    assert near.nonzeros > D
    np.testing.assert_allclose(near.lam, full.lam, rtol=1e-8)
    np.testing.assert_allclose(near.standardised, full.standardised, atol=1e-8)
    np.testing.assert_allclose(near.coefficients, full.coefficients, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(near.predict(series()), full.predict(series()), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(fit_own_past(near, series()), fit_own_past(full, series()), rtol=1e-5)
    for table, dense in zip(near.tables, near.coefficients, strict=True):
        np.testing.assert_array_equal(table.toarray(), dense)
    for point in ({"fraction": 0.3}, {"nonzeros": 3}):
        np.testing.assert_allclose(near.at(**point).standardised, full.at(**point).standardised, atol=1e-8)


def test_ebic_counts_the_neighbours_as_predictors() -> None:
    near = fitted(True, "ebic")
    n, width = near.moments.samples, HOOD.neighbours.shape[1]
    fit = near.path.residual_variance(near.moments.variance)
    expected = n * fit.log() + near.path.nonzeros() * (np.log(n) + np.log(ORDER * width))
    torch.testing.assert_close(ebic(near.path, near.moments), expected, equal_nan=True)
    chosen = near.path.knots.gather(0, expected.nan_to_num(nan=torch.inf).argmin(0)[None])[0]
    assert torch.equal(near.penalty, chosen)


def test_pushes_go_on_as_with_the_full_tables() -> None:
    full, near = fitted(False, "nonzeros"), fitted(True, "nonzeros")
    expected, found = (impulse_response(it, source_push(it, 3), 6) for it in (full, near))
    assert np.count_nonzero(found[-1]) > 1
    np.testing.assert_allclose(found / near.std, expected / near.std, atol=1e-6)


def test_nothing_is_predicted_after_frames_that_are_left_out() -> None:
    near = fitted(True, "fraction")
    predicted = near.predict(series())
    np.testing.assert_array_equal(predicted[101:105], np.tile(near.mean.astype(np.float32), (4, 1)))
    assert (predicted[105] != near.mean.astype(np.float32)).any()


def estimated(windows: Tensor, near: bool, memory: Estimate | None = None) -> Estimate:
    hood = HOOD if near else None
    return estimate_var(windows, ORDER, weights(near), memory=memory, span=2000, neighbourhoods=hood)


def test_estimate_of_a_training_step_and_its_score() -> None:
    windows = latents(CENTRES, 1200).view(24, 50, D)
    valid = torch.ones(12, 50, dtype=torch.bool)
    valid[3, 10:20] = False
    memory = detached(estimated(windows[:6], True))
    given = windows.clone().requires_grad_()
    found = estimated(given[:12], True, memory)
    assert found.moments.samples > 12 * 48
    tables = torch.zeros(ORDER * D, D, dtype=torch.float64)
    for target in range(D):
        index = members(HOOD, target, ORDER)
        tables[index[index >= 0], target] = found.coefficients.detach()[index >= 0, target]
    dense = Estimate(found.mean.detach(), found.std.detach(), tables, found.moments)
    residual = found.residual(given[12:], valid)
    torch.testing.assert_close(residual, dense.residual(windows[12:], valid))
    residual.sum().backward()
    assert given.grad[:12].any()
    # Scores of windows alone: with fixed tables the gradients are those of the residuals.
    fixed = [
        dataclasses.replace(it, mean=dense.mean, std=dense.std, coefficients=it.coefficients.detach())
        for it in (found, dense)
    ]
    grads = []
    for estimate in fixed:
        scored = windows[12:].clone().requires_grad_()
        estimate.residual(scored, valid).sum().backward()
        grads.append(scored.grad)
    torch.testing.assert_close(grads[0], grads[1])


def test_many_latents_are_trained_and_saved_with_their_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "MOST_FULL", 20)
    monkeypatch.setattr(neighbours, "RADIUS", 1.5)
    rng = np.random.default_rng(0)
    movie = Movie.from_array(rng.poisson(20, (160, 24, 28)).astype(np.uint16), name="noise")
    model = VARAutoencoder(latents=40, steps=10, kernels=8, order=2, window_length=10, distance_penalty=0)
    model.fit(movie, device="cpu")
    near = model.var.neighbourhoods
    assert near is not None
    assert near.neighbours.shape == (40, 9)
    assert model.var.coefficients.shape == (2, 40, 40)
    far = torch.cdist(model.network.centres, model.network.centres) > 1.51 * model.network.stride
    assert (model.var.coefficients[:, far.numpy()] == 0).all()
    model.save(tmp_path / "model")
    again = VARAutoencoder.load(tmp_path / "model", device="cpu")
    np.testing.assert_array_equal(again.var.coefficients, model.var.coefficients)
    assert torch.equal(again.var.neighbourhoods.pairs, near.pairs)
