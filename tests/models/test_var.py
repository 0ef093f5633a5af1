from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Lasso

from napari_calcdyn.models.var import penalty_weights
from napari_calcdyn.models.var.model import VAR, fit_var
from napari_calcdyn.models.var.selection import Selection
from napari_calcdyn.recording import InputError

Array = NDArray[np.float64]


def known_system(order: int, width: int = 8) -> Array:
    """Own past and a ring of couplings, (p, d, d) as [lag, target, source]."""
    coefficients = np.zeros((order, width, width))
    coefficients[0] = 0.6 * np.eye(width) + 0.3 * np.roll(np.eye(width), 1, axis=0)
    if order > 1:
        coefficients[1] = -0.25 * np.eye(width) + 0.2 * np.roll(np.eye(width), -2, axis=0)
    return coefficients


def follow(coefficients: Array, frames: int, seed: int = 0) -> Array:
    """Run a VAR, with latents of very different size and mean."""
    order, width, _ = coefficients.shape
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((frames + 50, width))
    for t in range(order, len(x)):
        x[t] += sum(coefficients[lag - 1] @ x[t - lag] for lag in range(1, order + 1))
    return x[50:] * np.geomspace(0.01, 100, width) + np.arange(width)


def by_hand(var: VAR, latents: Array) -> Array:
    """ẑ[t] = μ + Σ_l A_l (z[t−l] − μ), one frame at a time."""
    predicted = np.tile(var.mean, (len(latents), 1))
    for t in range(var.order, len(latents)):
        for lag in range(1, var.order + 1):
            predicted[t] += var.coefficients[lag - 1].astype(np.float64) @ (latents[t - lag] - var.mean)
    return predicted


def standardised_problem(latents: Array, order: int) -> tuple[Array, Array]:
    z = (latents - latents.mean(0)) / latents.std(0)
    past = [z[order - lag : len(z) - lag] for lag in range(1, order + 1)]
    return np.concatenate(past, axis=1), z[order:]


