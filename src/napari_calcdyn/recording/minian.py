"""What Minian found, in a folder of Zarr for each variable, in one for all, or in a netCDF file, which is HDF5."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError, size_text
from .hdf5_file import array, numbers, opened
from .hdf5_stored import path_of, rows_stored
from .zarr_folder import ZarrFolder, chunks_there, is_zarr, opened_array, read_folder

FOOTPRINTS, FOOTPRINT_AXES = "A", ("unit_id", "height", "width")
TRACE_AXES = ("unit_id", "frame")
NETCDF_ENDING = ".nc"


@dataclass(frozen=True)
class MinianVariable:
    """A variable of Minian, in an open file.

    Parameters
    ----------
    values : array_like
        Read where it is indexed, with ``shape``, ``dtype`` and ``chunks``.
    order : tuple of int
        Where each of the axes that were asked for is stored.
    ids : ndarray of shape (N,), int64
        Minian's numbers of the cells.
    name : str
        Of the variable and its file, for messages.
    """

    values: Any
    order: tuple[int, ...]
    ids: NDArray[np.int64]
    name: str


def minian_folder(place: Path) -> Path | None:
    """Return the folder in which Minian saved cells, None where a place is none of Minian's.

    Parameters
    ----------
    place : Path
        That folder, or the one of its variable ``A``.

    Returns
    -------
    Path or None
        A folder with ``A.zarr``, or a folder of Zarr with an array ``A``.
    """
    for folder in (place, place.parent):
        inside = folder / f"{FOOTPRINTS}.zarr", folder / FOOTPRINTS
        if is_zarr(inside[0]) or (is_zarr(folder) and is_zarr(inside[1])):
            return folder
    return None


def holds_minian(file: Any) -> bool:
    """Whether an open HDF5 file is a netCDF file of Minian."""
    masks = array(file, FOOTPRINTS)
    return masks is not None and masks.ndim == 3 and array(file, "unit_id") is not None


@contextmanager
def opened_variable(place: Path, names: tuple[str, ...], axes: tuple[str, ...]) -> Iterator[MinianVariable]:
    """Open the first of several variables that is there.

    Parameters
    ----------
    place : Path
        What `minian_folder` returned, or a netCDF file.
    names : tuple of str
        What it may be called.
    axes : tuple of str
        Names of its axes, of which the first counts cells.

    Yields
    ------
    MinianVariable
        In the file.

    Raises
    ------
    InputError
        If there is none of them, it is damaged, or not all of it is there.
    """
    with _in_folder(place, names, axes) if place.is_dir() else _in_file(place, names, axes) as found:
        if found is None:
            raise InputError(
                f"{place.name} holds no variable {' or '.join(names)} of Minian: choose the folder that it saved."
            )
        yield found


@contextmanager
def _in_file(path: Path, names: tuple[str, ...], axes: tuple[str, ...]) -> Iterator[MinianVariable | None]:
    with opened(path) as file:
        values = next((it for name in names if (it := array(file, name)) is not None), None)
        if values is None:
            yield None
            return
        if any(rows_stored(values, axis) < length for axis, length in enumerate(values.shape)):
            raise InputError(f"{path_of(values).name} is truncated: copy it again from its source.")
        # By the lengths of the coordinates: damaged references to them make the HDF5 library crash.
        lengths = {axis: getattr(array(file, axis), "size", None) for axis in axes}
        stored = tuple(next((axis for axis in axes if lengths[axis] == it), "") for it in values.shape)
        yield _variable(values, stored, axes, numbers(file, axes[0]), f"{values.name} in {path.name}")


@contextmanager
def _in_folder(path: Path, names: tuple[str, ...], axes: tuple[str, ...]) -> Iterator[MinianVariable | None]:
    folder = read_folder(path)
    place = next((it for name in names if (it := _place(folder, name)) is not None), None)
    if place is None:
        yield None
        return
    if place in folder.unread:
        raise InputError(f"{place} in {path.name} {folder.unread[place]}")
    found = folder.arrays[place]
    for axis in range(len(found.shape) if len(axes) == 2 else min(1, len(found.shape))):
        if (max(chunks_there(found, axis), default=-1) + 1) * found.files[axis] < found.shape[axis]:
            raise InputError(f"{place} in {path.name} is truncated: copy it again from its source.")
    number = folder.arrays.get(f"{place.rpartition('/')[0]}/{axes[0]}")
    ids = None
    if number is not None and found.shape and number.shape == found.shape[:1]:
        with opened_array(number) as stored:
            ids = np.asarray(stored[...])
    with opened_array(found) as values:
        yield _variable(values, found.names, axes, ids, f"{place} in {path.name}")


def _place(folder: ZarrFolder, name: str) -> str | None:
    """Return where a variable is in a folder."""
    places = f"/{name}.zarr/{name}", f"/{name}"
    return next((it for it in places if it in folder.arrays or it in folder.unread), None)


def _variable(
    values: Any, stored: tuple[str, ...], axes: tuple[str, ...], ids: Any, name: str
) -> MinianVariable:
    shape = tuple(values.shape)
    if len(shape) != len(axes) or 0 in shape or np.dtype(values.dtype).kind not in "uif":
        raise InputError(
            f"{name} ({size_text(shape)}) is no variable of Minian: choose the folder that it saved."
        )
    order = (
        tuple(stored.index(axis) for axis in axes) if set(stored) == set(axes) else tuple(range(len(axes)))
    )
    count = shape[order[0]]
    known = ids is not None and ids.shape == (count,) and ids.dtype.kind in "ui" and (np.diff(ids) > 0).all()
    return MinianVariable(values, order, ids.astype(np.int64) if known else np.arange(count), name)
