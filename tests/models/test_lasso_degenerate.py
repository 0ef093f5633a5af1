from __future__ import annotations

import numpy as np
import pytest
import torch
from lasso_designs import design, kkt_residual, moments
from torch import Tensor

from napari_calcdyn.models.lasso.lasso import lambda_max, lasso_path, solve_lasso
from napari_calcdyn.recording.errors import InputError

EYE = torch.eye(3, dtype=torch.float64)
COV = torch.ones(3, 2, dtype=torch.float64)


def _solved_with_gradients(gram: Tensor, cov: Tensor, lam: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    gram, cov = gram.clone().requires_grad_(), cov.clone().requires_grad_()
    lam = lam.detach().clone().requires_grad_()
    a = solve_lasso(gram, cov, lam)
    a.square().sum().backward()
    for tensor in (a, gram.grad, cov.grad, lam.grad):
        assert tensor.isfinite().all()
    return a.detach(), gram.grad, cov.grad


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("fraction", [0.5, 0.05, 0.0])
def test_the_first_of_two_equal_columns_enters_and_its_twin_stays_out(sign: int, fraction: float) -> None:
    z, y = design("random")
    z[:, 7] = sign * z[:, 2]
    y = y + 2 * z[:, [2]]
    gram, cov = moments(z, y)
    lam = fraction * lambda_max(gram, cov)
    a, gram_grad, cov_grad = _solved_with_gradients(gram, cov, lam)
    assert (a[2] != 0).all()
    assert (a[7] == 0).all()
    assert (cov_grad[7] == 0).all()
    assert (gram_grad[7] == 0).all()
    assert (kkt_residual(gram, cov, a, lam) <= 1e-9 * lambda_max(gram, cov)).all()
    # Whatever the start, even one that holds the twin.
    start = a.clone()
    start[[2, 7]] = sign * start[[7, 2]]
    torch.testing.assert_close(solve_lasso(gram, cov, lam, warm_start=start), a)
    torch.testing.assert_close(lasso_path(gram, cov).solve(lam), a)


def test_of_equal_columns_the_one_with_the_lightest_weight_enters() -> None:
    z, y = design("random")
    z[:, 7] = z[:, 2]
    gram, cov = moments(z, y + 2 * z[:, [2]])
    weights = torch.ones(cov.shape, dtype=torch.float64)
    weights[7, 0] = 0.5  # for the first target only
    a = solve_lasso(gram, cov, 0.1, weights=weights)
    assert (a[2] != 0).tolist() == [False, True, True, True, True]
    assert (a[7] != 0).tolist() == [True, False, False, False, False]
    assert (kkt_residual(gram, cov, a, torch.full((5,), 0.1, dtype=torch.float64), weights) <= 1e-9).all()


def test_constant_columns_have_coefficient_and_gradient_zero() -> None:
    z, y = design("random")
    z[:, [0, 3]] = 0
    gram, cov = moments(z, y)
    for lam in (0.1 * lambda_max(gram, cov), torch.zeros(y.shape[1], dtype=torch.float64)):
        a, gram_grad, cov_grad = _solved_with_gradients(gram, cov, lam)
        for tensor in (a, gram_grad, cov_grad):
            assert (tensor[[0, 3]] == 0).all()
        torch.testing.assert_close(lasso_path(gram, cov).solve(lam), a)


def test_a_gram_of_zeros_gives_zeros() -> None:
    gram, cov = torch.zeros_like(EYE), torch.zeros_like(COV)
    a, _, _ = _solved_with_gradients(gram, cov, torch.zeros(2, dtype=torch.float64))
    assert (a == 0).all()
    assert (lambda_max(gram, cov) == 0).all()
    assert lasso_path(gram, cov).knots.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_all_is_zero_from_lambda_max_on(factor: float) -> None:
    gram, cov = moments(*design("var"))
    a, gram_grad, cov_grad = _solved_with_gradients(gram, cov, factor * lambda_max(gram, cov))
    assert (a == 0).all()
    assert (gram_grad == 0).all()
    assert (cov_grad == 0).all()


def _degenerate(kind: str, seed: int) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((int(rng.choice([6, 15, 100])), 12))
    if kind == "sums":
        z[:, 3], z[:, 2] = z[:, 0] + z[:, 1], z[:, 0] - z[:, 1]
    elif kind == "ties":  # small integers: several variables join or leave at the same knot
        z = rng.integers(-1, 2, z.shape).astype(float)
    elif kind == "twins":
        z[:, 5], z[:, 9] = z[:, 1], -z[:, 1]
    return moments(z, np.round(2 * z @ (rng.standard_normal((12, 4)) * (rng.random((12, 4)) < 0.5))))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["sums", "ties", "twins"])
