"""Grid of trainings of the AVAE benchmark, its partitions and its scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.simulate import SimulatedCultures

_BETA_OF_CULTURES = 0.5


@dataclass(frozen=True)
class Grid:
    """Settings of a benchmark; by default those of the paper.

    Parameters
    ----------
    neurons, cultures : int
        Neurons in a culture, and cultures of each of the three types.
    seconds, frame_rate : float
        Length of the traces, and samples per second.
    sigmas : tuple of float
        Standard deviations of the noise.
    sizes : tuple of (int, int)
        Pairs (D1, D2).
    betas : tuple of float
        KL weights.
    partitions : int
        Random partitions into 80 % training and 20 % test neurons. The same number of partitions, at most one per
        culture of a type, leave out whole cultures.
    scaling : {"trace", "recording"}
        Range in Eq. 4.
    epochs : int
        Largest number of epochs of the default AVAE.
    seed : int
        Of the simulation, the noise and the trainings.
    """

    neurons: int = 700
    cultures: int = 5
    seconds: float = 30.0
    frame_rate: float = 50.0
    sigmas: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0, 2.5)
    sizes: tuple[tuple[int, int], ...] = ((32, 2), (64, 4), (128, 8), (256, 16))
    betas: tuple[float, ...] = (0.0, 0.5, 1.0)
    partitions: int = 10
    scaling: Literal["trace", "recording"] = "trace"
    epochs: int = 60
    seed: int = 0


QUICK = Grid(
    neurons=60,
    cultures=3,
    frame_rate=10.0,
    sigmas=(1.0,),
    sizes=((32, 2), (128, 8)),
    betas=(0.5,),
    partitions=2,
    epochs=20,
)
"""Everything once, in about a minute: shows that the benchmark runs, not how methods compare."""


@dataclass(frozen=True)
class Run:
    """One training and its measurement on neurons that it never saw.

    Parameters
    ----------
    sigma : float
        Standard deviation of the noise.
    hidden, latent : int
        D1 and D2.
    beta : float or None
        KL weight; None for PCA.
    partition : int
        Which one.
    method : {"avae", "paper", "pca"}
        The default AVAE, the published network trained as published, or principal components.
    split : {"neurons", "cultures"}
        Whether test neurons come from the training cultures or from others.
    """

    sigma: float
    hidden: int
    latent: int
    beta: float | None
    partition: int
    method: str
    split: str = "neurons"


@dataclass(frozen=True)
class Score:
    """Scores of one training on its test neurons.

    Parameters
    ----------
    mse : float
        Mean squared distance to the trace without noise, in units of Eq. 4 (Eq. 14).
    ari : float
        Adjusted Rand index of DBSCAN and the types, at the best ε (Eq. 16).
    neighbour_accuracy : float
        Share of test neurons whose type is that of most of their 10 nearest training neurons.
    """

    mse: float
    ari: float
    neighbour_accuracy: float


def all_runs(grid: Grid) -> Iterator[Run]:
    """Go through all trainings of the grid.

    Parameters
    ----------
    grid : Grid
        What to run.

    Yields
    ------
    Run
        Fast runs alternate with slow ones, so that the remaining time is estimated well from the start.
    """
    for partition in range(grid.partitions):
        for sigma in grid.sigmas:
            for hidden, latent in grid.sizes:
                for split in ("neurons", "cultures"):
                    betas = grid.betas
                    if split == "cultures":
                        if partition >= grid.cultures:
                            continue
                        betas = (_BETA_OF_CULTURES,)
                    for method in ("avae", "paper"):
                        for beta in betas:
                            yield Run(sigma, hidden, latent, beta, partition, method, split)
                    yield Run(sigma, hidden, latent, None, partition, "pca", split)


def partition_of(data: SimulatedCultures, run: Run) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split the neurons into training and test neurons.

    Parameters
    ----------
    data : SimulatedCultures
        All neurons.
    run : Run
        Its split and partition count.

    Returns
    -------
    training, test : ndarray of int64
        Positions.
    """
    if run.split == "cultures":
        out = data.table["culture"] % data.settings.cultures == run.partition
        return np.flatnonzero(~out), np.flatnonzero(out)
    order = np.random.default_rng([run.partition, data.settings.seed]).permutation(len(data.clean))
    training = round(0.8 * len(order))
    return order[:training], order[training:]
