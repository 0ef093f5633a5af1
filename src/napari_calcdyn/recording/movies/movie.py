"""The movie: a lazy stack of frames, and how to stream through it."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies.readers.sources import (
    ArraySource,
    Source,
    check_movie_array,
    path_of_array,
)
from napari_calcdyn.recording.progress import ProgressCallback
from napari_calcdyn.recording.ranges import Part, frames_in

from .corrections import CorrectedSource, Corrections
from .labelled import labelled_movie
from .lazy import lazy_frames
from .statistics import BLOCK_BYTES, MovieStatistics, stream_mean, stream_statistics


class Movie:
    """A movie (T, Y, X) that is read when asked for, never whole.

    Made by `open_movie` or `from_array`. Any number of threads may read at once. It holds no
    open file.

    Parameters
    ----------
    source : Source
        Where the frames come from.
    frame_rate : float or None
        Frames per second (Hz), of one plane.
    pixel_size : tuple of float or None
        Height and width of a pixel in µm.
    name : str
        What to call it in messages and layers.
    path : Path or None
        The file or folder it came from.
    axes : str
        What the file calls its axes.
    corrections : Corrections or None
        What the source puts right; see `corrected`.
    notes : tuple of str
        Sentences about what is wrong with the file, though it can be opened.
    parts : tuple of Part
        Recordings that were joined, with gaps between them; see `join`. A movie of one recording has one part.
    """

    def __init__(
        self,
        source: Source,
        *,
        frame_rate: float | None = None,
        pixel_size: tuple[float, float] | None = None,
        name: str = "movie",
        path: Path | None = None,
        axes: str = "TYX",
        corrections: Corrections | None = None,
        notes: tuple[str, ...] = (),
        parts: tuple[Part, ...] = (),
    ) -> None:
        check_movie_array(name, source.shape, source.dtype)
        if frame_rate is not None and not (np.isfinite(frame_rate) and frame_rate > 0):
            raise InputError(f"A frame rate of {frame_rate} Hz is not possible: give a positive number.")
        self._source = source
        self._lock = threading.Lock()
        self._data: Any = None
        self._mean: NDArray[np.float32] | None = None
        self._statistics: MovieStatistics | None = None
        self.frame_rate = frame_rate
        self.pixel_size = pixel_size
        self.name = name
        self.path = path
        self.axes = axes
        self.corrections = corrections
        self.notes = notes
        self.parts = parts or (Part(name, range(self.n_frames)),)

    @classmethod
    def from_array(
        cls,
        array: Any,
        *,
        frame_rate: float | None = None,
        pixel_size: tuple[float, float] | None = None,
        name: str = "movie",
    ) -> Movie:
        """Take an array (T, Y, X): numpy, memory-mapped, or lazy like dask or zarr; or one with labels.

        Parameters
        ----------
        array : array_like of shape (T, Y, X)
            Integers or floating point numbers. Not copied. The axes of an ``xarray.DataArray``, in any order, are
            called time, y and x; a ``pynapple.TsdTensor`` has time first.
        frame_rate : float or None
            Frames per second (Hz); None takes it from the times of an array with labels.
        pixel_size : tuple of float or None
            Height and width of a pixel in µm.
        name : str
            What to call it in messages and layers.

        Returns
        -------
        Movie
            The movie, as lazy as the array.

        Raises
        ------
        InputError
            If the array is no movie: not three axes, colour, fewer than 4 frames, or no numbers; or its
            labels do not say which axis is which, or its times are not even.
        """
        labelled = labelled_movie(name, array, rate_is_given=frame_rate is not None)
        if labelled is not None:
            array, frame_rate = labelled.values, frame_rate or labelled.frame_rate
        if not (hasattr(array, "shape") and hasattr(array, "dtype")):
            array = np.asarray(array)
        check_movie_array(name, tuple(array.shape), np.dtype(array.dtype))
        source = ArraySource(array)
        return cls(source, frame_rate=frame_rate, pixel_size=pixel_size, name=name, path=path_of_array(array))

    def __repr__(self) -> str:
        """Name, shape and dtype."""
        return f"Movie({self.name!r}, shape={self.shape}, dtype={self.dtype})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height, width."""
        return self._source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype as stored, in this computer's byte order."""
        return self._source.dtype

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that the frames are read from; none of an array in memory."""
        return self._source.files

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.shape[0]

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        return self.shape[1:]

    @cached_property
    def valid_frames(self) -> NDArray[np.bool_]:
        """Frames that take part in statistics, training and tests, (T,); all, but those masked and those in gaps."""
        valid = np.ones(self.n_frames, bool) if self.corrections is None else self.corrections.valid_frames
        if len(self.parts) == 1:
            return valid
        return valid & frames_in([it.frames for it in self.parts], self.n_frames)

    @cached_property
    def valid_pixels(self) -> NDArray[np.bool_]:
        """Pixels that take part, (Y, X); the others are NaN in the frames of a corrected movie."""
        return np.ones(self.frame_shape, bool) if self.corrections is None else self.corrections.valid_pixels

    def corrected(self, corrections: Corrections) -> Movie:
        """Return this recording with corrections, which are made when frames are read.

        Parameters
        ----------
        corrections : Corrections
            From `corrections_for`.

        Returns
        -------
        Movie
            As lazy as this one; of float32, unless there is nothing to correct.
        """
        return Movie(
            CorrectedSource(self, corrections) if corrections.change_anything else self._source,
            frame_rate=self.frame_rate,
            pixel_size=self.pixel_size,
            name=self.name,
            path=self.path,
            axes=self.axes,
            corrections=corrections,
            notes=self.notes,
            parts=self.parts,
        )

    @property
    def nbytes(self) -> int:
        """Bytes of all frames, were they in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def data(self) -> Any:
        """Lazy array (T, Y, X): memory-mapped where the file allows, else dask; a given array is itself."""
        with self._lock:
            if self._data is None:
                self._data = self._source.lazy()
                if self._data is None:
                    self._data = lazy_frames(self.frames, self.shape, self.dtype)
            return self._data

    def frames(self, start: int, stop: int) -> NDArray[Any]:
        """Read frames `start` to `stop` - 1.

        Parameters
        ----------
        start, stop : int
            As in a slice.

        Returns
        -------
        ndarray of shape (n, Y, X)
            A new array of the movie's dtype.
        """
        start, stop, _ = slice(start, stop).indices(self.n_frames)
        out = np.empty((max(0, stop - start), *self.frame_shape), self.dtype)
        if len(out):
            self._source.read(start, out)
        return out

    def blocks(self, max_bytes: int = BLOCK_BYTES) -> Iterator[tuple[int, NDArray[Any]]]:
        """Go through the movie once; the next block is read while the caller works on this one.

        Parameters
        ----------
        max_bytes : int
            Size of a block; at least one frame. Two blocks are in memory at a time.

        Yields
        ------
        start : int
            The block's first frame.
        block : ndarray of shape (n, Y, X)
            The frames, in the movie's dtype; the caller's to keep or change.
        """
        step = max(1, max_bytes * self.n_frames // self.nbytes)
        starts = range(0, self.n_frames, step)
        with ThreadPoolExecutor(1, thread_name_prefix="read ahead") as reader:
            ahead = reader.submit(self.frames, 0, step)
            for start in starts:
                block = ahead.result()
                if start + step < self.n_frames:
                    ahead = reader.submit(self.frames, start + step, start + 2 * step)
                yield start, block
                del block

    def statistics(self, progress: ProgressCallback | None = None) -> MovieStatistics:
        """Mean, standard deviation, smallest and largest value, in one pass; kept for the next call.

        Parameters
        ----------
        progress : callable or None
            Called with frames done and frames in all; returns True to stop.

        Returns
        -------
        MovieStatistics
            Of the valid frames, accumulated in double precision; NaN at pixels that are masked.

        Raises
        ------
        InputError
            If a valid pixel is NaN or infinite; names the first such frame.
        Cancelled
            If `progress` asked to stop.
        """
        if self._statistics is None:
            self._statistics = stream_statistics(self, progress)
        return self._statistics

    def mean_frame(self, progress: ProgressCallback | None = None) -> NDArray[np.float32]:
        """Mean over time; kept for the next call, and taken from `statistics` where that was called.

        Parameters
        ----------
        progress : callable or None
            Called with frames done and frames in all; returns True to stop.

        Returns
        -------
        ndarray of shape (Y, X), float32
            Of the valid frames, accumulated in double precision; NaN at pixels that are masked.

        Raises
        ------
        InputError
            If a valid pixel is NaN or infinite; names the first such frame.
        Cancelled
            If `progress` asked to stop.
        """
        if self._statistics is not None:
            return self._statistics.mean
        if self._mean is None:
            self._mean = stream_mean(self, progress)
        return self._mean
