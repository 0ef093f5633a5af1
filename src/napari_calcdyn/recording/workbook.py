"""The cells of a workbook of Excel, as the texts of a table."""

from __future__ import annotations

import math
import warnings
import zipfile
from datetime import date, time
from pathlib import Path
from typing import Any

from .errors import InputError

WORKBOOK_ENDINGS = (".xlsx", ".xlsm")
_MOST_BYTES = 2**28  # of all its parts, unpacked
_MOST_PARTS = 4096
_MOST_CELLS = 2**25


def read_workbook(path: Path) -> list[list[str]]:
    """Read the first sheet of a workbook.

    Parameters
    ----------
    path : Path
        ``.xlsx`` or ``.xlsm``. Formulas count with the numbers that Excel saved for them; neither they nor macros run.

    Returns
    -------
    list of list of str
        Rows of equal lengths, without empty ones; what is empty in all of them at the right is left out.

    Raises
    ------
    OSError
        If it cannot be read.
    InputError
        If openpyxl is not installed, or it is damaged, no workbook or larger than a table of traces can be.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise InputError(
            f"{path.name} is a workbook, which is read with openpyxl: pip install"
            ' "napari-calcdyn[formats]", or save the sheet as CSV.'
        ) from error
    try:
        with path.open("rb") as raw, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and the like
            _check_size(path, raw)
            book = openpyxl.load_workbook(raw, read_only=True, data_only=True, keep_links=False)
            return _rows(path, book.worksheets[0])
    except (OSError, InputError) as error:
        if isinstance(error, InputError) or error.errno is not None:
            raise
        raise _damaged(path) from error
    except Exception as error:  # damaged bytes raise errors of all kinds
        raise _damaged(path) from error


def _check_size(path: Path, raw: Any) -> None:
    """Refuse what would unpack to more than a table; no more than it says is unpacked later."""
    with zipfile.ZipFile(raw) as parts:
        sizes = [part.file_size for part in parts.infolist()]
    if len(sizes) > _MOST_PARTS or sum(sizes) > _MOST_BYTES:
        raise InputError(f"{path.name} is too large for a workbook: save the sheet as CSV.")


def _rows(path: Path, sheet: Any) -> list[list[str]]:
    sheet.reset_dimensions()  # it may announce any size
    rows, cells = [], 0
    for row in sheet.iter_rows(values_only=True):
        cells += len(row) + 1
        if cells > _MOST_CELLS:
            raise InputError(f"{path.name} has more than {_MOST_CELLS:,} cells: save the sheet as CSV.")
        texts = [_text(value) for value in row]
        while texts and not texts[-1]:
            texts.pop()
        if texts:
            rows.append(texts)
    width = max(map(len, rows), default=0)
    if width * len(rows) > _MOST_CELLS:
        raise InputError(f"{path.name} has more than {_MOST_CELLS:,} cells: save the sheet as CSV.")
    return [row + [""] * (width - len(row)) for row in rows]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, date | time):  # also a date with a time
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    return str(value).strip()


def _damaged(path: Path) -> InputError:
    return InputError(f"{path.name} is no workbook of Excel, or it is damaged: save the sheet as CSV.")
