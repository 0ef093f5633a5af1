"""Neurons that are active at similar times, by their latents."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_OTHERS = 19


def alike_neurons(latents: ArrayLike, others: int = _OTHERS) -> NDArray[np.int64]:
    """Find the other neurons whose latents are nearest to those of each neuron.

    Parameters
    ----------
    latents : array_like (N, D2)
        Means of the posteriors; NaN for traces that cannot be used.
    others : int
        How many for each neuron; fewer if there are not so many.

    Returns
    -------
    ndarray (N, others), int64
        Their positions, the nearest first; −1 in the rows of neurons without latents.
    """
    from sklearn.neighbors import NearestNeighbors

    latents = np.asarray(latents)
    known = np.flatnonzero(np.isfinite(latents).all(axis=1))
    others = max(min(others, len(known) - 1), 0)
    found = np.full((len(latents), others), -1, np.int64)
    if others:
        search = NearestNeighbors(n_neighbors=others).fit(latents[known])
        found[known] = known[search.kneighbors(return_distance=False)]
    return found
