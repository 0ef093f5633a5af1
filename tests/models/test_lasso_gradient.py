from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from lasso_designs import design, moments
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from napari_calcdyn.models.lasso.lasso import lambda_max, lasso_path, solve_lasso


def _problem(name: str) -> tuple[Tensor, Tensor]:
    gram, cov = moments(*design(name))
    size = 10  # a corner is enough, finite differences go through every entry
    return gram[:size, :size].clone().requires_grad_(), cov[:size, :3].clone().requires_grad_()


def _symmetric(m: Tensor) -> Tensor:
    return (m + m.T) / 2


def _unpenalised() -> Tensor:
    weights = torch.linspace(0.5, 2, 10, dtype=torch.float64)
    weights[2] = 0
    return weights


@pytest.mark.parametrize("name", ["random", "var", "collinear 1e3"])
@pytest.mark.parametrize("weights", [None, _unpenalised()])
def test_gradients_in_gram_covariance_and_penalty(name: str, weights: Tensor | None) -> None:
    gram, cov = _problem(name)
    lam = (0.2 * lambda_max(gram, cov, weights)).detach().requires_grad_()

    def solution(gram: Tensor, cov: Tensor, lam: Tensor) -> Tensor:
        return solve_lasso(_symmetric(gram), cov, lam, weights=weights)

    assert (solution(gram, cov, lam) != 0).sum() > 3
    assert gradcheck(solution, (gram, cov, lam))


def test_second_derivatives() -> None:
    gram, cov = _problem("random")
    lam = (0.2 * lambda_max(gram, cov)).detach().requires_grad_()
    assert gradgradcheck(lambda g, c, x: solve_lasso(_symmetric(g), c, x), (gram, cov, lam))


@pytest.mark.parametrize("weights", [None, _unpenalised()])
@pytest.mark.parametrize(
    "rule",
    [
        lambda g, c, w: solve_lasso(g, c, 0.3 * lambda_max(g, c, w), weights=w),
        lambda g, c, w: lasso_path(g, c, weights=w).at_fraction(0.3),
        lambda g, c, w: solve_lasso(g, c, lasso_path(g, c, weights=w).penalty_at_knot(4), weights=w),
        lambda g, c, w: lasso_path(g, c, weights=w).coefficients[4],
        lambda g, c, w: lasso_path(g, c, weights=w).at_nonzeros(3),
        lambda g, c, w: lasso_path(g, c, weights=w).penalty_at_knot(5),
    ],
    ids=["fraction", "fraction of a path", "knot", "coefficients at a knot", "non-zeros", "knot itself"],
)
def test_gradients_through_penalties_that_depend_on_the_data(
    rule: Callable[[Tensor, Tensor, Tensor | None], Tensor], weights: Tensor | None
) -> None:
    gram, cov = _problem("var")
    assert gradcheck(lambda g, c: rule(_symmetric(g), c, weights), (gram, cov))


def test_gradient_where_a_variable_leaves_the_path() -> None:
    gram, cov = _problem("collinear 1e3")
    path = lasso_path(gram, cov)
    leaving = torch.from_numpy((abs(path._event) == 2).argmax(axis=0))
    assert (leaving > 0).any()  # some target has such a knot
    assert gradcheck(lambda g, c: lasso_path(_symmetric(g), c).penalty_at_knot(leaving), (gram, cov))


def test_gradient_is_the_closed_form_summed_over_targets() -> None:
    gram, cov = _problem("random")
    lam = (0.2 * lambda_max(gram, cov)).detach().requires_grad_()
    a = solve_lasso(gram, cov, lam)
    g = torch.randn(a.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    a.backward(g)
    a = a.detach()
    expected = torch.zeros_like(gram)
    for j in range(a.shape[1]):
        s = a[:, j].nonzero()[:, 0]
        u = torch.linalg.solve(gram.detach()[s][:, s], g[s, j])
        outer = torch.outer(u, a[s, j])
        expected[s[:, None], s] -= (outer + outer.T) / 2
        torch.testing.assert_close(cov.grad[s, j], u)
        torch.testing.assert_close(lam.grad[j], -(a[s, j].sign() * u).sum())
    torch.testing.assert_close(gram.grad, expected)


def test_no_gradient_outside_the_active_sets() -> None:
    gram, cov = _problem("random")
    a = solve_lasso(gram, cov, 0.3 * lambda_max(gram, cov).detach())
    a.square().sum().backward()
    assert ((cov.grad != 0) == (a != 0)).all()
