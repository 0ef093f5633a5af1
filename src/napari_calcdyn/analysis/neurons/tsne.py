"""t-SNE map of neurons, on which new ones can be placed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import InputError, ProgressCallback, report

MIN_NEURONS = 10
"""With fewer neurons there are no neighbourhoods to lay out."""

_PERPLEXITY = 30.0
_EXAGGERATED, _FINAL = 250, 500  # iterations with neighbours pulled together, and after
_PLACING = 250  # iterations that place new neurons on a map


@dataclass(frozen=True, eq=False)
class Embedding:
    """A t-SNE map of neurons, on which new ones can be placed; made by `fit_tsne`.

    Attributes
    ----------
    coordinates : ndarray (N, 2), float32
        Place of each neuron, in the map's own unit; the map is centred on 0.
    perplexity : float
        How many neighbours each neuron was drawn to, lowered where there are few neurons.
    latents : int
        D, how many numbers describe a neuron.
    """

    coordinates: NDArray[np.float32]
    perplexity: float
    latents: int
    _map: Any
    _scale: float

    def transform(
        self, latents: NDArray[np.floating], *, progress: ProgressCallback | None = None
    ) -> NDArray[np.float32]:
        """Place new neurons on the map, each on its own; the old ones stay where they are.

        Parameters
        ----------
        latents : ndarray (M, D)
            Their representations, finite, by the same model.
        progress : callable or None
            Called with iterations done and in all; returns True to stop.

        Returns
        -------
        ndarray (M, 2), float32
            Their places.

        Raises
        ------
        InputError
            If a neuron has no representation, or one of another length.
        Cancelled
            If `progress` asked to stop.
        """
        if latents.ndim != 2 or latents.shape[1] != self.latents:
            raise InputError(
                f"The map was made of {self.latents} numbers for each neuron: give new neurons of the same model."
            )
        points = _prepared(latents, self._scale)
        if not len(points):
            return np.empty((0, 2), np.float32)
        placed = self._map.prepare_partial(points, perplexity=min(5.0, self.perplexity))
        # openTSNE's own settings for new points; each sees the old ones alone.
        _optimise(
            placed, _PLACING, 0, _PLACING, progress, exaggeration=1.5, learning_rate=0.1, max_grad_norm=0.25
        )
        return np.asarray(placed, np.float32)


def fit_tsne(
    latents: NDArray[np.floating],
    *,
    perplexity: float = _PERPLEXITY,
    seed: int = 0,
    threads: int = 1,
    progress: ProgressCallback | None = None,
) -> Embedding:
    """Make a map on which neurons with similar representations are neighbours.

    t-SNE with exact neighbours, started from the principal components.

    Parameters
    ----------
    latents : ndarray (N, D)
        Representation of each neuron, finite.
    perplexity : float
        How many neighbours each neuron is drawn to; at most a third of the others.
    seed : int
        Of the jitter at the start; the same seed gives the same map.
    threads : int
        How many to use at most, so that a training beside it is not slowed down.
    progress : callable or None
        Called with iterations done and in all, several times a second; returns True to stop.

    Returns
    -------
    Embedding
        The map, ready for new neurons.

    Raises
    ------
    InputError
        If there are fewer than 10 neurons, or one has no representation.
    Cancelled
        If `progress` asked to stop.
    """
    from openTSNE import TSNE, initialization

    latents = np.asarray(latents)
    check_enough_neurons(len(latents))
    perplexity = _lowered(perplexity, len(latents))
    scale = _scale(latents)
    points = _prepared(latents, scale)
    total = _EXAGGERATED + _FINAL
    report(progress, 0, total)
    # Neurons that are all alike have no principal components to start from.
    start = initialization.pca if np.ptp(points, axis=0).any() else initialization.random
    tsne = TSNE(perplexity=perplexity, neighbors="exact", n_jobs=threads, random_state=seed)
    embedding = tsne.prepare_initial(points, initialization=start(points, random_state=seed))
    _optimise(embedding, _EXAGGERATED, 0, total, progress, exaggeration=12)
    _optimise(embedding, _FINAL, _EXAGGERATED, total, progress)
    embedding -= (embedding.max(0) + embedding.min(0)) / 2
    return Embedding(np.asarray(embedding, np.float32), perplexity, latents.shape[1], embedding, scale)


def known_tsne(latents: NDArray[np.floating], coordinates: NDArray[np.floating]) -> Embedding:
    """Take up a map that was made earlier, to place new neurons on it.

    Parameters
    ----------
    latents : ndarray (N, D)
        Representation of each of its neurons, finite.
    coordinates : ndarray (N, 2)
        Their places.

    Returns
    -------
    Embedding
        The map as it was.

    Raises
    ------
    InputError
        If there are fewer than 10 neurons, or one has no representation.
    """
    from openTSNE import TSNE

    check_enough_neurons(len(latents))
    perplexity, scale = _lowered(_PERPLEXITY, len(latents)), _scale(latents)
    tsne = TSNE(perplexity=perplexity, neighbors="exact", n_jobs=1)
    places = np.asarray(coordinates, np.float64)
    known = tsne.prepare_initial(_prepared(latents, scale), initialization=places)
    return Embedding(places.astype(np.float32), perplexity, latents.shape[1], known, scale)


def check_enough_neurons(number: int) -> None:
    """Raise InputError if there are fewer than `MIN_NEURONS` neurons.

    Parameters
    ----------
    number : int
        Of neurons whose trace can be used.

    Raises
    ------
    InputError
        If they are too few.
    """
    if number < MIN_NEURONS:
        raise InputError(
            f"{number} neurons with a usable trace are too few to compare: give at least {MIN_NEURONS}."
        )


def _lowered(perplexity: float, neurons: int) -> float:
    return min(perplexity, (neurons - 1) / 3)


def _scale(latents: NDArray[np.floating]) -> float:
    return float(latents.std(dtype=np.float64)) or 1.0


def _prepared(latents: NDArray[np.floating], scale: float) -> NDArray[np.float64]:
    """Return points of unit variance, in two dimensions at least."""
    if not np.isfinite(latents).all():
        raise InputError("A neuron without a representation has no place on a map: leave out rows with NaN.")
    points = latents.astype(np.float64) / scale
    return np.pad(points, ((0, 0), (0, max(0, 2 - points.shape[1]))))


def _optimise(
    embedding: Any,
    iterations: int,
    before: int,
    total: int,
    progress: ProgressCallback | None,
    **options: Any,
) -> None:
    """Run some of `total` iterations, and report progress."""

    def tell(iteration: int, error: float, places: NDArray[np.float64]) -> None:
        report(progress, before + iteration, total)

    # An iteration takes longer the more points there are; telling costs about as much as one.
    every = int(np.clip(10_000 // len(embedding), 1, 10))
    embedding.optimize(iterations, inplace=True, callbacks=tell, callbacks_every_iters=every, **options)
