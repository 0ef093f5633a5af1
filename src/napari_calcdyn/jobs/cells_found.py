"""The ROIs of a job, given or found by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.sources import CELLS_FOUND, find_sources, roi_activity
from napari_calcdyn.recording import Movie, RoiSet
from napari_calcdyn.recording.writing import write_image

from .result_folder import CELLS_FILE
from .stages import in_stage


def rois_with_activity(
    movie: Movie, rois: RoiSet | None, tell: Callable[[Progress], None]
) -> tuple[RoiSet, NDArray[np.float32]] | None:
    """Return the ROIs of a job and their activity; the frames of found cells are not read again for it.

    Parameters
    ----------
    movie : Movie
        The recording, corrected.
    rois : RoiSet or None
        Its ROIs; None finds cells.
    tell : callable
        Called with every progress report; may raise to end the job.

    Returns
    -------
    tuple of RoiSet and ndarray (T, N), float32, or None
        As from `roi_activity`; None where no cells are found.

    Raises
    ------
    InputError
        If the ROIs belong to frames of another size.
    """
    if rois is not None:
        return rois, roi_activity(movie, rois, progress=in_stage(tell, "Reading the ROIs"))
    sources = find_sources(movie, progress=in_stage(tell, "Finding cells"))
    return (sources.rois, sources.roi_activity) if (sources.kind == "cell").any() else None


def write_cells_found(
    folder: Path, rois: RoiSet | None, pixel_size: tuple[float, float] | None = None
) -> int | None:
    """Write ROIs from `find_sources` as an image of labels; ROIs from elsewhere are not written.

    Parameters
    ----------
    folder : Path
        Gets the file `CELLS_FILE`: the id of the ROI in each pixel, 0 outside of all.
    rois : RoiSet or None
        ROIs of a movie.
    pixel_size : tuple of float, optional
        Height and width of a pixel in µm.

    Returns
    -------
    int or None
        How many cells were found; None where the ROIs are from elsewhere.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    if rois is None or rois.provenance != CELLS_FOUND:
        return None
    write_image(folder / CELLS_FILE, rois.labels, pixel_size)
    return len(rois)
