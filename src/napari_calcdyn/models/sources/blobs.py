"""Where something as large as a cell varies beyond its surroundings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate, zoom

from .local_covariance import LocalCovariance

Image = NDArray[np.float64]

_NEIGHBOURHOOD = 3  # discs
_BYTES = 16 * 2**20


class Disc:
    """Bins around a bin, and two averages over them, narrow and wide.

    Parameters
    ----------
    diameter : float
        Diameter of a cell in bins; the disc is twice as large.

    Attributes
    ----------
    reach : int
        Bins from the middle to the edge r.
    places : ndarray (m, 2), int64
        Bins relative to the middle.
    narrow, wide : ndarray (2r + 1, 2r + 1)
        Gaussians, 0 beyond the disc.
    """

    def __init__(self, diameter: float) -> None:
        self.reach = int(diameter)
        at = np.arange(-self.reach, self.reach + 1)
        distance = np.hypot(at[:, None], at)
        inside = distance <= diameter
        sigma = 0.27 * diameter
        self.places = np.argwhere(inside) - self.reach
        self.narrow: Image = np.exp(-0.5 * (distance / sigma) ** 2) * (inside & (distance <= 2 * sigma))
        self.wide: Image = np.exp(-0.5 * (distance / (2 * sigma)) ** 2) * inside

    def around(self, middle: tuple[int, int], shape: tuple[int, int]) -> NDArray[np.int64]:
        """Return the bins around one that lie in the image, (m, 2)."""
        bins: NDArray[np.int64] = self.places + middle
        return bins[((bins >= 0) & (bins < shape)).all(1)]


class BlobMap:
    """Covariance of the narrow average around each bin with the narrow less the wide one.

    Parameters
    ----------
    covariance : LocalCovariance
        With a reach of twice that of the disc.
    disc : Disc
        The averages.

    Attributes
    ----------
    contrast : ndarray (rows, columns)
        This covariance over what independent noise of the bins gives, less what is usual around: neuropil, and noise
        that neighbouring pixels share because frames were interpolated.
    """

    def __init__(self, covariance: LocalCovariance, disc: Disc) -> None:
        shape = covariance.shape
        self._narrow, self._wide = disc.narrow, disc.wide
        self._n, self._w = (_sum(np.ones(shape), it) for it in (disc.narrow, disc.wide))
        both = _between(covariance, disc)
        noise = covariance.noise.astype(np.float64)
        narrow = _sum(noise, disc.narrow**2) / self._n**2
        between = _sum(noise, disc.narrow * disc.wide) / (self._n * self._w)
        wide = _sum(noise, disc.wide**2) / self._w**2
        ratio = both[0] / self._n**2 - both[1] / (self._n * self._w)
        unit = np.sqrt(narrow * (narrow - 2 * between + wide))
        unit[unit == 0] = np.inf  # masked
        usual = _usual(ratio / unit, _NEIGHBOURHOOD * len(disc.narrow))
        self.contrast: Image = (ratio / unit - usual) / (1 + usual)
        self._unit = unit * (1 + usual)

    def blob(self, bins: NDArray[np.int64], middle: tuple[int, int]) -> Image:
        """Return the weights of the narrow average around a bin less the wide one, (m,)."""
        at = tuple((bins - middle + len(self._narrow) // 2).T)
        narrow, wide = self._narrow[at], self._wide[at]
        weights: Image = narrow / narrow.sum() - wide / wide.sum()
        return weights

    def take_away(self, bins: NDArray[np.int64], shared: Image) -> None:
        """Take the covariance ``g gᵀ`` of some bins away, but for its diagonal."""
        margin = len(self._narrow) - 1
        low = np.maximum(bins.min(0) - margin, 0)
        high = np.minimum(bins.max(0) + margin + 1, self.contrast.shape)
        part = slice(low[0], high[0]), slice(low[1], high[1])
        image = np.zeros(high - low)
        image[tuple((bins - low).T)] = shared
        n, w, narrow, wide = self._n[part], self._w[part], self._narrow, self._wide
        first = _sum(image, narrow) / n
        taken = first * (first - _sum(image, wide) / w)
        taken -= _sum(image**2, narrow**2) / n**2 - _sum(image**2, narrow * wide) / (n * w)
        self.contrast[part] -= taken / self._unit[part]


def _sum(image: Image, kernel: Image) -> Image:
    summed: Image = correlate(image, kernel, mode="constant")
    return summed


def _between(covariance: LocalCovariance, disc: Disc) -> Image:
    """Return ``kᵀCk`` and ``kᵀCw`` for the averages k and w around every bin, without C's diagonal, (2, rows, columns).

    C is kept by its offsets d, for one order of two bins: the sum over both orders is ``Σ_a Σ_d P[a, d] C[x + a, d]``
    with ``P[a, d] = k_a w_(a + d) + w_a k_(a + d)``. So all offsets of a bin are weighed at once.
    """
    (rows, columns), r = covariance.shape, disc.reach
    places, offsets = disc.places, covariance.offsets
    moved = places[:, None] + offsets
    inside = (np.abs(moved) <= r).all(2)
    there = tuple(np.moveaxis(np.where(inside[..., None], moved + r, 0), 2, 0))
    here = tuple((places + r).T)
    narrow, wide = (np.where(inside, it[there], 0) for it in (disc.narrow, disc.wide))
    k, w = disc.narrow[here][:, None], disc.wide[here][:, None]
    weights = np.stack([2 * k * narrow, k * wide + w * narrow])
    both = np.zeros((2, rows, columns))
    step = max(1, _BYTES // (4 * weights[..., 0].size * columns))
    for first in range(0, rows, step):
        values = covariance.values[first : first + step]
        taps = weights.reshape(-1, len(offsets)).astype(np.float32) @ values.reshape(-1, len(offsets)).T
        # What a bin has goes to the averages around the bins from which it is one of these places away.
        for (dy, dx), tap in zip(places, taps.reshape(2, -1, *values.shape[:2]).swapaxes(0, 1), strict=True):
            low, high = max(0, first - dy), min(rows, first + len(values) - dy)
            left, right = max(0, -dx), min(columns, columns - dx)
            part = slice(low + dy - first, max(low, high) + dy - first), slice(left + dx, right + dx)
            both[:, low : max(low, high), left:right] += tap[:, *part]
    return both


def _usual(image: Image, size: int) -> Image:
    """Return the median of parts of an image, interpolated between them; at least 0."""
    rows, columns = (np.array_split(np.arange(n), max(1, round(n / size))) for n in image.shape)
    medians = np.array([[np.median(image[np.ix_(a, b)]) for b in columns] for a in rows])
    factors = np.divide(image.shape, medians.shape)
    level: Image = np.maximum(zoom(medians, factors, order=1, grid_mode=True, mode="nearest"), 0)
    return level
