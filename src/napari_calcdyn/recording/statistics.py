"""Mean, spread and range of a movie in one pass."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .progress import ProgressCallback, report

if TYPE_CHECKING:
    from .movie import Movie


@dataclass(frozen=True)
class MovieStatistics:
    """What one pass over a movie finds out.

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


def stream_statistics(movie: Movie, progress: ProgressCallback | None = None) -> MovieStatistics:
    r"""Compute the statistics of a movie block by block.

    Every block's mean :math:`\bar x_b` and squared deviations :math:`M_b` are found by themselves and
    merged as :math:`M \leftarrow M + M_b + \delta^2 n n_b / (n + n_b)`, :math:`\delta = \bar x_b - \bar x`
    (Chan, Golub & LeVeque 1983), in double precision, so a large offset costs no digits.

    Parameters
    ----------
    movie : Movie
        The movie.
    progress : callable or None
        Called with frames done and frames in all; returns True to stop.

    Returns
    -------
    MovieStatistics
        Of the whole movie.

    Raises
    ------
    InputError
        If a pixel is NaN or infinite; names the first such frame.
    Cancelled
        If `progress` asked to stop.
    """
    from ._moments import merge_block  # numba is loaded by the first movie that needs it

    pixels = movie.frame_shape[0] * movie.frame_shape[1]
    mean, squares = np.zeros(pixels), np.zeros(pixels)
    workers = min(4, os.cpu_count() or 1)
    cuts = np.linspace(0, pixels, workers + 1).astype(np.intp)
    # Empty intervals would only appear for frames of fewer pixels than threads.
    parts = [(int(a), int(b)) for a, b in pairwise(cuts) if b > a]
    lowest, highest = np.inf, -np.inf
    report(progress, 0, movie.n_frames)
    with ThreadPoolExecutor(workers, thread_name_prefix="statistics") as pool:
        for start, block in movie.blocks():
            flat = block.reshape(len(block), pixels)

            def merge(part: tuple[int, int], flat: NDArray[Any] = flat, start: int = start) -> Any:
                return merge_block(flat, start, mean, squares, *part)

            ranges = list(pool.map(merge, parts))
            lowest = min(lowest, *(low for low, _, _ in ranges))
            highest = max(highest, *(high for _, high, _ in ranges))
            if not all(finite for _, _, finite in ranges):
                _refuse_bad_pixels(movie, start, block)
            report(progress, start + len(block), movie.n_frames)
            del block, flat, merge
    shape = movie.frame_shape
    std = np.sqrt(squares / movie.n_frames)
    return MovieStatistics(
        mean.astype(np.float32).reshape(shape),
        std.astype(np.float32).reshape(shape),
        float(lowest),
        float(highest),
    )


def _refuse_bad_pixels(movie: Movie, start: int, block: NDArray[Any]) -> None:
    bad = ~np.isfinite(block)
    frame = int(bad.any(axis=(1, 2)).argmax())
    what = "NaN (not a number)" if np.isnan(block[frame]).any() else "infinite"
    raise InputError(
        f"{movie.name} has pixels that are {what}, first in frame {start + frame}: replace them, "
        "for example by the pixel's mean."
    )
