"""What the animal did while it was recorded: a table with a row per frame, or with times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.csv_table import Table, read_table
from napari_calcdyn.recording.errors import InputError

_TIMES = ("time", "times", "t", "time_s", "timestamp")


@dataclass(frozen=True, eq=False)
class Behaviour:
    """Columns with one sample for each frame of a recording.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (T,)
        float64 (NaN where unknown), bool or str (empty where unknown).
    name : str
        Where they came from, for messages.
    """

    columns: Mapping[str, NDArray[Any]]
    name: str


def open_behaviour(path: str | PathLike[str], n_frames: int, *, frame_rate: float | None = None) -> Behaviour:
    """Read a table of what the animal did, and bring it to the frames of a recording.

    Parameters
    ----------
    path : str or Path
        A ``.csv`` file with names in its first row, and one row per frame; or with rows of any number and a column
        of times in seconds since the first frame, named ``time``, ``times``, ``t``, ``time_s`` or ``timestamp``.
    n_frames : int
        Frames of the recording, T.
    frame_rate : float or None
        Frames per second (Hz), for a table with times. Where it is unknown, such a table is read like one without,
        if it has a row per frame.

    Returns
    -------
    Behaviour
        Of a table with times, numbers are interpolated, and NaN more than half a frame outside of the times or where
        the nearest row is blank. Truth values and text are those of the latest row, up to half a frame after the
        frame; truth values that are not known in the first frames become text.

    Raises
    ------
    InputError
        If there is no such file, it is no table, its rows do not match the frames, or its times cannot be used.
    """
    table = read_table(path)
    clock = next((name for name in table.cells if name.lower() in _TIMES), None)
    names = [name for name in table.cells if name and name != clock]
    if not names:
        besides = f", apart from {clock}" if clock else ""
        raise InputError(f"{table.name} has no column with a name{besides}: add one.")
    if clock is not None and frame_rate is not None:
        times = _times(table, clock)
        frames = np.arange(n_frames) / frame_rate
        reach = 0.5 / frame_rate
        if times[-1] < -reach or times[0] > frames[-1] + reach:
            raise InputError(
                f"The times in {table.name} go from {times[0]:g} to {times[-1]:g} s and the recording from 0 to"
                f" {frames[-1]:g} s: give seconds since the first frame, or one row per frame and no column {clock}."
            )
        return Behaviour(
            {name: _at_frames(table.typed(name), times, frames, reach) for name in names}, table.name
        )
    if table.rows != n_frames:
        raise InputError(
            f"{table.name} has {table.rows} rows for {n_frames} frames: "
            + (
                f"enter the frame rate of the recording, so that the column {clock} can be used."
                if clock
                else "give one row for each frame, or a column time in seconds."
            )
        )
    return Behaviour({name: table.typed(name) for name in names}, table.name)


def where(column: NDArray[Any], *, above: float | None = None, value: str | None = None) -> NDArray[np.bool_]:
    """Tell in which frames a column is above a number, or has a value.

    Parameters
    ----------
    column : ndarray of shape (T,)
        Of a `Behaviour`.
    above : float, optional
        True where the column is larger; a frame that is not known is not.
    value : str, optional
        True where the column is this: a word, whatever its case, a truth value, or a number.

    Returns
    -------
    ndarray of shape (T,), bool
        One for each frame.

    Raises
    ------
    InputError
        If not exactly one of the two is given, or the column is not of that kind.
    """
    column = np.asarray(column)
    if (above is None) == (value is None):
        raise InputError("Give either a number to be above or a value.")
    text = column.dtype.kind == "U"
    if above is not None:
        if text:
            raise InputError("The column has words and is never above a number: choose one of its values.")
        return np.asarray(column > above)
    assert value is not None
    if text or column.dtype == bool:
        return np.asarray(np.char.lower(column.astype(str)) == value.strip().lower())
    try:
        return np.asarray(column == float(value))
    except ValueError as error:
        raise InputError(f"The column has numbers and is never “{value}”: give a number.") from error


def averaged(column: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    """Average a column of numbers over time, so that a threshold is not crossed with every tremble.

    Parameters
    ----------
    column : ndarray of shape (T,), float64
        Of a `Behaviour`.
    frames : int
        How many frames are averaged into one, around it; the ends are continued. 1 leaves the column as it is.

    Returns
    -------
    ndarray of shape (T,), float64
        NaN wherever one of the frames is.
    """
    padded = np.pad(column, (frames // 2, (frames - 1) // 2), mode="edge")
    return np.convolve(padded, np.full(frames, 1 / frames), "valid")


def known(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell in which frames a column has a value.

    Parameters
    ----------
    column : ndarray of shape (T,)
        Of a `Behaviour`.

    Returns
    -------
    ndarray of shape (T,), bool
        False where a number is NaN or infinite or a text is empty.
    """
    column = np.asarray(column)
    if column.dtype.kind == "U":
        return np.asarray(column != "")
    return np.isfinite(column) if column.dtype.kind == "f" else np.ones(len(column), bool)


def stretches(mask: NDArray[np.bool_], least: int = 1) -> list[range]:
    """Return the stretches of consecutive frames in which something holds.

    Parameters
    ----------
    mask : ndarray of shape (T,), bool
        Whether it holds, as from `where`.
    least : int
        Leave out stretches of fewer frames.

    Returns
    -------
    list of range
        In time order.
    """
    edges = np.flatnonzero(np.diff(np.asarray(mask, bool), prepend=False, append=False))
    return [
        range(start, stop) for start, stop in edges.reshape(-1, 2).tolist() if stop - start >= max(least, 1)
    ]


def _times(table: Table, clock: str) -> NDArray[np.float64]:
    """Return the times of the rows, in seconds."""
    times = table.typed(clock)
    if times.dtype.kind != "f" or not np.isfinite(times).all():
        raise InputError(f"The column {clock} of {table.name} has something else than times in seconds.")
    if (np.diff(times) < 0).any():
        row = int(np.argmax(np.diff(times) < 0)) + 2
        raise InputError(f"The times in {table.name} go back in row {row}: sort the rows by {clock}.")
    return times


def _at_frames(
    column: NDArray[Any], times: NDArray[np.float64], frames: NDArray[np.float64], reach: float
) -> NDArray[Any]:
    """Return a column at the times of the frames; `reach` is half the time between two."""
    if column.dtype.kind == "f":
        blank = ~np.isfinite(column)
        if blank.all():
            return np.full(len(frames), np.nan)
        found: NDArray[np.float64] = np.interp(frames, times[~blank], column[~blank])
        nearest_is_blank = np.interp(frames, times, blank.astype(float)) >= 0.5
        found[nearest_is_blank | (frames < times[0] - reach) | (frames > times[-1] + reach)] = np.nan
        return found
    # Half a frame later, as a time that was written with few digits may lie a hair after its frame.
    row = np.searchsorted(times, frames + reach, side="right") - 1
    if (row >= 0).all():
        return column[row]
    text = column.astype(str)[row]
    text[row < 0] = ""
    return text
