"""Movies in HDF5 files, among them NWB and MATLAB's from version 7.3 on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_calcdyn.recording.errors import InputError, size_text
from napari_calcdyn.recording.hdf5_file import array, attribute, choose, find, objects, opened
from napari_calcdyn.recording.hdf5_stored import offset, path_of, rows_stored

from .array_stack import ArrayInfo, ArrayStack, Inverted
from .axes import AxesUnknown, checked_axes, likely_axes
from .femtonics import FEMTONICS_ENDING, femtonics_calibration, is_inverted
from .metadata import positive
from .nwb import SERIES, NwbMovie, find_nwb_movie, is_nwb, of_type
from .sources import check_movie_array
from .stack import Stack, consecutive

_RESULTS = {"estimates/A": "CaImAn", "output/spatial_weights": "EXTRACT"}


@contextmanager
def _opened_array(path: Path, name: str, inverted: bool = False) -> Iterator[Any]:
    with opened(path, again=True) as file:
        found = find(file, name)
        yield Inverted(found) if inverted else found


def read_hdf5_movie(
    path: Path, dataset: str | None, axes: str | None = None
) -> Stack | ArrayStack | NwbMovie:
    """Find the frames of a movie in an HDF5 file.

    Parameters
    ----------
    path : Path
        HDF5, NWB, Femtonics' ``.mesc``, or MATLAB's file from version 7.3 on.
    dataset : str or None
        Name of the data set, or of the series in an NWB file; needed if several could be a movie.
    axes : str or None
        A letter for each axis of the data set, instead of what the format says.

    Returns
    -------
    Stack, ArrayStack or NwbMovie
        A stack if the frames lie as in an array; the last if an NWB file keeps its frames in other files.

    Raises
    ------
    InputError
        If the file is damaged, it holds no movie, or several and no name was given.
    """
    with opened(path) as file:
        if is_nwb(file):
            movie = find_nwb_movie(file, dataset)
            if movie.files:
                return movie
            return _stack(movie.data, _axes(movie.data, "TXYZ", axes), movie.frame_rate, movie.pixel_size)
        asked = find(file, dataset) if dataset else None
        if asked is None or not hasattr(asked, "dtype"):
            for name, program in _RESULTS.items():
                if find(file, name) is not None:
                    raise InputError(
                        f"{path.name} holds ROIs that {program} found, not a movie: open it where ROIs are asked for."
                    )
            asked = choose(path, "movie", _fitting(file, axes), dataset)
        letters = _axes(asked, given=axes)
        if path.suffix.lower() == FEMTONICS_ENDING:
            return _stack(asked, letters, *femtonics_calibration(asked), inverted=is_inverted(asked))
        rate = positive(attribute(asked, "fr"))  # as CaImAn writes it
        return _stack(asked, letters, rate, None)


def hdf5_movies(path: Path) -> tuple[ArrayInfo, ...]:
    """Find all data sets, or all series in an NWB file, that may be movies.

    Parameters
    ----------
    path : Path
        HDF5, NWB, or MATLAB's file from version 7.3 on.

    Returns
    -------
    tuple of ArrayInfo
        By name.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    with opened(path) as file:
        if not is_nwb(file):
            return tuple(ArrayInfo(it.name, it.shape, it.dtype) for it in _fitting(file))
        series = {it.name: array(it, "data") for it in of_type(file, *SERIES)}
        return tuple(
            ArrayInfo(name) if data is None else ArrayInfo(name, data.shape, data.dtype)
            for name, data in series.items()
        )


def _fitting(file: Any, axes: str | None = None) -> list[Any]:
    return [it for it in objects(file) if hasattr(it, "dtype") and _may_be(it, axes)]


def _may_be(dataset: Any, axes: str | None) -> bool:
    if axes is None:
        return bool(_axes(dataset))
    shape = dataset.shape or ()
    return dataset.dtype.kind in "uif" and len(shape) == len(axes) and np.prod(shape, dtype=float) > 0


def _axes(dataset: Any, known: str = "", given: str | None = None) -> str:
    """Return a letter for each axis of a data set that can be a movie, else nothing."""
    shape = dataset.shape or ()
    if given is not None:
        return checked_axes(f"{dataset.name} in {path_of(dataset).name}", given, shape)
    return likely_axes(shape, dataset.dtype, known or ("TXY" if "MATLAB_class" in dataset.attrs else "TYX"))


def _stack(
    dataset: Any,
    axes: str,
    frame_rate: float | None,
    pixel_size: tuple[float, float] | None,
    *,
    inverted: bool = False,
) -> Stack | ArrayStack:
    path, shape = path_of(dataset), dataset.shape or ()
    if not axes:
        if len(shape) < 4:
            check_movie_array(dataset.name, shape, dataset.dtype)
        raise AxesUnknown(
            f"{dataset.name} in {path.name} ({size_text(shape)}) has axes of which time and channel cannot be told"
            f" apart, or is no movie: give its axes, such as {'TCYX' if len(shape) < 5 else 'TCZYX'}."
        )
    time = axes.index("T")
    there, first = rows_stored(dataset, time), None if inverted else offset(dataset)
    mapped = partial(np.memmap, path, dataset.dtype, "r", first, shape) if first is not None else None
    stack = ArrayStack(
        name=path.name,
        files=(path,),
        opened=partial(_opened_array, path, dataset.name, inverted),
        stored_shape=tuple(map(int, shape)),
        axes=axes,
        n_frames=there,
        dtype=dataset.dtype,
        chunk_frames=min(int(dataset.chunks[time]), max(1, there)) if dataset.chunks else 1,
        mapped=mapped,
        frame_rate=frame_rate,
        pixel_size=pixel_size,
    )
    stack = stack.checked()
    if there < shape[time]:
        note = f"{path.name} is incomplete, only {there:,} of its {shape[time]:,} frames are there: copy it again."
        return replace(stack, notes=(note,))
    if first is not None and axes == "TYX":
        whole = consecutive(path, (there, *stack.frame_shape), stack.dtype, first)
        return replace(whole, frame_rate=frame_rate, pixel_size=pixel_size)
    return stack
