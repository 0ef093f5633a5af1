"""Permutation test of all connections of a VAR at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.analysis.blocks import cut_blocks
from napari_calcdyn.recording import InputError, ProgressCallback, report

from .debiased_var import DebiasedVAR
from .scores import Scores

SURROGATES = 199
_LEAST_SURROGATES = 19  # fewer cannot reach p = 0.05
_LEAST_BLOCKS = 10


def family_wise(
    fit: DebiasedVAR,
    rois: int,
    *,
    block_length: int,
    apart: NDArray[np.bool_] | None = None,
    surrogates: int = SURROGATES,
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> NDArray[np.float64]:
    """Test every connection between two ROIs against block-permuted surrogates.

    In a surrogate, what the ROIs do beyond their prediction happens at other times: the residuals are cut into blocks
    and the blocks shuffled, those of all ROIs together, so that what ROIs do at the same time they still do. Each
    surrogate is scored as the recording is (`Scores`), and its largest score anywhere is kept. A connection's p-value
    is ``(1 + #{max |s*| ≥ |s|}) / (1 + B)``: with all connections at p ≤ 0.05 called real, the chance that any of them
    is not is 5 % (Westfall & Young 1993, Resampling-Based Multiple Testing; ter Braak 1992 for the residuals).

    Parameters
    ----------
    fit : DebiasedVAR
        Of columns whose first `rois` are ROIs; the others are known, but not tested.
    rois : int
        Number of ROIs N.
    block_length : int
        Frames in a block.
    apart : ndarray (N, N), bool, optional
        Which pairs of ROIs are tested, False on the diagonal; all by default.
    surrogates : int
        B, at least 19.
    seed : int
        Of the shuffles.
    progress : callable or None
        Called with surrogates done and in all; returns True to stop.

    Returns
    -------
    ndarray (N, N), float64
        [target, source], all lags together; NaN where not tested, as on the diagonal; 1 for a column that is constant.

    Raises
    ------
    InputError
        If there are too few surrogates, or blocks.
    Cancelled
        If `progress` asked to stop.
    """
    if surrogates < _LEAST_SURROGATES:
        raise InputError(
            f"{surrogates} surrogates cannot tell 5 %: ask for at least {_LEAST_SURROGATES}, better {SURROGATES}."
        )
    frames = len(fit.residuals)
    blocks = _blocks(fit.frames, block_length)
    if block_length < 1 or len(blocks) < _LEAST_BLOCKS:
        raise InputError(
            f"Blocks of {block_length} frames do not fit {_LEAST_BLOCKS} times into {frames} frames: choose shorter"
            " ones, or a longer recording."
        )
    tested = ~np.eye(rois, dtype=bool) if apart is None else apart
    scores = Scores.of(fit)
    residuals = fit.residuals - fit.residuals.mean(0)
    draw, largest = np.random.default_rng(seed), np.empty(surrogates)
    for done in range(surrogates):
        order = np.concatenate([blocks[at] for at in draw.permutation(len(blocks))])
        largest[done] = scores.of_residuals(residuals[order])[:rois, :rois][tested].max(initial=0)
        report(progress, done + 1, surrogates)
    above = surrogates - np.searchsorted(np.sort(largest), scores.values()[:rois, :rois])
    p_values: NDArray[np.float64] = np.where(tested, (1 + above) / (1 + surrogates), np.nan)
    return p_values


def _blocks(frames: NDArray[np.int64], length: int) -> list[NDArray[np.int64]]:
    """Cut samples, whose frames are given, into blocks of about one length that span no gap."""
    joints = np.flatnonzero(np.diff(frames) > 1) + 1
    edges = [0, *joints.tolist(), len(frames)]
    pieces = [range(a, b) for a, b in pairwise(edges)]
    return [np.arange(it.start, it.stop) for it in cut_blocks(pieces, max(1, length), 0)]
