"""The solver for CUDA, run on the CPU: the same operations on another device."""

from __future__ import annotations

import pytest
import torch
from lasso_designs import design, kkt_residual, moments

from napari_calcdyn.models.lasso import batched as _lasso_batched
from napari_calcdyn.models.lasso import cpu as _lasso_cpu
from napari_calcdyn.models.lasso.lasso import lambda_max

DESIGNS = ["random", "var", "collinear 1e3", "collinear 1e6", "more variables than samples"]


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("fraction", [0.5, 0.1, 0.01])
def test_batched_and_compiled_solvers_agree(name: str, fraction: float) -> None:
    gram, cov = moments(*design(name))
    largest = lambda_max(gram, cov)
    threshold = (fraction * largest).expand_as(cov)
    expected, active, _ = _lasso_cpu.solve(gram, cov, threshold, None)
    a, inside, missed = _lasso_batched.solve(gram, cov, threshold, None)
    assert missed == 0
    assert torch.equal(inside, active)
    torch.testing.assert_close(a, expected, rtol=1e-7, atol=1e-9)
    assert (kkt_residual(gram, cov, a, fraction * largest) <= 1e-9 * largest).all()
    again, _, missed = _lasso_batched.solve(gram, cov, threshold, a, rounds=1)
    assert missed == 0  # a warm start needs the exact solve only
    torch.testing.assert_close(again, a)


@pytest.mark.parametrize("name", ["random", "var", "more variables than samples"])
def test_single_precision(name: str) -> None:
    gram, cov = moments(*design(name), torch.float32)
    lam = 0.05 * lambda_max(gram, cov)
    a, _, missed = _lasso_batched.solve(gram, cov, lam.expand_as(cov), None)
    assert missed == 0
    assert (kkt_residual(gram, cov, a, lam) <= 1e-5 * lambda_max(gram, cov)).all()


def test_unpenalised_and_excluded_variables() -> None:
    gram, cov = moments(*design("random"))
    threshold = torch.full_like(cov, 0.1)
    threshold[2], threshold[5] = 0, torch.inf
    a, active, missed = _lasso_batched.solve(gram, cov, threshold, None)
    expected, expected_active, _ = _lasso_cpu.solve(gram, cov, threshold, None)
    assert missed == 0
    torch.testing.assert_close(a, expected)
    assert torch.equal(active, expected_active)
    assert (a[5] == 0).all()
    assert (a[2] != 0).all()


@pytest.mark.parametrize("chunk", [1, 2**30])
def test_solve_on_supports_of_different_sizes(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lasso_batched, "_CHUNK_BYTES", chunk)
    gram, cov = moments(*design("var"))
    active = torch.rand(cov.shape, generator=torch.Generator().manual_seed(0)) < torch.linspace(0, 1, 5)
    expected = _lasso_cpu.solve_on_support(gram, cov, active)
    torch.testing.assert_close(_lasso_batched.solve_on_support(gram, cov, active), expected)
    assert (expected[~active] == 0).all()


def test_singular_supports_give_finite_values_that_fit() -> None:
    z, y = design("random")
    z[:, 3] = z[:, 0] + z[:, 1]
    gram, cov = moments(z, y)
    active = torch.zeros(cov.shape, dtype=torch.bool)
    active[:6] = True
    x = _lasso_batched.solve_on_support(gram, cov, active)
    assert x.isfinite().all()
    torch.testing.assert_close((gram @ x)[:6], cov[:6], rtol=1e-6, atol=1e-8)


def test_spectral_bound_is_above_the_largest_eigenvalue_and_near_it() -> None:
    for name in DESIGNS:
        gram, _ = moments(*design(name))
        ratio = _lasso_batched.spectral_bound(gram) / torch.linalg.eigvalsh(gram)[-1]
        assert 1 - 1e-9 <= ratio <= gram.shape[0] ** (1 / 64)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cuda_gives_the_coefficients_and_gradients_of_the_cpu(dtype: torch.dtype) -> None:
    from napari_calcdyn.models.lasso.lasso import lasso_path, solve_lasso

    results = []
    for device in ("cpu", "cuda"):
        gram, cov = (x.to(device).requires_grad_() for x in moments(*design("var"), dtype))
        a = solve_lasso(gram, cov, 0.1 * lambda_max(gram, cov))
        a.square().sum().backward()
        path = lasso_path(gram.detach(), cov.detach())
        results.append([x.cpu() for x in (a.detach(), gram.grad, cov.grad, path.at_fraction(0.1))])
    tolerance = 1e-4 if dtype == torch.float32 else 1e-9
    for cpu, cuda in zip(*results, strict=True):
        torch.testing.assert_close(cuda, cpu, rtol=tolerance, atol=tolerance)
