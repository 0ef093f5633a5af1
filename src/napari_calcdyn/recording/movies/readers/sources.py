"""Sources of a movie's frames: an array, or pages at known places in files."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError, count_text, size_text

from .pages import Pages, page_pool

# One task per so many bytes: large enough that opening the file costs nothing, small enough to share out.
TASK_BYTES = 4 * 2**20


class Source(Protocol):
    """Frames of one size and native dtype, read by any number of threads at once."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height, width."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """In this computer's byte order."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that the frames are read from; none of an array in memory."""

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Fill `out` (n, Y, X) with frames from `start` on."""

    def lazy(self) -> Any:
        """Return an array (T, Y, X) that reads on access, or None where only `read` can."""


class ArraySource:
    """Frames of an array that is in memory, memory-mapped or a dask graph."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape = tuple(array.shape)
        self.dtype = np.dtype(array.dtype).newbyteorder("=")
        path = path_of_array(array)
        self.files = () if path is None else (path,)

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Copy frames; pages of a memory-mapped file are handed back so that they do not pile up."""
        out[...] = np.asarray(self.array[start : start + len(out)])
        _release_mapped_pages(self.array)

    def lazy(self) -> Any:
        """Return the array itself."""
        return self.array


@dataclass(frozen=True)
class PageSource:
    """Frames that are pages of files.

    Parameters
    ----------
    parts : tuple of Pages
        The page tables of the files.
    part, page : ndarray of shape (T,)
        For every frame, its file's place in `parts` and its page there.
    """

    parts: tuple[Pages, ...]
    part: NDArray[np.intp]
    page: NDArray[np.intp]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height, width."""
        return (len(self.page), *self.parts[0].shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Native dtype of the pixels."""
        return self.parts[0].dtype.newbyteorder("=")

    @property
    def files(self) -> tuple[Path, ...]:
        """Files of the pages, each once."""
        return tuple(dict.fromkeys(pages.path for pages in self.parts))

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Read and decode pages, several at a time."""
        stop = start + len(out)
        tasks: list[tuple[int, int]] = []
        first = start
        while first < stop:
            last = first + 1
            pages = self.parts[self.part[first]]
            most = 1 if pages.decoder else max(1, TASK_BYTES // pages.frame_bytes)
            while last < stop and last - first < most and self.part[last] == self.part[first]:
                last += 1
            tasks.append((first, last))
            first = last

        def work(task: tuple[int, int]) -> None:
            first, last = task
            pages = self.parts[self.part[first]]
            pages.read(self.page[first:last], out[first - start : last - start])

        if len(tasks) == 1:
            work(tasks[0])
        else:
            # list() waits for all and raises the first error.
            list(page_pool().map(work, tasks))

    def lazy(self) -> NDArray[Any] | None:
        """Memory-map frames that lie at equal distances in one uncompressed file of native byte order."""
        pages = self.parts[0]
        if len(self.parts) > 1 or pages.decoder or not pages.dtype.isnative:
            return None
        offsets = pages.offsets[self.page]
        strides = np.unique(np.diff(offsets))
        if len(strides) != 1 or strides[0] < pages.frame_bytes:
            return None
        stride = int(strides[0])
        if stride == pages.frame_bytes:
            return np.memmap(pages.path, pages.dtype, "r", int(offsets[0]), self.shape)
        span = (len(offsets) - 1) * stride + pages.frame_bytes
        raw = np.memmap(pages.path, np.uint8, "r", int(offsets[0]), (span,))
        line = pages.shape[1] * pages.dtype.itemsize
        return np.ndarray(self.shape, pages.dtype, raw, 0, (stride, line, pages.dtype.itemsize))


def check_movie_array(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise InputError if an array is no movie of brightness values.

    Parameters
    ----------
    name : str
        What to call it in the message.
    shape : tuple of int
        Expected (T, Y, X).
    dtype : numpy.dtype
        Expected integer or floating point.

    Raises
    ------
    InputError
        With the reason.
    """
    size = size_text(shape)
    if len(shape) == 4 and shape[-1] in (3, 4):
        raise InputError(f"{name} is a colour (RGB) movie ({size}): save one channel of it as greyscale.")
    if len(shape) == 3 and shape[-1] in (3, 4) and shape[0] > 4 and shape[1] > 4:
        raise InputError(f"{name} is a colour (RGB) image ({size}): open a greyscale movie (T, Y, X).")
    if len(shape) == 2:
        raise InputError(f"{name} is a single 2-D image ({size}): open a movie of at least 4 frames.")
    if len(shape) != 3:
        raise InputError(f"{name} has {len(shape)} axes ({size}), but a movie has three: time, Y, X.")
    if dtype.kind not in "uif":
        what = {"b": "true/false values", "c": "complex numbers"}.get(dtype.kind, f"values of type {dtype}")
        raise InputError(f"{name} holds {what}: save it as integers or floating point numbers.")
    if shape[0] < 4:
        raise InputError(f"{name} has only {count_text(shape[0], 'frame')}: a movie needs at least 4.")
    if 0 in shape:
        raise InputError(f"{name} has frames without pixels ({size}): save it again.")


def _release_mapped_pages(array: Any) -> None:
    """Drop the resident pages of a file that is mapped and shared; the file keeps them.

    Of a private or anonymous mapping they would be lost, so those are left alone.
    """
    shared = False
    while isinstance(array, np.ndarray):
        shared = shared or getattr(array, "mode", None) in ("r", "r+")
        array = array.base
    if shared and isinstance(array, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.madvise(mmap.MADV_DONTNEED)


def path_of_array(array: Any) -> Path | None:
    """Return the file of a memory-mapped array, None for any other."""
    name = getattr(array, "filename", None)
    return Path(name) if name else None
