"""Behaviour in every frame of a recording, and stretches of time in which it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError


@dataclass(frozen=True, eq=False)
class Behaviour:
    """Columns of behaviour with one sample for each frame of a recording.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (T,)
        float64 (NaN where unknown), bool or str (empty where unknown).
    name : str
        Where they came from, for messages.
    """

    columns: Mapping[str, NDArray[Any]]
    name: str


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
    """Average a column of numbers over time, so that noise does not cross a threshold.

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
