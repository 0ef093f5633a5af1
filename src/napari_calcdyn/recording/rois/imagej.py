"""ROIs that ImageJ or Fiji saved."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from roifile import ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from napari_calcdyn.recording.errors import InputError, count_text

from .roi_set import RoiSet, filled_rois

_MOST_BYTES = 2**26  # of one ROI: more than any outline needs
_AREAS = {ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED}
_ELLIPSE_CORNERS = 360
_NAMED = 3


def read_imagej_rois(path: Path, frame_shape: tuple[int, int] | None) -> RoiSet:
    """Read the areas of a ``.roi`` file or of the ROI Manager's ``.zip``.

    Parameters
    ----------
    path : Path
        The file.
    frame_shape : tuple of int or None
        Height and width of the frames, which ImageJ does not save. What reaches out of them is cut off.

    Returns
    -------
    RoiSet
        Numbered from 1 in the order of the file, with the column ``name``. Points, lines, texts and pictures are left
        out, and a note says so.

    Raises
    ------
    InputError
        If the frame size is not given, the file is damaged, it holds no areas, or an ROI lies outside the frame.
    """
    if frame_shape is None:
        raise InputError(
            f"{path.name} does not say how large the image is: open its movie first, or give its size."
        )
    try:
        rois = [ImagejRoi.frombytes(data) for data in _contents(path)]
        outlines = [_outlines(roi) for roi in rois]
    except OSError as error:
        raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error
    except Exception as error:  # damaged bytes raise errors of all kinds
        raise InputError(
            f"{path.name} is damaged or holds no ImageJ ROIs: save them again in ImageJ."
        ) from error
    areas = [
        (number, roi, paths)
        for number, (roi, paths) in enumerate(zip(rois, outlines, strict=True), 1)
        if paths
    ]
    others = [
        f"{number} ({roi.name}, {_kind(roi)})"
        for number, (roi, paths) in enumerate(zip(rois, outlines, strict=True), 1)
        if not paths
    ]
    if others and not areas:
        few = ", ".join(others[:_NAMED]) + " …" * (len(others) > _NAMED)
        raise InputError(
            f"{path.name} holds no areas, only {few}: draw round the cells in ImageJ and save them again."
        )
    ids = np.array([number for number, _, _ in areas], np.int64)
    names = {"name": np.array([roi.name for _, roi, _ in areas])}
    found = filled_rois([paths for _, _, paths in areas], frame_shape, ids, path.name, names)
    if not others:
        return found
    listed = ", ".join(others[:_NAMED]) + (
        f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    )
    what = count_text(len(others), "ROI")
    return replace(found, notes=(f"{what} of {path.name} left out, as no areas of pixels: {listed}.",))


def _kind(roi: ImagejRoi) -> str:
    """Return what an ROI that is no area is, in a word."""
    if roi.subtype not in (ROI_SUBTYPE.UNDEFINED, ROI_SUBTYPE.ELLIPSE, ROI_SUBTYPE.ROTATED_RECT):
        return str(roi.subtype.name).lower()
    return str(roi.roitype.name).lower()


def _contents(path: Path) -> list[bytes]:
    if path.suffix.lower() == ".roi":
        with path.open("rb") as single:
            return [single.read(_MOST_BYTES)]
    with zipfile.ZipFile(path) as archive:
        # macOS adds files of its own to a zip, in a folder __MACOSX and with names ._x.roi.
        members = [name for name in archive.namelist() if name.lower().endswith(".roi")]
        members = [name for name in members if not name.rsplit("/", 1)[-1].startswith("._")]
        found = []
        for name in members:
            with archive.open(name) as member:
                found.append(member.read(_MOST_BYTES))
        return found


def _outlines(roi: ImagejRoi) -> list[NDArray[np.float64]]:
    """Return the corners (y, x), none for lines, points, texts and pictures.

    In ImageJ the first pixel reaches from 0 to 1, in napari from -0.5 to 0.5.
    """
    plain = roi.subtype in (ROI_SUBTYPE.UNDEFINED, ROI_SUBTYPE.ELLIPSE, ROI_SUBTYPE.ROTATED_RECT)
    if not plain or not (roi.composite or roi.roitype in _AREAS | {ROI_TYPE.RECT, ROI_TYPE.OVAL}):
        return []
    if roi.composite or roi.roitype in _AREAS:
        paths = [np.asarray(path, np.float64) for path in roi.coordinates(multi=True)]
    else:
        paths = [_box(roi) if roi.roitype == ROI_TYPE.RECT else _ellipse(roi)]
    return [path[:, ::-1] - 0.5 for path in paths if len(path) > 2]


def _extent(roi: ImagejRoi) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the upper left corner (x, y) and the size (width, height) of the box round an ROI."""
    if roi.subpixelrect:
        return np.array([roi.xd, roi.yd]), np.array([roi.widthd, roi.heightd])
    corner = np.array([roi.left, roi.top], np.float64)
    return corner, np.array([roi.right, roi.bottom]) - corner


def _box(roi: ImagejRoi) -> NDArray[np.float64]:
    corner, size = _extent(roi)
    box: NDArray[np.float64] = corner + size * np.array([[0.0, 0.0], [1, 0], [1, 1], [0, 1]])
    return box


def _ellipse(roi: ImagejRoi) -> NDArray[np.float64]:
    corner, size = _extent(roi)
    angle = np.linspace(0, 2 * np.pi, _ELLIPSE_CORNERS, endpoint=False)
    ellipse: NDArray[np.float64] = corner + size / 2 * (1 + np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return ellipse
