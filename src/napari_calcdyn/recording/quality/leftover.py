"""What is left of motion after frames are shifted as a whole: parts that move by themselves, and another depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from .motion import Registrar
from .sample import Sample

_BLOCK = 64  # px
_LEAST_SHARE = 0.5  # of a block's pixels that can be used
_WORST = 0.9  # quantile over blocks
_FINE, _BROAD = 1.0, 8.0  # px
_LEAST_RUNS = 6


def motion_in_parts(still: Sample, reference: NDArray[np.float32], weight: NDArray[np.float32]) -> float:
    """Measure how far parts of the picture move by themselves.

    In each block of about 64 px, both halves of every run of frames are registered. The error of measurement is not the
    same in both, so their covariance over the runs is the variance of the motion alone.

    Parameters
    ----------
    still : Sample
        Frames that were shifted as a whole.
    reference : ndarray (Y, X), float32
        What they were registered to.
    weight : ndarray (Y, X), float32
        0 at pixels that cannot be used, else 1.

    Returns
    -------
    float
        Root mean square displacement, px, in the block at the 90th percentile; 0 where the picture is a single block.
    """
    middle = still.runs.shape[1] // 2
    if middle == 0 or len(still.runs) < _LEAST_RUNS:
        return 0.0
    halves = [still.runs[:, :middle].mean(1), still.runs[:, middle:].mean(1)]
    height, width = reference.shape
    found = []
    for top in range(0, height - _BLOCK // 2, _BLOCK):
        for left in range(0, width - _BLOCK // 2, _BLOCK):
            part = slice(top, min(top + _BLOCK, height)), slice(left, min(left + _BLOCK, width))
            if weight[part].mean() < _LEAST_SHARE:
                continue
            registrar = Registrar(reference[part], weight[part])
            one, other = (registrar.find(half[:, *part])[0].astype(np.float64) for half in halves)
            one, other = one - one.mean(0), other - other.mean(0)
            found.append(float((one * other).sum(1).mean()))
    return float(np.sqrt(max(0.0, np.quantile(found, _WORST)))) if len(found) > 1 else 0.0


def change_of_depth(still: Sample, valid: NDArray[np.bool_]) -> float:
    """Measure how much less alike the picture is at distant times than at near ones.

    A focus that drifts brings other structures into the picture, which no shift can bring back.

    Parameters
    ----------
    still : Sample
        Frames that were shifted as a whole.
    valid : ndarray (Y, X), bool
        Pixels to use.

    Returns
    -------
    float
        1 less the correlation of pictures from the first and last third over that of neighbours in time, at least 0.
    """
    count = len(still.runs)
    if count < _LEAST_RUNS or not valid.any():
        return 0.0
    pictures = []
    for run in still.runs:
        mean = np.where(valid, run.mean(0, dtype=np.float64), 0)
        pictures.append((gaussian_filter(mean, _FINE) - gaussian_filter(mean, _BROAD))[valid])
    correlation = np.corrcoef(pictures)
    apart = np.subtract.outer(np.arange(count), np.arange(count))
    near, far = np.median(correlation[apart == 1]), np.median(correlation[apart >= 2 * count // 3])
    return float(np.clip(1 - far / near, 0, 1)) if near > 0 else 0.0
