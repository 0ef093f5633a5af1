"""ROIs that a job found itself, and that are saved with its results."""

from __future__ import annotations

from pathlib import Path

from napari_calcdyn.models.sources import CELLS_FOUND
from napari_calcdyn.recording import RoiSet
from napari_calcdyn.recording.writing import write_image

from .result_folder import CELLS_FILE


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
