"""Pixels that reach the ceiling of the camera in some frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST, MOST = 0.05, 0.8
"""Part of the frames at the ceiling from which a pixel is mended, and from which it is left out."""


@dataclass(frozen=True, eq=False)
class Clipping:
    """How often pixels are at the ceiling, and what that does to their changes.

    If a pixel is cut off at the ceiling in a part c of the frames, its covariance with anything else is multiplied by
    ``1 − c``, whatever the delay, as long as fluctuations are about Gaussian (Bussgang 1952, MIT RLE Technical Report
    216). Deviations from the mean are therefore divided by it. Otherwise the rim of a bright cell, which is dimmer,
    would seem to change more than the cell itself.

    Parameters
    ----------
    part : ndarray (Y, X), float32
        c, the part of the frames in which each pixel is at the ceiling.
    mean : ndarray (Y, X), float32
        Value that stays as it is, in movie units.
    """

    part: NDArray[np.float32]
    mean: NDArray[np.float32]

    @property
    def mended(self) -> NDArray[np.bool_]:
        """Pixels whose deviations are changed, (Y, X)."""
        mended: NDArray[np.bool_] = (self.part > LEAST) & (self.part <= MOST)
        return mended

    def mend(self, frames: NDArray[np.float32]) -> None:
        """Divide deviations by ``1 − c`` where pixels are mended, in frames (n, Y, X) as they were stored."""
        where = self.mended
        mean = self.mean[where]
        frames[:, where] = mean + (frames[:, where] - mean) / (1 - self.part[where])
