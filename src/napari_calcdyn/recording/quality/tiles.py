"""The picture in tiles: few enough numbers to look at every frame of a long recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST = 8  # px
_MOST_ALONG = 32


@dataclass(frozen=True)
class Tiling:
    """Tiles of equal size; what is left over at the lower and right edge belongs to none.

    Attributes
    ----------
    size : tuple of int
        Height and width of a tile, px.
    shape : tuple of int
        Tiles in y and x.
    """

    size: tuple[int, int]
    shape: tuple[int, int]

    @classmethod
    def of(cls, frame_shape: tuple[int, int]) -> Tiling:
        """Tile frames of a shape (Y, X): 8 px or more, at most 32 along a side."""
        size = [min(side, max(_LEAST, -(-side // _MOST_ALONG))) for side in frame_shape]
        return cls((size[0], size[1]), (frame_shape[0] // size[0], frame_shape[1] // size[1]))

    def means(self, frames: NDArray[Any]) -> NDArray[np.float32]:
        """Average over tiles.

        Parameters
        ----------
        frames : ndarray (n, Y, X)
            In movie units.

        Returns
        -------
        ndarray (n, tiles in y, tiles in x), float32
            NaN where a pixel of the tile is.
        """
        (height, width), (rows, columns) = self.size, self.shape
        cut = frames[:, : rows * height, : columns * width]
        total = np.float64 if frames.dtype.itemsize > 2 or frames.dtype.kind == "f" else np.int32
        lines = cut.reshape(len(frames), rows, height, columns * width).sum(2, dtype=total)
        sums = lines.reshape(len(frames), rows, columns, width).sum(3)
        means: NDArray[np.float32] = (sums / (height * width)).astype(np.float32)
        return means
