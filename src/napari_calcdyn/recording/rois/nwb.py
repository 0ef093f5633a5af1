"""ROIs in NWB files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.hdf5_file import MOST_PIXELS, array, attribute, choose, find, numbers
from napari_calcdyn.recording.hdf5_stored import check_whole, path_of
from napari_calcdyn.recording.movies.readers.nwb import of_type

from .mask_images import mask_weights
from .roi_set import RoiSet

SEGMENTATION = "PlaneSegmentation"
_SUITE2P = "suite2p output"  # its description


def read_nwb_rois(file: Any, frame_shape: tuple[int, int] | None, dataset: str | None) -> RoiSet:
    """Read a ``PlaneSegmentation``, whose masks are images, or lists of pixels or voxels.

    NWB counts pixels x first. Some programs write y first, among them suite2p in its lists of pixels. They are told by
    the frame size of the movie, and suite2p by its name.

    Parameters
    ----------
    file : h5py.File
        Open.
    frame_shape : tuple of int or None
        Height and width of the movie's frames; needed for lists of pixels in a file without images.
    dataset : str or None
        Name of the segmentation, if there are several.

    Returns
    -------
    RoiSet
        Numbered from 0 in the order of the file. Columns of numbers and truth values go along.

    Raises
    ------
    InputError
        If there are no ROIs, or they are not all in the file.
    """
    path = path_of(file)
    table = choose(path, SEGMENTATION, of_type(file, SEGMENTATION), dataset)
    masks = array(table, "image_mask")
    if masks is not None and masks.ndim == 3 and masks.size:
        _, first, second = masks.shape
        turned = frame_shape is None or (second, first) == frame_shape or (first, second) != frame_shape
        check_whole(masks)
        weights = mask_weights(f"{masks.name} in {path.name}", masks, turned=turned)
        shape = (second, first) if turned else (first, second)
    else:
        weights, shape = _listed_pixels(file, table, frame_shape)
    columns = _columns(table, weights.shape[0])
    return RoiSet(weights, np.arange(weights.shape[0]), shape, f"NWB file {path}", columns)


def _listed_pixels(
    file: Any, table: Any, frame_shape: tuple[int, int] | None
) -> tuple[sparse.csr_array, tuple[int, int]]:
    """Return the weights of masks that are lists of x, y and weight, and the frame size."""
    path = path_of(file)
    kind = next((it for it in ("pixel_mask", "voxel_mask") if getattr(find(table, it), "size", 0)), None)
    ends = numbers(table, f"{kind}_index") if kind else None
    listed = find(table, kind) if kind else None
    if listed is None or ends is None or not {"x", "y", "weight"} <= set(listed.dtype.names or ()):
        raise InputError(f"{table.name} in {path.name} holds no masks of pixels: choose a file with ROIs.")
    check_whole(listed)
    parts = listed[()]
    first, second = parts["x"].astype(np.int64), parts["y"].astype(np.int64)
    if "z" in parts.dtype.names and len(np.unique(parts["z"])) > 1:
        raise InputError(f"{table.name} in {path.name} holds ROIs of several planes: save one plane alone.")
    if ends.ndim != 1 or len(ends) == 0 or ends[-1] != len(parts) or (np.diff(ends, prepend=0) < 0).any():
        raise InputError(f"The pixels of the ROIs in {path.name} do not match their table: save it again.")
    swapped = attribute(table, "description") == _SUITE2P
    reach = int(first.max()), int(second.max())
    if frame_shape is None:
        sides = _image_shape(file)
        if sides is None:
            raise InputError(
                f"{path.name} does not say how large the image is: open its movie first, or give its size."
            )
        shape = sides if swapped else (sides[1], sides[0])
    else:
        shape = frame_shape
        inside = [reach[0] < shape[1 - turn] and reach[1] < shape[turn] for turn in (0, 1)]
        swapped = inside[1] and (swapped or not inside[0])
    y, x = (first, second) if swapped else (second, first)
    if (
        min(x.min(), y.min()) < 0
        or y.max() >= shape[0]
        or x.max() >= shape[1]
        or shape[0] * shape[1] > MOST_PIXELS
    ):
        raise InputError(
            f"ROIs in {path.name} lie outside the frames of {shape[0]} × {shape[1]} pixels: choose those of this movie."
        )
    indptr = np.concatenate([[0], ends.astype(np.int64)])
    content = (parts["weight"].astype(np.float64), y * shape[1] + x, indptr)
    return sparse.csr_array(content, shape=(len(ends), shape[0] * shape[1])), shape


def _image_shape(file: Any) -> tuple[int, int] | None:
    """Return the shape of the images in a file, as they are stored; None if there is none, or they differ."""
    shapes = {it.shape for it in of_type(file, "GrayscaleImage") if hasattr(it, "dtype") and it.ndim == 2}
    sizes = [numbers(series, "dimension") for series in of_type(file, "TwoPhotonSeries", "OnePhotonSeries")]
    shapes |= {tuple(map(int, size[:2])) for size in sizes if size is not None and size.size >= 2}
    return shapes.pop() if len(shapes) == 1 else None


def _columns(table: Any, count: int) -> dict[str, NDArray[Any]]:
    """Return what else the table says of each ROI."""
    columns: dict[str, NDArray[Any]] = {}
    names = table.attrs.get("colnames", ())
    for name in names if isinstance(names, np.ndarray) else ():
        values = numbers(table, name) if isinstance(name, str) and "/" not in name else None
        if values is None or values.shape not in ((count,), (count, 2)):
            continue
        if name == "iscell":  # suite2p puts the probability beside it
            columns[name] = values.reshape(count, -1)[:, 0] > 0
            if values.ndim == 2:
                columns["iscell_probability"] = values[:, 1].astype(np.float32)
        elif values.ndim == 1:
            accepted = name.lower() == "accepted"
            columns["accepted" if accepted else name] = values > 0 if accepted else values
    return columns
