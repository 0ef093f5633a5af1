"""Movies that are arrays of numbers in a file, whatever the order of their axes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError, size_text
from napari_calcdyn.recording.hdf5_file import MOST_PIXELS

from .sources import check_movie_array

_READ_BYTES = 2**20  # at least so many at a time
KEPT_BYTES = 2**27  # of decoded frames that lie in chunks together


@dataclass(frozen=True)
class ArrayInfo:
    """One of several arrays in a file that may be the movie.

    Parameters
    ----------
    name : str
        By which it is chosen.
    shape : tuple of int
        Lengths of its axes as stored; none where it lies in another file.
    dtype : numpy.dtype or None
        As stored.
    """

    name: str
    shape: tuple[int, ...] = ()
    dtype: np.dtype[Any] | None = None

    def __str__(self) -> str:
        """Return its name and what it is."""
        about = "in another file" if self.dtype is None else f"{size_text(self.shape)}, {self.dtype.name}"
        return f"{self.name} ({about})"


@dataclass(frozen=True)
class ArrayStack:
    """An array in a file, before a channel and a plane are chosen.

    Parameters
    ----------
    name : str
        What to call it in messages.
    files : tuple of Path
        Where it is.
    opened : callable
        Opens it for reading: a context manager that returns something to be indexed as an array.
    stored_shape : tuple of int
        Lengths of its axes.
    axes : str
        A letter for each of them: T, Y, X; C for channels, Z for planes, Q for one of length 1.
    n_frames : int
        Frames that are there.
    dtype : numpy.dtype
        As stored.
    chunk_frames : int
        So many frames are decoded together.
    mapped : callable or None
        Maps the whole array into memory, None where it cannot be.
    frame_rate : float or None
        Frames per second (Hz) of one plane.
    pixel_size : tuple of float or None
        Height and width of a pixel in µm.
    notes : tuple of str
        Sentences about what is wrong with the file, though it can be opened.
    unsure : str
        What to ask, where the axes are a guess.
    """

    name: str
    files: tuple[Path, ...]
    opened: Callable[[], AbstractContextManager[Any]]
    stored_shape: tuple[int, ...]
    axes: str
    n_frames: int
    dtype: np.dtype[Any]
    chunk_frames: int = 1
    mapped: Callable[[], NDArray[Any]] | None = None
    frame_rate: float | None = None
    pixel_size: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    unsure: str = ""

    def _length(self, axis: str) -> int:
        return self.stored_shape[self.axes.index(axis)] if axis in self.axes else 1

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Height and width of a frame."""
        return self._length("Y"), self._length("X")

    @property
    def planes(self) -> int:
        """Planes to choose from."""
        return self._length("Z")

    @property
    def channels(self) -> int:
        """Channels to choose from."""
        return self._length("C")

    def source(self, plane: int, channel: int) -> ArrayStackSource:
        """Return the frames of one plane and one channel."""
        return ArrayStackSource(self, plane, channel)

    def checked(self) -> ArrayStack:
        """Return the same, with a note where each reading decodes very many frames.

        Returns
        -------
        ArrayStack
            This one, or a copy with one more note.

        Raises
        ------
        InputError
            If it is no movie.
        """
        check_movie_array(self.name, (self.n_frames, *self.frame_shape), self.dtype)
        if self.frame_shape[0] * self.frame_shape[1] > MOST_PIXELS:
            raise InputError(
                f"{self.name} cannot have frames of {size_text(self.frame_shape)} pixels: check its axes."
            )
        if self.source(0, 0).keeps:
            return self
        note = (
            f"{self.name} stores {self.chunk_frames:,} frames in each chunk, so that reading it is slow: save it again"
            " in chunks of a few frames."
        )
        return replace(self, notes=(*self.notes, note))


class Inverted:
    """An array of whole numbers without sign that is dark where they are large, the other way round.

    Parameters
    ----------
    stored : array_like
        Read where it is indexed.
    """

    def __init__(self, stored: Any) -> None:
        self._stored = stored

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Return a part of it, with large numbers where it is bright."""
        bright: NDArray[Any] = np.invert(self._stored[index])
        return bright


class ArrayStackSource:
    """Frames of an array in a file, which is opened anew for each reading.

    Frames that are compressed together are decoded once for several readings that follow each other.

    Parameters
    ----------
    stack : ArrayStack
        The array.
    plane, channel : int
        Which to read.
    """

    def __init__(self, stack: ArrayStack, plane: int, channel: int) -> None:
        self._stack = stack
        self.shape = (stack.n_frames, *stack.frame_shape)
        self.dtype = stack.dtype.newbyteorder("=")
        self.files = stack.files
        self._at = {"Z": plane, "C": channel, "Q": 0}
        frame_bytes = int(np.prod(stack.frame_shape)) * stack.dtype.itemsize
        self._step = stack.chunk_frames * max(1, _READ_BYTES // (stack.chunk_frames * frame_bytes))
        self.keeps = self._step * frame_bytes <= KEPT_BYTES
        self._kept: tuple[int, NDArray[Any]] | None = None
        self._lock = threading.Lock()

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Read and decode frames."""
        stop = start + len(out)
        with self._stack.opened() as array:
            for first in range(start // self._step * self._step, stop, self._step):
                last = min(first + self._step, len(self))
                begin, end = max(first, start), min(last, stop)
                if (begin, end) == (first, last) or not self.keeps:
                    frames = self._decode(array, begin, end)
                else:
                    frames = self._together(array, first, last)[begin - first : end - first]
                out[begin - start : end - start] = frames

    def lazy(self) -> Any:
        """Memory-map numbers that lie one after another."""
        stack = self._stack
        if stack.mapped is None or not stack.dtype.isnative:
            return None
        return self._arranged(stack.mapped(), slice(None))

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.shape[0]

    def _together(self, array: Any, first: int, last: int) -> NDArray[Any]:
        with self._lock:
            if self._kept is None or self._kept[0] != first:
                self._kept = None  # else two would be in memory
                # A copy, as part of a file that is mapped into memory goes with it.
                self._kept = first, np.array(self._decode(array, first, last))
            return self._kept[1]

    def _decode(self, array: Any, first: int, last: int) -> NDArray[Any]:
        return self._arranged(array, slice(first, last))

    def _arranged(self, array: Any, frames: slice) -> NDArray[Any]:
        """Return frames of an array with the axes of the stack as (n, Y, X)."""
        axes = self._stack.axes
        index = tuple(self._at.get(axis, frames if axis == "T" else slice(None)) for axis in axes)
        left = [axis for axis in axes if axis in "TYX"]
        picked: NDArray[Any] = array[index].transpose([left.index(axis) for axis in "TYX"])
        return picked
