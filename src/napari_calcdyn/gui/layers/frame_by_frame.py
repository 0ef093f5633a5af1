"""A movie as a layer shows it: one frame at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

if TYPE_CHECKING:
    from napari_calcdyn.recording import Movie


class FrameByFrame:
    """The frames (T, Y, X) of a movie that is computed when it is read.

    A step in time is one frame, for which napari asks as a slice of one. It is read directly: dask would take longer
    to plan and to schedule it than to compute it. Whatever else is asked for comes from the movie's dask array, which
    reads a bounded number of frames at a time.

    Parameters
    ----------
    movie : Movie
        The recording.

    Attributes
    ----------
    movie : Movie
        As it was given.
    shape : tuple of int
        Frames, height, width.
    dtype : numpy.dtype
        Of the frames.
    ndim : int
        3.
    """

    ndim = 3

    def __init__(self, movie: Movie) -> None:
        self.movie, self.shape, self.dtype = movie, movie.shape, movie.dtype

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Return a part."""
        first, *place = index if isinstance(index, tuple) else (index,)
        if isinstance(first, (int, np.integer)):
            inside: NDArray[Any] = self._frame(range(len(self))[first])[tuple(place)]
            return inside
        if isinstance(first, slice) and len(times := range(len(self))[first]) == 1:
            one: NDArray[Any] = self._frame(times[0])[(np.newaxis, *place)]
            return one
        part: NDArray[Any] = np.asarray(self.movie.data[index])
        return part

    def _frame(self, time: int) -> NDArray[Any]:
        frame: NDArray[Any] = self.movie.frames(time, time + 1)[0]
        return frame

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all frames."""
        if copy is False:
            raise ValueError("frames have to be computed to become one array")
        return np.asarray(self.movie.data, dtype=dtype)
