"""Agreement of a representation of neurons with known types and numbers, and with another representation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_calcdyn.recording import InputError


def adjusted_rand_index(types: ArrayLike, clusters: ArrayLike) -> float:
    """Compare a clustering with the true types (Abante et al. 2025, Eq. 16).

    Parameters
    ----------
    types, clusters : array_like (N,)
        Two labellings of the same neurons. A label −1 is a group like any other.

    Returns
    -------
    float
        1 for the same groups, 0 on average for random ones, negative for worse.
    """
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(np.asarray(types), np.asarray(clusters)))


def neighbour_accuracy(
    train_latents: NDArray[np.floating],
    train_types: ArrayLike,
    test_latents: NDArray[np.floating],
    test_types: ArrayLike,
    k: int = 10,
) -> float:
    """Predict the type of each test neuron by a vote of its nearest training neurons, and score it.

    Parameters
    ----------
    train_latents : ndarray (N, D)
        Representations of neurons whose types are taken as known.
    train_types : array_like (N,)
        Those types.
    test_latents : ndarray (M, D)
        Representations of the neurons to tell.
    test_types : array_like (M,)
        Their true types.
    k : int
        How many neighbours vote; where two types have as many votes, the nearer neighbours decide.

    Returns
    -------
    float
        Share of test neurons whose type was told right.

    Raises
    ------
    InputError
        If there are fewer than `k` training neurons.
    """
    from sklearn.neighbors import KNeighborsClassifier

    if len(train_latents) < k:
        raise InputError(
            f"{len(train_latents)} neurons are too few for a vote of {k} neighbours: give more neurons."
        )
    # Votes fall by less than 1/k² from neighbour to neighbour: enough to break a tie, never a majority.
    votes = 1 - np.arange(k) / (2 * k**3)
    classifier = KNeighborsClassifier(k, weights=lambda distances: np.tile(votes, (len(distances), 1)))
    classifier.fit(train_latents, np.asarray(train_types))
    return float(classifier.score(test_latents, np.asarray(test_types)))


def neighbourhood_agreement(
    first: NDArray[np.floating], second: NDArray[np.floating], k: int = 10
) -> tuple[float, float]:
    """Measure how much of their neighbourhoods two maps of the same neurons share.

    Parameters
    ----------
    first, second : ndarray (N, D) and (N, E)
        Two representations of the same neurons, in the same order.
    k : int
        Size of a neighbourhood.

    Returns
    -------
    agreement : float
        Share of a neuron's `k` nearest neighbours in one map that are among those in the other, mean over neurons.
    chance : float
        The same for maps that have nothing in common, ``k / (N − 1)``.

    Raises
    ------
    InputError
        If the maps have different numbers of neurons, or no more than `k`.
    """
    from sklearn.neighbors import kneighbors_graph

    count = len(first)
    if len(second) != count:
        raise InputError(
            f"The maps have {count} and {len(second)} neurons: give two maps of the same neurons."
        )
    if count <= k:
        raise InputError(f"{count} neurons are too few for neighbourhoods of {k}: give more neurons.")
    common = kneighbors_graph(first, k).multiply(kneighbors_graph(second, k)).sum()
    return float(common) / (count * k), k / (count - 1)


def latent_correlations(
    latents: NDArray[np.floating], columns: Mapping[str, ArrayLike]
) -> dict[str, NDArray[np.float64]]:
    """Correlate every latent with known numbers of the neurons (Abante et al. 2025, Fig. 5B).

    Parameters
    ----------
    latents : ndarray (N, D)
        Representations; a row with NaN is left out.
    columns : mapping of str to array_like (N,)
        Numbers or truth values of each neuron by name; a neuron with NaN is left out of that column.

    Returns
    -------
    dict of str to ndarray (D,), float64
        Pearson's correlation with each latent; NaN where either is constant.

    Raises
    ------
    InputError
        If a column holds words, or has another number of neurons.
    """
    latents = np.asarray(latents, np.float64)
    found = {}
    for name, values in columns.items():
        column = np.asarray(values)
        if column.dtype.kind not in "biuf" or column.shape != (len(latents),):
            raise InputError(
                f"The column {name!r} cannot be correlated with latents: give one number for each of the"
                f" {len(latents)} neurons."
            )
        column = column.astype(np.float64)
        known = np.isfinite(column) & np.isfinite(latents).all(1)
        found[name] = _correlation(latents[known], column[known])
    return found


def _correlation(latents: NDArray[np.float64], column: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(column) < 2 or column.min() == column.max():
        return np.full(latents.shape[1], np.nan)
    constant = latents.min(0) == latents.max(0)
    latents, column = latents - latents.mean(0), column - column.mean()
    scale = np.linalg.norm(latents, axis=0) * np.linalg.norm(column)
    return np.where(constant, np.nan, (column @ latents) / np.where(constant, 1, scale))
