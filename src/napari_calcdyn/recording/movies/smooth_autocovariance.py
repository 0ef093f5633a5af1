"""How much each pixel, smoothed over its neighbours, resembles itself in the next frames."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

LAGS = 5
"""Frames are compared with each of the five frames before them."""

_REACH = 3  # pixels; a Gaussian of 1 px holds 99.7 % of its weight there
_GAUSSIAN = np.exp(-0.5 * np.arange(_REACH + 1) ** 2)
_TAPS = tuple((_GAUSSIAN / (_GAUSSIAN[0] + 2 * _GAUSSIAN[1:].sum())).astype(np.float32))
_TILE = (32, 256)  # pixels whose sums stay in the processor's cache


class SmoothAutocovariance:
    r"""Autocovariance of smoothed pixels over lags of 1 to 5 frames, summed up block by block.

    Each frame is smoothed by a Gaussian of 1 px (mirrored at the borders) to y[t]. The result is the mean of
    $(y[t] - \bar y)(y[t-l] - \bar y)$ over all pairs of frames of one stretch with $1 \le l \le 5$. Sums are kept in
    double precision. Takes about 2 ns for each pixel and frame, shared among up to four cores.

    Parameters
    ----------
    frame_shape : tuple of int
        Height and width of a frame in pixels.
    """

    def __init__(self, frame_shape: tuple[int, int]) -> None:
        self._products, self._crossed, self._total = np.zeros((3, *frame_shape))
        self._recent = np.zeros((LAGS, *frame_shape), np.float32)
        self._reference: NDArray[np.float64] | None = None
        self._frames = self._pairs = self._seen = 0
        height, width = frame_shape
        self._tiles = [
            (top, min(top + _TILE[0], height), left, min(left + _TILE[1], width))
            for top in range(0, height, _TILE[0])
            for left in range(0, width, _TILE[1])
        ]

    def new_stretch(self) -> None:
        """Begin a new stretch: the next frame is not compared with those before it."""
        self._recent[:] = 0
        self._seen = 0

    def add(self, block: NDArray[Any]) -> None:
        """Take in the next frames.

        Parameters
        ----------
        block : ndarray (n, Y, X)
            Consecutive frames, which follow those of the last call, without NaN.
        """
        # Values are taken relative to the mean of the first block: with the raw offset of a camera, the sums of
        # products would cancel to nothing.
        if self._reference is None:
            self._reference = block.mean(0, dtype=np.float64)
        if block.dtype.itemsize <= 2 or block.dtype == np.float32:
            frames, reference = block, self._reference.astype(np.float32)
        else:
            frames = (block - self._reference).astype(np.float32)
            reference = np.zeros(frames.shape[1:], np.float32)
        sums = (self._recent, self._products, self._crossed, self._total)

        def work(tile: tuple[int, int, int, int]) -> None:
            _add_tile(frames, reference, _TAPS, self._seen, *sums, *tile)

        with ThreadPoolExecutor(min(4, os.cpu_count() or 1, len(self._tiles))) as pool:
            list(pool.map(work, self._tiles))
        before = np.minimum(np.arange(self._seen, self._seen + len(block)), LAGS)
        self._pairs += int(before.sum())
        self._frames += len(block)
        self._seen += len(block)

    def result(self) -> NDArray[np.float32]:
        """Return the map (Y, X), in squared movie units; 0 where no two frames could be compared."""
        mean = self._total / max(self._frames, 1)
        covariance = self._products - mean * self._crossed + self._pairs * mean**2
        return (covariance / max(self._pairs, 1)).astype(np.float32)


@njit(inline="always")
def _mirrored(at, size):  # type: ignore[no-untyped-def]
    """Return the place inside that a place outside mirrors."""
    at %= 2 * size
    return min(at, 2 * size - 1 - at)


# Sums may be reordered; NaN and infinity keep their meaning.
_FAST = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}


@njit(inline="always")
def _relative(row, reference, left, right, out):  # type: ignore[no-untyped-def]
    """Write part of a row, relative to the reference, and `_REACH` more pixels on either side."""
    width = len(row)
    inner, rest, target = row[left:right], reference[left:right], out[_REACH:]
    for j in range(len(inner)):
        target[j] = np.float32(inner[j]) - rest[j]
    for j in range(_REACH):
        x = _mirrored(left + j - _REACH, width)
        out[j] = np.float32(row[x]) - reference[x]
        x = _mirrored(right + j, width)
        out[_REACH + right - left + j] = np.float32(row[x]) - reference[x]


@njit(**_FAST)
def _smooth_down(a, b, c, d, e, f, g, taps, line):  # type: ignore[no-untyped-def]
    """Smooth seven neighbouring rows into one."""
    w0, w1, w2, w3 = taps
    for j in range(len(line)):
        line[j] = w0 * d[j] + w1 * (c[j] + e[j]) + w2 * (b[j] + f[j]) + w3 * (a[j] + g[j])


@njit(**_FAST)
def _add_row(line, taps, before, old, near, products, crossed, total):  # type: ignore[no-untyped-def]
    """Smooth along a row and add it to the sums; it replaces the oldest of the recent rows."""
    w0, w1, w2, w3 = taps
    a, b, c, d, e, f, g = line[0:], line[1:], line[2:], line[3:], line[4:], line[5:], line[6:]
    for j in range(len(old)):
        value = w0 * d[j] + w1 * (c[j] + e[j]) + w2 * (b[j] + f[j]) + w3 * (a[j] + g[j])
        others = near[j]
        products[j] += value * others
        crossed[j] += before * value + others
        total[j] += value
        near[j] = others + value - old[j]
        old[j] = value


@njit(**_FAST)
def _add_tile(  # type: ignore[no-untyped-def]
    frames, reference, taps, seen, recent, products, crossed, total, top, bottom, left, right
):
    """Add frames (n, Y, X) to the sums of one tile; `seen` frames of the stretch came before.

    `recent` holds the last smoothed frames, that of frame t of the stretch at t modulo `LAGS`.
    """
    height = len(reference)
    rows, columns = bottom - top, right - left
    raw = np.empty((rows + 2 * _REACH, columns + 2 * _REACH), np.float32)
    line = np.empty(columns + 2 * _REACH, np.float32)
    sums = np.zeros((3, rows, columns), np.float32)
    near = np.zeros((rows, columns), np.float32)  # Σ of the recent frames
    for slot in range(LAGS):
        near += recent[slot, top:bottom, left:right]
    for t in range(len(frames)):
        slot, before = (seen + t) % LAGS, np.float32(min(seen + t, LAGS))
        for i in range(rows + 2 * _REACH):
            y = _mirrored(top + i - _REACH, height)
            _relative(frames[t, y], reference[y], left, right, raw[i])
        for i in range(rows):
            window = raw[i : i + 2 * _REACH + 1]
            _smooth_down(
                window[0], window[1], window[2], window[3], window[4], window[5], window[6], taps, line
            )
            _add_row(
                line,
                taps,
                before,
                recent[slot, top + i, left:right],
                near[i],
                sums[0, i],
                sums[1, i],
                sums[2, i],
            )
    products[top:bottom, left:right] += sums[0]
    crossed[top:bottom, left:right] += sums[1]
    total[top:bottom, left:right] += sums[2]
