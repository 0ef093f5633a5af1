"""DBSCAN at every ε from one computation: the minimum spanning tree of the points' mutual reachability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_calcdyn.recording import InputError

MIN_SAMPLES = 5
NOISE = -1


class DensityTree:
    """What DBSCAN makes of points, ready to be asked for any ε.

    A point is *core* from the ε on that takes in its `MIN_SAMPLES` nearest points, itself included: its core
    distance c. Two core points are neighbours from ``max(c_i, c_j, |x_i − x_j|)`` on, their mutual
    reachability. So the clusters at ε are what the spanning tree of smallest mutual reachability falls into
    when its edges longer than ε are cut. A point that is not core has fewer than `MIN_SAMPLES` points within
    ε, hence none that is not among its nearest.

    Parameters
    ----------
    points : ndarray (N, D)
        Finite.

    Attributes
    ----------
    core_distances : ndarray (N,)
        Distance to the fourth nearest other point: the smallest ε at which a point is core.
    lengths : ndarray (N − 1,)
        Lengths of the tree's edges, ascending.

    Raises
    ------
    InputError
        If there are fewer than `MIN_SAMPLES` points, or one is not finite.
    """

    def __init__(self, points: NDArray[np.floating]) -> None:
        from sklearn.neighbors import NearestNeighbors

        if len(points) < MIN_SAMPLES:
            raise InputError(f"{len(points)} neurons cannot be clustered: give at least {MIN_SAMPLES}.")
        if not np.isfinite(points).all():
            raise InputError(
                "A neuron without a representation cannot be clustered: leave out rows with NaN."
            )
        places: NDArray[np.float64] = np.asarray(points, np.float64)
        # Asked without points, scikit-learn leaves each point itself out, which DBSCAN counts.
        search = NearestNeighbors(n_neighbors=MIN_SAMPLES - 1).fit(places)
        self._distances, self._nearest = search.kneighbors()
        self.core_distances: NDArray[np.float64] = self._distances[:, -1]
        self._edges, lengths = _spanning_tree(places, self.core_distances)
        order = np.argsort(lengths, kind="stable")
        self._edges, self.lengths = self._edges[:, order], lengths[order]

    def clusters(self, epsilon: float) -> NDArray[np.int64]:
        """Return the cluster of every point at one ε.

        Parameters
        ----------
        epsilon : float
            Points so far apart or nearer are neighbours.

        Returns
        -------
        ndarray (N,), int64
            As scikit-learn's ``DBSCAN(epsilon, min_samples=MIN_SAMPLES)``: numbered from 0 in the order of each
            cluster's first core point, `NOISE` for points in none.
        """
        count = len(self.core_distances)
        core = self.core_distances <= epsilon
        kept = self._edges[:, : np.searchsorted(self.lengths, epsilon, side="right")]
        graph = coo_array((np.ones(kept.shape[1], bool), tuple(kept)), shape=(count, count))
        component = connected_components(graph, directed=False)[1]
        labels = np.full(count, NOISE, np.int64)
        found, first = np.unique(component[core], return_index=True)
        number = np.empty(len(found), np.int64)
        number[np.argsort(first)] = np.arange(len(found))
        labels[core] = number[np.searchsorted(found, component[core])]

        # A point at the border goes to the first cluster that reaches it.
        near = core[self._nearest] & (self._distances <= epsilon)
        reached = np.where(near, labels[self._nearest], count).min(1)
        border = ~core & (reached < count)
        labels[border] = reached[border]
        return labels


def _spanning_tree(
    points: NDArray[np.float64], core_distances: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Grow the minimum spanning tree (Prim): edges (2, N − 1) and their lengths, in memory of a few rows."""
    count = len(points)
    edges, lengths = np.empty((2, count - 1), np.int64), np.empty(count - 1)
    outside = np.ones(count, bool)
    reach, reached_from = np.full(count, np.inf), np.zeros(count, np.int64)
    newest = 0
    for edge in range(count - 1):
        outside[newest] = False
        step = points - points[newest]
        distance = np.sqrt(np.einsum("nd,nd->n", step, step))
        mutual = np.maximum(np.maximum(distance, core_distances), core_distances[newest])
        shorter = mutual < reach
        reach[shorter], reached_from[shorter] = mutual[shorter], newest
        newest = int(np.where(outside, reach, np.inf).argmin())
        edges[:, edge], lengths[edge] = (reached_from[newest], newest), reach[newest]
    return edges, lengths
