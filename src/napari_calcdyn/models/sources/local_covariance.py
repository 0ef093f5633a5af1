"""Covariance of the bins of a movie with their neighbours, in one pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.models.compiled import over_targets
from napari_calcdyn.recording import Movie, ProgressCallback, report

_BYTES = 32 * 2**20  # of one block of bins


@dataclass(frozen=True, eq=False)
class LocalCovariance:
    """Covariances over time between bins of b × b pixels that are close to each other.

    Shot noise is independent in every pixel, so it adds nothing to the covariance of two different bins.

    Attributes
    ----------
    values : ndarray (rows, columns, n), float32
        Of each bin with those at `offsets` from it, in squared movie units.
    offsets : ndarray (n, 2), int64
        Half of all within reach; the others are the same pairs the other way round.
    noise : ndarray (rows, columns), float32
        Half the mean square of the difference between consecutive frames.
    frames : int
        Number of frames.
    """

    values: NDArray[np.float32]
    offsets: NDArray[np.int64]
    noise: NDArray[np.float32]
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
            Of the valid frames and pixels.

        Raises
        ------
        Cancelled
            If `progress` asked to stop.
        """
        from .kernels import add_products, bin_frames

        mean = movie.mean_frame()
        used = movie.valid_pixels & np.isfinite(mean)
        offsets = _half_disc(reach)
        shape = -(-movie.frame_shape[0] // side), -(-movie.frame_shape[1] // side)
        values, noise = np.zeros((*shape, len(offsets)), np.float32), np.zeros(shape)
        pairs = count = 0
        most = max(2, _BYTES // (4 * shape[0] * shape[1]))
        for start, block in movie.blocks(most * movie.nbytes // movie.n_frames):
            frames = block.astype(np.float32) if block.dtype.kind == "f" else block
            valid = movie.valid_frames[start : start + len(block)]
            bins = np.empty((len(block), *shape), np.float32)
            over_targets(bin_frames, len(block), frames, mean, used, side, bins)
            steps = (bins[1:] - bins[:-1])[valid[1:] & valid[:-1]]
            noise += np.square(steps).sum(0)
            pairs += len(steps)
            over_time = np.ascontiguousarray(bins[valid].transpose(1, 2, 0))
            over_targets(add_products, shape[0], over_time, offsets, values)
            count += int(valid.sum())
            report(progress, start + len(block), movie.n_frames)
        values /= count
        return cls(values, offsets, (noise / (2 * max(1, pairs))).astype(np.float32), count)


def _half_disc(reach: int) -> NDArray[np.int64]:
    """Return one of each pair of opposite offsets within reach, (n, 2)."""
    at = np.arange(-reach, reach + 1)
    y, x = np.nonzero(np.hypot(at[:, None], at) <= reach)
    offsets = np.stack([y, x], 1) - reach
    half: NDArray[np.int64] = offsets[(offsets[:, 0] > 0) | ((offsets[:, 0] == 0) & (offsets[:, 1] > 0))]
    return half
