"""Frames and pixels that another program marked as bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies import Movie
from napari_calcdyn.recording.movies.places import SUITE2P_ENDING
from napari_calcdyn.recording.movies.readers.suite2p_plane import Suite2pPlane, read_plane
from napari_calcdyn.recording.saved_arrays import load_array

FILE = "bad_frames.npy"
"""What suite2p looks for beside a recording: numbers of frames, from 0."""


def given_bad_frames(movie: Movie) -> NDArray[np.bool_]:
    """Read which frames are marked as bad in the folder of a recording.

    Parameters
    ----------
    movie : Movie
        The recording.

    Returns
    -------
    ndarray (T,), bool
        Frames in ``bad_frames.npy``, or in what suite2p wrote about the plane, where one lies beside the recording;
        none without such a file.

    Raises
    ------
    InputError
        If the file holds something else than numbers of frames of this recording, or one flag for each frame.
    """
    if movie.path is None:
        return np.zeros(movie.n_frames, bool)
    folder = movie.path if movie.path.is_dir() else movie.path.parent
    if (folder / FILE).is_file():
        return _flags(load_array(folder / FILE), movie.n_frames, folder / FILE)
    plane = _plane(folder)
    marked = None if plane is None else plane.bad_frames
    cut_short = marked is not None and movie.path.suffix == SUITE2P_ENDING and marked.size > movie.n_frames
    if marked is None or not (marked.size == movie.n_frames or cut_short):
        return np.zeros(movie.n_frames, bool)
    return _flags(marked[: movie.n_frames], movie.n_frames, folder / "ops.npy")


def wrapped_pixels(movie: Movie) -> NDArray[np.bool_]:
    """Tell which pixels of a movie that suite2p registered show the opposite edge of the picture in some frames.

    Parameters
    ----------
    movie : Movie
        The recording.

    Returns
    -------
    ndarray (Y, X), bool
        Pixels outside suite2p's ``yrange`` and ``xrange``: it shifts frames in a circle. None of another movie.

    Raises
    ------
    InputError
        If a file of suite2p beside the recording is damaged.
    """
    wrapped = np.zeros(movie.frame_shape, bool)
    if movie.path is not None and movie.path.name in ("data.bin", "data_chan2.bin"):
        plane = _plane(movie.path.parent)
        if plane is not None and plane.inside is not None:
            wrapped[:] = True
            wrapped[plane.inside] = False
    return wrapped


def _plane(folder: Path) -> Suite2pPlane | None:
    """Read what suite2p found out about the plane in a folder, None where it wrote nothing there."""
    wrote = any((folder / name).is_file() for name in ("reg_outputs.npy", "ops.npy"))
    return read_plane(folder) if wrote else None


def _flags(marked: NDArray[Any], frames: int, path: Path) -> NDArray[np.bool_]:
    flags = np.zeros(frames, bool)
    if marked.dtype == bool and marked.shape == (frames,):
        return marked
    if (
        marked.dtype.kind in "iu"
        and marked.ndim == 1
        and (not marked.size or 0 <= marked.min() <= marked.max() < frames)
    ):
        flags[marked] = True
        return flags
    raise InputError(
        f"{path.name} beside the recording does not hold numbers of its {frames:,} frames: correct it, or move it away."
    )
