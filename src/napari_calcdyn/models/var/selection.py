"""Choice of the point on the lasso path."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from napari_calcdyn.models.lasso import lambda_max, solve_lasso
from napari_calcdyn.models.lasso.lasso import LassoPath
from napari_calcdyn.models.lasso.products import times

from .moments import Moments

_FRACTIONS = torch.from_numpy(np.geomspace(1, 0.01, 25))[:, None]
_BETWEEN = 8


@dataclass(frozen=True)
class Selection:
    """Rule for the choice of the penalty of each target.

    Parameters
    ----------
    rule : {"ebic", "checked", "cross-validation", "fraction", "nonzeros"}
        EBIC over the knots; the same, but no fuller than blocks of time that are left out call for; squared error over
        blocked cross-validation; the same fraction of every target's λ_max; the same number of non-zeros in every
        target.
    fraction : float
        For the rule "fraction".
    nonzeros : int
        For the rule "nonzeros".
    """

    rule: Literal["ebic", "checked", "cross-validation", "fraction", "nonzeros"] = "ebic"
    fraction: float = 0.1
    nonzeros: int = 5

    @property
    def needs_blocks(self) -> bool:
        """Whether blocks of time are left out in turn."""
        return self.rule in ("checked", "cross-validation")


def choose_penalty(
    path: LassoPath, moments: Moments, selection: Selection, folds: list[Moments], weights: Tensor
) -> Tensor:
    """Choose λ of each target.

    Parameters
    ----------
    path : LassoPath
        Path of all data.
    moments : Moments
        Moments of all data.
    selection : Selection
        The rule.
    folds : list of Moments
        Blocks for cross-validation; not used otherwise.
    weights : Tensor (p·d, d)
        Penalty weights.

    Returns
    -------
    Tensor (d,)
        λ of each target.
    """
    if selection.rule == "fraction":
        return selection.fraction * path.lambda_max.detach()
    if selection.rule == "nonzeros":
        return path.penalty_at_nonzeros(selection.nonzeros).detach()
    largest = path.lambda_max.detach()
    if selection.rule == "cross-validation":
        errors = _left_out_errors(folds, weights, lambda train: _largest(train, weights) * _FRACTIONS)
        return _FRACTIONS[errors.sum(0).argmin(0), 0] * largest
    best = ebic(path, moments).nan_to_num(nan=torch.inf).argmin(0)
    penalty = path.knots.gather(0, best[None])[0]
    if selection.rule == "checked" and len(folds) > 1:
        return _checked(penalty, largest, folds, weights)
    return penalty


def ebic(path: LassoPath, moments: Moments, gamma: float = 0.5) -> Tensor:
    """Return the extended Bayesian information criterion of every target at every knot.

    ``n log(RSS/n) + k log n + 2γ k log P`` with k non-zeros among P predictors (Chen & Chen 2008, Biometrika
    95:759).

    Parameters
    ----------
    path : LassoPath
        Lasso path.
    moments : Moments
        The moments it was followed on.
    gamma : float
        0 is the plain BIC; 0.5 penalises non-zeros more if there are many predictors.

    Returns
    -------
    Tensor (K, d)
        NaN after a target's last knot.
    """
    n, predictors = moments.samples, len(moments.gram)
    smallest = torch.finfo(moments.variance.dtype).eps * moments.variance.clamp_min(1e-300)
    residual = torch.maximum(path.residual_variance(moments.variance), smallest)
    price = math.log(n) + 2 * gamma * math.log(predictors)
    return n * residual.log() + price * path.nonzeros()


def _checked(penalty: Tensor, largest: Tensor, folds: list[Moments], weights: Tensor) -> Tensor:
    """Raise the penalty of targets as far as the error on blocks that are left out allows.

    One event that two cells share is enough for EBIC, which takes errors to be Gaussian; a block of time that was left
    out does not confirm it. The sparsest model is taken whose error is within one standard error, over blocks, of the
    smallest (Breiman et al. 1984, Classification and Regression Trees).
    """
    some = penalty < largest
    if not some.any():
        return penalty
    between = torch.linspace(0, 1, _BETWEEN, dtype=torch.float64)[:, None]
    smallest = torch.maximum(penalty, largest * torch.finfo(largest.dtype).eps)[some]
    steps = largest[some] * (smallest / largest[some]) ** between
    few = [Moments(it.gram, it.cov[:, some], it.variance[some], it.samples) for it in folds]
    errors = _left_out_errors(few, weights[:, some], lambda train: steps)
    least = errors.sum(0).argmin(0)
    more = errors - errors.gather(1, least[None, None].expand(len(errors), 1, -1))
    close = more.mean(0) <= more.std(0) / len(errors) ** 0.5
    checked = penalty.clone()
    checked[some] = steps.gather(0, close.double().argmax(0)[None])[0]
    return checked


def _left_out_errors(
    folds: list[Moments], weights: Tensor, penalties_of: Callable[[Moments], Tensor]
) -> Tensor:
    """Return the squared error on each block of fits to the others, (blocks, penalties, d).

    The penalties (k, d) for a fit fall from one to the next.
    """
    errors = []
    for left_out, test in enumerate(folds):
        train = reduce(add, folds[:left_out] + folds[left_out + 1 :])
        a = None
        for penalty in penalties_of(train):
            a = solve_lasso(train.gram, train.cov, penalty, weights=weights, warm_start=a)
            fit = (a * (times(test.gram, a) - 2 * test.cov)).sum(0)
            errors.append(test.samples * (test.variance + fit))
    return torch.stack(errors).view(len(folds), -1, weights.shape[1])


def _largest(moments: Moments, weights: Tensor) -> Tensor:
    return lambda_max(moments.gram, moments.cov, weights)
