"""A picture of a recording from a few of its frames, to see what it is before it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_calcdyn.recording.progress import ProgressCallback, report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .movie import Movie


def glance(
    movie: Movie, frames: int = 32, *, progress: ProgressCallback | None = None
) -> NDArray[np.float32]:
    """Return the mean of some frames spread over a recording.

    Parameters
    ----------
    movie : Movie
        The movie; only these frames are read.
    frames : int
        How many to read, the first and the last among them.
    progress : callable or None
        Called with frames read and frames in all; returns True to stop.

    Returns
    -------
    ndarray of shape (Y, X), float32
        Pixels that are NaN or infinite in a frame do not count; NaN where they are in all.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    at = np.unique(np.linspace(0, movie.n_frames - 1, max(2, frames)).astype(int)).tolist()
    total, count = np.zeros(movie.frame_shape), np.zeros(movie.frame_shape, np.int32)
    report(progress, 0, len(at))
    for done, frame in enumerate(at, 1):
        pixels = movie.frames(frame, frame + 1)[0].astype(np.float64)
        known = np.isfinite(pixels)
        np.add(total, pixels, out=total, where=known)
        count += known
        report(progress, done, len(at))
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float32] = (total / np.where(count, count, np.nan)).astype(np.float32)
    return mean
