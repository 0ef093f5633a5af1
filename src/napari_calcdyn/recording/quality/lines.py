"""Displacement of odd lines, and frames that take turns: what a scanner or a file format can do to a movie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .sample import RUN, Sample
from .tiles import Tiling

_FARTHEST = 8  # px
_MOST_PERIOD = 4
_APART = 1.5  # times the difference of frames one period apart


def find_line_shift(mean: NDArray[np.float32], valid: NDArray[np.bool_]) -> float:
    """Find by how much odd lines of a picture are displaced against even ones.

    Each odd line is correlated with the mean of the even lines above and below. A scanner that runs in both directions
    shifts every other line if its mirrors lag.

    Parameters
    ----------
    mean : ndarray (Y, X), float32
        Mean frame.
    valid : ndarray (Y, X), bool
        Pixels to use.

    Returns
    -------
    float
        In px along x; what is at x in even lines is at x + shift in odd ones.
    """
    picture = np.where(valid, mean, mean[valid].mean() if valid.any() else 0).astype(np.float64)
    odd = picture[1:-1:2]
    even = (picture[0:-2:2] + picture[2::2])[: len(odd)] / 2
    odd, even = (np.diff(lines, axis=1) for lines in (odd, even))  # edges tell a shift, broad light does not
    far = min(_FARTHEST, picture.shape[1] // 4)
    middle = slice(far, odd.shape[1] - far)
    steps = np.arange(-far, far + 1)
    found = np.array([(odd[:, far + s : odd.shape[1] - far + s] * even[:, middle]).sum() for s in steps])
    best = int(found.argmax())
    if found[best] <= 0 or not 0 < best < len(steps) - 1:
        return 0.0
    before, peak, after = found[best - 1 : best + 2]
    return float(steps[best] + (before - after) / (2 * (before - 2 * peak + after)))


def find_period(sample: Sample) -> int:
    """Find out whether channels or planes take turns from frame to frame.

    Frames one period apart are then much more alike than neighbours are.

    Parameters
    ----------
    sample : Sample
        Of the recording.

    Returns
    -------
    int
        Number of channels or planes that take turns, at most 4; 1 if none do.
    """
    tiling = Tiling.of(sample.mean.shape)
    tiles = np.stack([tiling.means(run) for run in sample.runs]).astype(np.float64)
    if tiles.shape[1] < RUN:
        return 1
    apart = [np.square(tiles[:, lag:] - tiles[:, :-lag]).mean() for lag in range(1, _MOST_PERIOD + 1)]
    best = 1 + int(np.argmin(apart))
    return best if best > 1 and min(apart[: best - 1]) > _APART * apart[best - 1] else 1
