from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch
from lasso_designs import design, kkt_residual, moments
from sklearn.linear_model import lars_path_gram

from napari_calcdyn.models.lasso.lasso import LassoPath, lambda_max, lasso_path, solve_lasso

DESIGNS = ["random", "var", "collinear 1e3", "more variables than samples"]


def _reference(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    alphas, _, coefficients = lars_path_gram(
        z.T @ y, z.T @ z, n_samples=len(z), method="lasso", max_iter=5000
    )
    return alphas, coefficients


def _at(path: LassoPath, penalty: float, target: int) -> np.ndarray:
    lam = torch.full((path.knots.shape[1],), penalty, dtype=torch.float64)
    return path.solve(lam)[:, target].numpy()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", DESIGNS)
def test_agrees_with_lars_at_every_knot(name: str, seed: int) -> None:
    z, y = design(name, seed)
    path = lasso_path(*moments(z, y))
    for j in range(y.shape[1]):
        alphas, coefficients = _reference(z, y[:, j])
        # Its last one is where it stopped, which need not be a knot.
        np.testing.assert_allclose(path.knots[: len(alphas) - 1, j], alphas[:-1], atol=1e-8 * alphas[0])
        for alpha, expected in zip(alphas, coefficients.T, strict=True):
            np.testing.assert_allclose(_at(path, alpha, j), expected, rtol=0, atol=1e-8)


def test_gram_of_condition_1e12_is_solved_to_what_its_digits_allow() -> None:
    z, y = design("collinear 1e6")
    gram, cov = moments(z, y)
    path = lasso_path(gram, cov)
    with mpmath.workdps(40):
        for j in range(y.shape[1]):
            for alpha in _reference(z, y[:, j])[0][1:]:
                mine = _at(path, alpha, j)
                s = np.flatnonzero(mine)
                right = [mpmath.mpf(float(cov[k, j])) - alpha * np.sign(mine[k]) for k in s]
                exact = mpmath.lu_solve(mpmath.matrix(gram[s][:, s].tolist()), mpmath.matrix(right))
                off = max(abs(mine[k] - v) for k, v in zip(s, exact, strict=True))
                assert off <= 1e-6 * np.abs(mine).max()  # condition times rounding would be 2e-4


@pytest.mark.parametrize("name", [*DESIGNS, "collinear 1e6"])
def test_every_knot_is_optimal_and_has_its_count_and_residual(name: str) -> None:
    z, y = design(name)
    gram, cov = moments(z, y)
    path = lasso_path(gram, cov)
    residual = path.residual_variance(torch.from_numpy((y**2).mean(axis=0)))
    largest = lambda_max(gram, cov)
    for knot, a in enumerate(path.coefficients):
        assert (kkt_residual(gram, cov, a, path.penalty_at_knot(knot)) <= 1e-9 * largest).all()
        on = path.n_knots > knot
        assert torch.equal((a != 0).sum(dim=0)[on], path.nonzeros()[knot][on])
        expected = torch.from_numpy(((y - z @ a.numpy()) ** 2).mean(axis=0))
        # Of a Gram matrix rounded to double precision no more can be known; near 0 but for "collinear 1e6".
        rounding = torch.finfo(torch.float64).eps * (a.abs() * (gram.abs() @ a.abs())).sum(dim=0)
        allowed = 1e-9 + 1e-7 * expected + rounding
        assert ((residual[knot] - expected).abs()[on] <= allowed[on]).all()
    assert torch.equal(residual.isnan(), path.knots.isnan())


def test_variables_leave_as_well_as_join() -> None:
    path = lasso_path(*moments(*design("collinear 1e3")))
    counts = path.nonzeros()
    assert ((counts[1:] < counts[:-1]) & (counts[1:] >= 0)).any()


@pytest.mark.parametrize("weights", [None, "some zero"])
@pytest.mark.parametrize("name", DESIGNS)
def test_path_and_coordinate_descent_agree_between_knots(name: str, weights: str | None) -> None:
    gram, cov = moments(*design(name))
    w = None
    if weights:
        w = 0.5 + torch.rand(cov.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        w[[0, 3]] = 0
    path = lasso_path(gram, cov, weights=w)
    torch.testing.assert_close(path.lambda_max, lambda_max(gram, cov, w))
    for fraction in (1.5, 1.0, 0.6, 0.25, 0.03, 0.001):
        lam = fraction * path.lambda_max
        expected = solve_lasso(gram, cov, lam, weights=w)
        torch.testing.assert_close(path.solve(lam), expected, rtol=1e-7, atol=1e-9)
        torch.testing.assert_close(path.at_fraction(fraction), expected, rtol=1e-7, atol=1e-9)
        assert torch.equal(path.nonzeros(lam * 0.9999), (path.solve(lam * 0.9999) != 0).sum(dim=0))


def test_at_nonzeros_gives_the_fullest_model_of_that_size() -> None:
    gram, cov = moments(*design("random"))
    path = lasso_path(gram, cov)
    for count in range(gram.shape[0] + 1):
        assert ((path.at_nonzeros(count) != 0).sum(dim=0) == count).all()
        if count < gram.shape[0]:
            beyond = path.solve(path.penalty_at_nonzeros(count) * (1 - 1e-6))
            assert ((beyond != 0).sum(dim=0) == count + 1).all()


def test_a_path_cut_short_is_still_solved_below_its_last_knot() -> None:
    gram, cov = moments(*design("var"))
    weights = torch.ones(gram.shape[0], dtype=torch.float64)
    gram[5], gram[:, 5], cov[5] = gram[4], gram[:, 4], cov[4]  # a twin, kept out by an infinite weight
    gram[5, 5] = gram[4, 4]
    path = lasso_path(gram, cov, weights=weights, max_knots=3)
    assert path.knots.shape == (3, cov.shape[1])
    lam = 0.01 * path.lambda_max
    assert (lam < path.knots[-1]).all()
    torch.testing.assert_close(path.solve(lam), solve_lasso(gram, cov, lam))


def test_single_precision_path() -> None:
    gram, cov = moments(*design("random"))
    path = lasso_path(gram.float(), cov.float())
    assert path.knots.dtype == path.coefficients[3].dtype == torch.float32
    expected = lasso_path(gram, cov).at_fraction(0.1)
    torch.testing.assert_close(path.at_fraction(0.1).double(), expected, rtol=1e-3, atol=1e-4)


def test_the_store_does_not_grow_with_knots_times_variables() -> None:
    z, y = design("more variables than samples")
    path = lasso_path(*moments(np.tile(z, (1, 4)) + 0.1 * np.eye(len(z), 120), y))
    stored = sum(x.nbytes for x in vars(path).values() if isinstance(x, np.ndarray | torch.Tensor))
    assert stored < 40 * path.knots.numel() + 2 * 120 * y.shape[1]
