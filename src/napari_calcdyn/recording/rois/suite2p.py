"""ROIs that suite2p saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies.readers.suite2p_plane import load_from_plane, plane_folder, read_plane
from napari_calcdyn.recording.saved_arrays import load_array

from .roi_set import RoiSet


def read_suite2p_rois(place: Path, frame_shape: tuple[int, int] | None) -> RoiSet:
    """Read all ROIs, cells or not; ``columns["iscell"]`` tells them apart.

    As in suite2p, pixels that several ROIs share count for none of them, unless suite2p was told otherwise
    (``allow_overlap``) or the ROI has no others.

    Parameters
    ----------
    place : Path
        The folder of a plane, one above it, or ``combined``, whose ROIs lie in the mosaic of all planes.
    frame_shape : tuple of int or None
        Height and width of the frames, needed where ``ops.npy`` and ``db.npy`` are missing.

    Returns
    -------
    RoiSet
        With suite2p's indices as ids, and the columns ``iscell`` and ``iscell_probability`` where it saved them,
        ``redcell`` and ``redcell_probability`` where it looked for cells in a second channel.

    Raises
    ------
    InputError
        If ``stat.npy`` is missing or damaged, or the files do not belong together.
    """
    folder = plane_folder(place)
    name = f"suite2p folder {folder}"
    stat = load_from_plane(folder, "stat.npy", "in which suite2p saves its ROIs")
    plane = read_plane(folder)
    shape = plane.frame_shape or frame_shape
    if shape is None:
        raise InputError(
            f"The folder {folder} holds no ops.npy with the frame size, nor such a db.npy: copy the whole folder that"
            " suite2p wrote, or give the frame size."
        )
    rows, pixels, weights = [], [], []
    for index, roi in enumerate(stat.ravel()):
        try:
            y, x, weight = (np.asarray(roi[key]) for key in ("ypix", "xpix", "lam"))
            if not y.shape == x.shape == weight.shape == (y.size,):
                raise ValueError("ypix, xpix and lam differ in length")
            if y.dtype.kind not in "iu" or x.dtype.kind not in "iu" or weight.dtype.kind not in "iuf":
                raise ValueError("pixels and weights are no numbers")
            shared = np.asarray(roi.get("overlap", np.zeros(len(y), bool)), bool)
            if not plane.allow_overlap and not shared.all():
                y, x, weight = y[~shared], x[~shared], weight[~shared]
            flat = y.astype(np.int64) * shape[1] + x.astype(np.int64)
            weights.append(weight.astype(np.float64))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"stat.npy in {folder} does not describe ROI {index} by ypix, xpix and lam: run suite2p again."
            ) from error
        if not (((y >= 0) & (y < shape[0])).all() and ((x >= 0) & (x < shape[1])).all()):
            raise InputError(
                f"ROI {index} in {folder} lies outside the frames of {shape[0]} × {shape[1]} pixels: take "
                "all files from one run of suite2p."
            )
        rows.append(np.full(len(flat), index))
        pixels.append(flat)
    if not rows:
        raise InputError(f"There are no ROIs in the {name}: lower suite2p's detection threshold.")
    table = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(pixels)))
    footprints = sparse.csr_array(table, shape=(len(rows), shape[0] * shape[1]))
    rois = RoiSet(footprints, np.arange(len(rows)), shape, name, _columns(folder, len(rows)))
    if frame_shape is not None:
        rois.check_frame_shape(frame_shape)
    return rois


def _columns(folder: Path, count: int) -> dict[str, NDArray[Any]]:
    """Return how suite2p classified the ROIs as columns, none where it was not saved."""
    columns: dict[str, NDArray[Any]] = {}
    for name in ("iscell", "redcell"):
        table = load_array(folder / f"{name}.npy") if (folder / f"{name}.npy").exists() else np.array(None)
        if table.shape == () and table.item() is None:  # some versions save that there is none
            continue
        if table.shape != (count, 2) or table.dtype.kind not in "biuf":
            raise InputError(
                f"{name}.npy in {folder} does not have one line for each of {count} ROIs: copy it again."
            )
        columns |= {name: table[:, 0] > 0, f"{name}_probability": table[:, 1].astype(np.float32)}
    return columns
