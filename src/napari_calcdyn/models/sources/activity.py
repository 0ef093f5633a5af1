"""Activity of footprints in the frames, by least squares."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array, vstack
from scipy.sparse.linalg import splu

from napari_calcdyn.models.compiled import over_targets
from napari_calcdyn.recording import Movie, ProgressCallback
from napari_calcdyn.recording.traces.footprint_product import weighted_sums

from .background import Background
from .frames import UsedFrames

_RIDGE = 1e-6


class ActivityFit:
    """Fit of the activity of footprints to frames, all footprints together.

    Parameters
    ----------
    used : UsedFrames
        Of the recording.
    footprints : csr_array (k, Y·X)
        Whose sums are taken of the frames.
    background : Background or None
        More footprints, whose sums are known.
    """

    def __init__(self, used: UsedFrames, footprints: csr_array, background: Background | None = None) -> None:
        usable = diags_array(used.used.ravel().astype(np.float64))
        weights = csr_array(footprints @ usable)
        weights.eliminate_zeros()
        self._background = background
        self._indptr, self._pixels = weights.indptr.astype(np.int64), weights.indices.astype(np.int32)
        self._weights, self._offset = weights.data, weights @ used.mean.ravel().astype(np.float64)
        if background is not None:
            weights = csr_array(vstack([weights, background.footprints @ usable]))
        self.count = weights.shape[0]
        gram = csr_array(weights @ weights.T)
        ridge = _RIDGE * gram.diagonal()
        self._solver = splu((gram + diags_array(np.where(ridge > 0, ridge, 1.0))).tocsc())

    def of(self, start: int, block: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the activity in the frames (n, Y, X) from `start` on, (count, n); 0 in those that are not valid."""
        frames, own = block.reshape(len(block), -1), len(self._offset)
        sums = np.empty((self.count, len(block)))

        def weigh(first: int, last: int) -> None:
            weighted_sums(frames, self._indptr, self._pixels, self._weights, first, last, sums)

        if own:
            over_targets(weigh, own)
        sums[:own] -= self._offset[:, None]
        if self._background is not None:
            sums[own:] = self._background.sums[:, start : start + len(block)]
        sums[:, ~valid] = 0
        activity: NDArray[np.float64] = self._solver.solve(sums)
        return activity


def activity_of(
    movie: Movie | UsedFrames,
    footprints: csr_array,
    progress: ProgressCallback | None = None,
    background: Background | None = None,
) -> NDArray[np.float64]:
    """Fit the activity of footprints to every frame by least squares, all footprints together.

    Parameters
    ----------
    movie : Movie or UsedFrames
        The recording.
    footprints : csr_array (n, Y·X)
        Of cells and background.
    progress : callable or None
        Called with frames done and in all; returns True to stop.
    background : Background or None
        More footprints, after the others, whose sums are known.

    Returns
    -------
    ndarray (n, T), float64
        ``argmin_s ‖x[t] − m − Σ_k s_k f_k‖²``; 0 in frames that are left out.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    used = UsedFrames(movie) if isinstance(movie, Movie) else movie
    fit = ActivityFit(used, footprints, background)
    activity = np.empty((fit.count, used.movie.n_frames))
    for start, block, valid in used.blocks(progress):
        activity[:, start : start + len(block)] = fit.of(start, block, valid)
    return activity
