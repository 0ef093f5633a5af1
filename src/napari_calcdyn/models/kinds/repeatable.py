"""Directions of a table of numbers that are the same whenever a neuron is measured, and differ between neurons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_RIDGE = 2.0  # mean variances within neurons that are added to each


def repeatable_directions(windows: NDArray[np.floating], number: int) -> NDArray[np.float64]:
    """Find the directions in which windows of one neuron agree and those of different neurons do not.

    They maximise the variance between neurons over that within a neuron, which is linear discriminant analysis with a
    class for each neuron (Fisher 1936): no types are needed, a neuron's own windows teach what is noise.

    Parameters
    ----------
    windows : ndarray (N, W, F)
        F numbers of each of W windows of N neurons, of about unit variance.
    number : int
        How many directions; fewer if F is smaller.

    Returns
    -------
    ndarray (F, number), float64
        The best first, scaled so that windows of a neuron have about unit variance along each.
    """
    from scipy.linalg import eigh

    neurons, count, _ = windows.shape
    mean = windows.mean(axis=1)
    rest = windows - mean[:, None]
    within = np.einsum("nwf,nwg->fg", rest, rest) / (neurons * (count - 1))
    between = np.cov(mean.T) - within / count
    ridge = _RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    _, directions = eigh(between, within + ridge)
    found: NDArray[np.float64] = directions[:, ::-1][:, :number]
    return found
