"""Outlines of ROIs, to be drawn over a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .boundaries import trace_mask
from .roi_set import RoiSet

_FAINT = 0.2  # of the largest weight of an ROI: what is less is the tail that CaImAn's footprints have


def roi_outlines(rois: RoiSet) -> list[NDArray[np.int64]]:
    """Follow the edges of all ROIs.

    Parameters
    ----------
    rois : RoiSet
        Whose pixels count from a fifth of the largest weight of their ROI on.

    Returns
    -------
    list of ndarray (n, 2), int64
        Corners (y, x) of closed outlines, as of `trace_mask`: pixel (y, x) reaches from (y, x) to (y + 1, x + 1).
    """
    weights, width = rois.footprints, rois.frame_shape[1]
    outlines: list[NDArray[np.int64]] = []
    for first, last in zip(weights.indptr[:-1], weights.indptr[1:], strict=True):
        heavy = weights.data[first:last] >= _FAINT * weights.data[first:last].max()
        y, x = np.divmod(weights.indices[first:last][heavy].astype(np.int64), width)
        corner = np.array([y.min(), x.min()])
        mask = np.zeros((np.ptp(y) + 1, np.ptp(x) + 1), bool)
        mask[y - corner[0], x - corner[1]] = True
        outlines += [outline + corner for outline in trace_mask(mask)]
    return outlines
