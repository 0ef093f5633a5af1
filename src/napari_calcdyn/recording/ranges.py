"""Stretches of time, as text such as ``0:250, 400:500``, as masks, and laid out with gaps between them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

GAP = 5
"""Frames of nothing between two recordings that are joined: no frame is compared with one farther away, so that none is
with a frame of another recording. Lags of any order end there too, since no frame of a gap can be used."""

_PART = re.compile(r"\s*(\d*)\s*:\s*(\d*)\s*")


class Part(NamedTuple):
    """A recording in a movie of several.

    Attributes
    ----------
    name : str
        Of the recording.
    frames : range
        Its frames in the movie.
    """

    name: str
    frames: range


def parse_ranges(text: str, n_frames: int) -> list[range]:
    """Read stretches of a recording.

    Parameters
    ----------
    text : str
        ``START:STOP`` in frames, counted from 0, STOP excluded; either may be left out. Several are separated by
        commas.
    n_frames : int
        Frames of the recording.

    Returns
    -------
    list of range
        In time order.

    Raises
    ------
    InputError
        If the text is something else, a stretch is empty or not in the recording, or two overlap.
    """
    ranges = []
    for part in text.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise InputError(
                f"“{part.strip()}” is no stretch of time: write START:STOP in frames, as 0:{n_frames // 2}, and a"
                " comma between several."
            )
        start, stop = int(found[1] or 0), int(found[2] or n_frames)
        if stop > n_frames:
            raise InputError(
                f"“{part.strip()}” ends after the recording, which has {n_frames:,} frames: end it at"
                f" {n_frames} or before."
            )
        if start >= n_frames:
            raise InputError(
                f"“{part.strip()}” starts after the recording, which has {n_frames:,} frames: start it at"
                f" {n_frames - 1} or before."
            )
        if start >= stop:
            raise InputError(f"“{part.strip()}” holds no frame: START must come before STOP.")
        ranges.append(range(start, stop))
    ranges.sort(key=lambda it: it.start)
    for one, other in pairwise(ranges):
        if other.start < one.stop:
            raise InputError(
                f"The stretches {format_ranges([one, other])} overlap: count every frame only once."
            )
    return ranges


def format_ranges(ranges: Sequence[range]) -> str:
    """Write stretches as `parse_ranges` reads them.

    Parameters
    ----------
    ranges : sequence of range
        Start included, stop excluded.

    Returns
    -------
    str
        Such as ``0:250, 400:500``.
    """
    return ", ".join(f"{it.start}:{it.stop}" for it in ranges)


def frames_in(ranges: Sequence[range], n_frames: int) -> NDArray[np.bool_]:
    """Tell which frames of a recording are in stretches.

    Parameters
    ----------
    ranges : sequence of range
        Of the recording.
    n_frames : int
        Its frames, T.

    Returns
    -------
    ndarray (T,), bool
        The opposite of `behaviour.stretches`.
    """
    mask = np.zeros(n_frames, bool)
    for stretch in ranges:
        mask[stretch.start : stretch.stop] = True
    return mask


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


def laid_out(lengths: Iterable[int], gap: int = GAP) -> tuple[range, ...]:
    """Lay stretches out one after the other, with a gap between any two.

    Parameters
    ----------
    lengths : iterable of int
        Frames of each.
    gap : int
        Frames between any two.

    Returns
    -------
    tuple of range
        Where each of them is.
    """
    lengths = list(lengths)
    starts = accumulate((it + gap for it in lengths[:-1]), initial=0)
    return tuple(range(start, start + it) for start, it in zip(starts, lengths, strict=True))
