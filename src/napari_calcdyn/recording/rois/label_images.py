"""ROIs in images of labels, also those that Cellpose saves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError, size_text
from napari_calcdyn.recording.hdf5_file import MOST_PIXELS
from napari_calcdyn.recording.movies.readers.tiff.tiff import read_tiff
from napari_calcdyn.recording.saved_arrays import load_array

from .roi_set import RoiSet


def read_label_image(path: Path, frame_shape: tuple[int, int] | None) -> RoiSet:
    """Read an image in which every pixel has the number of its ROI, 0 where there is none.

    Parameters
    ----------
    path : Path
        A TIFF of one image, a ``.npy`` file, or the ``_seg.npy`` of Cellpose.
    frame_shape : tuple of int or None
        Height and width of the movie's frames.

    Returns
    -------
    RoiSet
        The labels are the ids.

    Raises
    ------
    InputError
        If it is damaged, no image of labels, or of another size.
    """
    if path.suffix.lower() == ".npy":
        image = _of_cellpose(path, load_array(path))
    else:
        stack = read_tiff(path).arranged()
        shape = (stack.n_pages, *stack.frame_shape)
        if shape[0] != 1 or np.prod(shape) > MOST_PIXELS:
            raise InputError(
                f"{path.name} ({size_text(shape)}) is no image of labels: choose a file of one image."
            )
        image = np.empty(shape, stack.dtype.newbyteorder("="))
        stack.source(0, 0).read(0, image)
        image = image[0]
    rois = RoiSet.from_labels(image, name=path.name)
    if frame_shape is not None:
        rois.check_frame_shape(frame_shape)
    return rois


def _of_cellpose(path: Path, loaded: NDArray[Any]) -> NDArray[Any]:
    """Return the masks of what Cellpose saves, a dictionary; anything else as it is."""
    if loaded.shape != () or not isinstance(loaded.item(), dict):
        return loaded
    masks = loaded.item().get("masks")
    if not isinstance(masks, np.ndarray):
        raise InputError(f"{path.name} holds no masks of Cellpose: choose its file that ends in _seg.npy.")
    masks = np.asarray(masks)
    flat = masks[0] if masks.ndim == 3 and len(masks) == 1 else masks
    if flat.ndim != 2:
        raise InputError(
            f"{path.name} holds masks of several planes ({size_text(masks.shape)}): save those of one plane alone."
        )
    return flat
