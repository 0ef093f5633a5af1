"""What the axes of an array mean: as they were given, or as the numbers themselves say."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError, size_text
from napari_calcdyn.recording.hdf5_file import MOST_PIXELS

KNOWN = "TYXCZQ"
LETTERS = "T is time, C channel, Z plane, Y line, X column"
_LONGER = (
    1.5  # than height and width: so much longer is the time of most recordings, and hardly ever a picture
)
_STILL = 0.05  # of the variance: the least that a background is
_MORE = 1.3  # times what is explained by the mean over any other axis
_SAMPLES = (12, 12, 24)  # of the three axes


class AxesUnknown(InputError):
    """An array of which it must be said what its axes are.

    Parameters
    ----------
    text : str
        The sentence.
    guess : str
        What they probably are, a letter each; empty where nothing can be said.
    """

    def __init__(self, text: str, guess: str = "") -> None:
        super().__init__(text)
        self.guess = guess


def checked_axes(name: str, axes: str, shape: Sequence[int]) -> str:
    """Return axes that were given for an array, in capital letters.

    Parameters
    ----------
    name : str
        What to call the array in the message.
    axes : str
        A letter for each of its axes: T, Y, X; C for channels, Z for planes, Q for one of length 1.
    shape : sequence of int
        Their lengths.

    Returns
    -------
    str
        The same, in capital letters.

    Raises
    ------
    InputError
        If they do not fit.
    """
    given, example = axes.upper(), {2: "TYX", 3: "TYX", 4: "TCYX"}.get(len(shape), "TCZYX")
    single = [letter for letter in given if letter != "Q"]
    wrong = set(given) - set(KNOWN) or not set("TYX") <= set(given) or len(single) != len(set(single))
    if len(given) != len(shape):
        raise AxesUnknown(
            f"{name} has {len(shape)} axes ({size_text(shape)}), and {axes} names {len(given)}: give a letter for each"
            f" of them, such as {example}."
        )
    if wrong or any(letter == "Q" and length > 1 for letter, length in zip(given, shape, strict=True)):
        raise AxesUnknown(f"{axes} does not name axes: give them such as {example}, where {LETTERS}.")
    return given


def likely_axes(shape: Sequence[int], dtype: np.dtype[Any], known: str) -> str:
    """Return a letter for each axis of an array that can be a movie, else nothing.

    Parameters
    ----------
    shape : sequence of int
        Lengths of its axes.
    dtype : numpy.dtype
        Of its numbers.
    known : str
        What the axes longer than 1 are in this format, such as ``TYX``; of one more than these, the shortest is taken
        for channels.

    Returns
    -------
    str
        T, Y, X; C for channels, Z for planes, Q for an axis of length 1.
    """
    long = [axis for axis, length in enumerate(shape) if length > 1 or len(shape) == 3]
    lengths = [shape[axis] for axis in long]
    letters = known[: len(long)]
    if dtype.kind not in "uif" or not 3 <= len(long) <= 4:
        return ""
    if len(long) > len(letters):
        channel = lengths.index(min(lengths))
        if lengths.count(min(lengths)) > 1 or channel == 2 or (channel == 0 and lengths[0] >= 4):
            return ""
        letters = letters[:channel] + "C" + letters[channel:]
    length = dict(zip(letters, lengths, strict=True))
    if length["T"] < 4 or min(length["Y"], length["X"]) < 2 or length["Y"] * length["X"] > MOST_PIXELS:
        return ""
    named = dict(zip(long, letters, strict=True))
    return "".join(named.get(axis, "Q") for axis in range(len(shape)))


def time_seems_last(array: Any) -> bool:
    """Whether an array is a movie whose frames lie along its last axis.

    A recording has a background, so that the mean over time explains more of it than the mean over lines or columns.

    Parameters
    ----------
    array : ndarray of three axes
        In memory or memory-mapped; a few thousand numbers of it are read.

    Returns
    -------
    bool
        True only if the last axis is much longer than the other two, and what the mean over it explains is clearly
        more than with any of these.
    """
    if array.ndim != 3 or min(array.shape[:2]) < 2 or array.shape[2] < _LONGER * max(array.shape[:2]):
        return False
    at = [
        np.unique(np.linspace(0, n - 1, most).astype(int))
        for n, most in zip(array.shape, _SAMPLES, strict=True)
    ]
    few = np.asarray(array[np.ix_(*at)], np.float64)
    few = np.where(np.isfinite(few), few, np.nan)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of means of nothing but NaN
        *others, last = (_explained(few, axis) for axis in range(3))
    return bool(last > _STILL and last > _MORE * max(others))


def _explained(few: NDArray[np.float64], axis: int) -> float:
    """Return the share of the variance that the mean over an axis explains, less what it would explain of noise."""
    total, count = np.nanvar(few), few.shape[axis]
    share = np.nanvar(np.nanmean(few, axis)) / total if total > 0 else 0.0
    return float(np.nan_to_num((share - 1 / count) / (1 - 1 / count)))
