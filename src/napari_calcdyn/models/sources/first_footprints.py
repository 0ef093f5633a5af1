"""First footprints of cells: what the bins around a blob share, taken away one after another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from napari_calcdyn.recording import ProgressCallback, report

from .blobs import BlobMap, Disc, Image
from .kernels import covariance_between
from .local_covariance import LocalCovariance

_ROUNDS = 5
_KEPT = 0.2  # part of the maximum of a footprint, below which it ends
_LEAST_AREA, _MOST_AREA = 0.05, 0.45  # at half of the maximum, of the disc's
_EDGE = 0.3  # largest covariance at the edge of the disc, relative to its middle


@dataclass(frozen=True, eq=False)
class FirstFootprint:
    """A footprint in bins.

    Attributes
    ----------
    middle : tuple of int
        Bin that it began with.
    bins : ndarray (m, 2), int64
        All bins around that.
    weights : ndarray (m,)
        How much each bin changes with the activity; 0 where the footprint has ended.
    shared : ndarray (m,)
        g of the covariance ``g gᵀ`` of these bins that the activity explains.
    contrast : float
        As in `BlobMap`, when it was found.
    """

    middle: tuple[int, int]
    bins: NDArray[np.int64]
    weights: Image
    shared: Image
    contrast: float


def first_footprints(
    covariance: LocalCovariance, disc: Disc, least: float, progress: ProgressCallback | None = None
) -> list[FirstFootprint]:
    """Find blobs that vary as one, the clearest first, and take what each explains away before the next.

    A blob that does not end within the disc is a part of something larger and left to the background.

    Parameters
    ----------
    covariance : LocalCovariance
        With a reach of twice that of the disc.
    disc : Disc
        In bins.
    least : float
        Contrast at which to stop.
    progress : callable or None
        Called with how many were found, twice; returns True to stop.

    Returns
    -------
    list of FirstFootprint
        In the order in which they were found.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    blobs = BlobMap(covariance, disc)
    shape, table = covariance.shape, covariance.table
    tried = np.zeros(shape, bool)
    found: list[FirstFootprint] = []
    while True:
        at = int(np.where(tried, -np.inf, blobs.contrast).argmax())
        middle = at // shape[1], at % shape[1]
        contrast = float(blobs.contrast[middle])
        if tried[middle] or not contrast >= least:
            return found
        tried[middle] = True
        bins = disc.around(middle, shape)
        local = np.empty((len(bins), len(bins)), np.float32)
        covariance_between(covariance.values, table, *bins.T.copy(), local)
        for other in found:
            if max(abs(other.middle[0] - middle[0]), abs(other.middle[1] - middle[1])) <= 2 * disc.reach:
                g = _at(other, bins, disc.reach)
                local -= np.outer(g, g)
        grown = _grown(local, blobs.blob(bins, middle), bins, middle)
        if grown is not None:
            found.append(FirstFootprint(middle, bins, *grown, contrast))
            blobs.take_away(bins, found[-1].shared)
            report(progress, len(found), len(found))


def _at(footprint: FirstFootprint, bins: NDArray[np.int64], reach: int) -> Image:
    """Return what a footprint found before shares in some bins, (m,)."""
    grid = np.zeros((2 * reach + 1, 2 * reach + 1))
    grid[tuple((footprint.bins - footprint.middle + reach).T)] = footprint.shared
    places = bins - footprint.middle + reach
    inside = ((places >= 0) & (places < len(grid))).all(1)
    shared = np.zeros(len(bins))
    shared[inside] = grid[tuple(places[inside].T)]
    return shared


def _grown(
    local: NDArray[np.float32], average: Image, bins: NDArray[np.int64], middle: tuple[int, int]
) -> tuple[Image, Image] | None:
    """Return weights (m,) and g of the covariance ``g gᵀ`` that they explain; None where it is no cell.

    The covariance of bins (m, m) lacks its diagonal, to which shot noise would add. What the cell itself adds is filled
    in.
    """
    low = bins.min(0)
    size, inside, diagonal = bins.max(0) - low + 1, tuple((bins - low).T), np.diag_indices(len(bins))
    local[diagonal] = 0
    for _ in range(_ROUNDS):
        shared = local @ average
        variance = float(average @ shared)
        if variance <= 0 or shared.max() <= 0:
            return None
        local[diagonal] = shared**2 / variance
        image = np.zeros(size)
        image[inside] = shared / variance
        parts, _ = label(image > _KEPT * image.max())
        part = parts[tuple(np.subtract(middle, low))] or parts.flat[image.argmax()]
        weights = np.where(parts == part, image, 0)[inside]
        average = weights - weights.mean()  # an even background does not count
        average /= average @ weights
    area = np.count_nonzero(weights > weights.max() / 2) / len(bins)
    distance = np.hypot(*(bins - middle).T)
    edge, core = shared[distance > distance.max() - 1].mean(), shared[distance <= 1.5].mean()
    if not (_LEAST_AREA <= area <= _MOST_AREA and abs(edge) <= _EDGE * core):
        return None
    return weights, shared / np.sqrt(variance)
