"""Tables read from CSV files with names in the first row."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Table:
    """Cells of a table as text, in columns of the same length.

    Attributes
    ----------
    name : str
        Of the file.
    rows : int
        Without the one of the names.
    cells : dict of str to list of str
        Columns by name, in the order of the file; a column may have an empty name.
    comma : bool
        Whether numbers may have a decimal comma.
    """

    name: str
    rows: int
    cells: dict[str, list[str]]
    comma: bool

    def typed(self, column: str) -> NDArray[Any]:
        """Return a column as truth values or numbers (NaN where blank) where all of it is that, else as text."""
        cells = self.cells[column]
        lower = [cell.lower() for cell in cells]
        if set(lower) <= set(_TRUTH):
            return np.array([_TRUTH[cell] for cell in lower])
        numbers = [cell.replace(",", ".") for cell in cells] if self.comma else cells
        try:
            return np.array([float(number) if number else np.nan for number in numbers])
        except ValueError:
            return np.array(cells)


def read_table(path: str | PathLike[str]) -> Table:
    """Read a CSV file whose cells are separated by commas, semicolons or tabs.

    Parameters
    ----------
    path : str or Path
        A text file in UTF-8.

    Returns
    -------
    Table
        With at least one row.

    Raises
    ------
    InputError
        If there is no such file, or it is no table.
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
    cells = {name.strip(): [cell.strip() for cell in column] for name, *column in zip(*rows, strict=True)}
    return Table(place.name, len(rows) - 1, cells, separator == ";")
