"""The compiled inner loop of the streamed statistics."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

# Pixels worked on together: their accumulators and a block's rows of them stay in the processor's cache.
TILE = 4096


@numba.njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def merge_block(
    block: Any, before: int, mean: Any, squares: Any, first: int, last: int
) -> tuple[float, float, bool]:
    """Merge pixels `first` to `last` - 1 of a block (n, pixels) into running moments over `before` frames.

    Parameters
    ----------
    block : ndarray of shape (n, pixels)
        Frames, flattened.
    before : int
        Frames already in `mean` and `squares`.
    mean, squares : ndarray of shape (pixels,), float64
        Running mean and sum of squared deviations, changed in place.
    first, last : int
        The range of pixels.

    Returns
    -------
    low, high : float
        Range of these pixels in the block.
    finite : bool
        False if one of them is NaN or infinite.
    """
    n = block.shape[0]
    low, high, finite = np.inf, -np.inf, True
    total, spread = np.empty(TILE), np.empty(TILE)
    smallest, largest = np.empty(TILE, block.dtype), np.empty(TILE, block.dtype)
    for left in range(first, last, TILE):
        width = min(TILE, last - left)
        for i in range(width):
            total[i] = 0.0
            spread[i] = 0.0
            smallest[i] = block[0, left + i]
            largest[i] = block[0, left + i]
        for t in range(n):
            for i in range(width):
                x = block[t, left + i]
                total[i] += x
                smallest[i] = min(smallest[i], x)
                largest[i] = max(largest[i], x)
        for i in range(width):
            total[i] /= n
        for t in range(n):
            for i in range(width):
                d = block[t, left + i] - total[i]
                spread[i] += d * d
        for i in range(width):
            # Any NaN or infinity in a pixel's frames makes its mean one too.
            finite = finite and np.isfinite(total[i])
            low = min(low, float(smallest[i]))
            high = max(high, float(largest[i]))
            delta = total[i] - mean[left + i]
            mean[left + i] += delta * n / (before + n)
            squares[left + i] += spread[i] + delta * delta * before * n / (before + n)
    return low, high, finite
