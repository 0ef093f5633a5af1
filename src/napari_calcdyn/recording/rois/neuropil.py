"""Neuropil: the pixels round an ROI that belong to no ROI."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def nearest_free_pixels(
    roi: NDArray[np.integer], occupied: NDArray[np.bool_], inner: float, pixels: int
) -> NDArray[np.int64]:
    """Find the free pixels nearest to an ROI.

    Parameters
    ----------
    roi : ndarray of int
        Flat indices of its pixels.
    occupied : ndarray of shape (Y, X), bool
        True in all ROIs.
    inner : float
        Gap left round the ROI, in pixels.
    pixels : int
        How many to find. Those at equal distance are taken together, so it may be a few more, and fewer only
        where the image has no more.

    Returns
    -------
    ndarray of int64
        Flat indices.
    """
    from scipy.ndimage import distance_transform_edt  # slow to load, and rarely needed

    y, x = np.unravel_index(roi, occupied.shape)
    height, width = occupied.shape
    margin = int(inner + np.sqrt(pixels)) + 1
    while True:  # look no farther from the ROI than is needed
        top, left = max(0, y.min() - margin), max(0, x.min() - margin)
        bottom, right = min(height, y.max() + margin + 1), min(width, x.max() + margin + 1)
        outside = np.ones((bottom - top, right - left), bool)
        outside[y - top, x - left] = False
        distance = distance_transform_edt(outside)
        free = ~occupied[top:bottom, left:right] & (distance > inner)
        distances = np.sort(distance[free])
        limit = distances[min(pixels, len(distances)) - 1] if len(distances) else 0.0
        # Beyond the margin, a pixel outside this window may be nearer than one in its corner.
        if outside.shape == occupied.shape or (len(distances) >= pixels and limit <= margin):
            rows, columns = np.nonzero(free & (distance <= limit))
            found: NDArray[np.int64] = (rows + top) * width + columns + left
            return found
        margin *= 2
