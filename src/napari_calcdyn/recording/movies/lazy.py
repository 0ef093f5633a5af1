"""Lazy stacks of frames as dask arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_CHUNK_BYTES = 2**20


def lazy_frames(
    read: Callable[[int, int], NDArray[Any]],
    shape: tuple[int, int, int],
    dtype: DTypeLike,
    *,
    frames_per_chunk: int | None = None,
) -> Any:
    """Return a stack of frames that are read on access, as a dask array.

    Parameters
    ----------
    read : callable
        ``read(start, stop)`` returns frames `start` to `stop` - 1, (n, Y, X).
    shape : tuple of int
        Frames, height, width.
    dtype : dtype
        Of the frames.
    frames_per_chunk : int, optional
        So many frames are read at a time, at most; by default, about a megabyte: one step of the time slider decodes
        no more than that.

    Returns
    -------
    dask array (T, Y, X)
        Whole frames in every chunk.
    """
    import dask.array as da

    meta = np.empty((0, 0, 0), dtype)
    if frames_per_chunk is None:
        frames_per_chunk = max(1, _CHUNK_BYTES // (shape[1] * shape[2] * meta.itemsize))
    chunks = (frames_per_chunk, *shape[1:])
    return da.from_array(_Frames(read, shape, dtype), chunks=chunks, name=False, asarray=False, meta=meta)


class _Frames:
    """What dask needs to see: shape, dtype, and indexing."""

    ndim = 3

    def __init__(
        self, read: Callable[[int, int], NDArray[Any]], shape: tuple[int, int, int], dtype: DTypeLike
    ) -> None:
        self._read, self.shape, self.dtype = read, shape, np.dtype(dtype)

    def __getitem__(self, index: tuple[Any, Any, Any]) -> NDArray[Any]:
        time, rows, columns = index
        wanted = np.arange(self.shape[0])[time]
        if wanted.size == 0:
            return np.empty((0, *self.shape[1:]), self.dtype)[:, rows, columns]
        first = wanted.min()
        picked: NDArray[Any] = self._read(int(first), int(wanted.max()) + 1)[wanted - first]
        cut: NDArray[Any] = picked[..., rows, columns]
        return cut
