"""ROIs that suite2p saved, and where it saves what belongs to a plane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.saved_arrays import load_array

from .roi_set import RoiSet


def plane_folder(place: Path) -> Path:
    """Find the folder of a plane in what the user chose: itself, or one level or two below.

    Parameters
    ----------
    place : Path
        A folder.

    Returns
    -------
    Path
        The folder with ``stat.npy`` or ``F.npy``.

    Raises
    ------
    InputError
        If there is none, or there are several.
    """
    for folder in (place, place / "suite2p"):
        if (folder / "stat.npy").exists() or (folder / "F.npy").exists():
            return folder
        planes = sorted(plane for plane in folder.glob("plane*") if plane.is_dir())
        if len(planes) > 1:
            names = ", ".join(plane.name for plane in planes)
            raise InputError(f"{folder} holds several planes ({names}): choose the folder of one of them.")
        if planes:
            return planes[0]
    raise InputError(
        f"The folder {place} holds no stat.npy of suite2p: choose the folder plane0 that it wrote."
    )


def read_suite2p_rois(place: Path, frame_shape: tuple[int, int] | None) -> RoiSet:
    """Read all ROIs, cells or not; ``columns["iscell"]`` tells them apart.

    As in suite2p, pixels that several ROIs share count for none of them, unless suite2p was told otherwise
    (``allow_overlap``) or the ROI has no others.

    Parameters
    ----------
    place : Path
        The folder of a plane, or one above it.
    frame_shape : tuple of int or None
        Height and width of the frames, needed where ``ops.npy`` is missing.

    Returns
    -------
    RoiSet
        With suite2p's indices as ids, and the columns ``iscell`` and ``iscell_probability`` where it saved them.

    Raises
    ------
    InputError
        If ``stat.npy`` is missing or damaged, or the files do not belong together.
    """
    folder = plane_folder(place)
    name = f"suite2p folder {folder}"
    stat = load_from_plane(folder, "stat.npy", "in which suite2p saves its ROIs")
    ops = plane_settings(folder)
    shape = (int(ops["Ly"]), int(ops["Lx"])) if "Ly" in ops and "Lx" in ops else frame_shape
    if shape is None:
        raise InputError(f"The folder {folder} holds no ops.npy with the frame size: give the frame size.")
    rows, pixels, weights = [], [], []
    for index, roi in enumerate(stat.ravel()):
        try:
            y, x, weight = (np.asarray(roi[key]) for key in ("ypix", "xpix", "lam"))
            if not y.shape == x.shape == weight.shape == (y.size,):
                raise ValueError("ypix, xpix and lam differ in length")
            shared = np.asarray(roi.get("overlap", np.zeros(len(y), bool)), bool)
            if not ops.get("allow_overlap", False) and not shared.all():
                y, x, weight = y[~shared], x[~shared], weight[~shared]
            flat = y.astype(np.int64) * shape[1] + x.astype(np.int64)
            weights.append(weight.astype(np.float64))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"stat.npy in {folder} does not describe ROI {index} by ypix, xpix and lam: run suite2p again."
            ) from error
        if not (((y >= 0) & (y < shape[0])).all() and ((x >= 0) & (x < shape[1])).all()):
            raise InputError(
                f"ROI {index} in {folder} lies outside the frames of {shape[0]} × {shape[1]} pixels: stat.npy and "
                "ops.npy must come from one run of suite2p."
            )
        rows.append(np.full(len(flat), index))
        pixels.append(flat)
    if not rows:
        raise InputError(f"There are no ROIs in the {name}: lower suite2p's detection threshold.")
    table = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(pixels)))
    footprints = sparse.csr_array(table, shape=(len(rows), shape[0] * shape[1]))
    rois = RoiSet(footprints, np.arange(len(rows)), shape, name, _cells(folder, len(rows)))
    if frame_shape is not None:
        rois.check_frame_shape(frame_shape)
    return rois


def load_from_plane(folder: Path, name: str, what: str) -> NDArray[Any]:
    """Load one of the arrays of a plane's folder; `what` says what it holds, for the error where it is missing."""
    if not (folder / name).exists():
        raise InputError(f"The folder {folder} holds no {name}, {what}: copy the whole folder that it wrote.")
    return load_array(folder / name)


def plane_settings(folder: Path) -> dict[str, Any]:
    """Return suite2p's settings of a plane, empty where they were not saved."""
    if not (folder / "ops.npy").exists():
        return {}
    options = load_array(folder / "ops.npy")
    if options.shape != () or not isinstance(options.item(), dict):
        raise InputError(f"ops.npy in {folder} holds no settings of suite2p: copy the folder again.")
    found: dict[str, Any] = options.item()
    return found


def _cells(folder: Path, count: int) -> dict[str, NDArray[Any]]:
    """Return suite2p's classification as columns, none where it was not saved."""
    if not (folder / "iscell.npy").exists():
        return {}
    table = load_array(folder / "iscell.npy")
    if table.shape != (count, 2):
        raise InputError(
            f"iscell.npy in {folder} does not have one line for each of {count} ROIs: copy it again."
        )
    return {"iscell": table[:, 0].astype(bool), "iscell_probability": table[:, 1].astype(np.float32)}
