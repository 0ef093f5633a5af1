"""Traces that CaImAn, EXTRACT, Minian and programs that write NWB saved in HDF5 files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError, size_text
from napari_calcdyn.recording.hdf5_file import choose, find, number, numbers, opened
from napari_calcdyn.recording.hdf5_stored import check_whole, path_of
from napari_calcdyn.recording.minian import holds_minian
from napari_calcdyn.recording.movies.readers.metadata import positive
from napari_calcdyn.recording.movies.readers.nwb import is_nwb, of_type, series_rate
from napari_calcdyn.recording.rois.hdf5 import CAIMAN, find_extract

from .minian import read_minian_traces
from .traces import Traces, check_trace_array

_FLUORESCENCE, _RELATIVE = "fluorescence", "ΔF/F"
_SERIES = "RoiResponseSeries"
_OTHERS = ("neuropil", "deconvolved", "spike", "event")  # what else programs save as such a series


@dataclass(frozen=True)
class _Found:
    values: NDArray[Any]
    ids: NDArray[np.int64] | None
    frame_rate: float | None
    unit: str
    what: str


def read_hdf5_traces(path: Path, *, frame_rate: float | None, dataset: str | None) -> Traces:
    """Read the traces in an HDF5 file of CaImAn, EXTRACT, Minian or NWB.

    Parameters
    ----------
    path : Path
        The file.
    frame_rate : float or None
        Samples per second (Hz), instead of what the file says.
    dataset : str or None
        Name of the series in an NWB file that has several.

    Returns
    -------
    Traces
        With the ids of the file's ROIs.

    Raises
    ------
    InputError
        If it is damaged, or holds no traces.
    """
    with opened(path) as file:
        if is_nwb(file):
            found = _read_nwb(file, dataset)
        elif find(file, CAIMAN) is not None:
            found = _read_caiman(file)
        elif (extracted := find_extract(file)) is not None:
            found = _read_extract(*extracted)
        elif holds_minian(file):
            return read_minian_traces(path, frame_rate=frame_rate)
        else:
            raise InputError(
                f"{path.name} holds no traces of CaImAn, EXTRACT, Minian or NWB: choose a file of one of them."
            )
    return Traces(
        found.values,
        np.arange(len(found.values)) if found.ids is None else found.ids,
        frame_rate=found.frame_rate if frame_rate is None else frame_rate,
        unit=found.unit,
        name=path.name,
        provenance={"file": str(path), "traces": found.what, "neuropil": None},
    )


def hdf5_holds_traces(path: Path) -> bool:
    """Whether there are traces in an HDF5 file of ROIs; only those of NWB may lack them."""
    with opened(path) as file:
        return not is_nwb(file) or bool(of_type(file, _SERIES))


def _read_nwb(file: Any, dataset: str | None) -> _Found:
    path = path_of(file)
    every = of_type(file, _SERIES)
    likely = [it for it in every if not any(word in it.name.lower() for word in _OTHERS)]
    series = choose(path, _SERIES, every if dataset else likely or every, dataset)
    values, rois = numbers(series, "data"), numbers(series, "rois")
    if values is None or values.ndim > 2:
        raise InputError(f"{series.name} in {path.name} holds no traces: choose another file.")
    values = values.reshape(len(values), -1)
    # NWB puts time first; not every program does.
    if rois is None or values.shape[1] == rois.size:
        values = values.T
    if rois is not None and len(values) != rois.size:
        raise InputError(
            f"{series.name} in {path.name} is {size_text(values.shape)} but belongs to {rois.size} ROIs: save it again."
        )
    unit = _RELATIVE if "DfOverF" in series.name else _FLUORESCENCE
    return _Found(values, None if rois is None else rois.ravel(), series_rate(series), unit, series.name)


def _read_caiman(file: Any) -> _Found:
    rate = positive(number(file, "params/data/fr"))
    denoised, residual, relative = (numbers(file, f"estimates/{name}") for name in ("C", "YrA", "F_dff"))
    if denoised is not None and residual is not None and denoised.shape == residual.shape:
        return _Found(denoised + residual, None, rate, _FLUORESCENCE, "C + YrA")
    if relative is not None:
        return _Found(relative, None, rate, _RELATIVE, "F_dff")
    if denoised is None:
        raise InputError(
            f"{path_of(file).name} holds no traces of CaImAn: save its estimates with C and YrA."
        )
    return _Found(denoised, None, rate, _FLUORESCENCE, "C")


def _read_extract(footprints: Any, traces: Any) -> _Found:
    check_whole(traces)
    check_trace_array(traces.name, traces)
    values = np.asarray(traces[()])
    return _Found(
        values if len(values) == len(footprints) else values.T, None, None, _FLUORESCENCE, traces.name
    )
