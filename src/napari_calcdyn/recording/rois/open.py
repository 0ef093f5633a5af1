"""Open ROIs from a file or a folder."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies.open import check_exists

from .imagej import read_imagej_rois
from .roi_set import RoiSet
from .suite2p import read_suite2p_rois


def open_rois(path: str | PathLike[str], *, frame_shape: tuple[int, int] | None = None) -> RoiSet:
    """Open ROIs.

    Parameters
    ----------
    path : str or Path
        A folder of suite2p (``plane0``, or one above it), or a ``.roi`` or ``.zip`` file of ImageJ.
    frame_shape : tuple of int or None
        Height and width of the movie's frames. ImageJ's files do not say it; those of suite2p are checked.

    Returns
    -------
    RoiSet
        All ROIs, numbered as in the file.

    Raises
    ------
    InputError
        If there is no such file, it is damaged or holds no ROIs, or they belong to another frame size.
    """
    place = Path(path).expanduser()
    check_exists(place)
    if place.is_dir():
        return read_suite2p_rois(place, frame_shape)
    if place.suffix.lower() not in (".roi", ".zip"):
        raise InputError(
            f"{place.name} holds no ROIs: choose a suite2p folder, or a .roi or .zip file of ImageJ."
        )
    return read_imagej_rois(place, frame_shape)
