"""Movies in HDF5 files, among them NWB and MATLAB's from version 7.3 on."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError, size_text
from napari_calcdyn.recording.hdf5_file import (
    MOST_PIXELS,
    attribute,
    choose,
    find,
    objects,
    offset,
    opened,
    path_of,
    rows_stored,
)

from .metadata import positive
from .nwb import SERIES, NwbMovie, find_nwb_movie, is_nwb, of_type
from .sources import check_movie_array
from .stack import Stack, consecutive

_READ_BYTES = 2**20  # at least so many at a time
_KEPT_BYTES = 2**27  # of decoded frames that lie in chunks together
_RESULTS = {"estimates/A": "CaImAn", "output/spatial_weights": "EXTRACT"}


@dataclass(frozen=True)
class Hdf5Stack:
    """A data set of an HDF5 file, before a channel and a plane are chosen.

    Parameters
    ----------
    path : Path
        The file.
    dataset : str
        Name of the data set.
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
    first_byte : int or None
        Where in the file the numbers lie, None if not one after another.
    frame_rate : float or None
        Frames per second (Hz) of one plane.
    pixel_size : tuple of float or None
        Height and width of a pixel in µm.
    notes : tuple of str
        Sentences about what is wrong with the file, though it can be opened.
    """

    path: Path
    dataset: str
    stored_shape: tuple[int, ...]
    axes: str
    n_frames: int
    dtype: np.dtype[Any]
    chunk_frames: int
    first_byte: int | None
    frame_rate: float | None
    pixel_size: tuple[float, float] | None
    notes: tuple[str, ...]

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

    def source(self, plane: int, channel: int) -> Hdf5Source:
        """Return the frames of one plane and one channel."""
        return Hdf5Source(self, plane, channel)


class Hdf5Source:
    """Frames of a data set in an HDF5 file, which is opened anew for each reading.

    Frames that are compressed together are decoded once for several readings that follow each other.

    Parameters
    ----------
    stack : Hdf5Stack
        The data set.
    plane, channel : int
        Which to read.
    """

    def __init__(self, stack: Hdf5Stack, plane: int, channel: int) -> None:
        self._stack = stack
        self.shape = (stack.n_frames, *stack.frame_shape)
        self.dtype = stack.dtype.newbyteorder("=")
        self.files = (stack.path,)
        self._at = {"Z": plane, "C": channel, "Q": 0}
        frame_bytes = int(np.prod(stack.frame_shape)) * stack.dtype.itemsize
        self._step = stack.chunk_frames * max(1, _READ_BYTES // (stack.chunk_frames * frame_bytes))
        self.keeps = self._step * frame_bytes <= _KEPT_BYTES
        self._kept: tuple[int, NDArray[Any]] | None = None
        self._lock = threading.Lock()

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Read and decode frames."""
        stop = start + len(out)
        with opened(self._stack.path, again=True) as file:
            dataset = find(file, self._stack.dataset)
            for first in range(start // self._step * self._step, stop, self._step):
                last = min(first + self._step, len(self))
                begin, end = max(first, start), min(last, stop)
                if (begin, end) == (first, last) or not self.keeps:
                    frames = self._decode(dataset, begin, end)
                else:
                    frames = self._together(dataset, first, last)[begin - first : end - first]
                out[begin - start : end - start] = frames

    def lazy(self) -> Any:
        """Memory-map numbers that lie one after another."""
        stack = self._stack
        if stack.first_byte is None or not stack.dtype.isnative:
            return None
        return self._arranged(
            np.memmap(stack.path, stack.dtype, "r", stack.first_byte, stack.stored_shape), slice(None)
        )

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.shape[0]

    def _together(self, dataset: Any, first: int, last: int) -> NDArray[Any]:
        with self._lock:
            if self._kept is None or self._kept[0] != first:
                self._kept = None  # else two would be in memory
                self._kept = first, self._decode(dataset, first, last)
            return self._kept[1]

    def _decode(self, dataset: Any, first: int, last: int) -> NDArray[Any]:
        return self._arranged(dataset, slice(first, last))

    def _arranged(self, array: Any, frames: slice) -> NDArray[Any]:
        """Return frames of an array with the axes of the data set as (n, Y, X)."""
        axes = self._stack.axes
        index = tuple(self._at.get(axis, frames if axis == "T" else slice(None)) for axis in axes)
        left = [axis for axis in axes if axis in "TYX"]
        picked: NDArray[Any] = array[index].transpose([left.index(axis) for axis in "TYX"])
        return picked


def read_hdf5_movie(path: Path, dataset: str | None) -> Stack | Hdf5Stack | NwbMovie:
    """Find the frames of a movie in an HDF5 file.

    Parameters
    ----------
    path : Path
        HDF5, NWB, or MATLAB's file from version 7.3 on.
    dataset : str or None
        Name of the data set, or of the series in an NWB file; needed if several could be a movie.

    Returns
    -------
    Stack, Hdf5Stack or NwbMovie
        A stack if the frames lie as in an array; the last if an NWB file keeps its frames in other files.

    Raises
    ------
    InputError
        If the file is damaged, it holds no movie, or several and no name was given.
    """
    with opened(path) as file:
        if is_nwb(file):
            movie = find_nwb_movie(file, dataset)
            if movie.files:
                return movie
            axes = _axes(movie.data, "TXYZ")
            return _stack(movie.data, axes, movie.frame_rate, movie.pixel_size)
        asked = find(file, dataset) if dataset else None
        if asked is None or not hasattr(asked, "dtype"):
            for name, program in _RESULTS.items():
                if find(file, name) is not None:
                    raise InputError(
                        f"{path.name} holds ROIs that {program} found, not a movie: open it where ROIs are asked for."
                    )
            asked = choose(path, "movie", _fitting(file), dataset)
        rate = positive(attribute(asked, "fr"))  # as CaImAn writes it
        return _stack(asked, _axes(asked), rate, None)


def hdf5_movie_names(path: Path) -> tuple[str, ...]:
    """Return the names of all data sets, or of all series in an NWB file, that may be movies."""
    with opened(path) as file:
        return tuple(it.name for it in (of_type(file, *SERIES) if is_nwb(file) else _fitting(file)))


def _fitting(file: Any) -> list[Any]:
    return [it for it in objects(file) if hasattr(it, "dtype") and _axes(it)]


def _axes(dataset: Any, known: str = "") -> str:
    """Return a letter for each axis of a data set that can be a movie, else nothing."""
    shape = dataset.shape or ()
    long = [axis for axis, length in enumerate(shape) if length > 1 or len(shape) == 3]
    lengths = [shape[axis] for axis in long]
    letters = known[: len(long)] or ("TXY" if "MATLAB_class" in dataset.attrs else "TYX")
    if dataset.dtype.kind not in "uif" or not 3 <= len(long) <= 4:
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


def _stack(
    dataset: Any, axes: str, frame_rate: float | None, pixel_size: tuple[float, float] | None
) -> Stack | Hdf5Stack:
    path, shape = path_of(dataset), dataset.shape or ()
    if not axes:
        if len(shape) < 4:
            check_movie_array(dataset.name, shape, dataset.dtype)
        raise InputError(
            f"{dataset.name} in {path.name} ({size_text(shape)}) has axes of which time and channel cannot be told"
            " apart, or is no movie: save it as time, Y, X."
        )
    time = axes.index("T")
    there, first = rows_stored(dataset, time), offset(dataset)
    stack = Hdf5Stack(
        path=path,
        dataset=dataset.name,
        stored_shape=tuple(map(int, shape)),
        axes=axes,
        n_frames=there,
        dtype=dataset.dtype,
        chunk_frames=min(int(dataset.chunks[time]), max(1, there)) if dataset.chunks else 1,
        first_byte=first,
        frame_rate=frame_rate,
        pixel_size=pixel_size,
        notes=(),
    )
    check_movie_array(path.name, (there, *stack.frame_shape), stack.dtype)
    if there < shape[time]:
        note = f"{path.name} is incomplete, only {there:,} of its {shape[time]:,} frames are there: copy it again."
        return replace(stack, notes=(note,))
    if first is not None and axes.replace("Q", "") == "TYX":
        whole = consecutive(path, (there, *stack.frame_shape), stack.dtype, first)
        return replace(whole, frame_rate=frame_rate, pixel_size=pixel_size)
    source = stack.source(0, 0)
    if not source.keeps:
        note = (
            f"{path.name} stores {stack.chunk_frames:,} frames in each chunk, so that reading it is slow: save it again"
            " in chunks of a few frames."
        )
        return replace(stack, notes=(note,))
    return stack
