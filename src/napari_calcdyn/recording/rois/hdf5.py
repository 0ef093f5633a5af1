"""ROIs that CaImAn, EXTRACT, Minian and programs that write NWB saved in HDF5 files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.hdf5_file import MOST_PIXELS, array, find, numbers, objects, opened
from napari_calcdyn.recording.hdf5_stored import check_whole, path_of
from napari_calcdyn.recording.minian import holds_minian
from napari_calcdyn.recording.movies.readers.nwb import is_nwb

from .mask_images import mask_weights
from .minian import read_minian_rois
from .nwb import read_nwb_rois
from .roi_set import RoiSet

CAIMAN = "estimates/A"
_EXTRACT = (("spatial_weights", "temporal_weights"), ("filters", "traces"))


def read_hdf5_rois(path: Path, frame_shape: tuple[int, int] | None, dataset: str | None) -> RoiSet:
    """Read the ROIs in an HDF5 file of CaImAn, EXTRACT, Minian or NWB.

    Parameters
    ----------
    path : Path
        The file.
    frame_shape : tuple of int or None
        Height and width of the movie's frames.
    dataset : str or None
        Name of the segmentation in an NWB file that has several.

    Returns
    -------
    RoiSet
        Numbered from 0 in the order of the file.

    Raises
    ------
    InputError
        If it is damaged, or holds no ROIs.
    """
    with opened(path) as file:
        if is_nwb(file):
            rois = read_nwb_rois(file, frame_shape, dataset)
        elif find(file, CAIMAN) is not None:
            rois = _read_caiman(file)
        elif (output := find_extract(file)) is not None:
            rois = _read_extract(output[0])
        elif holds_minian(file):
            rois = read_minian_rois(path)
        else:
            raise InputError(
                f"{path.name} holds no ROIs of CaImAn, EXTRACT, Minian or NWB: choose a file of one of them."
            )
    if frame_shape is not None:
        rois.check_frame_shape(frame_shape)
    return rois


def find_extract(file: Any) -> tuple[Any, Any] | None:
    """Return the footprints and the traces of EXTRACT in an open file, None if it is none of EXTRACT's."""
    for group in objects(file):
        for names in _EXTRACT:
            if group.name.count("/") == 1 and not hasattr(group, "dtype"):
                footprints, traces = (array(group, name) for name in names)
                if footprints is not None and footprints.ndim == 3 and traces is not None:
                    return footprints, traces
    return None


def _read_extract(masks: Any) -> RoiSet:
    """Read masks (Y, X, N), which MATLAB saves from the last axis to the first."""
    path = path_of(masks)
    count, width, height = masks.shape
    check_whole(masks)
    weights = mask_weights(f"{masks.name} in {path.name}", masks, turned=True)
    return RoiSet(weights, np.arange(count), (height, width), f"EXTRACT file {path}")


def _read_caiman(file: Any) -> RoiSet:
    """Read the sparse matrix A of pixels and ROIs, whose pixels are counted down the columns of the image."""
    path = path_of(file)
    group = find(file, CAIMAN)
    sides = next(
        (it for name in ("estimates/dims", "dims") if (it := numbers(file, name)) is not None), np.empty(0)
    )
    data, pixels, ends, shape = (numbers(group, name) for name in ("data", "indices", "indptr", "shape"))
    if data is None or pixels is None or ends is None or shape is None:
        raise InputError(
            f"{path.name} does not hold CaImAn's footprints as a sparse matrix: save them with CaImAn again."
        )
    if sides.shape != (2,):
        raise InputError(
            f"{path.name} holds ROIs of volumes, or lacks the frame size: analyse one plane in CaImAn."
        )
    height, width = (int(side) for side in sides)
    count = len(ends) - 1
    fits = (
        min(height, width) > 0
        and height * width <= MOST_PIXELS
        and shape.tolist() == [height * width, count]
        and pixels.shape == data.shape == (ends[-1],)
        and ends[0] == 0
        and (np.diff(ends) >= 0).all()
        and ((pixels >= 0) & (pixels < height * width)).all()
    )
    if not fits:
        raise InputError(
            f"The parts of CaImAn's footprints in {path.name} do not match: save them with CaImAn again."
        )
    x, y = np.divmod(pixels.astype(np.int64), height)
    weights = sparse.csr_array((data, y * width + x, ends), shape=(count, height * width))
    columns: dict[str, NDArray[Any]] = {}
    accepted = numbers(file, "estimates/idx_components")
    if accepted is not None:
        columns["accepted"] = np.isin(np.arange(count), accepted)
    for name in ("SNR_comp", "r_values"):
        values = numbers(file, f"estimates/{name}")
        if values is not None and values.shape == (count,):
            columns[name] = values.astype(np.float32)
    return RoiSet(weights, np.arange(count), (height, width), f"CaImAn file {path}", columns)