def test_collinear_designs_are_solved_finite_and_optimal(kind: str, seed: int) -> None:
    gram, cov = _degenerate(kind, seed)
    largest = lambda_max(gram, cov)
    path = lasso_path(gram, cov)
    for fraction in (0.7, 0.2, 0.01, 0.0):
        lam = fraction * largest
        a, _, _ = _solved_with_gradients(gram, cov, lam)
        for solution in (a, path.solve(lam)):
            assert (kkt_residual(gram, cov, solution, lam) <= 1e-9 * largest + 1e-13).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((EYE * float("nan"), COV, 0.1), "gram holds NaN"),
        ((EYE, COV * float("inf"), 0.1), "cov holds NaN or infinite"),
        ((EYE + torch.ones(3, 3).triu(1), COV, 0.1), "gram is not symmetric"),
        ((-EYE, COV, 0.1), "negative diagonal"),
        ((EYE[:2], COV, 0.1), r"gram must have shape \(p, p\)"),
        ((EYE, COV[:2], 0.1), r"cov must have shape \(p, m\) = \(3, m\)"),
        ((EYE, COV.float(), 0.1), "cov must have the dtype and device of gram"),
        ((EYE.int(), COV, 0.1), "gram must be float32 or float64"),
        ((EYE.numpy(), COV, 0.1), "gram must be a torch tensor; it is ndarray"),
        ((EYE, COV.to("meta"), 0.1), "it is torch.float64 on meta"),
        ((EYE, COV, -0.1), "penalty must be finite and not negative"),
        ((EYE, COV, float("nan")), "penalty must be finite"),
        ((EYE, COV, COV[:, 0]), r"penalty must be a number or of shape \(m,\) = \(2,\)"),
    ],
)
def test_bad_arguments_are_named_with_what_is_expected(arguments: tuple[Tensor, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        solve_lasso(*arguments)


@pytest.mark.parametrize("weights", [-EYE[0], EYE[0] / 0, EYE[:2, :2]])
def test_bad_weights(weights: Tensor) -> None:
    with pytest.raises(InputError, match="weights must"):
        lasso_path(EYE, COV, weights=weights)


def test_other_bad_arguments() -> None:
    with pytest.raises(InputError, match="max_knots"):
        lasso_path(EYE, COV, max_knots=0)
    with pytest.raises(InputError, match="warm_start must have the shape of cov"):
        solve_lasso(EYE, COV, 0.1, warm_start=COV[:2])
    path = lasso_path(EYE, COV)
    with pytest.raises(InputError, match="knot must"):
        path.penalty_at_knot(-1)
    with pytest.raises(InputError, match="count must"):
        path.at_nonzeros(-1)
    with pytest.raises(InputError, match="variance must"):
        path.residual_variance(COV)


def test_a_matrix_that_is_no_gram_warns_instead_of_looping() -> None:
    gram = torch.tensor([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]], dtype=torch.float64)
    with pytest.warns(RuntimeWarning, match="not be positive semi-definite"):
        a = solve_lasso(gram, torch.tensor([[1.0], [2.0], [-1.0]], dtype=torch.float64), 0.1)
    assert a.isfinite().all()
