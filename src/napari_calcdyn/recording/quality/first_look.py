"""A first look at where activity lasts, before anything is trained."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.movies import Movie
from napari_calcdyn.recording.movies.smooth_autocovariance import SmoothAutocovariance
from napari_calcdyn.recording.progress import ProgressCallback, report
from napari_calcdyn.recording.ranges import stretches

MOST_FRAMES = 1000
_STRETCH = 100


def first_look(movie: Movie, progress: ProgressCallback | None = None) -> NDArray[np.float32]:
    """Map how much each pixel, smoothed over its neighbours, resembles itself in the next five frames.

    Of a long recording, stretches of 100 frames from all over it are read, 1,000 frames in all.

    Parameters
    ----------
    movie : Movie
        The recording, corrected where it needs to be.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    ndarray (Y, X), float32
        Autocovariance over lags of 1 to 5 frames, in squared movie units; NaN at masked pixels.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    pieces = max(1, min(movie.n_frames, MOST_FRAMES) // _STRETCH)
    length = movie.n_frames if movie.n_frames <= MOST_FRAMES else _STRETCH
    pieces = 1 if length == movie.n_frames else pieces
    sums = SmoothAutocovariance(movie.frame_shape)
    step = max(1, min(length, 32 * 2**20 // (4 * movie.frame_shape[0] * movie.frame_shape[1])))
    starts = np.linspace(0, movie.n_frames - length, pieces).astype(int).tolist()
    for done, first in enumerate(starts):
        for run in stretches(movie.valid_frames[first : first + length]):
            sums.new_stretch()
            for start in range(first + run.start, first + run.stop, step):
                block = movie.frames(start, min(start + step, first + run.stop))
                block[:, ~movie.valid_pixels] = 0
                sums.add(block)
                report(progress, done * length + start - first, pieces * length)
    image = sums.result()
    image[~movie.valid_pixels] = np.nan
    report(progress, pieces * length, pieces * length)
    return image
