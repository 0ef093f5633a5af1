"""Choice of the point on the lasso path."""

from __future__ import annotations

import math
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

_FRACTIONS = np.geomspace(1, 0.01, 25)


@dataclass(frozen=True)
class Selection:
    """Rule for the choice of the penalty of each target.

    Parameters
    ----------
    rule : {"ebic", "cross-validation", "fraction", "nonzeros"}
        EBIC over the knots; squared error over blocked cross-validation; the same fraction of every target's λ_max;
        the same number of non-zeros in every target.
    fraction : float
        For the rule "fraction".
    nonzeros : int
        For the rule "nonzeros".
    """

    rule: Literal["ebic", "cross-validation", "fraction", "nonzeros"] = "ebic"
    fraction: float = 0.1
    nonzeros: int = 5


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
    if selection.rule == "cross-validation":
        return _cross_validated(folds, weights) * path.lambda_max.detach()
    best = ebic(path, moments).nan_to_num(nan=torch.inf).argmin(0)
    return path.knots.gather(0, best[None])[0]


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


def _cross_validated(folds: list[Moments], weights: Tensor) -> Tensor:
    """Return the fraction of λ_max with the smallest squared error on held-out blocks, (d,)."""
    errors = torch.zeros(len(_FRACTIONS), weights.shape[1], dtype=torch.float64)
    for left_out, test in enumerate(folds):
        train = reduce(add, folds[:left_out] + folds[left_out + 1 :])
        largest = lambda_max(train.gram, train.cov, weights)
        a = None
        for index, fraction in enumerate(_FRACTIONS):
            a = solve_lasso(train.gram, train.cov, float(fraction) * largest, weights=weights, warm_start=a)
            fit = (a * (times(test.gram, a) - 2 * test.cov)).sum(0)
            errors[index] += test.samples * (test.variance + fit)
    return torch.from_numpy(_FRACTIONS)[errors.argmin(0)]
