"""Images that are the same at all times, as a stack that napari can show over a movie."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from napari.utils.notifications import show_warning
from numpy.typing import DTypeLike, NDArray

from napari_calcdyn.recording.errors import InputError


class AtAllTimes:
    """Images (n, Y, X) as an array (n, frames, Y, X); only what is looked at is read.

    An image that cannot be read is NaN, which napari shows as clear, and the first one is told in a notification:
    napari reads while it draws, where an error would come with a traceback, and again at each step in time.

    Parameters
    ----------
    images : array-like of shape (n, Y, X)
        With `shape`, `dtype` and indices like those of an array; may be lazy.
    frames : int
        Number of times.

    Attributes
    ----------
    images : array-like of shape (n, Y, X)
        As they were given.
    shape : tuple of int
        (n, frames, Y, X).
    dtype : numpy.dtype
        Of the images.
    ndim : int
        4.
    """

    ndim = 4

    def __init__(self, images: Any, frames: int) -> None:
        self.images = images
        self.shape: tuple[int, int, int, int] = (images.shape[0], frames, *images.shape[1:])
        self.dtype: np.dtype[Any] = images.dtype
        self._told = False

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        """Return the number of images."""
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Return a part; repetition in time takes no memory."""
        given: list[Any] = list(index) if isinstance(index, tuple) else [index]
        first, time, *place = given + [slice(None)] * (self.ndim - len(given))
        part = self._read((first, *place))
        times: int | range = range(self.shape[1])[time]
        if isinstance(times, int):
            return part
        before = 0 if np.ndim(first) == 0 and not isinstance(first, slice) else 1
        shape = (*part.shape[:before], len(times), *part.shape[before:])
        return np.broadcast_to(np.expand_dims(part, before), shape)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the whole stack."""
        return np.asarray(self[:], dtype=dtype)

    def _read(self, index: tuple[Any, ...]) -> NDArray[Any]:
        try:
            return np.asarray(self.images[index])
        except InputError as error:
            if not self._told:
                self._told = True
                show_warning(str(error))
            clear: NDArray[Any] = np.broadcast_to(np.array(np.nan, self.dtype), self.images.shape)[index]
            return clear
