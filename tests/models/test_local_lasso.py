"""A lasso over the neighbours of each target is the full one with all other predictors kept out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from local_designs import SPACING, centres, latents, members, own
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from napari_calcdyn.models.lasso import LassoPath, lambda_max, lasso_path, solve_lasso
from napari_calcdyn.models.lasso.local import LocalGram
from napari_calcdyn.models.lasso.products import outer, times
from napari_calcdyn.models.var.local_moments import local_moments
from napari_calcdyn.models.var.moments import Moments
from napari_calcdyn.models.var.neighbours import Neighbourhoods
from napari_calcdyn.models.var.selection import ebic
from napari_calcdyn.recording import InputError

ORDER = 2
CENTRES = centres()
TARGETS = len(CENTRES)
HOOD = Neighbourhoods.within(CENTRES, SPACING, 1.5)
KINDS = ["plain", "some unpenalised", "constant latent", "twins", "few samples"]


def design(kind: str) -> tuple[Tensor, Tensor | None]:
    """Windows of latents (W, L, d) and weights (P, d)."""
    z = latents(CENTRES, 24 if kind == "few samples" else 400)
    first, second = HOOD.neighbours[20][:2]  # close to each other
    weights = None
    if kind == "constant latent":
        z[:, first] = 0
    if kind == "twins":
        z[:, first] = -z[:, second]
    if kind == "some unpenalised":
        size = ORDER * HOOD.neighbours.shape[1]
        weights = 0.5 + torch.rand(size, TARGETS, generator=torch.Generator().manual_seed(0)).double()
        weights[[0, 3]] = 0
    return z.view(4, -1, TARGETS), weights


def dense(
    full: Moments, weights: Tensor | None, solve: Callable[[int, Tensor, Tensor, Tensor], Tensor]
) -> Tensor:
    """Solve the dense problem of every target, one after the other; (P, d) with zeros for missing neighbours."""
    rows = ORDER * HOOD.neighbours.shape[1]
    found = []
    for target in range(TARGETS):
        there, gram, cov = own(full, HOOD, target)
        price = torch.ones_like(cov) if weights is None else weights[there, target, None]
        solution = solve(target, gram, cov, price)[:, 0]
        found.append(solution.new_zeros(rows).index_put((there,), solution))
    return torch.stack(found, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fraction", [0.5, 0.1, 0.01])
def test_coefficients_and_their_gradient_are_those_of_the_full_problem(kind: str, fraction: float) -> None:
    windows, weights = design(kind)
    results = []
    for near in (False, True):
        given = windows.clone().requires_grad_()
        if near:
            moments = local_moments(given, ORDER, HOOD)
            lam = fraction * lambda_max(moments.gram, moments.cov, weights)
            a = solve_lasso(moments.gram, moments.cov, lam, weights=weights)
        else:

            def solve(_: int, gram: Tensor, cov: Tensor, price: Tensor) -> Tensor:
                return solve_lasso(gram, cov, fraction * lambda_max(gram, cov, price), weights=price)

            a = dense(Moments.of(given, ORDER), weights, solve)
        slope = torch.randn(a.shape, generator=torch.Generator().manual_seed(0), dtype=a.dtype)
        (slope * a + a.square()).sum().backward()
        results.append((a.detach(), given.grad))
    (expected, expected_grad), (a, grad) = results
    assert torch.equal(a != 0, expected != 0)
    assert (a != 0).sum() > TARGETS
    torch.testing.assert_close(a, expected, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(grad, expected_grad, rtol=1e-8, atol=1e-8)


def test_it_is_the_lasso_of_all_latents_with_heavy_weights_outside_the_radius() -> None:
    windows, _ = design("plain")
    full, near = Moments.of(windows, ORDER), local_moments(windows, ORDER, HOOD)
    a = solve_lasso(near.gram, near.cov, 0.05)
    weights = torch.full_like(full.cov, 1e6)
    for target in range(TARGETS):
        index = members(HOOD, target, ORDER)
        weights[index[index >= 0], target] = 1
    expected = solve_lasso(full.gram, full.cov, 0.05, weights=weights)
    found = torch.zeros_like(expected)
    for target in range(TARGETS):
        index = members(HOOD, target, ORDER)
        found[index[index >= 0], target] = a[index >= 0, target]
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_path_is_that_of_the_full_problem(kind: str) -> None:
    windows, weights = design(kind)
    full, near = Moments.of(windows, ORDER), local_moments(windows, ORDER, HOOD)
    path = lasso_path(near.gram, near.cov, weights=weights)
    residual, criterion = path.residual_variance(near.variance), ebic(path, near)
    paths: list[LassoPath] = []

    def trace(target: int, gram: Tensor, cov: Tensor, price: Tensor) -> Tensor:
        paths.append(lasso_path(gram, cov, weights=price))
        mine, known = paths[target], len(paths[target])
        assert path.n_knots[target] == known
        torch.testing.assert_close(path.knots[:known, target, None], mine.knots, rtol=1e-8, atol=1e-10)
        assert torch.equal(path.nonzeros()[:known, target, None], mine.nonzeros())
        expected = mine.residual_variance(full.variance[target, None])
        torch.testing.assert_close(residual[:known, target, None], expected, rtol=1e-7, atol=1e-10)
        return mine.at_nonzeros(4)

    expected = dense(full, weights, trace)
    torch.testing.assert_close(path.at_nonzeros(4), expected, rtol=1e-8, atol=1e-8)
    expected = dense(full, weights, lambda target, *_: paths[target].coefficients[len(paths[target]) // 2])
    torch.testing.assert_close(
        path.solve(path.penalty_at_knot(torch.tensor([len(it) // 2 for it in paths]))), expected
    )
    assert torch.equal(criterion.isnan(), path.knots.isnan())
    largest = torch.cat([it.lambda_max for it in paths])
    torch.testing.assert_close(path.lambda_max, largest)
    torch.testing.assert_close(lambda_max(near.gram, near.cov, weights), largest)


def test_path_and_descent_agree_between_knots_and_below_a_path_cut_short() -> None:
    windows, _ = design("plain")
    near = local_moments(windows, ORDER, HOOD)
    for path in (lasso_path(near.gram, near.cov), lasso_path(near.gram, near.cov, max_knots=4)):
        for fraction in (1.5, 0.6, 0.03):
            expected = solve_lasso(near.gram, near.cov, fraction * path.lambda_max)
            torch.testing.assert_close(path.at_fraction(fraction), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_warm_start_does_not_change_the_solution(kind: str) -> None:
    windows, weights = design(kind)
    near = local_moments(windows, ORDER, HOOD)
    lam = 0.1 * lambda_max(near.gram, near.cov, weights)
    cold = solve_lasso(near.gram, near.cov, lam, weights=weights)
    start = torch.randn(cold.shape, dtype=cold.dtype, generator=torch.Generator().manual_seed(1))
    for warm in (cold, start):
        again = solve_lasso(near.gram, near.cov, lam, weights=weights, warm_start=warm)
        torch.testing.assert_close(again, cold, rtol=1e-6, atol=1e-9)


def test_single_precision_in_and_out() -> None:
    windows, _ = design("plain")
    near, single = local_moments(windows, ORDER, HOOD), local_moments(windows.float(), ORDER, HOOD)
    a = solve_lasso(single.gram, single.cov, 0.05)
    assert a.dtype == torch.float32
    torch.testing.assert_close(a.double(), solve_lasso(near.gram, near.cov, 0.05), rtol=1e-3, atol=1e-4)


def small() -> tuple[Moments, Neighbourhoods]:
    at = centres(2, 3, 1)
    hood = Neighbourhoods.within(at, SPACING, 1)
    return local_moments(latents(at, 60)[None], 2, hood), hood


@pytest.mark.parametrize(
    "rule",
    [
        lambda g, c: solve_lasso(g, c, 0.3 * lambda_max(g, c)),
        lambda g, c: lasso_path(g, c).at_nonzeros(2),
        lambda g, c: lasso_path(g, c).penalty_at_knot(3),
    ],
    ids=["fraction", "non-zeros", "knot"],
)
def test_gradients_in_table_and_covariance(rule: Callable[[LocalGram, Tensor], Tensor]) -> None:
    moments, hood = small()
    given = (moments.gram.table.requires_grad_(), moments.cov.requires_grad_())
    assert gradcheck(lambda table, cov: rule(LocalGram(table, hood.pairs), cov), given)


def test_second_derivatives() -> None:
    moments, hood = small()
    lam = (0.3 * lambda_max(moments.gram, moments.cov)).requires_grad_()
    given = (moments.gram.table.requires_grad_(), moments.cov.requires_grad_(), lam)
    assert gradgradcheck(lambda table, cov, lam: solve_lasso(LocalGram(table, hood.pairs), cov, lam), given)


def test_products_with_each_matrix() -> None:
    moments, hood = small()
    full_gram = torch.stack(
        [
            times(moments.gram, torch.eye(len(moments.gram)).double()[:, [k] * 5])
            for k in range(len(moments.gram))
        ]
    )
    torch.testing.assert_close(full_gram, full_gram.transpose(0, 1))
    x, y = torch.randn(2, *moments.cov.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(times(moments.gram, x), torch.einsum("kpj,kj->pj", full_gram, x))
    table = moments.gram.table.requires_grad_()
    form = (x * times(LocalGram(table, hood.pairs), y)).sum()
    torch.testing.assert_close(torch.autograd.grad(form, table)[0], outer(moments.gram, x, y))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: LocalGram(g.table * float("nan"), g.pairs), "gram holds NaN"),
        (lambda g: LocalGram(-g.table, g.pairs), "negative diagonal"),
        (lambda g: LocalGram(g.table[:, :, :2], g.pairs), r"table of gram must have shape \(p, p, d, M\)"),
        (lambda g: LocalGram(g.table, g.pairs + 100), "places in its table"),
        (lambda g: LocalGram(g.table, g.pairs.long()), "must be int32"),
        (lambda g: LocalGram(g.table.float(), g.pairs), "cov must have the dtype and device of gram"),
        (lambda g: LocalGram(g.table[:1, :1], g.pairs), r"cov must have shape \(p, m\) = \(4, 5\)"),
    ],
)
def test_bad_arguments_are_named(change: Callable[[LocalGram], LocalGram], message: str) -> None:
    moments, _ = small()
    with pytest.raises(InputError, match=message):
        solve_lasso(change(moments.gram), moments.cov, 0.1)


def test_a_warm_start_changes_nothing_even_if_it_is_all_outside_the_model() -> None:
    windows, _ = design("plain")
    windows[..., 4] = 0  # a constant latent is no predictor
    near = local_moments(windows, ORDER, HOOD)
    expected = solve_lasso(near.gram, near.cov, 0.05)
    constant = (near.gram.diagonal() == 0) & (HOOD.neighbours.T == 4).repeat(ORDER, 1)
    assert constant.any()
    for start in (constant.double(), torch.ones_like(expected), expected):
        found = solve_lasso(near.gram, near.cov, 0.05, warm_start=start)
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)


def test_latents_that_are_the_same_but_share_no_target_are_no_twins() -> None:
    at = torch.tensor([[0.0, 0.0], [0.0, 9.0], [0.0, 18.0]])
    hood = Neighbourhoods.within(at, 9.0, 0.6)  # partners are up to 1.2 steps away
    windows = torch.randn(2, 100, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    windows[..., 1] = windows[..., 0]
    near = local_moments(windows, 1, hood)
    a = solve_lasso(near.gram, near.cov, 0.0)
    own = torch.stack([near.cov[:, j].sum() / near.gram.diagonal()[:, j].sum() for j in range(3)])
    torch.testing.assert_close(a.sum(0), own)
