"""Covariance of the bins of a movie with their neighbours, in one pass."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import Movie, ProgressCallback, report

_BYTES = 32 * 2**20  # of one block of bins


@dataclass(frozen=True, eq=False)
class LocalCovariance:
    """Covariances over time between bins of b × b pixels that are close to each other.

    Shot noise is independent in every pixel, so it adds nothing to the covariance of two different bins.

    Attributes
    ----------
    values : ndarray (rows, columns, n), float32
        Of each bin with those at `offsets` from it.
    offsets : ndarray (n, 2), int64
        Half of all within reach; the others are the same pairs the other way round.
    noise : ndarray (rows, columns), float32
        Half the mean square of the difference between consecutive frames.
    side : int
        b.
    frames : int
        Number of frames.
    """

    values: NDArray[np.float32]
    offsets: NDArray[np.int64]
    noise: NDArray[np.float32]
    side: int
    frames: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of bins."""
        return self.noise.shape[0], self.noise.shape[1]

    @property
    def table(self) -> NDArray[np.int64]:
        """Number of an offset by its two parts, each plus the reach; -1 where there is none."""
        reach = int(np.abs(self.offsets).max())
        table = np.full((2 * reach + 1, 2 * reach + 1), -1)
        table[tuple((self.offsets + reach).T)] = np.arange(len(self.offsets))
        return table

    @classmethod
    def of(
        cls, movie: Movie, side: int, reach: int, progress: ProgressCallback | None = None
    ) -> LocalCovariance:
        """Go through a movie.

        Parameters
        ----------
        movie : Movie
            The recording.
        side : int
            Pixels along a bin.
        reach : int
            Largest distance of two bins, in bins.
        progress : callable or None
            Called with frames done and in all; returns True to stop.

        Returns
        -------
        LocalCovariance
            In squared movie units.

        Raises
        ------
        Cancelled
            If `progress` asked to stop.
        """
        from .kernels import add_products, bin_frames

        mean = np.nan_to_num(movie.mean_frame())
        used = movie.valid_pixels & np.isfinite(movie.mean_frame())
        offsets = np.array(
            [
                (dy, dx)
                for dy in range(reach + 1)
                for dx in range(-reach, reach + 1)
                if (dy, dx) > (0, 0) and dy**2 + dx**2 <= reach**2
            ]
        )
        shape = tuple(-(-size // side) for size in movie.frame_shape)
        values, noise = np.zeros((*shape, len(offsets)), np.float32), np.zeros(shape)
        pairs = count = 0
        workers = min(4, os.cpu_count() or 1)
        bounds = np.linspace(0, shape[0], 4 * workers + 1).astype(int)
        most = max(2, _BYTES // (4 * shape[0] * shape[1]))
        with ThreadPoolExecutor(workers) as pool:
            for start, block in movie.blocks(most * movie.nbytes // movie.n_frames):
                block = block.astype(np.float32) if block.dtype.kind == "f" else block
                valid = movie.valid_frames[start : start + len(block)]
                bins = np.empty((len(block), *shape), np.float32)
                parts = np.linspace(0, len(block), workers + 1).astype(int)
                list(
                    pool.map(
                        lambda part: bin_frames(block, mean, used, side, *part, bins),  # noqa: B023
                        pairwise(parts),
                    )
                )
                step = (bins[1:] - bins[:-1])[valid[1:] & valid[:-1]]
                noise += np.square(step).sum(0)
                pairs += len(step)
                bins = np.ascontiguousarray(bins[valid].transpose(1, 2, 0))
                list(
                    pool.map(
                        lambda part: add_products(bins, offsets, *part, values),  # noqa: B023
                        pairwise(bounds),
                    )
                )
                count += int(valid.sum())
                report(progress, start + len(block), movie.n_frames)
        values /= count
        return cls(values, offsets, (noise / (2 * max(1, pairs))).astype(np.float32), side, count)
