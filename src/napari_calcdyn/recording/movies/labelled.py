"""Arrays that know their times and names: of pandas, pynapple and xarray, none of which is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError

from .readers.metadata import SECONDS

_TIMES = ("time", "times", "t", "frame", "frames", "sample", "samples")
_LINES, _COLUMNS = ("y", "height", "row", "rows"), ("x", "width", "column", "columns")
_UNEVEN = 0.01  # of a step between two times


@dataclass(frozen=True)
class Labelled:
    """What an array and its labels say.

    Parameters
    ----------
    values : array_like
        (N, T) of traces, (T, Y, X) of a movie.
    frame_rate : float or None
        Hz, from its times; None where it only counts samples.
    names : tuple
        Of the traces; none of a movie.
    """

    values: Any
    frame_rate: float | None
    names: tuple[Any, ...] = ()


def labelled_traces(name: str, table: Any, *, rate_is_given: bool = False) -> Labelled | None:
    """Return the traces in a table with labels, None for anything else.

    Parameters
    ----------
    name : str
        What to call it in messages.
    table : object
        ``pandas.DataFrame`` or ``pynapple.TsdFrame`` with time in rows, or ``xarray.DataArray`` of which one of two
        axes is called time.
    rate_is_given : bool
        Whether times need not be even, as they are not used.

    Returns
    -------
    Labelled or None
        Traces in rows.

    Raises
    ------
    InputError
        If a column holds no numbers, it is not clear what time is, or the times are not even.
    """
    if _is_xarray(table):
        time = _axis(name, table, _TIMES, "time")
        others = [axis for axis in table.dims if axis != time]
        if len(others) != 1:
            raise InputError(f"{name} has the axes {_listed(table)}: give one of time and one of cells.")
        names = _coordinate(table, others[0])
        rate = None if rate_is_given else _xarray_rate(name, table, time)
        return Labelled(table.transpose(others[0], time).values, rate, _plain(names))
    if hasattr(table, "iloc") and hasattr(table, "columns"):
        wrong = [
            str(it) for it, dtype in zip(table.columns, table.dtypes, strict=True) if dtype.kind not in "uif"
        ]
        if wrong:
            raise InputError(f"{name} has columns without numbers ({', '.join(wrong[:3])}): leave them out.")
        rate = None if rate_is_given else even_rate(name, np.asarray(table.index))
        return Labelled(table.to_numpy().T, rate, _plain(np.asarray(table.columns)))
    if hasattr(table, "time_support") and hasattr(table, "t") and np.ndim(table.values) == 2:
        rate = None if rate_is_given else even_rate(name, np.asarray(table.t))
        return Labelled(np.asarray(table.values).T, rate, _plain(np.asarray(table.columns)))
    return None


def labelled_movie(name: str, frames: Any, *, rate_is_given: bool = False) -> Labelled | None:
    """Return the movie in an array with labels, as lazy as it is; None for anything else.

    Parameters
    ----------
    name : str
        What to call it in messages.
    frames : object
        ``xarray.DataArray`` with axes of time, y and x in any order, or ``pynapple.TsdTensor``.
    rate_is_given : bool
        Whether times need not be even, as they are not used.

    Returns
    -------
    Labelled or None
        Frames in the order (T, Y, X).

    Raises
    ------
    InputError
        If it is not clear which axis is which, or the times are not even.
    """
    if _is_xarray(frames):
        time, line, column = (
            _axis(name, frames, known, what)
            for known, what in ((_TIMES, "time"), (_LINES, "y"), (_COLUMNS, "x"))
        )
        if len(frames.dims) != 3:
            raise InputError(
                f"{name} has the axes {_listed(frames)}: choose one channel and plane with isel."
            )
        rate = None if rate_is_given else _xarray_rate(name, frames, time)
        return Labelled(frames.transpose(time, line, column).data, rate)
    if hasattr(frames, "time_support") and hasattr(frames, "t") and np.ndim(frames.values) == 3:
        rate = None if rate_is_given else even_rate(name, np.asarray(frames.t))
        return Labelled(frames.values, rate)
    return None


def even_rate(name: str, times: NDArray[Any], unit: float = 1.0) -> float | None:
    """Return the rate of times that are evenly spaced.

    Parameters
    ----------
    name : str
        What to call them in messages.
    times : ndarray of shape (T,)
        Numbers, dates or durations.
    unit : float
        Seconds per unit of numbers.

    Returns
    -------
    float or None
        Hz; None for whole numbers, which count, and for anything that is no time.

    Raises
    ------
    InputError
        If they go back, or their steps differ by more than a hundredth.
    """
    if times.dtype.kind in "mM":
        times, unit = (times - times[:1]) / np.timedelta64(1, "ns"), 1e-9
    if times.dtype.kind != "f" or len(times) < 2:
        return None
    steps = np.diff(times)
    middle = float(np.median(steps))
    if not middle > 0 or not np.allclose(steps, middle, rtol=0, atol=_UNEVEN * middle):
        raise InputError(f"The times of {name} are not evenly spaced: resample it, or give its frame_rate.")
    return (len(times) - 1) / (float(times[-1] - times[0]) * unit)


def _is_xarray(it: Any) -> bool:
    return (
        hasattr(it, "dims") and hasattr(it, "coords") and hasattr(it, "transpose") and not hasattr(it, "iloc")
    )


def _axis(name: str, array: Any, known: tuple[str, ...], what: str) -> Any:
    found = [axis for axis in array.dims if str(axis).lower() in known]
    if len(found) != 1:
        raise InputError(f"{name} has the axes {_listed(array)}: rename the one of {what} to {known[0]}.")
    return found[0]


def _listed(array: Any) -> str:
    return ", ".join(map(str, array.dims))


def _coordinate(array: Any, axis: Any) -> NDArray[Any]:
    return np.asarray(array.coords[axis].values) if axis in array.coords else np.empty(0)


def _xarray_rate(name: str, array: Any, time: Any) -> float | None:
    if time not in array.coords:
        return None
    unit = str(array.coords[time].attrs.get("units", "s"))
    factor = SECONDS.get(unit) or SECONDS.get(unit.rstrip("s"), 1.0)
    return even_rate(name, _coordinate(array, time), factor)


def _plain(names: NDArray[Any]) -> tuple[Any, ...]:
    return tuple(names.tolist())
