"""What NWB files say about their series of frames and of traces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.hdf5_file import array, attribute, choose, find, number, objects
from napari_calcdyn.recording.hdf5_stored import check_whole, path_of

from .metadata import MICROMETRES, positive

SERIES = ("TwoPhotonSeries", "OnePhotonSeries")
_MOST_TIMES = 1000  # so many time stamps give the rate


@dataclass(frozen=True)
class NwbMovie:
    """A series of frames in an NWB file.

    Parameters
    ----------
    data : h5py.Dataset or None
        Frames (T, x, y) or volumes (T, x, y, z) in the NWB file.
    files : tuple of Path
        Or the files that they are in.
    frame_rate : float or None
        Frames or volumes per second (Hz).
    pixel_size : tuple of float or None
        Height and width of a pixel in µm.
    """

    data: Any
    files: tuple[Path, ...]
    frame_rate: float | None
    pixel_size: tuple[float, float] | None


def is_nwb(file: Any) -> bool:
    """Whether an open HDF5 file is one of NWB."""
    return attribute(file, "nwb_version") is not None or attribute(file, "neurodata_type") == "NWBFile"


def of_type(file: Any, *types: str) -> list[Any]:
    """Return the groups of an NWB file that have one of the given types, whatever their names."""
    return [it for it in objects(file) if attribute(it, "neurodata_type") in types]


def find_nwb_movie(file: Any, dataset: str | None) -> NwbMovie:
    """Find the movie in an NWB file.

    Parameters
    ----------
    file : h5py.File
        Open.
    dataset : str or None
        Name of a series; needed if there are several.

    Returns
    -------
    NwbMovie
        Its place and calibration.

    Raises
    ------
    InputError
        If there is none, or several and no name, or it is in a file that is not there.
    """
    path = path_of(file)
    asked = find(file, dataset.removesuffix("/data")) if dataset else None
    if asked is not None and array(file, f"{asked.name}/data") is not None:
        series = asked
    else:
        series = choose(path, " or ".join(SERIES), of_type(file, *SERIES), dataset)
    plane = find(series, "imaging_plane")
    rate = series_rate(series) or (positive(number(plane, "imaging_rate")) if plane else None)
    data, outside = find(series, "data"), find(series, "external_file")
    files: tuple[Path, ...] = ()
    if outside is not None and outside.size and (data is None or not data.size):
        check_whole(outside)
        files = tuple(_beside(path, it) for it in outside.asstr()[:].ravel())
    elif data is None:
        raise InputError(f"{series.name} in {path.name} holds no frames: open the file that has them.")
    return NwbMovie(data, files, rate, _pixel_size(plane) if plane else None)


def series_rate(series: Any) -> float | None:
    """Return the samples per second (Hz) of a time series in an NWB file, None if it does not say."""
    start = find(series, "starting_time")
    rate = positive(attribute(start, "rate")) if start is not None else None
    times = array(series, "timestamps")
    if rate or times is None or times.ndim != 1 or len(times) < 2:
        return rate
    check_whole(times)
    return positive(1 / max(np.median(np.diff(times[:_MOST_TIMES])), 1e-9))


def _pixel_size(plane: Any) -> tuple[float, float] | None:
    spacing = array(plane, "grid_spacing")
    if spacing is None or spacing.shape not in ((2,), (3,)):
        return None
    check_whole(spacing)
    unit = attribute(spacing, "unit")
    scale = MICROMETRES.get(unit.rstrip("s") if isinstance(unit, str) else "meter")
    x, y = (positive(float(it) * (scale or 0)) for it in spacing[:2])
    return (y, x) if x and y else None


def _beside(path: Path, name: str) -> Path:
    """Return the file of a movie that an NWB file names, if it lies where it may be looked for."""
    beside = path.parent / PureWindowsPath(name).name
    # Not wherever the file pleases: on Windows, a path on another computer sends that one the user's credentials.
    for place in (beside,) if PureWindowsPath(name).anchor else (path.parent / name, beside):
        if place.is_file():
            return place
    raise InputError(
        f"{path.name} keeps its movie in {name}, which is not there: put that file beside it, or open it alone."
    )
