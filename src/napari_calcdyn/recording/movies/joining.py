"""Two recordings of one field of view, joined in time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError, size_text
from napari_calcdyn.recording.progress import ProgressCallback

from .corrections import joined, nothing_corrected
from .movie import Movie


class JoinedSource:
    """Frames of one recording, then those of another, with the mean frame of the first in both."""

    dtype = np.dtype(np.float32)

    def __init__(self, first: Movie, second: Movie, shift: NDArray[np.float32]) -> None:
        self._first, self._second, self._shift = first, second, shift
        self.shape = (first.n_frames + second.n_frames, *first.frame_shape)
        self.files = (*first.files, *second.files)

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Read frames of either; those of the second are moved to the mean of the first."""
        stop, joint = start + len(out), self._first.n_frames
        in_first = max(0, min(stop, joint) - start)
        if in_first:
            out[:in_first] = self._first.frames(start, start + in_first)
        if stop > joint:
            out[in_first:] = self._second.frames(max(start, joint) - joint, stop - joint)
            out[in_first:] += self._shift

    def lazy(self) -> Any:
        """Return None: frames can only be read."""
        return


def join(first: Movie, second: Movie, progress: ProgressCallback | None = None) -> Movie:
    """Join two recordings of one field of view in time.

    Parameters
    ----------
    first, second : Movie
        Of the same frame size.
    progress : callable or None
        Called with frames done and in all, twice, while mean frames are computed; returns True to stop.

    Returns
    -------
    Movie
        All frames as float32. Those of `second` are moved by the difference of the mean frames, so that there is no
        step in brightness where they meet.

    Raises
    ------
    InputError
        If the frames differ in size.
    Cancelled
        If `progress` asked to stop.
    """
    if first.frame_shape != second.frame_shape:
        raise InputError(
            f"{first.name} has frames of {size_text(first.frame_shape)} pixels and {second.name} of"
            f" {size_text(second.frame_shape)}: choose two recordings of one field"
            " of view."
        )
    shift = first.mean_frame(progress) - second.mean_frame(progress)
    return Movie(
        JoinedSource(first, second, shift),
        frame_rate=first.frame_rate,
        pixel_size=first.pixel_size,
        name=f"{first.name} and {second.name}",
        corrections=joined([it.corrections or nothing_corrected(it.shape) for it in (first, second)]),
    )
