"""What else is known about each neuron: a table in a CSV file."""

from __future__ import annotations

import csv
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

_ID = "roi_id"
_TRUTH = {"true": True, "false": False}


def open_columns(path: str | PathLike[str], ids: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Read a table with one row per neuron and names in its first row.

    Parameters
    ----------
    path : str or Path
        A ``.csv`` file. Rows are matched by a column ``roi_id`` where there is one, else by their order.
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
    place = Path(path).expanduser()
    try:
        with place.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            # Where numbers have a comma, spreadsheets separate them by semicolons.
            separator = max(",;\t", key=first.count)
            rows = [row for row in csv.reader(file, delimiter=separator) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise InputError(f"{place.name} could not be read ({reason}): choose a CSV file.") from error
    if len(rows) < 2 or any(len(row) != len(rows[0]) for row in rows):
        raise InputError(
            f"{place.name} is no table: its first row must name the columns and every other row fill them."
        )
    table = {name.strip(): [cell.strip() for cell in cells] for name, *cells in zip(*rows, strict=True)}
    order = _order(place.name, table.pop(_ID, None), len(rows) - 1, ids)
    comma = separator == ";"
    columns = {name: _typed(cells, comma=comma)[order] for name, cells in table.items() if name}
    if not columns:
        raise InputError(f"{place.name} has no column with a name, apart from {_ID}: add one.")
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


def _typed(cells: list[str], *, comma: bool) -> NDArray[Any]:
    """Return cells as truth values or numbers where all of them are, else as text."""
    lower = [cell.lower() for cell in cells]
    if set(lower) <= set(_TRUTH):
        return np.array([_TRUTH[cell] for cell in lower])
    numbers = [cell.replace(",", ".") for cell in cells] if comma else cells
    try:
        return np.array([float(number) if number else np.nan for number in numbers])
    except ValueError:
        return np.array(cells)
