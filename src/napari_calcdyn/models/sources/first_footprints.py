"""First footprints of cells: what the bins around a bright blob share, taken away one after another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate, label, zoom

from napari_calcdyn.recording import ProgressCallback, report

from .kernels import blob_covariance, covariance_between
from .local_covariance import LocalCovariance

Image = NDArray[np.float64]

_ROUNDS = 4
_NEIGHBOURHOOD = 3  # discs
_LEAST_AREA, _MOST_AREA = 0.05, 0.45  # at half of the maximum, of the disc's
_EDGE = 0.3  # largest covariance at the edge of the disc, relative to its middle
_KEPT = 0.2  # part of the maximum of a footprint, below which it ends


class Disc:
    """Bins around a bin, at most `radius` from it, and two averages over them: narrow, and wide.

    Attributes
    ----------
    places : ndarray (m, 2), int64
        Bins relative to the middle.
    narrow, wide : ndarray (2r + 1, 2r + 1)
        Gaussians, 0 beyond the disc.
    """

    def __init__(self, radius: float, sigma: float) -> None:
        self.reach = int(radius)
        at = np.arange(-self.reach, self.reach + 1)
        distance = np.hypot(at[:, None], at)
        inside = distance <= radius
        self.places = np.argwhere(inside) - self.reach
        self.narrow: Image = np.where(inside & (distance <= 2 * sigma), np.exp(-0.5 * (distance / sigma) ** 2), 0)
        self.wide: Image = np.where(inside, np.exp(-0.5 * (distance / (2 * sigma)) ** 2), 0)

    def around(self, middle: tuple[int, int], shape: tuple[int, int]) -> NDArray[np.int64]:
        """Return the bins around one that lie in the image, (m, 2)."""
        bins: NDArray[np.int64] = self.places + middle
        return bins[((bins >= 0) & (bins < shape)).all(1)]


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
        Covariance of each bin with the activity over its variance; 0 where the footprint has ended.
    contrast : float
        Variance of the blob at this bin beyond its surroundings, over that of its noise.
    """

    middle: tuple[int, int]
    bins: NDArray[np.int64]
    weights: Image
    contrast: float


