"""Frames read at other places: shifted as a whole, and every other line by itself."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def shifted(frame: NDArray[np.float32], shift: ArrayLike, line_shift: float = 0.0) -> NDArray[np.float32]:
    """Read a frame where its content went, with bilinear interpolation.

    Between pixels, interpolation averages neighbours. At half a pixel in both directions, it leaves a quarter of the
    variance of shot noise.

    Parameters
    ----------
    frame : ndarray (Y, X), float32
        The frame.
    shift : array_like (2,)
        (y, x) in pixels: the result at (y, x) is the frame at (y, x) + shift.
    line_shift : float
        By how many pixels odd lines are displaced in x, beside that.

    Returns
    -------
    ndarray (Y, X), float32
        Beyond the edge, the outermost pixel.
    """
    dy, dx = (float(it) for it in np.asarray(shift))
    if line_shift:
        frame = frame.copy()
        frame[1::2] = _between(frame[1::2], line_shift, 1)
    return _between(_between(frame, dy, 0), dx, 1)


def _between(frame: NDArray[np.float32], shift: float, axis: int) -> NDArray[np.float32]:
    """Read (Y, X) at y + shift or x + shift."""
    if shift == 0:
        return frame
    whole = math.floor(shift)
    part, size = np.float32(shift - whole), frame.shape[axis]
    at = np.arange(size) + whole
    result = frame.take(at, axis, mode="clip")
    if part:
        result *= 1 - part
        result += part * frame.take(at + 1, axis, mode="clip")
    return result
