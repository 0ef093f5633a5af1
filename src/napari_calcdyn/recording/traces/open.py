"""Open traces from a file or a folder."""

from __future__ import annotations

import csv
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.hdf5_file import HDF5_ENDINGS
from napari_calcdyn.recording.movies.places import check_exists
from napari_calcdyn.recording.movies.readers.suite2p_plane import plane_folder
from napari_calcdyn.recording.saved_arrays import load_array

from .hdf5 import hdf5_holds_traces, read_hdf5_traces
from .suite2p import read_suite2p_traces
from .traces import Traces

NEUROPIL_COEFFICIENT = 0.7


def open_traces(
    path: str | PathLike[str],
    *,
    frame_rate: float | None = None,
    mask: ArrayLike | str | PathLike[str] | None = None,
    neuropil: float | None = NEUROPIL_COEFFICIENT,
    dataset: str | None = None,
) -> Traces:
    """Open traces.

    Parameters
    ----------
    path : str or Path
        A folder of suite2p (``plane0``, or one above it), an HDF5 file of CaImAn, an NWB file, a ``.mat`` file (7.3) of
        EXTRACT, or a ``.npy`` or ``.csv`` file with one trace in each row and nothing but numbers; NaN, or an empty
        cell, where a sample is missing.
    frame_rate : float or None
        Samples per second (Hz); None takes what the file says.
    mask : array_like of shape (N, T), str, Path or None
        True (1) where a sample is valid, or a file of that. Needed where traces differ in length.
    neuropil : float or None
        So many times suite2p's neuropil is subtracted; None for none. Traces in HDF5 files are taken as they are.
    dataset : str or None
        Name of the series in an NWB file that has several.

    Returns
    -------
    Traces
        With missing samples as NaN.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, or it holds no traces.
    """
    place = Path(path).expanduser()
    check_exists(place)
    valid: Any = mask
    if isinstance(mask, (str, PathLike)):
        check_exists(Path(mask).expanduser())
        valid = _read(Path(mask).expanduser())
    if place.is_dir() or place.suffix.lower() in HDF5_ENDINGS:
        traces = (
            read_suite2p_traces(place, frame_rate=frame_rate, neuropil=neuropil)
            if place.is_dir()
            else read_hdf5_traces(place, frame_rate=frame_rate, dataset=dataset)
        )
        return traces if valid is None else traces.masked(valid)
    return Traces.from_array(
        _read(place), mask=valid, frame_rate=frame_rate, name=place.name, provenance={"file": str(place)}
    )


def holds_traces(path: Path) -> bool:
    """Whether a folder of suite2p, or a file of a program that saves ROIs in HDF5, holds their traces, too."""
    return (plane_folder(path) / "F.npy").exists() if path.is_dir() else hdf5_holds_traces(path)


def _read(path: Path) -> Any:
    """Return an array, or a list of arrays where a CSV's rows may differ in length."""
    if path.suffix.lower() == ".npy":
        return load_array(path)
    if path.suffix.lower() == ".csv":
        return _read_csv(path)
    raise InputError(
        f"{path.name} holds no traces: choose a suite2p folder, a .npy or .csv file, or a file of"
        " CaImAn, EXTRACT or NWB."
    )


def _read_csv(path: Path) -> list[NDArray[np.float64]]:
    rows = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            # Where numbers have a comma, spreadsheets separate them by semicolons.
            separator = ";" if ";" in first else "\t" if "\t" in first else ","
            for number, cells in enumerate(csv.reader(file, delimiter=separator), 1):
                if cells:
                    rows.append(_numbers(path, number, cells, comma=separator == ";"))
    except OSError as error:
        raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} is no text: save the traces as CSV, one trace in each row.") from error
    return rows


def _numbers(path: Path, row: int, cells: list[str], *, comma: bool) -> NDArray[np.float64]:
    """Return one line of a CSV as numbers, NaN for empty cells."""
    texts = [cell.strip() or "nan" for cell in cells]
    if comma:
        texts = [text.replace(",", ".") for text in texts]
    values = np.empty(len(texts))
    for column, text in enumerate(texts):
        try:
            values[column] = float(text)
        except ValueError:
            raise InputError(
                f"{path.name} has text in row {row}, column {column + 1} ({text[:20]!r}): leave only numbers in it, "
                "one trace in each row, without headings."
            ) from None
    return values
