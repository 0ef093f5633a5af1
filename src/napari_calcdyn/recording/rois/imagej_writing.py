"""ROIs written for ImageJ and Fiji."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from roifile import ROI_TYPE, ImagejRoi

from napari_calcdyn.recording.writing import replacing, writing

from .boundaries import trace_mask
from .roi_set import RoiSet

_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0  # of a path in ImageJ's files
_MOST_COMMENT = 65535  # bytes


def write_imagej_rois(file: Path, rois: RoiSet, about: str = "") -> None:
    """Write ROIs as a ``.zip`` that the ROI Manager of ImageJ and Fiji opens.

    An outline follows the edges of the pixels, so that ImageJ fills exactly those that the ROI has. It does not know
    how much each of them weighs.

    Parameters
    ----------
    file : Path
        Made or replaced, in one step.
    rois : RoiSet
        Named by their ids.
    about : str
        Kept as the comment of the zip.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    footprints, width = rois.footprints, rois.frame_shape[1]
    with (
        writing(file.parent),
        replacing(file) as beside,
        zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.comment = about.encode()[:_MOST_COMMENT]
        for number, first, last in zip(
            rois.ids.tolist(), footprints.indptr[:-1], footprints.indptr[1:], strict=True
        ):
            y, x = np.divmod(footprints.indices[first:last].astype(np.int64), width)
            corner = np.array([y.min(), x.min()])
            mask = np.zeros((int(np.ptp(y)) + 1, int(np.ptp(x)) + 1), bool)
            mask[y - corner[0], x - corner[1]] = True
            paths = [(path + corner)[:, ::-1] for path in trace_mask(mask)]
            archive.writestr(f"{number}.roi", _roi(paths, str(number)).tobytes())


def _roi(paths: list[NDArray[np.int64]], name: str) -> ImagejRoi:
    """Return one polygon, or a composite of several outlines (x, y)."""
    if len(paths) == 1:
        roi = ImagejRoi.frompoints(paths[0], name=name)
        roi.roitype = ROI_TYPE.POLYGON
        return roi
    path = np.concatenate([_segments(it) for it in paths]).astype(np.float32)
    low, high = np.concatenate(paths).min(0), np.concatenate(paths).max(0)
    return ImagejRoi(
        roitype=ROI_TYPE.RECT,
        name=name,
        left=int(low[0]),
        top=int(low[1]),
        right=int(high[0]),
        bottom=int(high[1]),
        shape_roi_size=len(path),
        multi_coordinates=path,
    )


def _segments(path: NDArray[np.int64]) -> NDArray[np.float64]:
    kind = np.full(len(path), _LINE)
    kind[0] = _MOVE
    return np.append(np.column_stack([kind, path]).ravel(), _CLOSE)
