from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from lasso_designs import design, kkt_residual, moments
from sklearn.linear_model import Lasso

from napari_calcdyn.models.lasso.lasso import lambda_max, solve_lasso

DESIGNS = ["random", "var", "collinear 1e3", "collinear 1e6", "more variables than samples"]


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("fraction", [0.5, 0.1, 0.01, 1e-4])
def test_solutions_meet_the_optimality_conditions(name: str, fraction: float) -> None:
    gram, cov = moments(*design(name))
    largest = lambda_max(gram, cov)
    a = solve_lasso(gram, cov, fraction * largest)
    assert (kkt_residual(gram, cov, a, fraction * largest) <= 1e-9 * largest).all()


@pytest.mark.parametrize("name", ["random", "var"])
def test_agrees_with_scikit_learn_in_the_same_scaling_of_the_penalty(name: str) -> None:
    z, y = design(name)
    a = solve_lasso(*moments(z, y), 0.1)
    for j in range(y.shape[1]):
        peer = Lasso(alpha=0.1, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(z, y[:, j])
        torch.testing.assert_close(a[:, j], torch.from_numpy(peer.coef_), rtol=0, atol=1e-7)


@pytest.mark.parametrize("weights_shape", ["variables", "variables and targets"])
def test_weights_scale_the_penalty_and_zero_leaves_a_variable_unpenalised(weights_shape: str) -> None:
    gram, cov = moments(*design("random"))
    weights = torch.rand(cov.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.5
    weights[[1, 4]] = 0
    if weights_shape == "variables":
        weights = weights[:, :1].clone()
    used = weights[:, 0] if weights_shape == "variables" else weights
    largest = lambda_max(gram, cov, used)
    a = solve_lasso(gram, cov, largest * 1.0001, weights=used)
    assert ((a != 0) == (weights == 0)).all()
    a = solve_lasso(gram, cov, 0.2 * largest, weights=used)
    assert (kkt_residual(gram, cov, a, 0.2 * largest, weights) <= 1e-9 * largest).all()


def test_penalty_is_one_number_or_one_per_target() -> None:
    gram, cov = moments(*design("random"))
    per_target = solve_lasso(gram, cov, torch.full((cov.shape[1],), 0.1, dtype=torch.float64))
    assert torch.equal(solve_lasso(gram, cov, 0.1), per_target)
    assert torch.equal(solve_lasso(gram, cov, torch.tensor(0.1, dtype=torch.float64)), per_target)


def test_zero_penalty_is_least_squares() -> None:
    gram, cov = moments(*design("random"))
    torch.testing.assert_close(solve_lasso(gram, cov, 0.0), torch.linalg.solve(gram, cov))


@pytest.mark.parametrize("name", DESIGNS)
def test_a_warm_start_does_not_change_the_solution(name: str) -> None:
    gram, cov = moments(*design(name))
    lam = 0.1 * lambda_max(gram, cov)
    cold = solve_lasso(gram, cov, lam)
    start = torch.randn(cov.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for warm in (cold, start, start * float("nan")):
        torch.testing.assert_close(solve_lasso(gram, cov, lam, warm_start=warm), cold, rtol=1e-6, atol=1e-9)


def test_single_precision_in_and_out() -> None:
    gram, cov = moments(*design("var"))
    single = solve_lasso(gram.float(), cov.float(), 0.05)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), solve_lasso(gram, cov, 0.05), rtol=1e-4, atol=1e-5)


def test_concurrent_calls_from_several_threads_agree() -> None:
    gram, cov = moments(*design("var"))
    expected = solve_lasso(gram, cov, 0.02)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: solve_lasso(gram, cov, 0.02), range(40)))
    assert all(torch.equal(result, expected) for result in results)


def test_importing_the_module_does_not_import_numba() -> None:
    code = "import sys, napari_calcdyn.models.lasso.lasso; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
