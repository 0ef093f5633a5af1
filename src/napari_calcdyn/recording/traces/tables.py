"""Traces in tables, as spreadsheets, ImageJ and programs save them."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.csv_table import read_cells
from napari_calcdyn.recording.errors import InputError, count_text
from napari_calcdyn.recording.workbook import WORKBOOK_ENDINGS

CellsIn = Literal["rows", "columns"]
TABLE_ENDINGS = (".csv", ".tsv", ".txt", *WORKBOOK_ENDINGS)
_FEW = 8  # samples: fewer say nothing about what lies along an axis
_SMOOTHER = 0.2  # so much larger is the correlation of neighbours along time than along cells
_TIMES = re.compile(
    r"(t|time|times|timestamps?|seconds|sec|zeit)(?![a-z])[\s_(\[]*(ms|msec|s|sec|seconds|min)?[\s)\]]*", re.I
)
_COUNTS = re.compile(
    r"(|#|no\.?|index|idx|id|frames?|frame.?(no|number|index)\.?|slices?|samples?|n|unnamed: 0)", re.I
)
_UNITS = {"ms": 1e-3, "msec": 1e-3, "min": 60.0}
# What ImageJ's Multi Measure calls its columns: a measurement, and the number or the name of the ROI.
_MEASURED = re.compile(
    r"(Area|Mean|StdDev|Mode|Min|Max|XM?|YM?|Perim\.|BX|BY|Width|Height|Major|Minor|Angle|Circ\.|Feret\w*|IntDen|Median|"
    r"Skew|Kurt|%Area|RawIntDen|AR|Round|Solidity|MinFeret)\s*(\d+|\(.+\))"
)


@dataclass(frozen=True)
class TraceTable:
    """What a table of traces holds.

    Parameters
    ----------
    traces : list of ndarray, or ndarray (N, T)
        One for each cell; NaN where a sample is missing. Of unequal lengths where the rows of the table are.
    names : tuple of str
        Of the cells; empty where the table does not name them.
    frame_rate : float or None
        Samples per second (Hz), from a column of times.
    cells_in : str
        ``"rows"`` or ``"columns"`` of the table.
    notes : tuple of str
        Sentences about how it was understood.
    """

    traces: list[NDArray[np.float64]] | NDArray[Any]
    names: tuple[str, ...]
    frame_rate: float | None
    cells_in: CellsIn
    notes: tuple[str, ...]


def read_trace_table(path: Path, cells_in: CellsIn | None = None) -> TraceTable:
    """Read traces from a text file of columns, or from a workbook.

    Names in the first row or column, columns of times, numbers or text, and the measurements of ImageJ are recognised.

    Parameters
    ----------
    path : Path
        Separated by commas, semicolons or tabs; numbers may have a decimal comma, except between commas.
    cells_in : {"rows", "columns"} or None
        Where the cells are; None finds it out: in columns if these have names or begin with one of times, or if the
        numbers are smoother along them.

    Returns
    -------
    TraceTable
        One trace for each cell.

    Raises
    ------
    InputError
        If it is no text, or something else than names and numbers.
    """
    try:
        rows, comma = read_cells(path)
    except OSError as error:
        raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} is no text: save the traces as CSV, one trace in each row.") from error
    if not rows:
        return TraceTable([], (), None, cells_in or "rows", ())
    head = _names(rows[0], rows[1], comma) if len(rows) > 1 else None
    body, above = (rows, 1) if head is None else (rows[1:], 2)
    if cells_in != "columns" and _rows_have_names(body, head, comma, certain=cells_in == "rows"):
        values = [_numbers(path, at, row, comma, first=1) for at, row in enumerate(body, above)]
        return _in_named_rows(path, values, [row[0].strip() for row in body])
    skip = _text_columns(body, comma) if head is not None else set()
    values = [_numbers(path, at, row, comma, skip=skip) for at, row in enumerate(body, above)]
    equal = len({len(row) for row in values}) == 1 and (head is None or len(head) == len(values[0]))
    if cells_in is None:
        cells_in = "columns" if head is not None or (equal and _in_columns(np.array(values))) else "rows"
    if cells_in == "rows":
        return TraceTable(values, (), None, "rows", ())
    if not equal:
        raise InputError(
            f"{path.name} has rows of unequal lengths: fill the table, or save one trace in each row."
        )
    return _in_named_columns(path, np.array(values).T, head, skip)


def _in_named_rows(path: Path, values: list[NDArray[np.float64]], names: list[str]) -> TraceTable:
    """Return the cells of a table whose first column names them; its first row may be one of times."""
    rate, notes = None, []
    if len(values) > 1 and _even(values[0]):
        time, step = _TIMES.fullmatch(names[0]), _step(values[0]) or 1.0
        if time:
            rate = 1 / (step * _UNITS.get((time[2] or "").lower(), 1.0))
        notes.append(f"The first row of {path.name} counts the samples, and is left out.")
        values, names = values[1:], names[1:]
    where = f"{count_text(len(values), 'cell')} in the rows of {path.name}, {len(values[0]):,} samples in its columns."
    return TraceTable(values, tuple(names), rate, "rows", (where, *notes))


def _in_named_columns(
    path: Path, columns: NDArray[np.float64], head: Sequence[str] | None, skip: set[int]
) -> TraceTable:
    """Return the cells among the columns of a table."""
    names = list(head) if head is not None else [""] * len(columns)
    notes, rate, kept = [], None, [at for at in range(len(names)) if at not in skip]
    measured = {at: found for at in kept if (found := _MEASURED.fullmatch(names[at].strip()))}
    means = [at for at, found in measured.items() if found[1] == "Mean"]
    if "Mean" in (name.strip() for name in names) and "Label" in (name.strip() for name in names):
        raise InputError(
            f"{path.name} has a row for each ROI and slice: measure again in ImageJ with One Row per Slice ticked."
        )
    if measured and not means:
        raise InputError(
            f"{path.name} has no mean of each ROI: tick Mean Gray Value in ImageJ's Set Measurements."
        )
    if means:
        kept, before = means, len(measured)
        for at in means:
            names[at] = measured[at][2].strip("()")
        if before > len(means):
            notes.append("Of the measurements of ImageJ, only the means are taken.")
    for at in [it for it in range(len(columns)) if it not in skip and it not in measured]:
        step, name = _step(columns[at]), names[at].strip()
        time = _TIMES.fullmatch(name) if name else None
        counts = (
            _COUNTS.fullmatch(name)
            if head is not None
            else at == 0 and len(columns) > 1 and _even(columns[at])
        )
        if not step or not (time or counts):
            continue
        kept = [it for it in kept if it != at]
        if time:
            rate = 1 / (step * _UNITS.get((time[2] or "").lower(), 1.0))
            notes.append(f"Samples are {step:g} apart in its column {name}.")
        elif head is None:
            notes.append("Its first column counts the samples, and is left out.")
    if not kept:
        raise InputError(
            f"{path.name} holds no traces besides times or numbers of samples: choose a file that does."
        )
    if skip:
        left = ", ".join(names[at] or "without a name" for at in sorted(skip)[:3])
        notes.append(f"{count_text(len(skip), 'column')} of text left out: {left}.")
    where = f"{count_text(len(kept), 'cell')} in the columns of {path.name}, {columns.shape[1]:,} samples in its rows."
    chosen = tuple(names[at].strip() for at in kept)
    return TraceTable(
        [columns[at] for at in kept], chosen if any(chosen) else (), rate, "columns", (where, *notes)
    )


def _number(text: str, comma: bool) -> float | None:
    text = text.strip() or "nan"
    try:
        return float(text.replace(",", ".") if comma else text)
    except ValueError:
        return None


def _names(row: Sequence[str], below: Sequence[str], comma: bool) -> list[str] | None:
    """Return the first row if it names columns: most of it is text, or the corner above a number, or it counts."""
    text = sum(_number(cell, comma) is None for cell in row)
    counted = [str(at) for at in range(len(row) - 1)] == [cell.strip() for cell in row[1:]] and not row[
        0
    ].strip()
    most = text and 2 * text >= sum(bool(cell.strip()) for cell in row[1:])
    corner = (
        _number(row[0], comma) is None and _number(below[0], comma) is not None and bool(below[0].strip())
    )
    return list(row) if most or corner or (counted and len(row) > 2) else None


def _rows_have_names(body: list[list[str]], head: list[str] | None, comma: bool, *, certain: bool) -> bool:
    """Whether the first column names cells: all of it is text, each another, and columns have no names of cells."""
    first = [row[0] for row in body]
    if any(len(row) < 2 or _number(row[0], comma) is not None for row in body) or len(set(first)) < len(
        first
    ):
        return False
    if head is None or certain:
        return True
    if any(_MEASURED.fullmatch(cell.strip()) or cell.strip() == "Mean" for cell in head):
        return False
    return len(body) < len(head) and all(_number(cell, comma) is None or cell.strip() for cell in head[1:])


def _text_columns(body: list[list[str]], comma: bool) -> set[int]:
    """Return which columns hold nothing but text."""
    width = min(map(len, body), default=0)
    return {at for at in range(width) if all(_number(row[at], comma) is None for row in body)}


def _numbers(
    path: Path, row: int, cells: list[str], comma: bool, *, first: int = 0, skip: set[int] | None = None
) -> NDArray[np.float64]:
    """Return one row of a table as numbers, NaN for empty cells and columns to skip."""
    values = np.full(len(cells) - first, np.nan)
    for at, text in enumerate(cells[first:]):
        if skip and at + first in skip:
            continue
        number = _number(text, comma)
        if number is None:
            raise InputError(
                f"{path.name} has text in row {row}, column {at + first + 1} ({text.strip()[:20]!r}): leave only"
                " numbers in it, and names in the first row or column."
            )
        values[at] = number
    return values


def _step(values: NDArray[np.float64]) -> float | None:
    """Return the step of a column that counts or tells the time, None where it does neither."""
    with np.errstate(all="ignore"):
        steps = np.diff(values)
        middle = float(np.median(steps)) if len(steps) else 0.0
        return middle if np.isfinite(values).all() and middle > 0 and (steps > 0).all() else None


def _even(values: NDArray[np.float64]) -> bool:
    step = _step(values)
    return (
        step is not None
        and len(values) >= _FEW
        and bool(np.allclose(np.diff(values), step, rtol=1e-2, atol=0))
    )


def _in_columns(table: NDArray[np.float64]) -> bool:
    """Whether time goes down a table that has no names."""
    rows, columns = table.shape
    if rows < _FEW or _even(table[0]):
        return False
    if (columns > 1 and _even(table[:, 0])) or columns < _FEW:
        return True
    return _smoothness(table.T) > _smoothness(table) + _SMOOTHER


def _smoothness(traces: NDArray[np.float64]) -> float:
    """Return the median correlation of neighbours in each row."""
    centred = np.nan_to_num(
        traces - np.nanmean(np.where(np.isfinite(traces), traces, 0), axis=1, keepdims=True)
    )
    with np.errstate(all="ignore"):
        near = (centred[:, 1:] * centred[:, :-1]).sum(1) / (centred**2).sum(1)
    return float(np.nanmedian(np.nan_to_num(near)))
