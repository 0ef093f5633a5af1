"""Measurements of a recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.movies.clipping import Clipping

from .brightness import Brightness
from .flaws import BadFrames, listed

_ALIKE = 0.25


@dataclass(frozen=True, eq=False)
class Measurements:
    """Measurements of a recording as it is stored.

    See `Quality` for the attributes.
    """

    name: str
    shifts: NDArray[np.float32]
    shift_noise: float
    agreement: float
    brightness: Brightness
    dark_level: float
    reasons: dict[str, NDArray[np.bool_]]
    pixels: dict[str, NDArray[np.bool_]]
    clipping: Clipping | None
    line_shift_px: float
    interleaved: int
    snr: float
    cell_diameter_px: float | None
    reference: NDArray[np.float32]
    motion_measured: bool
    motion_in_parts_px: float
    change_of_depth: float
    notes: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.shifts)

    @property
    def valid_frames(self) -> NDArray[np.bool_]:
        """Frames that can be used, (T,)."""
        return np.asarray(~np.any(list(self.reasons.values()), axis=0))

    @property
    def valid_pixels(self) -> NDArray[np.bool_]:
        """Pixels that can be used, (Y, X)."""
        return np.asarray(~np.any(list(self.pixels.values()), axis=0))

    @property
    def bad_frames(self) -> BadFrames:
        """Stretches of frames that cannot be used: (start, stop, reason)."""
        return listed(self.reasons)

    @property
    def motion_rms_px(self) -> float:
        """Root mean square displacement, less what the error of measurement adds, px; 0 if the halves disagree."""
        if self.agreement < _ALIKE:
            return 0.0
        good = self.shifts[self.valid_frames]
        power = float(np.square(good, dtype=np.float64).sum(1).mean()) if len(good) else 0.0
        return float(np.sqrt(max(power - self.shift_noise**2, 0)))

    @property
    def motion_max_px(self) -> float:
        """Largest displacement of a usable frame, px."""
        good = self.shifts[self.valid_frames]
        return float(np.linalg.norm(good, axis=1).max()) if len(good) else 0.0
