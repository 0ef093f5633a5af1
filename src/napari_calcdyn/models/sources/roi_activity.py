"""Activity of given ROIs, told apart from each other and from the background."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from napari_calcdyn.recording import Movie, ProgressCallback, RoiSet

from .activity import activity_of
from .background import BACKGROUND_SPACING, background_grid


def roi_activity(
    movie: Movie, rois: RoiSet, *, progress: ProgressCallback | None = None
) -> NDArray[np.float32]:
    """Fit the activity of all ROIs and of a smooth background to every frame by least squares.

    Light that falls into several ROIs is shared out, where the mean over an ROI would count it in each; and glow from
    the surroundings goes to the background.

    Parameters
    ----------
    movie : Movie
        The recording.
    rois : RoiSet
        Its ROIs.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    ndarray (T, N), float32
        Deviations from the mean, in movie units where a footprint is 1; NaN in frames that are left out.

    Raises
    ------
    InputError
        If the ROIs belong to frames of another size.
    Cancelled
        If `progress` asked to stop.
    """
    rois.check_frame_shape(movie.frame_shape)
    areas = np.diff(rois.footprints.indptr)
    diameter = float(np.clip(2 * np.sqrt(np.median(areas) / np.pi), 2, max(2, min(movie.frame_shape) / 4)))
    background = background_grid(movie.frame_shape, BACKGROUND_SPACING * diameter)
    footprints = csr_array(vstack([rois.footprints, background]))
    activity = activity_of(movie, footprints, progress)[: len(rois)].T.astype(np.float32)
    activity[~movie.valid_frames] = np.nan
    return activity
