"""Open ROIs from a file or a folder."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.hdf5_file import HDF5_ENDINGS
from napari_calcdyn.recording.minian import minian_folder
from napari_calcdyn.recording.movies.places import TIFF_ENDINGS, check_exists

from .hdf5 import read_hdf5_rois
from .imagej import read_imagej_rois
from .label_images import read_label_image
from .minian import read_minian_rois
from .roi_set import RoiSet
from .saved import load_rois
from .suite2p import read_suite2p_rois


def open_rois(
    path: str | PathLike[str], *, frame_shape: tuple[int, int] | None = None, dataset: str | None = None
) -> RoiSet:
    """Open ROIs.

    Parameters
    ----------
    path : str or Path
        A folder of suite2p (``plane0``, or one above it), a ``.roi`` or ``.zip`` file of ImageJ, an HDF5 file of
        CaImAn, an NWB file, a ``.mat`` file (7.3) of EXTRACT, Minian's folder or ``.nc`` file, an image of labels as
        TIFF or ``.npy``, Cellpose's ``_seg.npy``, or ``rois.npz`` of a result folder.
    frame_shape : tuple of int or None
        Height and width of the movie's frames. ImageJ's files do not say it; those of others are checked.
    dataset : str or None
        Name of the segmentation in an NWB file that has several.

    Returns
    -------
    RoiSet
        All ROIs, numbered as in the file; its `notes` say what was left out.

    Raises
    ------
    InputError
        If there is no such file, it is damaged or holds no ROIs, or they belong to another frame size.
    """
    place = Path(path).expanduser()
    check_exists(place)
    if (folder := minian_folder(place)) is not None:
        rois = read_minian_rois(folder)
        if frame_shape is not None:
            rois.check_frame_shape(frame_shape)
        return rois
    if place.is_dir():
        return read_suite2p_rois(place, frame_shape)
    if place.suffix.lower() in HDF5_ENDINGS:
        return read_hdf5_rois(place, frame_shape, dataset)
    if place.suffix.lower() in (*TIFF_ENDINGS, ".npy"):
        return read_label_image(place, frame_shape)
    if place.suffix.lower() == ".npz":
        rois = load_rois(place)
        if frame_shape is not None:
            rois.check_frame_shape(frame_shape)
        return rois
    if place.suffix.lower() not in (".roi", ".zip"):
        raise InputError(
            f"{place.name} holds no ROIs: choose a folder of suite2p or Minian, a .roi or .zip file of ImageJ, a"
            " file of CaImAn, EXTRACT or NWB, or an image of labels."
        )
    return read_imagej_rois(place, frame_shape)
