"""How well recordings mix on one map, and how well types stay apart across them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_calcdyn.recording import InputError


def recording_mixing(latents: NDArray[np.floating], recordings: ArrayLike, k: int = 10) -> float:
    """Measure how well the neurons of several recordings mix.

    Parameters
    ----------
    latents : ndarray (N, D)
        Representation of each neuron, finite.
    recordings : array_like (N,)
        Recording, dish, animal or day of each.
    k : int
        How many neighbours of each neuron count.

    Returns
    -------
    float
        Share of the neighbours that are from other recordings, over the share if neighbours were drawn at random: 1
        where recordings mix as if they were one, 0 where each stays by itself.

    Raises
    ------
    InputError
        If there is one recording only, or no more than `k` neurons.
    """
    from sklearn.neighbors import NearestNeighbors

    _, recording = np.unique(np.asarray(recordings), return_inverse=True)
    sizes = np.bincount(recording)
    if len(sizes) < 2:
        raise InputError("There is one recording only: give at least two to see how well they mix.")
    if len(latents) <= k:
        raise InputError(f"{len(latents)} neurons are too few for neighbourhoods of {k}: give more neurons.")
    nearest = NearestNeighbors(n_neighbors=k).fit(latents).kneighbors(return_distance=False)
    other = float((recording[nearest] != recording[:, None]).mean())
    by_chance = float(1 - ((sizes - 1) * sizes).sum() / (len(latents) * (len(latents) - 1)))
    return other / by_chance


def accuracy_across(
    latents: NDArray[np.floating], types: ArrayLike, recordings: ArrayLike, k: int = 10
) -> tuple[float, float]:
    """Tell each neuron's type by a vote of its nearest neurons *of other recordings*, and score it.

    Neurons of the own recording have no vote, so it is of no use to know which recording a neuron is from. A vote
    weighs the less, the more neurons of its type the other recordings have: without that, leaving out the own recording
    would leave its type in the minority.

    Parameters
    ----------
    latents : ndarray (N, D)
        Representation of each neuron, finite.
    types : array_like (N,)
        Type, or condition, of each.
    recordings : array_like (N,)
        Recording, dish, animal or day of each.
    k : int
        How many neighbours vote; where two types have as many votes, the nearer neighbours decide.

    Returns
    -------
    accuracy : float
        Share of the neurons whose type was told right.
    chance : float
        One over the number of types.

    Raises
    ------
    InputError
        If there is one recording only, or the others together have less than `k` neurons.
    """
    from sklearn.neighbors import NearestNeighbors

    names, type_of = np.unique(np.asarray(types), return_inverse=True)
    recordings = np.asarray(recordings)
    right = 0
    for recording in np.unique(recordings):
        own = recordings == recording
        others = type_of[~own]
        if len(others) < k:
            raise InputError(
                f"{len(others)} neurons of other recordings are too few for a vote of {k} neighbours: give more."
            )
        nearest = (
            NearestNeighbors(n_neighbors=k).fit(latents[~own]).kneighbors(latents[own], return_distance=False)
        )
        weight = 1 / np.maximum(np.bincount(others, minlength=len(names)), 1)
        # Votes fall by less than 1/k² from neighbour to neighbour: enough to break a tie, hardly a majority.
        falling = 1 - np.arange(k) / (2 * k**3)
        votes = np.stack(
            [((others[nearest] == it) * falling).sum(axis=1) for it in range(len(names))], axis=1
        )
        right += int(((votes * weight).argmax(axis=1) == type_of[own]).sum())
    return right / len(type_of), 1 / len(names)


def counterpart_share(
    first: NDArray[np.floating], second: NDArray[np.floating], k: int = 10
) -> tuple[float, float]:
    """Measure how often a neuron in one recording has itself, in another, among its nearest neighbours there.

    Parameters
    ----------
    first, second : ndarray (N, D)
        The same neurons in two recordings, in the same order.
    k : int
        How many neighbours in the second recording count.

    Returns
    -------
    share : float
        Of the neurons whose counterpart is among them.
    chance : float
        The same for a representation that knows nothing, ``k / N``.

    Raises
    ------
    InputError
        If the numbers of neurons differ, or there are no more than `k`.
    """
    from sklearn.neighbors import NearestNeighbors

    if len(first) != len(second):
        raise InputError(
            f"The recordings have {len(first)} and {len(second)} neurons: give the same neurons twice."
        )
    if len(first) <= k:
        raise InputError(f"{len(first)} neurons are too few for {k} neighbours: give more neurons.")
    nearest = NearestNeighbors(n_neighbors=k).fit(second).kneighbors(first, return_distance=False)
    found = (nearest == np.arange(len(first))[:, None]).any(axis=1)
    return float(found.mean()), k / len(first)