class _BlobMap:
    """How much the blob at each bin varies beyond its surroundings: covariance of narrow with narrow less wide."""

    def __init__(self, covariance: LocalCovariance, disc: Disc) -> None:
        shape = covariance.shape
        self._narrow, self._wide = disc.narrow, disc.wide
        ones = np.ones(shape)
        self._n, self._w = self._sum(ones, disc.narrow), self._sum(ones, disc.wide)
        both = np.empty((2, *shape))
        blob_covariance(covariance.values, covariance.table, disc.narrow, disc.wide, 0, shape[0], both)
        self.values: Image = both[0] / self._n**2 - both[1] / (self._n * self._w)
        noise = covariance.noise.astype(np.float64)
        narrow = self._sum(noise, disc.narrow**2) / self._n**2
        between = self._sum(noise, disc.narrow * disc.wide) / (self._n * self._w)
        wide = self._sum(noise, disc.wide**2) / self._w**2
        self.noise: Image = np.sqrt(narrow * (narrow - 2 * between + wide)) + 1e-30
        self._level = _usual(self.values / self.noise, _NEIGHBOURHOOD * (2 * disc.reach + 1))

    @property
    def contrast(self) -> Image:
        """Variance over that of the noise, less what is usual around."""
        return (self.values / self.noise - self._level) / (1 + self._level)

    @staticmethod
    def _sum(image: Image, kernel: Image) -> Image:
        summed: Image = correlate(image, kernel, mode="constant")
        return summed

    def blob(self, bins: NDArray[np.int64], middle: tuple[int, int]) -> Image:
        """Return the narrow average less the wide one around a bin, (m,)."""
        at = tuple((bins - middle + len(self._narrow) // 2).T)
        narrow, wide = self._narrow[at], self._wide[at]
        return narrow / narrow.sum() - wide / wide.sum()

    def take_away(self, bins: NDArray[np.int64], shared: Image) -> None:
        """Take away the covariance ``g gᵀ``, g in these bins, without its diagonal."""
        margin = len(self._narrow) - 1
        low = np.maximum(bins.min(0) - margin, 0)
        high = np.minimum(bins.max(0) + margin + 1, self.values.shape)
        part = tuple(slice(*it) for it in zip(low, high, strict=True))
        image = np.zeros(high - low)
        image[tuple((bins - low).T)] = shared
        n, w, narrow, wide = self._n[part], self._w[part], self._narrow, self._wide
        first = self._sum(image, narrow) / n
        taken = first * (first - self._sum(image, wide) / w)
        square = image**2
        taken -= self._sum(square, narrow**2) / n**2 - self._sum(square, narrow * wide) / (n * w)
        self.values[part] -= taken


def _usual(image: Image, size: int) -> Image:
    """Return the median of parts of an image, interpolated between them; at least 0."""
    rows, columns = (np.array_split(np.arange(n), max(1, round(n / size))) for n in image.shape)
    medians = np.array([[np.median(image[np.ix_(a, b)]) for b in columns] for a in rows])
    return np.maximum(zoom(medians, np.divide(image.shape, medians.shape), order=1, grid_mode=True, mode="nearest"), 0)


def first_footprints(
    covariance: LocalCovariance, disc: Disc, least: float, progress: ProgressCallback | None = None
) -> list[FirstFootprint]:
    """Find blobs that vary together, the clearest first, and take each away before the next.

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
    """
    blobs = _BlobMap(covariance, disc)
    shape, table = covariance.shape, covariance.table
    contrast = blobs.contrast
    free = np.ones(shape, bool)
    found: list[FirstFootprint] = []
    taken: list[Image] = []
    middles = np.empty((0, 2))
    while True:
        at = int(np.where(free, contrast, -np.inf).argmax())
        middle = (at // shape[1], at % shape[1])
        if not (free[middle] and contrast[middle] >= least):
            return found
        free[middle] = False
        bins = disc.around(middle, shape)
        local = np.empty((len(bins), len(bins)), np.float32)
        covariance_between(covariance.values, table, *bins.T.copy(), local)
        for j in np.flatnonzero(np.abs(middles - middle).max(1, initial=0) <= 2 * disc.reach) if len(found) else ():
            image = np.zeros(shape)  # small enough
            image[tuple(found[j].bins.T)] = taken[j]
            g = image[tuple(bins.T)]
            local -= np.outer(g, g)
            local[np.diag_indices(len(bins))] = 0
        grown = _grow(local, blobs.blob(bins, middle), bins, middle, disc)
        if grown is None:
            continue
        weights, shared = grown
        found.append(FirstFootprint(middle, bins, weights, float(contrast[middle])))
        taken.append(shared)
        middles = np.vstack([middles, middle])
        blobs.take_away(bins, shared)
        contrast = blobs.contrast
        report(progress, len(found), len(found))


def _grow(
    local: NDArray[np.float32], average: Image, bins: NDArray[np.int64], middle: tuple[int, int], disc: Disc
) -> tuple[Image, Image] | None:
    """Return a footprint (m,), and g of the covariance ``g gᵀ`` that it explains; None where it is no cell."""
    low = bins.min(0)
    size = bins.max(0) - low + 1
    inside, diagonal = tuple((bins - low).T), np.diag_indices(len(bins))
    for _ in range(_ROUNDS + 1):
        shared = local @ average
        variance = float(average @ shared)
        if variance <= 0:
            return None
        local[diagonal] = shared**2 / variance  # what the cell itself adds, without shot noise
        image = np.zeros(size)
        image[inside] = np.maximum(shared / variance, 0)
        parts, _ = label(image > _KEPT * image.max())
        part = parts[tuple(np.subtract(middle, low))] or parts.flat[image.argmax()]
        weights = np.where(parts == part, image, 0)[inside]
        if not weights.any():
            return None
        average = weights - weights.mean()  # so that an even background does not count
        average /= average @ weights
    area = np.count_nonzero(weights > weights.max() / 2) / len(bins)
    distance = np.hypot(*(bins - middle).T)
    edge, core = shared[distance > disc.reach - 1].mean(), shared[distance <= 1.5].mean()
    if not _LEAST_AREA <= area <= _MOST_AREA or abs(edge) > _EDGE * core:
        return None
    return weights, shared / np.sqrt(variance)
