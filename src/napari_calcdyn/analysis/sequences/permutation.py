"""Statistic of a comparison and its null distribution, from sums over blocks."""

from __future__ import annotations

from collections.abc import Iterator
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
from napari_calcdyn.recording import ProgressCallback, report

from .condition_blocks import Blocks, ridge_inverse

_AT_ONCE_BYTES = 64 * 2**20
_COLUMNS = 8192
_ROWS = 256  # labellings at a time
_FOLDS = 5


@dataclass(frozen=True)
class CommonVAR:
    """The sparse VAR of all blocks together.

    Attributes
    ----------
    moments : Moments
        What it was fitted to.
    weights : Tensor (q, d)
        Penalty weights.
    penalty : Tensor (d,)
        λ of each target.
    coefficients : Tensor (q, d)
        Between latents of unit variance.
    effects : ndarray (q, d), float64
        The same from ridge regression: residuals that the penalty does not shape.
    """

    moments: Moments
    weights: Tensor
    penalty: Tensor
    coefficients: Tensor
    effects: NDArray[np.float64]

    @classmethod
    def fit(cls, blocks: Blocks, selection: Selection, weights: Tensor | None) -> CommonVAR:
        """Choose λ once, on the data of both conditions."""
        moments = blocks.moments()
        if weights is None:
            weights = torch.ones_like(moments.cov)
        path = trace_path(moments, weights)
        folds = []
        if selection.rule == "cross-validation":
            edges = np.linspace(0, len(blocks.frames), _FOLDS + 1).astype(int)
            folds = [blocks.moments(slice(a, b)) for a, b in pairwise(edges)]
        penalty = choose_penalty(path, moments, selection, folds, weights)
        effects = (ridge_inverse(moments) @ moments.cov).numpy()
        return cls(moments, weights, penalty, path.solve(penalty).detach(), effects)

    def alone(self, moments: Moments, factor: float) -> Tensor:
        """Fit one condition with the same λ, (q, d)."""
        return solve_lasso(
            factor * moments.gram,
            factor * moments.cov,
            self.penalty,
            weights=self.weights,
            warm_start=self.coefficients,
        )


def permuted_labels(blocks: Blocks, permutations: int, seed: int) -> NDArray[np.float64]:
    """Label blocks as A (1) or B (0), (1 + B, n): first as they are, then B times at random.

    A has as many blocks, and as blocks are of one length as many frames, every time.
    """
    labels = np.zeros((1 + permutations, len(blocks.frames)))
    labels[:, : blocks.in_a] = 1
    return np.vstack([labels[:1], np.random.default_rng(seed).permuted(labels[1:], axis=1)])


def factors(
    blocks: Blocks,
    common: CommonVAR,
    labels: NDArray[np.float64],
    progress: ProgressCallback | None,
) -> NDArray[np.float64]:
    """Return the factors (1 + B, 2) for the power of both groups that make the residuals of a common VAR equal.

    One factor for all latents leaves the rules as they are; without it, the group with more power would determine the
    common rules. The power of residuals is averaged geometrically over latents, which does not depend on their units.
    """
    power = np.empty(blocks.square.shape)
    for block in range(len(blocks.frames)):
        predictors, targets = blocks.of(block)
        power[block] = np.square(targets - predictors @ common.effects).mean(0)
    pooled = power.mean(0)
    power = power[:, pooled > 1e-9] / pooled[pooled > 1e-9]
    if not power.size:
        return np.ones((len(labels), 2))
    factor = np.empty((len(labels), 2))
    for rows in _slices(len(labels), _ROWS):
        report(progress, 0, len(labels) - 1)
        for group, members in enumerate((labels[rows], 1 - labels[rows])):
            relative = np.maximum(members @ power / members.sum(1, keepdims=True), 1e-6)
            factor[rows, group] = np.exp(-np.log(relative).mean(1))
    return factor


