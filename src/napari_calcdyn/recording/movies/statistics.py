"""Mean, spread and range of a movie in one pass."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.progress import ProgressCallback, report

BLOCK_BYTES = 8 * 2**20


class Streamed(Protocol):
    """Frames that are read block by block; `Movie` is one."""

    name: str

    @property
    def n_frames(self) -> int:
        """Number of frames."""

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""

    @property
    def valid_frames(self) -> NDArray[np.bool_]:
        """Frames that count, (T,)."""

    @property
    def valid_pixels(self) -> NDArray[np.bool_]:
        """Pixels that count, (Y, X)."""

    def blocks(self, max_bytes: int = BLOCK_BYTES) -> Iterator[tuple[int, NDArray[Any]]]:
        """Go through the frames once: the first frame's number, and the block."""


@dataclass(frozen=True)
class MovieStatistics:
    """Mean, standard deviation and range of a movie.

    Parameters
    ----------
    mean : ndarray of shape (Y, X), float32
        Mean over time.
    std : ndarray of shape (Y, X), float32
        Standard deviation over time (divided by T, not T - 1).
    minimum, maximum : float
        Smallest and largest pixel of the movie.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    minimum: float
    maximum: float

    def check_dynamic(self, name: str) -> None:
        """Refuse a movie in which nothing changes.

        Parameters
        ----------
        name : str
            Of the movie.

        Raises
        ------
        InputError
            If all pixels are equal, or all frames are.
        """
        if self.minimum == self.maximum:
            raise InputError(f"{name} is constant, every pixel is {self.minimum:g}: check the recording.")
        if not np.nan_to_num(self.std).any():
            raise InputError(f"{name} does not change, all frames are equal: check the recording.")


def stream_mean(movie: Streamed, progress: ProgressCallback | None = None) -> NDArray[np.float32]:
    """Compute the mean frame alone, about three times as fast as all statistics; see `Movie.mean_frame`.

    Integers are added up exactly, floating point numbers in double precision.
    """
    total = np.zeros(movie.frame_shape[0] * movie.frame_shape[1])

    def add(block: NDArray[Any], before: int, pixels: slice) -> None:
        total[pixels] += np.add.reduce(block[:, pixels], axis=0, dtype=_sum_dtype(block))

    _stream(movie, progress, add, total, tile=16384)
    return _image(total / movie.valid_frames.sum(), movie)


def stream_statistics(movie: Streamed, progress: ProgressCallback | None = None) -> MovieStatistics:
    r"""Compute the statistics of a movie block by block; see `Movie.statistics`.

    Every block's mean $\bar x_b$ and squared deviations $M_b$ are found by themselves and merged
    as $M \leftarrow M + M_b + \delta^2 n n_b / (n + n_b)$, $\delta = \bar x_b - \bar x$
    (Chan, Golub & LeVeque 1983), in double precision, so a large offset costs no digits.
    """
    shape = movie.frame_shape
    mean, squares = np.zeros(shape[0] * shape[1]), np.zeros(shape[0] * shape[1])
    tile = 2048
    valid, whole = movie.valid_pixels.ravel(), bool(movie.valid_pixels.all())
    low, high = np.full(-(-len(mean) // tile), np.inf), np.full(-(-len(mean) // tile), -np.inf)

    def merge(block: NDArray[Any], before: int, pixels: slice) -> None:
        mine = pixels.start // tile
        counted = block[:, pixels] if whole else block[:, pixels][:, valid[pixels]]
        if counted.size:
            low[mine] = min(low[mine], counted.min())
            high[mine] = max(high[mine], counted.max())
        for first in range(0, len(block), 64):
            part = block[first : first + 64, pixels]
            seen, new = before + first, len(part)
            deviation = part.astype(np.float64)
            part_mean = np.add.reduce(deviation, axis=0) / new
            deviation -= part_mean
            deviation *= deviation
            delta = part_mean - mean[pixels]
            mean[pixels] += delta * (new / (seen + new))
            squares[pixels] += np.add.reduce(deviation, axis=0) + delta**2 * (seen * new / (seen + new))

    _stream(movie, progress, merge, mean, tile=tile)
    return MovieStatistics(
        _image(mean, movie),
        _image(np.sqrt(squares / movie.valid_frames.sum()), movie),
        float(low.min()),
        float(high.max()),
    )


def _stream(
    movie: Streamed,
    progress: ProgressCallback | None,
    take: Callable[[NDArray[Any], int, slice], None],
    running: NDArray[np.float64],
    *,
    tile: int,
) -> None:
    """Give every block to `take`, in tiles of pixels small enough for the processor's cache, on all cores.

    Parameters
    ----------
    movie : Streamed
        The movie.
    progress : callable or None
        See `stream_statistics`.
    take : callable
        Called with the block (n, pixels), the frames before it, and the pixels to work on.
    running : ndarray of shape (pixels,)
        What `take` adds to; a NaN or infinity in it betrays one in the block.
    tile : int
        Pixels.
    """
    tiles = [slice(first, min(first + tile, len(running))) for first in range(0, len(running), tile)]
    workers = min(4, os.cpu_count() or 1, len(tiles))
    before = 0
    report(progress, 0, movie.n_frames)
    with ThreadPoolExecutor(workers, thread_name_prefix="statistics") as pool:
        for numbers, block in valid_blocks(movie):
            flat = block.reshape(len(block), -1)

            def work(share: int, flat: NDArray[Any] = flat, before: int = before) -> None:
                with np.errstate(all="ignore"):  # NaN and infinity are reported below, not as warnings
                    for pixels in tiles[share::workers]:
                        take(flat, before, pixels)

            list(pool.map(work, range(workers)))
            if not np.isfinite(running).all():
                refuse_bad_pixels(movie, numbers, block)
            before += len(block)
            report(progress, int(numbers[-1]) + 1, movie.n_frames)
            del block, flat, work  # else this block stays in memory while the next two are read


def valid_blocks(
    movie: Streamed, max_bytes: int | None = None
) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
    """Go through the valid frames once.

    Parameters
    ----------
    movie : Streamed
        The movie.
    max_bytes : int, optional
        Size of a block; at least one frame.

    Yields
    ------
    numbers : ndarray (n,), int64
        Which frames these are, in time order.
    block : ndarray (n, Y, X)
        The frames, with 0 at masked pixels; the caller's to keep or change.
    """
    masked = None if movie.valid_pixels.all() else ~movie.valid_pixels
    for start, block in movie.blocks() if max_bytes is None else movie.blocks(max_bytes):
        numbers = np.arange(start, start + len(block))
        valid = movie.valid_frames[numbers]
        if not valid.all():
            numbers, block = numbers[valid], block[valid]
        if masked is not None:
            block[:, masked] = 0
        if len(numbers):
            yield numbers, block
        del block


def _image(values: NDArray[np.float64], movie: Streamed) -> NDArray[np.float32]:
    """Return values (Y·X,) as an image, NaN at masked pixels."""
    image = values.astype(np.float32).reshape(movie.frame_shape)
    image[~movie.valid_pixels] = np.nan
    return image


def _sum_dtype(block: NDArray[Any]) -> type[np.generic]:
    """Return the smallest dtype that holds the sum of a block exactly, double precision for floats."""
    signed = block.dtype.kind == "i"
    if block.dtype.kind == "f" or block.dtype.itemsize == 8:
        return np.float64
    if block.dtype.itemsize <= 2 and len(block) <= 2**16:
        return np.int32 if signed else np.uint32
    return np.int64 if signed else np.uint64


def refuse_bad_pixels(movie: Streamed, numbers: NDArray[np.int64], block: NDArray[Any]) -> None:
    """Raise InputError for a block with a pixel that is NaN or infinite; names the first such frame."""
    bad = ~np.isfinite(block)
    frame = int(bad.any(axis=(1, 2)).argmax())
    what = "NaN (not a number)" if np.isnan(block[frame]).any() else "infinite"
    raise InputError(
        f"{movie.name} has pixels that are {what}, first in frame {numbers[frame]}: correct the recording, which leaves"
        " them out."
    )
