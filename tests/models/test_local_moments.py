from __future__ import annotations

import pytest
import torch
from local_designs import SPACING, centres, latents, own
from torch import Tensor
from torch.autograd import gradcheck

from napari_calcdyn.models.lasso.local import LocalGram
from napari_calcdyn.models.var.local_moments import local_moments, local_residual
from napari_calcdyn.models.var.moments import Moments, lagged
from napari_calcdyn.models.var.neighbours import Neighbourhoods

CENTRES = centres()
HOOD = Neighbourhoods.within(CENTRES, SPACING, 1.5)


def windows() -> Tensor:
    return latents(CENTRES).view(8, 50, -1)


def valid() -> Tensor:
    chosen = torch.ones(8, 50, dtype=torch.bool)
    chosen[0, :7] = chosen[3, 20] = chosen[5] = False
    return chosen


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("some_bad", [False, True])
def test_table_holds_the_entries_of_the_full_moments(order: int, some_bad: bool) -> None:
    given = windows()
    good = valid() if some_bad else None
    if some_bad:
        given[~valid()] = torch.nan
    full, near = Moments.of(given, order, good), local_moments(given, order, HOOD, good)
    d = len(CENTRES)
    table = full.gram.view(order, d, order, d).transpose(1, 2)
    column = HOOD.partners.clamp_min(0).expand(order, order, -1, -1)
    expected = table.gather(3, column).where(HOOD.partners >= 0, 0.0)
    assert isinstance(near.gram, LocalGram)
    torch.testing.assert_close(near.gram.table, expected)
    neighbours = HOOD.neighbours.T.clamp_min(0).expand(order, -1, -1)
    cov = full.cov.view(order, d, d).gather(1, neighbours).where(HOOD.neighbours.T >= 0, 0.0)
    torch.testing.assert_close(near.cov, cov.flatten(0, 1))
    torch.testing.assert_close(near.variance, full.variance)
    assert near.samples == full.samples


def test_moments_of_two_stretches_add_up() -> None:
    first, second, whole = (local_moments(it, 2, HOOD) for it in (windows()[:3], windows()[3:], windows()))
    both = first + second
    for mine, expected in ((both.gram.table, whole.gram.table), (both.cov, whole.cov)):
        torch.testing.assert_close(mine, expected)
    assert both.samples == whole.samples


def test_diagonals_are_those_of_the_full_matrix() -> None:
    near, full = local_moments(windows(), 2, HOOD), Moments.of(windows(), 2)
    for target in (0, 17, len(CENTRES) - 1):
        there, gram, _ = own(full, HOOD, target)
        diagonal = near.gram.diagonal()[:, target]
        torch.testing.assert_close(diagonal[there], gram.diagonal())
        assert (diagonal[~there] == 0).all()
    assert near.gram.shape == (len(near.gram),) * 2 == (len(near.cov),) * 2


def test_gradient_agrees_with_finite_differences() -> None:
    at = centres(3, 3, 2)
    hood = Neighbourhoods.within(at, SPACING, 1)
    given = latents(at, 12).view(2, 6, -1).requires_grad_()
    good = torch.ones(2, 6, dtype=torch.bool)
    good[1, 4] = False

    def moments(given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = local_moments(given, 2, hood, good)
        return found.gram.table, found.cov, found.variance

    assert gradcheck(moments, (given,))


@pytest.mark.parametrize("some_bad", [False, True])
def test_residuals_are_those_of_the_full_tables(some_bad: bool) -> None:
    given, good = windows(), valid() if some_bad else None
    d, order = len(CENTRES), 2
    draw = torch.Generator().manual_seed(0)
    a = torch.randn(order, *HOOD.neighbours.shape, generator=draw, dtype=torch.float64)
    a[a.abs() < 0.5] = 0
    table = torch.zeros(order, d, d, dtype=torch.float64)
    for target, sources in enumerate(HOOD.neighbours):
        table[:, sources[sources >= 0], target] = a[:, target, sources >= 0]
    predictors, targets = lagged(given, order, good)
    found = local_residual(given, a.transpose(1, 2).flatten(0, 1), HOOD, good)
    torch.testing.assert_close(found.T, targets - predictors @ table.flatten(0, 1))


def test_gradient_of_residuals_agrees_with_finite_differences() -> None:
    at = centres(3, 3, 2)
    hood = Neighbourhoods.within(at, SPACING, 1)
    given = latents(at, 12).view(2, 6, -1).requires_grad_()
    draw = torch.Generator().manual_seed(0)
    a = torch.randn(2 * hood.neighbours.shape[1], len(at), generator=draw, dtype=torch.float64)
    assert gradcheck(lambda given, a: local_residual(given, a, hood), (given, a.requires_grad_()))
