"""ROIs in a file of our own, with their weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.hdf5_file import MOST_PIXELS
from napari_calcdyn.recording.writing import replacing, writing

from .roi_set import RoiSet


def save_rois(file: Path, rois: RoiSet) -> None:
    """Write ROIs as ``.npz``: a sparse matrix of weights by ROI and pixel, ``ids``, ``frame_shape`` and ``source``.

    Parameters
    ----------
    file : Path
        Made or replaced, in one step.
    rois : RoiSet
        The ROIs; their further columns are not written.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    weights = rois.footprints
    with writing(file.parent), replacing(file) as beside:
        np.savez_compressed(
            beside,
            indptr=weights.indptr,
            indices=weights.indices,
            weights=weights.data,
            ids=rois.ids,
            frame_shape=np.array(rois.frame_shape),
            source=np.array(rois.provenance),
        )


def load_rois(file: Path) -> RoiSet:
    """Read ROIs that `save_rois` wrote, without executing anything in the file.

    Parameters
    ----------
    file : Path
        A ``.npz`` file.

    Returns
    -------
    RoiSet
        As they were saved.

    Raises
    ------
    InputError
        If it is damaged or holds something else.
    """
    try:
        with file.open("rb") as raw, np.load(raw, allow_pickle=False) as saved:
            height, width = map(int, saved["frame_shape"])
            if not 0 < height * width <= MOST_PIXELS:
                raise ValueError("there is no such frame")
            ids = saved["ids"]
            content = saved["weights"], saved["indices"], saved["indptr"]
            weights = sparse.csr_array(content, shape=(len(ids), height * width))
            weights.check_format(full_check=True)
            return RoiSet(weights, ids, (height, width), str(saved["source"]))
    except OSError as error:
        raise InputError(f"{file.name} could not be opened: {error.strerror or error}.") from error
    except Exception as error:  # damaged bytes raise errors of all kinds
        raise InputError(
            f"{file.name} is damaged or holds no ROIs: choose the rois.npz of a result folder."
        ) from error
