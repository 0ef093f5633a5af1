"""Columns with what else is known about each neuron, from a table."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.csv_table import read_table
from napari_calcdyn.recording.errors import InputError

_ID = "roi_id"


def open_columns(path: str | PathLike[str], ids: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Read a table with one row per neuron and names in its first row.

    Parameters
    ----------
    path : str or Path
        A ``.csv`` or ``.xlsx`` file. Rows are matched by a column ``roi_id`` where there is one, else by their order.
    ids : ndarray of shape (N,), int64
        The neurons' ids.

    Returns
    -------
    dict of str to ndarray of shape (N,)
        Columns in the order of `ids`: bool, float64 (NaN where a cell is blank) or str.

    Raises
    ------
    InputError
        If there is no such file, it is no table, or its rows do not match the neurons.
    """
    table = read_table(path)
    order = _order(table.name, table.cells.get(_ID), table.rows, ids)
    columns = {name: table.typed(name)[order] for name in table.cells if name and name != _ID}
    if not columns:
        raise InputError(f"{table.name} has no column with a name, apart from {_ID}: add one.")
    return columns


def _order(name: str, numbers: list[str] | None, rows: int, ids: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return which row belongs to each id."""
    if numbers is None:
        if rows != len(ids):
            raise InputError(
                f"{name} has {rows} rows for {len(ids)} neurons: give one row for each, or a column {_ID}."
            )
        return np.arange(rows)
    try:
        row_of = {int(number): row for row, number in enumerate(numbers)}
        return np.array([row_of[number] for number in ids.tolist()], np.intp)
    except ValueError as error:
        raise InputError(f"The column {_ID} of {name} has something else than whole numbers.") from error
    except KeyError as error:
        raise InputError(f"{name} has no row for ROI {error.args[0]}: add it.") from error
