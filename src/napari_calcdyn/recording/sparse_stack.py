"""A stack of images that are mostly zero, as a TIFF in which zeros take no room."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from .writing import replacing, resolution, writing

_TILE = 64  # pixels; larger ones hold more zeros, smaller ones take more room in the table of every page
_REPEATED = 256  # compressed tiles that are kept, as those of a mask come again on every page
_ORDINARY_BYTES = 2**32 - 2**25  # from here on the offsets of an ordinary TIFF might not suffice


def write_sparse_stack(
    file: Path,
    images: Iterable[NDArray[np.float32]],
    shape: tuple[int, int, int],
    pixel_size: tuple[float, float] | None = None,
    *,
    ome: Mapping[str, Any] | None = None,
) -> None:
    """Write a stack of images as TIFF in one step, image by image.

    Every page is cut into tiles that are compressed with zlib. Tiles of nothing but zeros are left out, which TIFF
    readers take as zeros.

    Parameters
    ----------
    file : Path
        Made or replaced.
    images : iterable of ndarray (Y, X), float32
        Grey values, which may be NaN; taken one at a time.
    shape : tuple of int
        Number of images, height and width; none is 0.
    pixel_size : tuple of float, optional
        Height and width of a pixel in µm.
    ome : mapping, optional
        Metadata for OME-TIFF, instead of the size of a pixel; makes it one.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    with writing(file.parent), replacing(file) as beside:
        tifffile.imwrite(
            beside,
            _tiles(images, shape[1:]),
            shape=shape,
            dtype=np.float32,
            tile=(_TILE, _TILE),
            compression="zlib",
            bigtiff=4 * int(np.prod(shape)) >= _ORDINARY_BYTES,
            photometric="minisblack",
            **(resolution(pixel_size) if ome is None else {"ome": True, "metadata": dict(ome)}),
        )


def _tiles(images: Iterable[NDArray[np.float32]], shape: tuple[int, int]) -> Iterator[bytes]:
    """Yield the compressed tiles of all images, row by row; nothing for a tile of zeros."""
    compressed = lru_cache(_REPEATED)(zlib.compress)
    (height, width), (rows, columns) = shape, (-(-size // _TILE) for size in shape)
    page = np.zeros((rows, _TILE, columns, _TILE), np.float32)  # beyond the edge it stays zero
    picture = page.reshape(rows * _TILE, columns * _TILE)[:height, :width]
    for image in images:
        picture[...] = image
        occupied = np.asarray(page.any(axis=(1, 3)))  # NaN counts as well
        for row, column in np.ndindex(rows, columns):
            yield compressed(page[row, :, column].tobytes()) if occupied[row, column] else b""
