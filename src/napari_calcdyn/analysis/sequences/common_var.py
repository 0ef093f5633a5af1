"""The sparse VAR that two conditions have in common, and what it leaves unexplained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.models.lasso import solve_lasso
from napari_calcdyn.models.var import Moments, Selection
from napari_calcdyn.models.var.model import trace_path
from napari_calcdyn.models.var.selection import choose_penalty

from .condition_blocks import Blocks

_FOLDS = 5


@dataclass(frozen=True)
class CommonVAR:
    """The sparse VAR of all blocks together.

    Attributes
    ----------
    weights : Tensor (P, d)
        Penalty weights; P is p·d, or p·K where only K latents may drive each one.
    penalty : Tensor (d,)
        λ of each target.
    coefficients : Tensor (P, d)
        Between latents of unit variance.
    residuals : ndarray (n, d), float64
        What is left of every target after a fit without penalty to its own past and to the sources that the sparse
        fit chose. A shrunken fit would leave activity in them that returns in every block with the same sign.
    """

    weights: Tensor
    penalty: Tensor
    coefficients: Tensor
    residuals: NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        blocks: Blocks,
        selection: Selection,
        weights: Tensor | None,
        tick: Callable[[], None] = lambda: None,
    ) -> CommonVAR:
        """Choose λ once, on the data of both conditions; `tick` is called now and then, and may raise."""
        moments = blocks.moments()
        if weights is None:
            weights = torch.ones_like(moments.cov)
        tick()
        path = trace_path(moments, weights)
        tick()
        folds = []
        if selection.rule == "cross-validation":
            edges = blocks.length * np.linspace(0, len(blocks.frames), _FOLDS + 1).astype(int)
            folds = [blocks.moments(slice(start, stop)) for start, stop in pairwise(edges)]
        penalty = choose_penalty(path, moments, selection, folds, weights)
        coefficients = path.solve(penalty).detach()
        return cls(weights, penalty, coefficients, _residuals(blocks, coefficients.numpy() != 0, tick))

    def fit_again(self, moments: Moments) -> Tensor:
        """Fit other moments with the same λ, (P, d)."""
        return solve_lasso(
            moments.gram, moments.cov, self.penalty, weights=self.weights, warm_start=self.coefficients
        )


def _residuals(blocks: Blocks, chosen: NDArray[np.bool_], tick: Callable[[], None]) -> NDArray[np.float64]:
    residuals = np.empty_like(blocks.targets)
    for target, sources in enumerate(blocks.sources):
        tick()
        column = chosen[:, target].reshape(-1, len(sources)) | (sources == target)
        lag, place = np.nonzero(column)
        predictors = blocks.rows[1 + lag, sources[place]].T
        fitted = predictors @ np.linalg.lstsq(predictors, blocks.targets[:, target], rcond=None)[0]
        residuals[:, target] = blocks.targets[:, target] - fitted
    return residuals
