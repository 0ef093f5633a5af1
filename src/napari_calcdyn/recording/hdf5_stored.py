"""Which numbers of an HDF5 data set are in its file, and how they are stored there."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

from .errors import InputError

_MOST_CHUNK_BYTES = 2**30
# What the HDF5 library and h5py decode by themselves; any other would be looked for in a folder of plugins.
_FILTERS = {1, 2, 3, 4, 5, 6, 32000}  # gzip, shuffle, fletcher32, szip, nbit, scaleoffset, lzf


def offset(dataset: Any) -> int | None:
    """Return where the bytes of a data set lie in its file, None if they lie otherwise than in numpy's memory."""
    from h5py import h5t

    plain = not dataset.chunks and dataset.id.get_type().equal(h5t.py_create(dataset.dtype))
    found = dataset.id.get_offset() if plain else None
    return None if found is None else int(found)


def rows_stored(dataset: Any, axis: int = 0) -> int:
    """Return how much of a data set is in its file, which may never have been filled.

    Parameters
    ----------
    dataset : h5py.Dataset
        With at least one axis.
    axis : int
        Along which it was written.

    Returns
    -------
    int
        So many places along that axis are there for certain, at all places of the other axes.

    Raises
    ------
    InputError
        If it lies in other files, or is stored in a way that cannot be read.
    """
    from h5py import h5d

    check_readable(dataset)
    layout, length = dataset.id.get_create_plist().get_layout(), int(dataset.shape[axis])
    if layout == h5d.COMPACT or not dataset.size:
        return length
    if layout == h5d.CONTIGUOUS:
        start, size = dataset.id.get_offset(), path_of(dataset).stat().st_size
        return length if start is not None and start + dataset.size * dataset.dtype.itemsize <= size else 0
    grid = [-(-total // chunk) for total, chunk in zip(dataset.shape, dataset.chunks, strict=True)]
    if dataset.id.get_num_chunks() >= math.prod(grid):
        return length
    there: Counter[int] = Counter()
    dataset.id.chunk_iter(lambda it: there.update((it.chunk_offset[axis] // dataset.chunks[axis],)))
    rows = 0
    while there[rows] >= math.prod(grid) // grid[axis]:
        rows += 1
    return min(length, rows * int(dataset.chunks[axis]))


def check_whole(dataset: Any) -> None:
    """Raise InputError unless all numbers of a data set are in its file."""
    if rows_stored(dataset) < dataset.shape[0]:
        raise InputError(
            f"{path_of(dataset).name} is truncated, {dataset.name} is not all there: copy it again from its source."
        )


def path_of(item: Any) -> Path:
    """Return the file that a group or a data set is in."""
    return Path(item.file.filename)


def check_readable(dataset: Any) -> None:
    """Raise InputError where a data set lies in other files, or is compressed in a way that cannot be read."""
    from h5py import h5d

    plist, name = dataset.id.get_create_plist(), f"{dataset.name} in {path_of(dataset).name}"
    if plist.get_external_count() or plist.get_layout() == h5d.VIRTUAL:
        raise InputError(f"The numbers of {name} lie in other files: open one of those.")
    for code, _, _, label in (plist.get_filter(index) for index in range(plist.get_nfilters())):
        if code not in _FILTERS:
            kind = label.decode(errors="replace").split(";")[0] or f"filter {code}"
            raise InputError(
                f"{name} is compressed with {kind}, which cannot be read: save it again with gzip."
            )
    if dataset.chunks and math.prod(dataset.chunks) * dataset.dtype.itemsize > _MOST_CHUNK_BYTES:
        raise InputError(f"{name} is compressed in one piece: save it again in chunks of a few frames.")
