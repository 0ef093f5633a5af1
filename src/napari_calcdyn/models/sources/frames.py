"""Which frames and pixels of a movie tell about sources, and the blocks that are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import Movie, ProgressCallback, report


class UsedFrames:
    """A movie for compiled code.

    Parameters
    ----------
    movie : Movie
        The recording.

    Attributes
    ----------
    movie : Movie
        The same.
    used : ndarray (Y, X), bool
        Valid pixels that are finite in every valid frame.
    mean : ndarray (Y, X), float32
        Mean of the valid frames; 0 where a pixel is not used.
    """

    def __init__(self, movie: Movie) -> None:
        mean = movie.mean_frame()
        self.movie = movie
        self.used: NDArray[np.bool_] = movie.valid_pixels & np.isfinite(mean)
        self.mean: NDArray[np.float32] = np.where(self.used, mean, 0).astype(np.float32)

    def blocks(
        self, progress: ProgressCallback | None = None
    ) -> Iterator[tuple[int, NDArray[Any], NDArray[np.bool_]]]:
        """Go through the movie once.

        Parameters
        ----------
        progress : callable or None
            Called with frames done and in all after each block; returns True to stop.

        Yields
        ------
        start : int
            First frame of the block.
        block : ndarray (n, Y, X), integers or float32
            The frames; anything may stand in pixels that are not used, and in frames that are not valid.
        valid : ndarray (n,), bool
            Frames that count.

        Raises
        ------
        Cancelled
            If `progress` asked to stop.
        """
        for start, block in self.movie.blocks():
            frames = block.astype(np.float32, copy=False) if block.dtype.kind == "f" else block
            yield start, frames, self.movie.valid_frames[start : start + len(block)]
            report(progress, start + len(block), self.movie.n_frames)
