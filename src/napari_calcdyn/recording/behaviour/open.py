"""Open a table of behaviour."""

from __future__ import annotations

from datetime import datetime
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.csv_table import Table, read_table
from napari_calcdyn.recording.errors import InputError

from .behaviour import Behaviour

_TIMES = ("time", "times", "t", "time_s", "timestamp", "timestamps", "datetime")


def open_behaviour(path: str | PathLike[str], n_frames: int, *, frame_rate: float | None = None) -> Behaviour:
    """Read a table of behaviour, and bring it to the frames of a recording.

    Parameters
    ----------
    path : str or Path
        A ``.csv`` or ``.xlsx`` file with names in its first row, and one row per frame; or with rows of any number and
        a column of times, named ``time``, ``times``, ``t``, ``time_s``, ``timestamp``, ``timestamps`` or ``datetime``:
        in seconds since the first frame, or dates and times in ISO 8601 such as ``2026-01-01T10:00:00.123Z``, of which
        the first row's is that of the first frame.
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


def _times(table: Table, clock: str) -> NDArray[np.float64]:
    """Return the times of the rows, in seconds; dates are counted from the first row."""
    times = table.typed(clock)
    if times.dtype.kind == "U":
        times = _since_first(table, clock)
    if times.dtype.kind != "f" or not np.isfinite(times).all():
        raise InputError(f"The column {clock} of {table.name} has something else than times in seconds.")
    if (np.diff(times) < 0).any():
        row = int(np.argmax(np.diff(times) < 0)) + 2
        raise InputError(f"The times in {table.name} go back in row {row}: sort the rows by {clock}.")
    return times


def _since_first(table: Table, clock: str) -> NDArray[np.float64]:
    try:
        dates = [datetime.fromisoformat(cell) for cell in table.cells[clock]]
        return np.array([(date - dates[0]).total_seconds() for date in dates])
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"The column {clock} of {table.name} has something else than times in seconds, or dates and times such"
            " as 2026-01-01T10:00:00.123Z."
        ) from error
    except TypeError as error:
        raise InputError(
            f"Some times in the column {clock} of {table.name} have a time zone and others none: give it to all."
        ) from error


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
