"""Neurons on a disc, their axons, and the contacts of axons with dendrites."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

DENSITY = 250.0  # neurons per mm²
SOMA = 7.5e-3  # mm; somata come no closer than this
SEGMENT = 1e-3  # mm; length of one step of an axon
TURNING = 0.1  # rad; standard deviation of the turn from one segment to the next
DENDRITE = (0.150, 0.020)  # mm; mean and standard deviation of the radius of a dendritic tree


def place_neurons(number: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """Draw neurons uniformly on a disc, at the density of a culture and without overlap.

    Parameters
    ----------
    number : int
        Number of neurons N.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    positions : ndarray, shape (N, 2)
        x and y from the middle of the disc, mm.
    radius : float
        Radius of the disc, mm.
    """
    radius = float(np.sqrt(number / (DENSITY * np.pi)))
    positions = _on_disc(number, radius, rng)
    while True:
        close = cKDTree(positions).query_pairs(SOMA, output_type="ndarray")
        moved = np.unique(close.max(axis=1))
        if not len(moved):
            return positions, radius
        positions[moved] = _on_disc(len(moved), radius, rng)


def grow_axons(
    positions: NDArray[np.float64], radius: float, length: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Grow one axon from every neuron, in short segments whose direction does a random walk.

    An axon that reaches the edge of the disc continues along it.

    Parameters
    ----------
    positions : ndarray, shape (N, 2)
        Where the axons start, mm.
    radius : float
        Radius of the disc, mm.
    length : float
        Scale of the Rayleigh distribution of axon lengths, mm.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    points : ndarray, shape (P, 2)
        Ends of all segments of all axons, mm.
    owner : ndarray, shape (P,)
        Neuron that each point belongs to.
    """
    segments = (rng.rayleigh(length, len(positions)) / SEGMENT).astype(int)
    heading = rng.uniform(0, 2 * np.pi, len(positions))
    tip = positions.copy()
    points, owner = [np.empty((0, 2))], [np.empty(0, np.intp)]
    for grown in range(segments.max(initial=0)):
        growing = np.flatnonzero(segments > grown)
        ahead = tip[growing] + SEGMENT * _direction(heading[growing])
        distance = np.hypot(*ahead.T)
        outside = distance > radius
        if outside.any():
            ahead[outside] *= (radius / distance[outside])[:, None]
            around = np.arctan2(ahead[outside, 1], ahead[outside, 0]) + np.pi / 2
            side = np.sign(np.cos(heading[growing[outside]] - around))
            heading[growing[outside]] = around + np.where(side < 0, np.pi, 0)
        tip[growing] = ahead
        heading[growing] += TURNING * rng.standard_normal(len(growing))
        points.append(ahead)
        owner.append(growing)
    return np.concatenate(points), np.concatenate(owner)


def find_contacts(
    positions: NDArray[np.float64],
    points: NDArray[np.float64],
    owner: NDArray[np.intp],
    rng: np.random.Generator,
) -> csr_array:
    """Find the neurons whose axon passes through the dendritic tree of another neuron, a disc around its soma.

    Parameters
    ----------
    positions : ndarray, shape (N, 2)
        Somata, mm.
    points, owner : ndarray, shapes (P, 2) and (P,)
        Axons, from `grow_axons`.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    csr_array, shape (N, N), bool
        True at [presynaptic, postsynaptic]; no neuron contacts itself.
    """
    number = len(positions)
    radii = np.maximum(rng.normal(*DENDRITE, number), 0)
    tree = cKDTree(points)
    before, after = [], []
    for neuron in range(number):
        sources = np.unique(owner[tree.query_ball_point(positions[neuron], radii[neuron])])
        sources = sources[sources != neuron]
        before.append(sources)
        after.append(np.full(len(sources), neuron))
    pairs = (np.concatenate(before), np.concatenate(after))
    return csr_array((np.ones(len(pairs[0]), bool), pairs), shape=(number, number))


def _on_disc(number: int, radius: float, rng: np.random.Generator) -> NDArray[np.float64]:
    distance = radius * np.sqrt(rng.uniform(size=number))
    return distance[:, None] * _direction(rng.uniform(0, 2 * np.pi, number))


def _direction(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)
