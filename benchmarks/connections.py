"""True connections of simulated movies, and how well those that were found agree with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from sklearn.metrics import average_precision_score

from napari_calcdyn import RoiSet
from napari_calcdyn.analysis.influence import Influence
from napari_calcdyn.simulate.movie import SimulatedMovie

Matrix = NDArray[Any]
_LEAST_OVERLAP = 0.3  # IoU


def connected(movie: SimulatedMovie) -> NDArray[np.bool_]:
    """Which cell drives which, (N, N) as [target, source], without the own past."""
    found = np.zeros((len(movie.kind),) * 2, bool)
    known = movie.coefficients.any(0)
    found[: len(known), : len(known)] = known
    np.fill_diagonal(found, False)
    return found


def related(edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pairs that a chain of connections links, in either direction."""
    reached = edges | np.eye(len(edges), dtype=bool)
    for _ in range(len(edges).bit_length()):
        reached = reached @ reached
    return reached | reached.T


def aupr(scores: Matrix, truth: NDArray[np.bool_]) -> float:
    """Area under the precision-recall curve, over pairs of different cells."""
    pairs = ~np.eye(len(truth), dtype=bool)
    return float(average_precision_score(truth[pairs], np.abs(scores)[pairs]))


def cells_of(rois: RoiSet, movie: SimulatedMovie) -> NDArray[np.int64]:
    """Row of the true cell that each ROI is, and from N on a row of its own for one that is none of them."""
    found, cells = above_half(rois.footprints), above_half(movie.weights)
    together = found @ cells.T
    union = found.sum(1)[:, None] + cells.sum(1) - together
    overlap = together / np.maximum(union, 1)
    allowed = overlap >= _LEAST_OVERLAP
    rows = len(cells) + np.arange(len(found))
    for roi, cell in zip(*linear_sum_assignment(-(allowed * (100 + overlap))), strict=True):
        if allowed[roi, cell]:
            rows[roi] = cell
    return rows


def above_half(footprints: csr_array) -> NDArray[np.float64]:
    """Return 1 where a footprint exceeds half of its maximum, (k, Y·X)."""
    dense = footprints.toarray()
    return ((dense > 0.5 * dense.max(1, keepdims=True, initial=0)) & (dense > 0)).astype(np.float64)


def agreement(found: Influence, rows: NDArray[np.int64], truth: NDArray[np.bool_]) -> dict[str, float]:
    """Compare tested connections between ROIs with the truth.

    Parameters
    ----------
    found : Influence
        Tested.
    rows : ndarray (n,)
        As from `cells_of`.
    truth : ndarray (N, N)
        As from `connected`. What leads to or from a cell without an ROI counts as not found, and ROIs that are no cell
        have no connections.

    Returns
    -------
    dict of str to float
        Area under the precision-recall curve; share of the connections that pass at p ≤ 0.05, and number of pairs that
        pass and are not connected; of these, those that no chain of connections links.
    """
    assert found.p_values is not None
    size = max(len(truth), int(rows.max(initial=-1)) + 1)
    known, scores, passing = (
        np.zeros((size, size), bool),
        np.zeros((size, size)),
        np.zeros((size, size), bool),
    )
    known[: len(truth), : len(truth)] = truth
    pairs = np.ix_(rows, rows)
    scores[pairs] = found.strength
    passing[pairs] = np.nan_to_num(found.p_values, nan=1.0) <= 0.05
    false = passing & ~known
    return {
        "AUPR": aupr(scores, known),
        "found": float((passing & known).sum() / truth.sum()),
        "false": int(false.sum()),
        "unrelated": int((false & ~related(known)).sum()),
    }
