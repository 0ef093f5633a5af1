"""Tables read from CSV files and workbooks with names in the first row."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .workbook import WORKBOOK_ENDINGS, read_workbook

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
    """Read a table: a CSV file whose cells are separated by commas, semicolons or tabs, or a workbook.

    Parameters
    ----------
    path : str or Path
        A text file, or a ``.xlsx``, whose first sheet is taken.

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
        rows, comma = read_cells(place)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise InputError(
            f"{place.name} could not be read ({reason}): choose a CSV file or a workbook."
        ) from error
    if len(rows) < 2 or any(len(row) != len(rows[0]) for row in rows):
        raise InputError(
            f"{place.name} is no table: its first row must name the columns and every other row fill them."
        )
    cells = {name.strip(): [cell.strip() for cell in column] for name, *column in zip(*rows, strict=True)}
    return Table(place.name, len(rows) - 1, cells, comma)


def read_cells(path: Path) -> tuple[list[list[str]], bool]:
    """Return the cells of a table in a text file or a workbook.

    Parameters
    ----------
    path : Path
        Known by its ending.

    Returns
    -------
    rows : list of list of str
        Cells in rows, without empty rows.
    comma : bool
        Whether numbers may have a decimal comma.

    Raises
    ------
    OSError
        If it cannot be read.
    UnicodeDecodeError, csv.Error
        If it is no text.
    InputError
        If it is no workbook, or openpyxl is not installed.
    """
    if path.suffix.lower() in WORKBOOK_ENDINGS:
        return read_workbook(path), False
    return split_cells(read_text(path))


def read_text(path: Path) -> str:
    """Return the text of a file as programs and spreadsheets write it.

    Parameters
    ----------
    path : Path
        In UTF-8, in UTF-16 if it begins with a mark of that, or else in the code page of Western Europe.

    Returns
    -------
    str
        With its line ends.

    Raises
    ------
    OSError
        If it cannot be read.
    UnicodeDecodeError
        If it is no text.
    """
    content = path.read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if any(byte < 9 for byte in content[:4096]):
            raise
        return content.decode("cp1252")


def split_cells(text: str) -> tuple[list[list[str]], bool]:
    """Split a text into the cells of a table; empty lines are left out.

    Parameters
    ----------
    text : str
        Cells separated by semicolons, tabs or commas: by the first of these in its first line.

    Returns
    -------
    rows : list of list of str
        Cells in rows.
    comma : bool
        Whether numbers may have a decimal comma, as spreadsheets write them in many countries.

    Raises
    ------
    csv.Error
        If a cell is larger than any number or name.
    """
    first = text[: text.find("\n")] if "\n" in text else text
    separator = next((it for it in ";\t" if it in first), ",")
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]
    return rows, separator != ","
