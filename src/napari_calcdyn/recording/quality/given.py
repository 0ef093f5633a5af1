"""Frames that another program marked as bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies import Movie
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
        Frames in ``bad_frames.npy``, or in suite2p's ``badframes`` in ``ops.npy`` or ``reg_outputs.npy``, where one
        lies beside the recording; none without such a file.

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
    for name in ("reg_outputs.npy", "ops.npy"):
        if (folder / name).is_file():
            saved = load_array(folder / name)
            marked = saved.item().get("badframes") if saved.dtype == object and saved.ndim == 0 else None
            if marked is not None and np.size(marked) == movie.n_frames:
                return _flags(np.asarray(marked), movie.n_frames, folder / name)
    return np.zeros(movie.n_frames, bool)


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
