"""ROIs and traces that a recording's own file or folder holds beside the movie."""

from __future__ import annotations

from pathlib import Path

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.hdf5_file import HDF5_ENDINGS
from napari_calcdyn.recording.movies import Movie
from napari_calcdyn.recording.movies.places import SUITE2P_ENDING
from napari_calcdyn.recording.rois import RoiSet, open_rois

from .open import holds_traces, open_traces
from .traces import Traces


def own_rois(movie: Movie) -> tuple[Path, RoiSet] | None:
    """Open the ROIs that lie in a recording's file or suite2p folder.

    Parameters
    ----------
    movie : Movie
        As it was opened.

    Returns
    -------
    Path, RoiSet or None
        Where they are, and the ROIs; None if there are none of these frames.
    """
    path = movie.path
    if path is None or (not path.is_dir() and path.suffix.lower() not in (SUITE2P_ENDING, *HDF5_ENDINGS)):
        return None
    place = path.parent if path.suffix.lower() == SUITE2P_ENDING else path
    try:
        return place, open_rois(place, frame_shape=movie.frame_shape)
    except InputError:  # an ordinary movie
        return None


def traces_with(path: Path) -> Traces | None:
    """Open the traces that a file or folder of ROIs holds, too.

    Parameters
    ----------
    path : Path
        As for `open_rois`.

    Returns
    -------
    Traces or None
        None if there are none, or it is not clear which.
    """
    if not path.is_dir() and path.suffix.lower() not in HDF5_ENDINGS:
        return None
    try:
        return open_traces(path) if holds_traces(path) else None
    except InputError:
        return None
