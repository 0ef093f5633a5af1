"""Covariance of the bins of a movie with their neighbours, in one pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.models.compiled import over_targets
from napari_calcdyn.recording import ProgressCallback

from .frames import UsedFrames

_BYTES = 16 * 2**20  # of the bins of some frames


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
        cls,
        used: UsedFrames,
        side: int,
        reach: int,
        progress: ProgressCallback | None = None,
        also: Callable[[int, NDArray[Any]], None] | None = None,
    ) -> LocalCovariance:
        """Go through a movie.

        Parameters
        ----------
        used : UsedFrames
            Of the recording.
        side : int
            Pixels along a bin.
        reach : int
            Largest distance of two bins, in bins.
        progress : callable or None
            Called with frames done and in all; returns True to stop.
        also : callable or None
            Called with the first frame of each block and the block, for what else is wanted of the frames.

        Returns
        -------
        LocalCovariance
            Of the valid frames and pixels.

        Raises
        ------
        Cancelled
            If `progress` asked to stop.
        """
        shape = -(-used.mean.shape[0] // side), -(-used.mean.shape[1] // side)
        sums = _Sums(used, side, shape, _half_disc(reach))
        for start, block, valid in used.blocks(progress):
            if also is not None:
                also(start, block)
            sums.add(block, valid)
        sums.flush()
        noise = (sums.steps / (2 * max(1, sums.pairs))).astype(np.float32)
        return cls(sums.products / np.float32(sums.frames), sums.offsets, noise, sums.frames)


class _Sums:
    """Sums over the frames so far; of many frames at a time."""

    def __init__(
        self, used: UsedFrames, side: int, shape: tuple[int, int], offsets: NDArray[np.int64]
    ) -> None:
        self.offsets = offsets
        self.products = np.zeros((*shape, len(offsets)), np.float32)
        self.steps = np.zeros(shape)
        self.frames = self.pairs = 0
        most = max(2, _BYTES // (4 * shape[0] * shape[1]))
        self._used, self._side = used, side
        self._bins, self._valid = np.zeros((*shape, most), np.float32), np.zeros(most, bool)
        self._filled = 0

    def add(self, block: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        """Add frames (n, Y, X) that follow on those before."""
        from .kernels import bin_frames

        used, most = self._used, len(self._valid)
        while len(block):
            start, room = self._filled, most - self._filled
            frames, counts = block[:room], valid[:room]
            rows = len(self._bins)
            over_targets(
                bin_frames, rows, frames, counts, used.mean, used.used, self._side, self._bins, start
            )
            self._filled += len(frames)
            self._valid[start : self._filled] = counts
            block, valid = block[room:], valid[room:]
            if self._filled == most:
                self.flush()

    def flush(self) -> None:
        """Take what was added into the sums."""
        from .kernels import add_products, add_steps

        self._bins[:, :, self._filled :] = 0
        self._valid[self._filled :] = False
        over_targets(add_steps, len(self._bins), self._bins, self._valid, self.steps)
        over_targets(add_products, len(self._bins), self._bins, self.offsets, self.products)
        self.pairs += int(np.count_nonzero(self._valid[1:] & self._valid[:-1]))
        self.frames += int(np.count_nonzero(self._valid))
        self._filled = 0


def _half_disc(reach: int) -> NDArray[np.int64]:
    """Return one of each pair of opposite offsets within reach, (n, 2)."""
    at = np.arange(-reach, reach + 1)
    y, x = np.nonzero(np.hypot(at[:, None], at) <= reach)
    offsets = np.stack([y, x], 1) - reach
    half: NDArray[np.int64] = offsets[(offsets[:, 0] > 0) | ((offsets[:, 0] == 0) & (offsets[:, 1] > 0))]
    return half
