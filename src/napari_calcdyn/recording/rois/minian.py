"""ROIs that Minian saved."""

from __future__ import annotations

from pathlib import Path

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.minian import FOOTPRINT_AXES, FOOTPRINTS, opened_variable

from .mask_images import mask_weights
from .roi_set import RoiSet


def read_minian_rois(path: Path) -> RoiSet:
    """Read the footprints that Minian saved.

    Parameters
    ----------
    path : Path
        Folder of Zarr, or netCDF file.

    Returns
    -------
    RoiSet
        With Minian's numbers of the cells.

    Raises
    ------
    InputError
        If it is damaged, or holds no footprints.
    """
    with opened_variable(path, (FOOTPRINTS,), FOOTPRINT_AXES) as found:
        first, second, third = found.order
        if first != 0:
            raise InputError(
                f"{found.name} does not begin with its cells: save it with unit_id as its first axis."
            )
        weights = mask_weights(found.name, found.values, turned=second > third)
        shape = int(found.values.shape[second]), int(found.values.shape[third])
        return RoiSet(weights, found.ids, shape, f"Minian, {found.name}")
