"""How far every connection changed from A to B, and how far by chance: random signs of blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from napari_calcdyn.recording import ProgressCallback, report

from .common_var import CommonVAR
from .condition_blocks import Blocks

_RIDGE = 0.1
_BY_CHANCE = 5  # connections whose change exceeds the threshold where nothing changed
_COLUMNS = 8192  # connections at a time
_ROWS = 256  # draws at a time


@dataclass(frozen=True)
class Changes:
    """Changes of all connections.

    Attributes
    ----------
    change : ndarray (P, d), float64
        B less A, in standard errors; P is p·d, or p·K where only K latents may drive each one.
    p_value : ndarray (P, d), float64
        Share of draws with a larger change anywhere (Westfall & Young 1993).
    excess : ndarray (d,), float64
        Sum of squares of what exceeds the threshold, of the connections into each target.
    null : ndarray (B,), float64
        The sum of `excess` in every draw.
    effect : float
        Part of the one-step error, averaged over targets, that goes away with the changes beyond the threshold; less
        what it is in the draws.
    """

    change: NDArray[np.float64]
    p_value: NDArray[np.float64]
    excess: NDArray[np.float64]
    null: NDArray[np.float64]
    effect: float


def random_signs(blocks: int, draws: int, seed: int) -> NDArray[np.float64]:
    """Return signs (1 + B, n) of n blocks: first all positive, then B times at random."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (draws, blocks))
    return np.vstack([np.ones((1, blocks)), signs])


def _instruments(blocks: Blocks) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield targets, and what their residuals are multiplied with to tell how coefficients differ, (n, P).

    Every source is freed from the others that may drive the same target by ridge regression, ``R = Z (G + ρ)⁻¹``, and
    enters with a positive weight in B and a negative one in A, ``r (1_B − n_B/n)``.
    """
    latents = len(blocks.std)
    if blocks.neighbourhoods is None:
        x = _signed(blocks.predictors, blocks)
        for targets in _slices(latents, max(1, _COLUMNS // x.shape[1])):
            yield targets, x
    else:
        for target in range(latents):
            yield slice(target, target + 1), _signed(blocks.predictors_of(target), blocks)


def _signed(z: NDArray[np.float64], blocks: Blocks) -> NDArray[np.float64]:
    gram = z.T @ z / len(z)
    signed: NDArray[np.float64] = z @ np.linalg.inv(gram + _RIDGE * np.eye(len(gram)))
    in_a, in_b = blocks.conditions
    share = blocks.in_a / len(blocks.frames)
    signed[in_a] *= share - 1
    signed[in_b] *= share
    return signed


def find_changes(
    blocks: Blocks, common: CommonVAR, signs: NDArray[np.float64], progress: ProgressCallback | None
) -> Changes:
    """Test every coefficient for a change, and all of them together.

    Where nothing changed, the residual e of the common VAR is new in every frame, and ``xᵀe`` of an instrument x sums
    up nothing but noise, of each condition's own size. Its standard error allows for variances that differ between
    frames and conditions (White 1980, Econometrica 48:817). Multiplying the sums of whole blocks by random signs
    keeps the size of each block, and with it everything about the two conditions but their difference: a wild
    bootstrap of the score (Kline & Santos 2012, J. Econometric Methods 1:23).

    Parameters
    ----------
    blocks : Blocks
        The two conditions.
    common : CommonVAR
        Of both.
    signs : ndarray (1 + B, n)
        As from `random_signs`.
    progress : callable or None
        Called with draws done and in all; returns True to stop.

    Returns
    -------
    Changes
        Of all P·d connections.
    """
    e = common.residuals
    variance = np.empty(common.coefficients.shape)
    draws = len(signs) - 1
    for targets, x in _instruments(blocks):
        report(progress, 0, draws)
        variance[:, targets] = np.square(x).T @ np.square(e[:, targets])
    # A constant latent does not change, nor does a connection that the model does not have.
    varies = (variance > 1e-12 * len(e)) & np.isfinite(common.weights.numpy())
    error = np.sqrt(np.where(varies, variance, np.inf))
    threshold = max(0.0, -float(ndtri(min(0.5, _BY_CHANCE / max(1, 2 * varies.sum())))))
    change, excess = np.empty(variance.shape), np.empty(variance.shape[1])
    largest, total, gained = np.zeros((3, 1 + draws))
    e = e.reshape(len(blocks.frames), blocks.length, -1)
    for targets, x in _instruments(blocks):
        x = x.reshape(*e.shape[:2], -1)
        sums = np.matmul(x.transpose(0, 2, 1), e[:, :, targets]) / error[:, targets]
        change[:, targets] = sums.sum(0)
        excess[targets] = _exceeding(change[:, targets], threshold).sum(0)
        flat = sums.reshape(len(sums), -1)
        for rows in _slices(len(signs), _ROWS):
            drawn = signs[rows] @ flat
            largest[rows] = np.maximum(largest[rows], np.abs(drawn).max(1))
            total[rows] += _exceeding(drawn, threshold).sum(1)
            gained[rows] += (np.square(drawn) * (np.abs(drawn) > threshold)).sum(1)
            done = targets.start * len(signs) + rows.stop * (targets.stop - targets.start)
            report(progress, draws * done // (len(excess) * len(signs)), draws)
    ordered = np.sort(largest[1:])
    # A little less, so that equal draws count as equal despite rounding.
    below = np.searchsorted(ordered, np.abs(change) * (1 - 1e-9))
    p_value = (1 + draws - below) / (1 + draws)
    effect = float(gained[0] - gained[1:].mean()) / common.residuals.size
    return Changes(change, p_value, excess, total[1:], effect)


def _exceeding(change: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    excess: NDArray[np.float64] = np.square(np.maximum(np.abs(change) - threshold, 0))
    return excess


def _slices(total: int, size: int) -> Iterator[slice]:
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))
