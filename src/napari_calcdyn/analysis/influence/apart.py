"""Which ROIs can be tested against each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from napari_calcdyn.recording import RoiSet

_OVERLAP = 0.05
"""Cosine of two footprints above which one holds light of the other."""
_BESIDE = 1.75
"""Distance of neighbours, in diameters."""
_TOGETHER = 4.0
"""Correlation of what two neighbours do at the same time, in its standard deviations, that speaks of shared light."""


def apart(rois: RoiSet, residuals: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which pairs of ROIs do not share light.

    If a part of one cell's light is in the activity of another, what the first one did is in the other's past, and
    helps to predict it: a connection that is none. Light is shared where footprints overlap and are not exactly right,
    and between neighbours that change at the same time. Neighbours that are driven at the same time look just like
    them.

    Parameters
    ----------
    rois : RoiSet
        The N ROIs.
    residuals : ndarray (n, N), float64
        What their pasts do not predict.

    Returns
    -------
    ndarray (N, N), bool
        Symmetric; False on the diagonal.
    """
    footprints = csr_array(rois.footprints)
    norm = np.sqrt(footprints.multiply(footprints).sum(1))
    overlapping = (footprints @ footprints.T).toarray() > _OVERLAP * np.outer(norm, norm)
    largest = footprints.max(1).toarray().ravel()
    rows = np.repeat(np.arange(len(rois)), np.diff(footprints.indptr))
    pixels = np.bincount(rows[footprints.data > largest[rows] / 2], minlength=len(rois))
    diameters = 2 * np.sqrt(pixels / np.pi)
    away = rois.centres[:, None] - rois.centres
    beside = np.hypot(away[..., 0], away[..., 1]) < _BESIDE / 2 * np.add.outer(diameters, diameters)
    unit = residuals - residuals.mean(0)
    unit /= np.maximum(np.linalg.norm(unit, axis=0), 1e-300)
    together = np.abs(unit.T @ unit) > _TOGETHER / np.sqrt(len(unit))
    result: NDArray[np.bool_] = ~(overlapping | (beside & together) | np.eye(len(rois), dtype=bool))
    return result
