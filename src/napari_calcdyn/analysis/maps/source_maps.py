"""The maps of all sources, which together would not fit into memory, one dense map at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.movies.readers.sources import PageSource
from napari_calcdyn.recording.movies.readers.tiff.tiff import read_tiff
from napari_calcdyn.recording.sparse_stack import write_sparse_stack


class SourceMaps:
    """An array (d, Y, X), float32, of which only what is asked for is made dense.

    A source reaches a small window of the picture. A map is computed, or read from a file, when it is looked at.

    It is indexed like an array: ``maps[3]`` is (Y, X), ``maps[2:5]`` and ``maps[[3, 7]]`` are (n, Y, X), and
    ``maps[3, 10:20, 5]`` is a part of a map. Several lists of numbers in one index are taken for each axis by itself.
    ``numpy.asarray(maps)`` is the dense stack, 4·d·Y·X bytes.

    Parameters
    ----------
    shape : tuple of int
        Number of sources d, height and width in pixels.
    image : callable
        ``image(source)`` returns one map (Y, X), float32, which may be written to.

    Attributes
    ----------
    shape : tuple of int
        (d, Y, X).
    dtype : numpy.dtype
        float32.
    ndim : int
        3.
    """

    dtype = np.dtype(np.float32)
    ndim = 3

    def __init__(self, shape: tuple[int, int, int], image: Callable[[int], NDArray[np.float32]]) -> None:
        self.shape = shape
        self._image = image

    @classmethod
    def open(cls, file: str | Path) -> SourceMaps:
        """Open maps that `save` wrote, or any other stack of float32 images, without reading them.

        Parameters
        ----------
        file : str or Path
            A TIFF. It is opened anew for each map, so it is not locked.

        Returns
        -------
        SourceMaps
            Read from the file map by map, by any number of threads; raises `InputError` where the file is gone or
            damaged by then.

        Raises
        ------
        InputError
            If the file is missing, damaged, or holds something else.
        """
        pages = read_tiff(Path(file)).source(0, 0)
        if pages.dtype != cls.dtype:
            raise InputError(
                f"{Path(file).name} holds {pages.dtype} and no maps: choose the file of a result folder."
            )
        return cls(pages.shape, _InFile(pages))

    def save(self, file: str | Path, *, pixel_size: tuple[float, float] | None = None) -> None:
        """Write the maps as a TIFF (d, Y, X) of compressed tiles, in which tiles of zeros take no room.

        Parameters
        ----------
        file : str or Path
            Made, or replaced in one step.
        pixel_size : tuple of float, optional
            Height and width of a pixel in µm.

        Raises
        ------
        InputError
            If there are no maps, or the file cannot be written.
        """
        if not len(self):
            raise InputError("There are no maps of sources to save: ask for some.")
        write_sparse_stack(Path(file), self, self.shape, pixel_size)

    def sum(self, axis: int = 0, *, sources: ArrayLike | None = None) -> NDArray[np.float32]:
        """Add up maps of sources, one after another.

        Parameters
        ----------
        axis : int
            0, over sources; there is no other.
        sources : array-like of int, optional
            Numbers of the sources to add up; all by default.

        Returns
        -------
        ndarray (Y, X), float32
            Summed in double precision.

        Raises
        ------
        ValueError
            If `axis` is another one.
        """
        if axis != 0:
            raise ValueError("maps of sources are added up over axis 0; numpy.asarray(maps) has all axes")
        total = np.zeros(self.shape[1:])
        for source in np.arange(len(self)) if sources is None else np.asarray(sources, np.intp):
            total += self[source]
        return total.astype(np.float32)

    def __len__(self) -> int:
        """Return the number of sources."""
        return self.shape[0]

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        """Yield one map after another."""
        return map(self._image, range(len(self)))

    def __getitem__(self, index: Any) -> NDArray[np.float32]:
        """Return one map, several, or parts of them, as a dense array."""
        first, *place = index if isinstance(index, tuple) else (index,)
        sources = np.arange(len(self))[first]
        part = tuple(place)
        if sources.ndim == 0:
            image: NDArray[np.float32] = self._image(int(sources))[part]
            return image
        if sources.ndim > 1:
            raise IndexError("sources are chosen by a number, a slice or one list of numbers")
        blank: NDArray[np.float32] = np.broadcast_to(np.float32(0), self.shape[1:])[part]
        images = np.empty((len(sources), *blank.shape), np.float32)
        for row, source in enumerate(sources):
            images[row] = self._image(int(source))[part]
        return images

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the dense stack."""
        if copy is False:
            raise ValueError("maps of sources have to be copied to become one array")
        return self[:].astype(dtype or self.dtype, copy=False)


@dataclass(frozen=True, eq=False)
class _InFile:
    pages: PageSource

    def __call__(self, source: int) -> NDArray[np.float32]:
        image: NDArray[np.float32] = np.empty((1, *self.pages.shape[1:]), np.float32)
        try:
            self.pages.read(source, image)
        except InputError as error:
            reason = str(error).removesuffix(".")
            raise InputError(
                f"The map of source {source} cannot be read ({reason}): compute the maps again."
            ) from error
        return image.reshape(self.pages.shape[1:])
