"""The background between cells: smooth patches on a coarse grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from napari_calcdyn.models.compiled import over_targets

from .frames import UsedFrames

BACKGROUND_SPACING = 3.0
"""Distance between patches of the background, in cell diameters."""


def background_grid(frame_shape: tuple[int, int], spacing: float) -> csr_array:
    """Return smooth patches on a grid, which add up to 1 everywhere.

    Parameters
    ----------
    frame_shape : tuple of int
        Height and width of a frame in pixels.
    spacing : float
        Distance between neighbouring patches in pixels, about.

    Returns
    -------
    csr_array (b, Y·X), float64
        Each falls linearly from 1 at its place to 0 at its neighbours'.
    """
    rows, columns = (csr_array(_tents(size, spacing)) for size in frame_shape)
    patches = [rows[[a]].T @ columns[[b]] for a in range(rows.shape[0]) for b in range(columns.shape[0])]
    return csr_array(vstack([it.reshape(1, -1) for it in patches]))


class Background:
    """Patches of a `background_grid`, and what each adds up to in every frame.

    A patch is the product of a profile along the columns and one along the rows, so each pixel of a frame is met twice
    and not four times; and this is the same for whatever cells there are.

    Parameters
    ----------
    used : UsedFrames
        Of the recording.
    spacing : float
        Distance between neighbouring patches in pixels, about.

    Attributes
    ----------
    footprints : csr_array (b, Y·X), float64
        The patches.
    sums : ndarray (b, T), float32
        ``footprints @ (x[t] − m)`` over the used pixels, for the frames that were added.
    """

    def __init__(self, used: UsedFrames, spacing: float) -> None:
        shape = used.mean.shape[0], used.mean.shape[1]
        self.footprints = background_grid(shape, spacing)
        self.sums = np.zeros((self.footprints.shape[0], used.movie.n_frames), np.float32)
        self._used, self._columns = used, _tents(shape[1], spacing).T.astype(np.float32)
        rows = _tents(shape[0], spacing)
        self._count, self._upper = len(rows), (rows > 0).argmax(0).clip(max=len(rows) - 2)
        self._part = rows[self._upper, np.arange(shape[0])].astype(np.float32)

    def add(self, start: int, block: NDArray[Any]) -> None:
        """Add the frames (n, Y, X) from `start` on."""
        from .kernels import add_rows

        used = self._used
        rows = np.empty((len(block), self._count, block.shape[2]), np.float32)
        over_targets(add_rows, len(block), block, used.mean, used.used, self._upper, self._part, rows)
        sums = rows.reshape(-1, rows.shape[2]) @ self._columns
        self.sums[:, start : start + len(block)] = sums.reshape(len(block), -1).T


def _tents(size: int, spacing: float) -> NDArray[np.float64]:
    """Return piecewise linear profiles over some pixels, which add up to 1, (n, size)."""
    count = max(2, round(size / spacing) + 1)
    at = np.arange(size) * (count - 1) / max(1, size - 1)
    tents: NDArray[np.float64] = np.maximum(1 - np.abs(at - np.arange(count)[:, None]), 0)
    return tents
