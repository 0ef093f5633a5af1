"""Movies that suite2p registered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_calcdyn.recording.errors import InputError

from .sources import check_movie_array
from .stack import Stack, consecutive
from .suite2p_plane import MOVIE, holds_plane, plane_folder, read_plane

_DTYPE = np.dtype("<i2")


def find_suite2p_movie(place: Path) -> Path | None:
    """Find the registered movie in a folder of suite2p.

    Parameters
    ----------
    place : Path
        The folder of a plane, or one above it.

    Returns
    -------
    Path or None
        The file ``data.bin``; None if suite2p did not write this folder.

    Raises
    ------
    InputError
        If there are several planes, or the movie of the plane is missing.
    """
    if not is_suite2p(place):
        return None
    folder = plane_folder(place)
    if not (folder / MOVIE).is_file():
        raise InputError(
            f"The folder {folder} holds no {MOVIE}, the movie that suite2p registered: open the movie that you gave to"
            " suite2p, or run suite2p again so that it keeps this file."
        )
    return folder / MOVIE


def is_suite2p(place: Path) -> bool:
    """Whether a folder is one of suite2p: that of a plane, or one above it."""
    return holds_plane(place) or any(
        holds_plane(plane) for above in (place, place / "suite2p") for plane in above.glob("plane*")
    )


def read_suite2p_movie(path: Path) -> Stack:
    """Find the frames of a movie that suite2p registered.

    Parameters
    ----------
    path : Path
        The file ``data.bin``, or that of another channel, beside what suite2p wrote about the plane: ``ops.npy``, or
        ``db.npy`` and ``settings.npy``.

    Returns
    -------
    Stack
        With the plane's frame rate. Where the file is shorter than suite2p says, the frames that are there, and a note.

    Raises
    ------
    InputError
        If the frame size is not known, or another one than the file's.
    """
    plane = read_plane(path.parent)
    if plane.frame_shape is None:
        raise InputError(
            f"There is no ops.npy or db.npy with the frame size beside {path.name}: copy the whole folder that suite2p"
            " wrote."
        )
    height, width = plane.frame_shape
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error
    whole, rest = divmod(size, height * width * _DTYPE.itemsize)
    promised = plane.frames or whole + (rest > 0)
    if rest and whole >= promised:
        raise InputError(
            f"{path.name} does not hold frames of {height} × {width} pixels, which the files beside it give: take all"
            " of them from one run of suite2p."
        )
    shape = (min(whole, promised), height, width)
    check_movie_array(path.name, shape, _DTYPE)
    notes = (
        f"{path.name} is truncated, only {whole:,} of its {promised:,} frames are in the file: copy it again.",
    )
    stack = consecutive(path, shape, _DTYPE)
    return replace(stack, frame_rate=plane.frame_rate, notes=notes if whole < promised else ())
