"""Footprints of cells on pixels, each in a window of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .first_footprints import FirstFootprint

Stack = NDArray[np.float64]
Number = TypeVar("Number", bound=np.generic)


class Windows:
    """Square windows on a frame, which may reach over its edge.

    Parameters
    ----------
    middles : ndarray (k, 2), int64
        Pixels in the middle of the windows.
    reach : int
        Pixels from there to the edge; windows are w = 2·reach + 1 pixels wide.
    frame_shape : tuple of int
        Height and width of a frame.

    Attributes
    ----------
    tops, lefts : ndarray (k,), int64
        First row and column of each.
    pixels : ndarray (k, w, w), int64
        Flat index of every pixel.
    inside : ndarray (k, w, w), bool
        Whether it is in the frame.
    """

    def __init__(self, middles: NDArray[np.int64], reach: int, frame_shape: tuple[int, int]) -> None:
        self.middles, self.reach, self.frame_shape = middles, reach, frame_shape
        self.tops, self.lefts = (np.ascontiguousarray(it) for it in (middles - reach).T)
        side = np.arange(2 * reach + 1)
        rows, columns = self.tops[:, None] + side, self.lefts[:, None] + side
        rows_inside, columns_inside = (
            (it >= 0) & (it < size) for it, size in zip((rows, columns), frame_shape, strict=True)
        )
        self.inside = rows_inside[:, :, None] & columns_inside[:, None]
        self.pixels = rows[:, :, None] * frame_shape[1] + columns[:, None]

    def __len__(self) -> int:
        """Return the number of windows k."""
        return len(self.middles)

    def chosen(self, which: NDArray[np.int64]) -> Windows:
        """Return some of the windows."""
        return Windows(self.middles[which], self.reach, self.frame_shape)

    def of(self, image: NDArray[Number]) -> NDArray[Number]:
        """Return what an image (Y, X) has in the windows, (k, w, w); some pixel of it where a window is outside."""
        values: NDArray[Number] = image.ravel()[np.where(self.inside, self.pixels, 0)]
        return values

    def sparse(self, values: NDArray[np.number]) -> csr_array:
        """Return what is positive in the windows (k, w, w) as rows of pixels, (k, Y·X)."""
        kept = self.inside & (values > 0)
        ends = np.cumsum([0, *kept.sum((1, 2))])
        shape = len(self), self.frame_shape[0] * self.frame_shape[1]
        return csr_array((values[kept].astype(np.float64), self.pixels[kept], ends), shape=shape)

    def products(self, factors: Stack, pictures: csr_array) -> Stack:
        """Return ``factors @ pictures`` of factors (k, b) and pictures (b, Y·X) in the windows, (k, w, w)."""
        out = np.zeros(self.pixels.shape)
        columns = pictures.tocsc()
        for row, inside, pixels, factor in zip(out, self.inside, self.pixels, factors, strict=True):
            row[inside] = factor @ columns[:, pixels[inside]]
        return out

    def near(self, k: int, others: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of some windows that overlap with window k."""
        others = np.asarray(others, np.int64)
        near: NDArray[np.int64] = others[
            np.abs(self.middles[others] - self.middles[k]).max(1, initial=0) <= 2 * self.reach
        ]
        return near

    def shared(self, one: int, other: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Return where two overlapping windows have the pixels that they share, in each."""
        parts = []
        for a, b in ((one, other), (other, one)):
            steps = self.middles[b] - self.middles[a]
            y, x = (slice(max(0, step), 2 * self.reach + 1 + min(0, step)) for step in steps)
            parts.append((y, x))
        return parts[0], parts[1]

    def first(self, found: Sequence[FirstFootprint], side: int) -> Stack:
        """Return footprints of bins of so many pixels in the windows, (k, w, w)."""
        out = np.zeros(self.pixels.shape)
        for row, top, left, footprint in zip(out, self.tops, self.lefts, found, strict=True):
            for (y, x), weight in zip(footprint.bins * side - (top, left), footprint.weights, strict=True):
                row[max(y, 0) : max(y + side, 0), max(x, 0) : max(x + side, 0)] = weight
        return out