def gains(
    blocks: Blocks,
    common: CommonVAR,
    labels: NDArray[np.float64],
    factor: NDArray[np.float64],
    progress: ProgressCallback | None,
) -> NDArray[np.float64]:
    """Return ``(RSS_pooled − RSS_A − RSS_B)/RSS_pooled`` of every target for every labelling, (1 + B, d).

    Every lasso starts from the common coefficients, in as many threads as torch uses.
    """
    from napari_calcdyn.models.lasso.cpu import collinear_tolerance, over_targets, rows

    from .kernels import gains_of_groupings

    total = len(labels)
    n, q, _ = blocks.gram.shape
    width = blocks.square.shape[1]
    start_at, threshold = rows(common.coefficients), rows(common.penalty * common.weights)
    threshold[:, ~(common.moments.gram.diagonal().numpy() > 0)] = np.inf
    frames = np.stack([labels.sum(1), (1 - labels).sum(1)], 1) * blocks.length
    weight = np.hstack([frames, factor])
    gain = np.empty((total, width))
    step = int(np.clip(_AT_ONCE_BYTES // (8 * (q * q + q * width)), 2, 32))
    for start in range(0, total, step):
        chosen = slice(start, min(start + step, total))
        groups = np.vstack([np.ones((1, n)), labels[chosen]])
        over_targets(
            gains_of_groupings,
            len(groups) - 1,
            *(
                (groups @ sums.reshape(n, -1)).reshape(-1, *sums.shape[1:])
                for sums in (blocks.gram, blocks.cov)
            ),
            groups @ blocks.square,
            weight[chosen],
            threshold,
            start_at,
            gain[chosen],
            collinear_tolerance(torch.float64),
        )
        report(progress, chosen.stop - 1, total - 1)
    return gain


def changed_edges(
    blocks: Blocks,
    common: CommonVAR,
    labels: NDArray[np.float64],
    factor: NDArray[np.float64],
    progress: ProgressCallback | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Test every coefficient for a change, with one family-wise level for all of them.

    A lasso coefficient is exactly zero more often than not, and a difference of zeros has no scale of its own. So the
    difference is that of one Newton step from the common fit, ``M (S_B/n_B − S_A/n_A)`` with ``S = Zᵀ(Y − Z Â)`` and
    ``M`` the inverse of G with a ridge, over its standard error for each labelling, which allows for variances that
    change from frame to frame (White 1980, Econometrica 48:817) and between conditions (Chung & Romano 2013,
    Ann. Statist. 41:484).

    Returns
    -------
    change : ndarray (q, d)
        B less A, in standard errors.
    p_value : ndarray (q, d)
        Share of labellings with a larger change anywhere (Westfall & Young 1993).
    """
    scores, squares = _scores(blocks, ridge_inverse(common.moments).numpy(), common.effects)
    weight = factor / (blocks.length * np.array([blocks.in_a, len(blocks.frames) - blocks.in_a]))
    change = np.zeros(scores.shape[1])
    largest = np.zeros(len(labels))
    least = 1e-12 * len(blocks.frames) * blocks.length  # of a constant latent, which does not change
    for columns in _slices(len(change), _COLUMNS):
        mine, its_squares = scores[:, columns].astype(np.float64), squares[:, columns].astype(np.float64)
        varies = its_squares.sum(0) > least
        mine, its_squares = mine[:, varies], its_squares[:, varies]
        if not varies.any():
            continue
        for rows in _slices(len(labels), _ROWS):
            in_a, in_b = labels[rows] * weight[rows, :1], (1 - labels[rows]) * weight[rows, 1:]
            t = (in_b - in_a) @ mine / np.sqrt((in_a**2 + in_b**2) @ its_squares)
            if rows.start == 0:
                change[columns][varies] = t[0]
            np.maximum(largest[rows], np.abs(t).max(1), out=largest[rows])
            done = columns.start * len(labels) + rows.stop * (columns.stop - columns.start)
            report(progress, (len(labels) - 1) * done // (len(change) * len(labels)), len(labels) - 1)
    largest = np.sort(largest[1:])
    # A little less, so that equal labellings count as equal despite rounding.
    below = np.searchsorted(largest, np.abs(change) * (1 - 1e-9))
    p_value = (1 + len(largest) - below) / (1 + len(largest))
    shape = common.effects.shape
    return change.reshape(shape), p_value.reshape(shape)


def _scores(
    blocks: Blocks, inverse: NDArray[np.float64], effects: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return ``M Zᵀe`` of every block, (n, q·d), and the sums of squares of its terms."""
    scores, squares = np.empty((2, len(blocks.frames), effects.size), np.float32)
    for block in range(len(blocks.frames)):
        predictors, targets = blocks.of(block)
        instruments, residuals = predictors @ inverse, targets - predictors @ effects
        scores[block] = (instruments.T @ residuals).ravel()
        squares[block] = (np.square(instruments).T @ np.square(residuals)).ravel()
    return scores, squares


def _slices(total: int, size: int) -> Iterator[slice]:
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))
