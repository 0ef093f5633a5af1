"""Recent activity: the mean of the last frames, over as many as tell best what comes next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from napari_calcdyn.recording.ranges import stretches

_KEPT = np.arange(0, 0.95, 0.1)
"""Parts of the mean that stay at each new frame; 0 is the last frame alone."""


def recent_activity(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average columns over recent frames, with weights that fall by the same part from frame to frame.

    A frame is activity plus shot noise. A noisy past does not tell all that a cell did, and what it leaves out is
    credited to others that are linked to it: an indirect connection looks direct (errors in variables). For a cell
    that forgets exponentially and is measured with noise, this mean, at its best weights, is what the past frames
    tell of its state (the Kalman filter), and such a predictor leaves little to be credited to others.

    Parameters
    ----------
    columns : ndarray (T, d), float64
        Deviations from the mean, in time order; frames that are left out are rows of NaN.

    Returns
    -------
    ndarray (T, d), float64
        Of unit variance; as it was where a column is told no better by a mean (BIC), NaN in frames that are left out.
    """
    known = np.asarray(np.isfinite(columns).all(1))
    pieces = [slice(it.start, it.stop) for it in stretches(known, 2)]
    pairs = sum(it.stop - it.start - 1 for it in pieces)
    next_one = np.concatenate([columns[it.start + 1 : it.stop] for it in pieces])
    power = np.maximum(np.square(next_one).sum(0), 1e-300)
    best, recent = np.full(columns.shape[1], np.inf), columns.copy()
    for kept in _KEPT:
        mean = _averaged(columns, pieces, kept)
        past = np.concatenate([mean[it.start : it.stop - 1] for it in pieces])
        told = np.square((past * next_one).sum(0)) / np.maximum(np.square(past).sum(0) * power, 1e-300)
        score = pairs * np.log(np.maximum(1 - told, 1e-12)) + (kept > 0) * np.log(max(pairs, 1))
        better = score < best
        best[better], recent[:, better] = score[better], mean[:, better]
    spread = recent[known].std(0)
    result: NDArray[np.float64] = recent / np.where(spread > 0, spread, 1)
    return result


def _averaged(columns: NDArray[np.float64], pieces: list[slice], kept: float) -> NDArray[np.float64]:
    mean = columns.copy()
    for piece in pieces:
        mean[piece] = lfilter([1 - kept], [1, -kept], columns[piece], axis=0)
    return mean