@pytest.fixture(scope="module", params=[1, 2])
def order(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(scope="module")
def latents(order: int) -> Array:
    return follow(known_system(order), 6000)


@pytest.fixture(scope="module")
def var(latents: Array, order: int) -> VAR:
    return fit_var(latents, order, Selection("ebic"))


def test_recovers_a_sparse_system(var: VAR, latents: Array, order: int) -> None:
    truth = known_system(order)
    assert var.coefficients.shape == truth.shape
    assert (var.order, var.latents) == (order, 8)
    size = np.geomspace(0.01, 100, 8)
    found = var.coefficients * size[None, None, :] / size[None, :, None]
    np.testing.assert_allclose(found, truth, atol=0.06)
    assert (found[truth != 0] != 0).all()
    assert np.count_nonzero(found[truth == 0]) <= 0.1 * np.count_nonzero(truth == 0)
    assert var.nonzeros == np.count_nonzero(var.coefficients)
    np.testing.assert_allclose(var.mean, latents.mean(0))


def test_predicts_by_the_formula(var: VAR, latents: Array, order: int) -> None:
    some = latents[:200]
    predicted = var.predict(some)
    assert predicted.shape == some.shape
    np.testing.assert_allclose(predicted / var.std, by_hand(var, some) / var.std, atol=2e-5)
    np.testing.assert_allclose(predicted[:order], np.tile(var.mean, (order, 1)), rtol=1e-6)


def test_no_frame_is_predicted_from_itself_or_from_later_ones(var: VAR, latents: Array) -> None:
    changed = latents[:100].copy()
    changed[60:] += 10 * var.std
    before, after = var.predict(latents[:100]), var.predict(changed)
    np.testing.assert_array_equal(before[:61], after[:61])
    assert (before[61] != after[61]).any()


@pytest.mark.parametrize("fraction", [0.5, 0.1, 0.01])
def test_agrees_with_scikit_learn_on_standardised_latents(
    var: VAR, latents: Array, order: int, fraction: float
) -> None:
    past, now = standardised_problem(latents, order)
    at = var.at(fraction=fraction)
    largest = abs(past.T @ now / len(past)).max(axis=0)
    np.testing.assert_allclose(at.lam, fraction * largest, rtol=1e-9)
    assert at.fraction == pytest.approx(fraction)
    for target in range(8):
        peer = Lasso(alpha=fraction * largest[target], fit_intercept=False, tol=1e-12, max_iter=100_000)
        found = at.coefficients[:, target] * var.std / var.std[target]
        np.testing.assert_allclose(found.ravel(), peer.fit(past, now[:, target]).coef_, atol=1e-6)


def test_ends_of_the_path(var: VAR, latents: Array, order: int) -> None:
    empty = var.at(fraction=1)
    assert empty.nonzeros == 0
    np.testing.assert_allclose(empty.predict(latents), np.tile(var.mean, (len(latents), 1)), rtol=1e-6)
    past, now = standardised_problem(latents, order)
    least_squares = np.linalg.lstsq(past, now, rcond=None)[0]
    full = var.at(fraction=0).standardised.transpose(0, 2, 1).reshape(past.shape[1], -1)
    np.testing.assert_allclose(full, least_squares, atol=1e-7)


def test_another_point_of_the_path_leaves_the_model_as_it_was(var: VAR) -> None:
    before = var.coefficients.copy()
    other = var.at(nonzeros=1)
    assert other.path is var.path
    assert (np.count_nonzero(other.coefficients, axis=(0, 2)) <= 1).all()
    np.testing.assert_array_equal(var.coefficients, before)
    np.testing.assert_array_equal(other.at(fraction=0.2).coefficients, var.at(fraction=0.2).coefficients)


@pytest.mark.parametrize(
    "place", [{}, {"fraction": 0.1, "nonzeros": 3}, {"fraction": 1.5}, {"fraction": -0.1}, {"nonzeros": -1}]
)
def test_a_place_off_the_path_is_refused(var: VAR, place: dict[str, float]) -> None:
    with pytest.raises(InputError):
        var.at(**place)


def test_the_size_of_a_latent_does_not_decide_its_sparsity(latents: Array, var: VAR, order: int) -> None:
    resized = fit_var(latents * np.geomspace(1e3, 1e-3, 8) - 5, order, Selection("ebic"))
    np.testing.assert_allclose(resized.standardised, var.standardised, atol=1e-7)


def places() -> torch.Tensor:
    """Centres of two rows of four latents, 10 pixels apart."""
    return 10.0 * torch.cartesian_prod(torch.arange(2), torch.arange(4)).float()


def test_own_past_left_free_is_never_dropped(latents: Array, order: int) -> None:
    weights = penalty_weights(places(), 10, order, penalise_own_past=False)
    free = fit_var(latents, order, Selection("fraction", fraction=1.0), weights=weights)
    own = free.coefficients.diagonal(axis1=1, axis2=2)
    assert (own != 0).all()
    assert free.nonzeros == own.size


@pytest.mark.parametrize("penalise_own_past", [True, False])
def test_penalty_weights_grow_with_distance(order: int, penalise_own_past: bool) -> None:
    at = places()
    weights = penalty_weights(at, 10, order, distance_penalty=0.7, penalise_own_past=penalise_own_past)
    assert weights.shape == (8 * order, 8)
    for row in range(8 * order):
        for target in range(8):
            source = row % 8
            expected = 1 + 0.7 * float(torch.linalg.norm(at[source] - at[target])) / 10
            if source == target and not penalise_own_past:
                expected = 0
            assert weights[row, target].item() == pytest.approx(expected)
    alike = penalty_weights(at, 10, order, distance_penalty=0)
    assert torch.equal(alike, torch.ones_like(alike))


def test_distance_keeps_far_connections_out() -> None:
    noise = np.random.default_rng(0).standard_normal((80, 8))
    rule = Selection("fraction", fraction=0.4)
    free, near = (
        fit_var(noise, 1, rule, weights=penalty_weights(places(), 10, 1, distance_penalty=rho))
        for rho in (0.0, 3.0)
    )
    distance = torch.cdist(places(), places()).numpy()
    reach = [np.mean(distance[var.coefficients[0] != 0]) for var in (free, near)]
    assert reach[1] < reach[0] / 2


def test_constant_and_equal_latents_give_finite_numbers() -> None:
    latents = follow(known_system(1), 300)
    latents[:, 2] = 5
    latents[:, 4] = latents[:, 3]
    for rule in ("ebic", "cross-validation"):
        var = fit_var(latents, 1, Selection(rule))
        assert np.isfinite(var.predict(latents)).all()
        assert np.isfinite(var.lam).all()
        assert not var.coefficients[:, 2].any()
        assert not var.coefficients[:, :, 2].any()


def test_more_predictors_than_frames() -> None:
    noise = np.random.default_rng(0).standard_normal((40, 60))
    var = fit_var(noise, 1, Selection("ebic"))
    assert np.isfinite(var.coefficients).all()
    assert var.nonzeros < 60  # noise: the extended criterion holds back


def test_long_recordings_are_pooled_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    latents = follow(known_system(2), 500)
    whole = fit_var(latents, 2, Selection("fraction"))
    monkeypatch.setattr("napari_calcdyn.models.var.model._CHUNK", 64)
    pooled = fit_var(latents, 2, Selection("fraction"))
    assert pooled.moments.samples == whole.moments.samples == 498
    np.testing.assert_allclose(pooled.moments.gram, whole.moments.gram, atol=1e-12)
    np.testing.assert_allclose(pooled.standardised, whole.standardised, atol=1e-10)


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(InputError, match="too few for a VAR of order 3"):
        fit_var(np.zeros((9, 4)), 3, Selection())
