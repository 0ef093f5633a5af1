"""Open traces from a file or a folder."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.hdf5_file import HDF5_ENDINGS
from napari_calcdyn.recording.minian import minian_folder
from napari_calcdyn.recording.movies.places import check_exists
from napari_calcdyn.recording.movies.readers.suite2p_plane import plane_folder
from napari_calcdyn.recording.saved_arrays import load_array

from .hdf5 import hdf5_holds_traces, read_hdf5_traces
from .minian import read_minian_traces
from .suite2p import read_suite2p_traces
from .tables import TABLE_ENDINGS, CellsIn, TraceTable, read_trace_table
from .traces import Traces

NEUROPIL_COEFFICIENT = 0.7


def open_traces(
    path: str | PathLike[str],
    *,
    frame_rate: float | None = None,
    mask: ArrayLike | str | PathLike[str] | None = None,
    neuropil: float | None = NEUROPIL_COEFFICIENT,
    dataset: str | None = None,
    cells_in: CellsIn | None = None,
) -> Traces:
    """Open traces.

    Parameters
    ----------
    path : str or Path
        A folder of suite2p (``plane0``, or one above it), an HDF5 file of CaImAn, an NWB file, a ``.mat`` file (7.3) of
        EXTRACT, Minian's folder or ``.nc`` file, a ``.npy`` file with one trace in each row, or a table (``.csv``,
        ``.tsv``, ``.txt``, and ``.xlsx`` with the extra ``formats``) with cells in rows or
        columns, with or without names and times, also of ImageJ's Multi Measure; NaN, or an empty cell, where a
        sample is missing.
    frame_rate : float or None
        Samples per second (Hz); None takes what the file says.
    mask : array_like of shape (N, T), str, Path or None
        True (1) where a sample is valid, or a file of that. Needed where traces differ in length.
    neuropil : float or None
        So many times suite2p's neuropil is subtracted; None for none. Traces in HDF5 files are taken as they are.
    dataset : str or None
        Name of the series in an NWB file that has several.
    cells_in : {"rows", "columns"} or None
        Of a table or an array. None finds it out for a table, and takes rows of an array.

    Returns
    -------
    Traces
        With missing samples as NaN. Of a table, the provenance says where the cells were (``cells_in``) and what they
        are called (``cells``), and its warnings what was left out.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, or it holds no traces.
    """
    place = Path(path).expanduser()
    check_exists(place)
    if cells_in not in (None, "rows", "columns"):
        raise InputError(f"Cells cannot be in {cells_in}: choose rows or columns.")
    if (folder := minian_folder(place)) is not None:
        return _masked(read_minian_traces(folder, frame_rate=frame_rate), mask)
    in_folder, in_hdf5 = place.is_dir(), place.suffix.lower() in HDF5_ENDINGS
    if in_folder or in_hdf5:
        traces = (
            read_suite2p_traces(place, frame_rate=frame_rate, neuropil=neuropil)
            if in_folder
            else read_hdf5_traces(place, frame_rate=frame_rate, dataset=dataset)
        )
        return _masked(traces, mask)
    table = _read(place, cells_in)
    return Traces.from_array(
        table.traces,
        mask=_mask(mask, table.cells_in),
        frame_rate=table.frame_rate if frame_rate is None else frame_rate,
        name=place.name,
        provenance=_provenance(place, table),
    )


def _masked(traces: Traces, mask: Any) -> Traces:
    valid = _mask(mask, None)
    return traces if valid is None else traces.masked(valid)


def _mask(mask: Any, cells_in: CellsIn | None) -> Any:
    """Return a mask that was given, or what is in its file."""
    if not isinstance(mask, (str, PathLike)):
        return mask
    path = Path(mask).expanduser()
    check_exists(path)
    return _read(path, cells_in).traces


def _provenance(path: Path, table: TraceTable) -> dict[str, Any]:
    about: dict[str, Any] = {"file": str(path)}
    if path.suffix.lower() in TABLE_ENDINGS:
        about["cells_in"] = table.cells_in
    if table.names:
        about["cells"] = list(table.names)
    if table.notes:
        about["warnings"] = list(table.notes)
    return about


def holds_traces(path: Path) -> bool:
    """Whether a folder of suite2p or Minian, or a file of a program that saves ROIs in HDF5, holds traces, too."""
    if minian_folder(path) is not None:
        return True
    return (plane_folder(path) / "F.npy").exists() if path.is_dir() else hdf5_holds_traces(path)


def _read(path: Path, cells_in: CellsIn | None) -> TraceTable:
    """Return traces in rows, an array or a list of arrays where they may differ in length."""
    ending = path.suffix.lower()
    if ending == ".npy":
        array = load_array(path)
        traces = array.T if cells_in == "columns" and array.ndim == 2 else array
        return TraceTable(traces, (), None, cells_in or "rows", ())
    if ending in TABLE_ENDINGS:
        return read_trace_table(path, cells_in)
    if ending in (".xls", ".xlsb", ".ods"):
        raise InputError(
            f"{path.name} is a workbook of another kind: save the sheet with the traces as .xlsx or CSV."
        )
    raise InputError(
        f"{path.name} holds no traces: choose a folder of suite2p or Minian, a .npy or .csv file, or a file of"
        " CaImAn, EXTRACT or NWB."
    )
